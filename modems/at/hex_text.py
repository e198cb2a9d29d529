"""Text that a modem gives as the hex digits of UCS2, because its charset is UCS2.

27.007 5.5 (+CSCS): every string of every answer is then written so: names of networks,
telephone numbers, service centres. Some modems do it unasked, some leave the quotes off.
A string is taken for it only if it could hardly be anything else.
"""

import re

_CHARACTERS = re.compile(r"(?:[0-9A-Fa-f]{4})+")
# Below U+0700 stand the alphabets of 23.038; names in ideograms are left as they came.
_HIGH_MAX = 0x06


def unfold(text: str) -> str:
    """The text that a string of UCS2 hex digits means; any other text as it is."""
    if len(text) < 8 or not _CHARACTERS.fullmatch(text):
        return text
    octets = bytes.fromhex(text)
    if any(high > _HIGH_MAX for high in octets[0::2]):
        return text
    meant = octets.decode("utf-16-be", errors="replace").rstrip("\x00\xff")
    return meant if meant and meant.isprintable() else text
