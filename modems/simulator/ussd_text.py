"""The modem side's spelling of USSD texts: plain, packed septets, UCS2 or single septets as hex.

Written for the simulator alone; the product has its own, and the two must not share a mistake.
The alphabet is the GSM 7 bit default alphabet with its extension table (23.038 6.2.1), the
packing that of USSD (23.038 6.1.2.3.1), the padding that of 23.038 6.1.2.3.1 too: seven spare
bits are filled with CR, since zero bits would read as a commercial at.
"""

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {"\f": 10, "^": 20, "{": 40, "}": 41, "\\": 47, "[": 60, "~": 61, "]": 62, "|": 64}
EXTENSION["€"] = 101
ESCAPE = 27
CARRIAGE_RETURN = 13
SEPTET = 127

_SEPTETS = {character: place for place, character in enumerate(BASIC) if place != ESCAPE}
_EXTENDED = {place: character for character, place in EXTENSION.items()}


def is_gsm(text: str) -> bool:
    """Whether the default alphabet and its extension can spell a text."""
    return all(character in _SEPTETS or character in EXTENSION for character in text)


def to_packed_hex(text: str) -> str:
    """A text as packed septets in hex. The text must be within the alphabet (see is_gsm)."""
    septets = _septets_of(text)
    if len(septets) % 8 == 7:
        septets.append(CARRIAGE_RETURN)
    bits = sum(septet << (7 * place) for place, septet in enumerate(septets))
    return bits.to_bytes((len(septets) * 7 + 7) // 8, "little").hex().upper()


def from_packed_hex(text: str) -> str | None:
    """The text behind packed septets in hex, or None if it is not hex."""
    octets = _octets(text)
    if octets is None:
        return None
    bits = int.from_bytes(octets, "little")
    septets = [(bits >> (7 * place)) & 0x7F for place in range(len(octets) * 8 // 7)]
    if len(octets) % 7 == 0 and septets[-1] == CARRIAGE_RETURN:
        septets.pop()
    return _spelt(septets)


def to_ucs2_hex(text: str) -> str:
    """A text as UCS2 in hex, four digits a character."""
    return text.encode("utf-16-be").hex().upper()


def from_ucs2_hex(text: str) -> str | None:
    """The text behind UCS2 in hex, or None if it is not that."""
    octets = _octets(text)
    if octets is None or len(octets) % 2:
        return None
    try:
        return octets.decode("utf-16-be")
    except UnicodeDecodeError:
        return None


def to_septet_hex(text: str) -> str:
    """A text in AT+CSCS="HEX": its septets one by one, two digits each (27.007 5.5)."""
    return bytes(_septets_of(text)).hex().upper()


def from_septet_hex(text: str) -> str | None:
    """The text behind septets in hex, two digits each, or None if it is not that."""
    octets = _octets(text)
    return _spelt(list(octets)) if octets is not None and max(octets) <= SEPTET else None


def _septets_of(text: str) -> list[int]:
    septets: list[int] = []
    for character in text:
        if character in EXTENSION:
            septets += [ESCAPE, EXTENSION[character]]
        else:
            septets.append(_SEPTETS[character])
    return septets


def _octets(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        return None


def _spelt(septets: list[int]) -> str:
    characters: list[str] = []
    escaped = False
    for septet in septets:
        if escaped:
            characters.append(_EXTENDED.get(septet, " "))
        elif septet != ESCAPE:
            characters.append(BASIC[septet])
        escaped = septet == ESCAPE and not escaped
    return "".join(characters)
