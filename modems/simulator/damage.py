"""What a bad line does to an answer: octets that no modem sends, never plausible ones."""

from random import Random

OCTETS = bytes([0x00, 0x80, 0x8F, 0xA5, 0xC3, 0xF8, 0xFE, 0xFF])


def damaged(data: bytes, rng: Random) -> bytes:
    """An answer line with a few octets spoilt, its beginning and its line ends kept."""
    spoilt = bytearray(data)
    places = [place for place in range(12, len(data) - 4) if data[place] not in b"\r\n"]
    for place in rng.sample(places, min(len(places), rng.randrange(3, 7))):
        spoilt[place] = rng.choice(OCTETS)
    return bytes(spoilt)
