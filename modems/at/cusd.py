"""Reading a +CUSD line and writing a USSD request (27.007 7.15).

What stands in the quotes is plain text, packed GSM-7 as hex, UCS2 as hex, or octets as hex
(8-bit text, or any text while the charset is "HEX"). The dcs (23.038 section 5) ought to
tell, but modems put 15 beside UCS2 hex when their charset is UCS2, 15 or 0 beside packed
hex, and 17 with or without the two octets of language. So three things vote: the dcs, the
shape of the text, and the profile's hint.
"""

import re
from enum import Enum
from typing import NamedTuple

from pulsarack.modems.at import gsm7

_CUSD = re.compile(r"\+CUSD:\s*(\d{1,3})\s*(?:,(.*))?", re.DOTALL)
# No two pieces that take white space stand side by side, see partial.py.
_QUOTED = re.compile(r'"(.*)"\s*,\s*(\d{1,3})\s*(?:[^\s",]{1,2}\s*)?', re.DOTALL)
_QUOTED_ALONE = re.compile(r'"(.*)"\s*(?:,\s*)?', re.DOTALL)
_UNQUOTED = re.compile(r"(.*),\s*(\d{1,3})\s*", re.DOTALL)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_DIALLABLE = re.compile(r"[\x20-\x21\x23-\x7e]*")

# With CSCS="GSM" a byte below 0x20 is a character of the GSM alphabet, e.g. 0x02 ``$``.
_CONTROLS = {
    code: gsm7.ALPHABET[code]
    for code in range(0x20)
    if code != gsm7.ESCAPE and chr(code) not in "\x00\r\n\t"
}

# 23.038 section 5, group 0001: the text begins with the two letters of its language and CR.
_GSM7_WITH_LANGUAGE = 0x10
_LANGUAGE = re.compile(r"[A-Za-z]{2}(?:\r\n?|\n)")
# Menus that passed a program on the way have the two characters for a line break.
_ESCAPED_BREAK = re.compile(r"(?:\\r)?\\n(?=[0-9#*])")
_UNKNOWN_DCS = 0xFF
OCTETS_MIN = 12
PACKED_SHARE = 0.8
# What nobody would unpack to by chance.
BELIE_OCTETS_MIN = 16
BELIE_SHARE = 0.95

DCS_LANGUAGE_UNSPECIFIED = 15


class UssdEncoding(Enum):
    """How a modem wants and gives the text of a USSD string."""

    PLAIN = "plain"
    PACKED_HEX = "gsm7-packed-hex"
    UCS2_HEX = "ucs2-hex"


class Cusd(NamedTuple):
    """One +CUSD line, taken apart; ``content`` is still in the modem's encoding."""

    status: int
    content: str | None
    dcs: int | None
    raw: str


def parse(line: str) -> Cusd | None:
    """Take a +CUSD line apart, however damaged; None if not even <m> can be read."""
    match = _CUSD.match(line)
    if match is None:
        return None
    status, rest = int(match.group(1)), (match.group(2) or "").lstrip(" ")
    if not rest.strip():
        return Cusd(status, None, None, line)
    content, dcs = _split(rest)
    return Cusd(status, content, dcs, line)


def _split(rest: str) -> tuple[str, int | None]:
    for shape in (_QUOTED, _UNQUOTED if not rest.startswith('"') else _QUOTED_ALONE):
        match = shape.fullmatch(rest)
        if match is not None:
            groups = match.groups()
            content = _unquote(groups[0].rstrip()) if shape is _UNQUOTED else groups[0]
            return content, int(groups[1]) if len(groups) > 1 else None
    return rest.removeprefix('"'), None


def _unquote(content: str) -> str:
    """Without the closing quote of a text whose opening one is missing."""
    return content[:-1] if content.count('"') == 1 and content.endswith('"') else content


def decode(content: str, dcs: int | None, hint: UssdEncoding) -> str:
    """The text a person would have read on a phone."""
    hexed = _HEX.fullmatch(content) is not None
    text = _from_hex(content, dcs, hint) if hexed else _plain(content)
    if dcs == _GSM7_WITH_LANGUAGE and (language := _LANGUAGE.match(text)):
        text = text[language.end() :]
    return text.split("\x00", 1)[0].replace("\r\n", "\n").rstrip("\r").replace("\r", "\n")


def _from_hex(content: str, dcs: int | None, hint: UssdEncoding) -> str:
    encoding = encoding_of(content, dcs, hint)
    if encoding is UssdEncoding.UCS2_HEX:
        return _ucs2(_octets(content), dcs)
    if encoding is UssdEncoding.PACKED_HEX:
        return gsm7.unpack_ussd(_octets(content))
    if _is_octets(content, dcs, hint):
        return _octets(content).decode("latin-1")
    return _plain(content)


