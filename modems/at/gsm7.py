"""The GSM 7 bit default alphabet and its packing.

Sources: 3GPP TS 23.038 section 6.2.1 (alphabet), 6.2.1.1 (extension table), 6.1.2.1
and 6.1.2.3 (packing for SMS and for USSD). A character of the extension table takes
two septets, the first being ESC.
"""

from collections.abc import Mapping, Sequence

ESCAPE = 0x1B
CR = 0x0D

ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

_SEPTETS = {
    **{char: (code,) for code, char in enumerate(ALPHABET) if code != ESCAPE},
    **{char: (ESCAPE, code) for code, char in EXTENSION.items()},
}

_EXTENDED = tuple(EXTENSION.values())


def is_encodable(text: str) -> bool:
    """Whether every character is in the alphabet or its extension."""
    return _SEPTETS.keys() >= set(text)


def count(text: str) -> int:
    """How many septets an encodable text takes."""
    return len(text) + sum(map(text.count, _EXTENDED))


def encode(text: str) -> list[int]:
    """The septets of a text; ValueError names a character outside the alphabet."""
    septets: list[int] = []
    for char in text:
        codes = _SEPTETS.get(char)
        if codes is None:
            raise ValueError(f"{char!r} is not in the GSM 7 bit alphabet")
        septets.extend(codes)
    return septets


def decode(
    septets: Sequence[int], alphabet: str = ALPHABET, extension: Mapping[int, str] = EXTENSION
) -> str:
    """The text of septets; an unknown extension shows its basic character (6.2.1.1).

    The tables of a national language may stand in for the default ones (annex A).
    """
    text: list[str] = []
    codes = iter(septets)
    for code in codes:
        if code != ESCAPE:
            text.append(alphabet[code & 0x7F])
            continue
        follower = next(codes, None)
        if follower is None or follower == ESCAPE:
            text.append(" ")
        else:
            text.append(extension.get(follower, alphabet[follower & 0x7F]))
    return "".join(text)


def pack(septets: list[int]) -> bytes:
    """Seven bits each, the first in the low end of the first octet (6.1.2.1)."""
    octets = bytearray()
    for group in range(0, len(septets), 8):
        bits = 0
        for place, septet in enumerate(septets[group : group + 8]):
            bits |= (septet & 0x7F) << (7 * place)
        octets += bits.to_bytes(7, "little")
    return bytes(octets[: (7 * len(septets) + 7) // 8])


def unpack(octets: bytes, count: int | None = None) -> list[int]:
    """The septets again; without ``count`` as many as fit, spare bits dropped."""
    fit = len(octets) * 8 // 7
    wanted = fit if count is None else min(count, fit)
    septets: list[int] = []
    for group in range(0, len(octets), 7):
        bits = int.from_bytes(octets[group : group + 7], "little")
        septets.extend((bits >> (7 * place)) & 0x7F for place in range(8))
    return septets[:wanted]


def pack_ussd(text: str) -> bytes:
    """A USSD string, packed; seven spare bits are filled with CR (6.1.2.3.1)."""
    septets = encode(text)
    if len(septets) % 8 == 7 or (septets and len(septets) % 8 == 0 and septets[-1] == CR):
        septets.append(CR)
    return pack(septets)


def unpack_ussd(octets: bytes) -> str:
    """A packed USSD string; the filling behind whole groups of eight is dropped.

    Some modems fill with zero bits, which would read as one more ``@``.
    """
    septets = unpack(octets)
    if septets and len(septets) % 8 == 0 and septets[-1] in (CR, 0):
        del septets[-1]
    return decode(septets)
