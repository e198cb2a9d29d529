"""Reading +CREG and +COPS: where a modem stands in the network.

``+CREG: <n>,<stat>[,<lac>,<ci>[,<AcT>]]`` answers the question, the same without <n> is
said unasked, and modems mix the two: so the second field is taken for <stat> if it is a
number of at most three digits without quotes, and for <lac> otherwise (a <lac> has four
hex digits). A damaged <lac> or <ci> is left out.

Sources: 3GPP TS 27.007 sections 7.2 (+CREG) and 7.3 (+COPS).
"""

import re

from pulsarack.modems.results import NetworkPlace, Registration

OPERATOR_CHARACTERS_MAX = 40
REASON_CHARACTERS_MAX = 120

# 6 and 7: for texts only; 9 and 10: calls fall back not by preference. All are registered.
_STATES = {
    **{state.value: state for state in Registration},
    6: Registration.HOME,
    7: Registration.ROAMING,
    9: Registration.HOME,
    10: Registration.ROAMING,
}
_TECHNOLOGIES = (
    "GSM", "GSM", "UMTS", "EDGE", "HSDPA", "HSUPA", "HSPA", "LTE", "EC-GSM", "NB-IoT", "LTE", "NR",
    "NR", "LTE",
)  # fmt: skip
_WORDS = {
    Registration.NOT_REGISTERED: "the modem is not looking for a network",
    Registration.SEARCHING: "no network was found",
    Registration.DENIED: "the network denies the chip",
    Registration.UNKNOWN: "the modem does not know how it stands",
}
_REMEDIES = {
    Registration.NOT_REGISTERED: "check that the radio is on (AT+CFUN?) and the chip is seated",
    Registration.SEARCHING: "check antenna and place; the model may lack this network's bands",
    Registration.DENIED: "the chip may be expired or barred; look at it in a phone",
    Registration.UNKNOWN: "check antenna and chip",
}
_STAT = re.compile(r"\s*([0-9]{1,3})\s*")
_HEX = re.compile(r"[0-9A-Fa-f]{1,8}")
_COPS = re.compile(r'\+COPS:\s*([0-4])\s*(?:,\s*([0-2])\s*,\s*"([^"]*)"?)?')
_UCS2 = re.compile(r"(?:00[2-7][0-9A-Fa-f]){2,}")


def parse_registration(line: str) -> NetworkPlace | None:
    """One +CREG, +CGREG or +CEREG line; None if it holds no <stat>."""
    match = re.match(r"\+C5?G?E?G?REG:\s*(.*)", line, re.DOTALL)
    if match is None:
        return None
    fields = match.group(1)[:200].split(",")
    if len(fields) > 1 and _STAT.fullmatch(fields[1]):
        del fields[0]
    stat = _STAT.fullmatch(fields[0])
    if stat is None:
        return None
    state = _STATES.get(int(stat.group(1)), Registration.UNKNOWN)
    area, cell, technology = (*fields[1:4], "", "", "")[:3]
    return NetworkPlace(state, _number(area), _number(cell), _technology(technology), "")


def parse_operator(lines: tuple[str, ...]) -> tuple[int | None, str]:
    """<mode> and the operator's name of AT+COPS?; the name may be in UCS2 hex."""
    for line in lines:
        match = _COPS.match(line)
        if match:
            name = match.group(3) or ""
            if _UCS2.fullmatch(name):
                name = bytes.fromhex(name).decode("utf-16-be")
            return int(match.group(1)), _printable(name)[:OPERATOR_CHARACTERS_MAX]
    return None, ""


def parse_reason(lines: tuple[str, ...]) -> str:
    """What AT+CEER says (27.007 6.10), fit for a line of text; empty if nothing."""
    said = " ".join(line.partition(":")[2] or line for line in lines)
    return _printable(said.replace('"', " "))[:REASON_CHARACTERS_MAX]


def explain(state: Registration, reason: str = "") -> str:
    """Why there is no network, in words, and what to do."""
    words = _WORDS.get(state, "it is registered")
    said = f" (the modem says: {reason})" if reason else ""
    return f"no network: {words}{said}; {_REMEDIES.get(state, 'wait')}"


def _number(field: str) -> int | None:
    text = field.strip().strip('"').strip()
    # Nothing is known where all digits are 0 or F.
    if not _HEX.fullmatch(text) or not text.strip("0") or not text.strip("Ff"):
        return None
    return int(text, 16)


def _technology(field: str) -> str:
    match = _STAT.fullmatch(field.strip('" '))
    number = int(match.group(1)) if match else -1
    return _TECHNOLOGIES[number] if 0 <= number < len(_TECHNOLOGIES) else ""


def _printable(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.split())