def encoding_of(content: str, dcs: int | None, hint: UssdEncoding) -> UssdEncoding:
    """Which of the three encodings the content is in; PLAIN also if it is in none of them."""
    if not _HEX.fullmatch(content):
        return UssdEncoding.PLAIN
    octets = bytes.fromhex(content)
    pairs = len(octets) % 2 == 0
    if _is_ucs2(dcs) and len(octets) >= 2:
        return UssdEncoding.PACKED_HEX if _belies_ucs2(content, octets) else UssdEncoding.UCS2_HEX
    if pairs and (hint is UssdEncoding.UCS2_HEX or _looks_ucs2(octets)):
        return UssdEncoding.UCS2_HEX
    if _is_octets(content, dcs, hint):
        return UssdEncoding.PLAIN
    if hint is UssdEncoding.PACKED_HEX or _looks_packed(content, octets):
        return UssdEncoding.PACKED_HEX
    return UssdEncoding.PLAIN


def encode(text: str, encoding: UssdEncoding) -> str:
    """A request in the modem's encoding; ValueError if it cannot be written so."""
    if encoding is UssdEncoding.PLAIN:
        if not _DIALLABLE.fullmatch(text):
            raise ValueError("holds a character that would break the AT command line")
        return text
    if encoding is UssdEncoding.PACKED_HEX:
        return gsm7.pack_ussd(text).hex().upper()
    return text.encode("utf-16-be").hex().upper()


def _is_ucs2(dcs: int | None) -> bool:
    """23.038 section 5: groups 0001, 01xx and 1001 can say UCS2."""
    if dcs is None:
        return False
    if dcs == 0x11:
        return True
    grouped = dcs & 0xC0 == 0x40 or dcs & 0xF0 == 0x90
    return grouped and dcs & 0x0C == 0x08


def _belies_ucs2(content: str, octets: bytes) -> bool:
    """Whether a text that is said to be UCS2 is none, but reads well as a packed one.

    UCS2 of an alphabet shows itself; ideograms do not, but do not unpack to a text either.
    """
    if len(octets) < BELIE_OCTETS_MIN or _looks_ucs2(octets) or _looks_ucs2(octets[2:]):
        return False
    return not content.isdecimal() and _share_of_plain(octets) >= BELIE_SHARE


def _is_octets(content: str, dcs: int | None, hint: UssdEncoding) -> bool:
    """Hex of one octet a character: the dcs says 8-bit, or it is long and nothing but ASCII.

    Every second octet of a packed text has its high bit set.
    """
    if not _HEX.fullmatch(content):
        return False
    octets = _octets(content)
    text = octets.split(b"\x00", 1)[0]
    readable = sum(1 for octet in text if 0x20 <= octet < 0x7F or octet in b"\r\n")
    if _is_8bit(dcs) and text:
        return readable * 10 >= len(text) * 8
    if len(text) < OCTETS_MIN or readable < len(text) or content.isdecimal():
        return False
    return hint is not UssdEncoding.PACKED_HEX or not _looks_packed(content, octets)


def _is_8bit(dcs: int | None) -> bool:
    """23.038 section 5: groups 01xx and 1001, and 1111, can say 8-bit data."""
    if dcs is None:
        return False
    if dcs & 0xC0 == 0x40 or dcs & 0xF0 == 0x90:
        return dcs & 0x0C == 0x04
    return dcs & 0xF4 == 0xF4 and dcs != _UNKNOWN_DCS


def _octets(content: str) -> bytes:
    return bytes.fromhex(content)


def _ucs2(octets: bytes, dcs: int | None) -> str:
    if dcs == 0x11 and len(octets) >= 4:
        language = gsm7.decode(gsm7.unpack(octets[:2]))
        two_letters = len(language) == 2 and language.isascii() and language.isalpha()
        if two_letters and language.islower() and octets[1] & 0xC0 == 0:
            octets = octets[2:]
    whole = octets[: len(octets) // 2 * 2]
    return whole.decode("utf-16-be", errors="replace")


def _looks_ucs2(octets: bytes) -> bool:
    """At least two characters, most of them from the alphabets below U+0700."""
    high = octets[0::2]
    if len(octets) < 4:
        return False
    low_planes = sum(1 for octet in high if octet <= 0x06)
    text = octets.decode("utf-16-be", errors="replace").split("\x00", 1)[0]
    readable = all(char.isprintable() or char in "\r\n" for char in text)
    return bool(text) and readable and low_planes * 10 >= len(high) * 8


def _looks_packed(content: str, octets: bytes) -> bool:
    """Hex that holds letters and reads, unpacked, as an ordinary text."""
    if len(octets) < 4 or content.isdecimal():
        return False
    return _share_of_plain(octets) >= PACKED_SHARE


def _share_of_plain(octets: bytes) -> float:
    """How much of an unpacked text is letters, digits and what stands between them."""
    text = gsm7.unpack_ussd(octets)
    plain = sum(1 for char in text if char.isascii() and (char.isalnum() or char in " \r\n.,:-/*#"))
    return plain / len(text)


def _plain(content: str) -> str:
    """Plain text: UTF-8 if it is that, else one byte a character; GSM control codes read."""
    text = content
    if not (content.isascii() and content.isprintable()):
        try:
            text = content.encode("latin-1").decode("utf-8")
        except UnicodeError:
            text = content
        text = text.translate(_CONTROLS)
    return _ESCAPED_BREAK.sub("\n", text) if "\\n" in text else text
