"""How much of a text goes into one SMS, and which characters cost least.

A text in the GSM 7 bit default alphabet has 160 septets, or 153 in each part of a longer one;
any other character makes all of it UCS-2, with 70 characters, or 67 a part (3GPP TS 23.040
section 9.2.3.24.1, 23.038 section 4). What agents are told stays in the alphabet by default.
The alphabet is written out here since the queue knows nothing of modems; a test compares it
with theirs.
"""

import unicodedata
from typing import Final

SEPTETS: Final = 160
_SEPTETS_OF_A_PART: Final = 153
_UCS2: Final = 70
_UCS2_OF_A_PART: Final = 67

# 23.038 section 6.2.1, without ESC; and 6.2.1.1, whose characters take two septets.
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")


def septets(text: str) -> int | None:
    """How many septets a text takes; None if a character is not in the alphabet."""
    if _BASIC.issuperset(text):
        return len(text)
    others = [char for char in text if char not in _BASIC]
    return len(text) + len(others) if _EXTENSION.issuperset(others) else None


def size(text: str) -> int:
    """What a text takes of its room: septets, or characters if it cannot be so cheap."""
    found = septets(text)
    return len(text) if found is None else found


def room(parts: int, *, gsm: bool = True) -> int:
    """What so many parts hold: septets, or characters of UCS-2."""
    if parts == 1:
        return SEPTETS if gsm else _UCS2
    return parts * (_SEPTETS_OF_A_PART if gsm else _UCS2_OF_A_PART)


def needed(text: str) -> int:
    """Into how many parts a text goes."""
    gsm = septets(text) is not None
    if size(text) <= room(1, gsm=gsm):
        return 1
    return -(-size(text) // (_SEPTETS_OF_A_PART if gsm else _UCS2_OF_A_PART))


def plain(text: str) -> str:
    """A text in the alphabet: accents it does not know are left out, the rest becomes '?'."""
    if septets(text) is not None:
        return text
    return "".join(char if char in _BASIC else _closest(char) for char in text)


def _closest(char: str) -> str:
    if char in _EXTENSION:
        return char
    letters = [one for one in unicodedata.normalize("NFKD", char) if one in _BASIC]
    return "".join(letters) or "?"
