"""Reading the numbers that name a modem and a card.

IMEI: 15 digits (23.003 6.2.1); its check digit is not enforced, since cheap modems
carry invented ones. ICCID: 18 to 20 characters beginning with 89 (E.118; 31.102
4.2.2 EF-ICCID), perhaps with the filler F, perhaps with the digits of each octet
swapped as the card stores them. IMSI: 14 or 15 digits (23.003 2.2).

ATI (V.250 6.1.3) says all of it at once in some makes, each line behind a label, and is
asked where the commands of 27.007 5 are refused.
"""

import re

NAME_CHARACTERS_MAX = 100
LABELS_MAX = 64

_IMEI = re.compile(r"(?<!\d)\d{15}(?!\d)")
_IMEI_SV = re.compile(r"(?<!\d)\d{16,17}(?!\d)")
_ICCID = re.compile(r"89[0-9]{2}[0-9A-E]{14,16}")
_ICCID_FIELD = re.compile(r"[0-9A-Fa-f]{18,22}")
_LABEL = re.compile(r"\+[A-Z]+:\s*|(?:Manufacturer|Model|Revision):\s+")
_LABELLED = re.compile(r"(\+?[A-Za-z][A-Za-z0-9 ]{1,15}):\s*(\S.*)")
_IMSI = re.compile(r"(?<!\d)\d{14,15}(?!\d)")


def parse_imei(lines: tuple[str, ...]) -> str:
    """The IMEI in the lines of AT+CGSN, or an empty string."""
    for line in lines:
        match = _IMEI.search(line) or _IMEI_SV.search(line)
        if match:
            return match.group()[:15]
    return ""


def parse_iccid(lines: tuple[str, ...]) -> str | None:
    """The ICCID in the lines of +CCID, ^ICCID, +QCCID or +CRSM, or None."""
    for line in lines:
        for field in _ICCID_FIELD.findall(line):
            if iccid := _as_iccid(field) or _as_iccid(_swap_nibbles(field)):
                return iccid
    return None


def parse_imsi(lines: tuple[str, ...]) -> str | None:
    """The IMSI in the lines of AT+CIMI, or None."""
    for line in lines:
        match = _IMSI.search(line)
        if match:
            return match.group()
    return None


def parse_name(lines: tuple[str, ...]) -> str:
    """A manufacturer or a model: the first line without prefix and quotes.

    The patterns of profiles are tried on it, so it is cut where no real name goes on.
    """
    for line in lines:
        label = _LABEL.match(line)
        name = line[label.end() :] if label else line
        fields = re.findall(r'"([^"]*)"', name)
        model = next((f.removeprefix("MODEL=") for f in fields if f.startswith("MODEL=")), None)
        name = model or (fields[0] if fields else name)
        if name.strip():
            return _cut(name)
    return ""


def parse_revision(lines: tuple[str, ...]) -> str:
    """A revision: all lines, since some makers put version, date and type on one each."""
    return _cut(" ".join(filter(None, (parse_name((line,)) for line in lines))))


def parse_labels(lines: tuple[str, ...]) -> dict[str, str]:
    """What the lines of ATI say behind their labels, by the labels in small letters."""
    found: dict[str, str] = {}
    for line in lines[:LABELS_MAX]:
        label = _LABELLED.match(line)
        if label:
            found.setdefault(label[1].lower(), _cut(label[2]))
    return found


def _cut(name: str) -> str:
    return " ".join(name.split())[:NAME_CHARACTERS_MAX]


def _as_iccid(field: str) -> str | None:
    iccid = field.upper().rstrip("F")
    return iccid if _ICCID.fullmatch(iccid) else None


def _swap_nibbles(digits: str) -> str:
    pairs = [digits[place : place + 2][::-1] for place in range(0, len(digits), 2)]
    return "".join(pairs)
