"""PDUs written bit by bit from 3GPP TS 23.040 and 23.038, for what reads them.

It shares nothing with the reader: septets are put into one long number, addresses and
stamps are spelt as strings, and what a coding scheme means stands in a table of ranges.
"""

from dataclasses import dataclass

# (first, last, alphabet, compressed, whether bits 1 and 0 are a class): 23.038 section 4.
DCS_RANGES: tuple[tuple[int, int, str, bool, bool], ...] = (
    *(
        row
        for base in (0x00, 0x40)
        for row in (
            (base + 0x00, base + 0x03, "gsm7", False, False),
            (base + 0x04, base + 0x07, "8bit", False, False),
            (base + 0x08, base + 0x0B, "ucs2", False, False),
            (base + 0x0C, base + 0x0F, "gsm7", False, False),
            (base + 0x10, base + 0x13, "gsm7", False, True),
            (base + 0x14, base + 0x17, "8bit", False, True),
            (base + 0x18, base + 0x1B, "ucs2", False, True),
            (base + 0x1C, base + 0x1F, "gsm7", False, True),
            (base + 0x20, base + 0x23, "gsm7", True, False),
            (base + 0x24, base + 0x27, "8bit", True, False),
            (base + 0x28, base + 0x2B, "ucs2", True, False),
            (base + 0x2C, base + 0x2F, "gsm7", True, False),
            (base + 0x30, base + 0x33, "gsm7", True, True),
            (base + 0x34, base + 0x37, "8bit", True, True),
            (base + 0x38, base + 0x3B, "ucs2", True, True),
            (base + 0x3C, base + 0x3F, "gsm7", True, True),
        )
    ),
    (0x80, 0xDF, "gsm7", False, False),  # reserved, then messages waiting
    (0xE0, 0xEF, "ucs2", False, False),
    (0xF0, 0xF3, "gsm7", False, True),
    (0xF4, 0xF7, "8bit", False, True),
    (0xF8, 0xFB, "gsm7", False, True),
    (0xFC, 0xFF, "8bit", False, True),
)


def meaning_of(dcs: int) -> tuple[str, bool, int | None]:
    """Alphabet, whether compressed, and class of a coding scheme."""
    for first, last, alphabet, compressed, classed in DCS_RANGES:
        if first <= dcs <= last:
            return alphabet, compressed, dcs % 4 if classed else None
    raise AssertionError(dcs)


@dataclass(frozen=True)
class Body:
    """What TP-UD holds: the header's elements, and septets or octets."""

    units: bytes
    septets: bool
    elements: tuple[tuple[int, bytes], ...] = ()

    @property
    def hex(self) -> str:
        """TP-UDL and TP-UD."""
        header = b"".join(bytes([iei, len(data)]) + data for iei, data in self.elements)
        head = bytes([len(header)]) + header if self.elements else b""
        if not self.septets:
            return f"{len(head + self.units):02X}{(head + self.units).hex().upper()}"
        before = -(-len(head) * 8 // 7)  # septets, the last one filled up
        number = int.from_bytes(head, "little")
        for place, septet in enumerate(self.units):
            number |= septet << 7 * (before + place)
        count = before + len(self.units)
        octets = number.to_bytes(-(-count * 7 // 8), "little")
        return f"{count:02X}{octets.hex().upper()}"


def turned(digits: str) -> str:
    """Semi-octets, swapped, an odd one filled up with F."""
    padded = digits if len(digits) % 2 == 0 else digits + "F"
    return "".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2))


def address(text: str) -> str:
    """TP-OA or TP-DA of a number; with + it is international."""
    digits = text.removeprefix("+")
    spelt = turned(digits.translate(str.maketrans("*#abc", "ABCDE")))
    return f"{len(digits):02X}{'91' if text.startswith('+') else '81'}{spelt}"


def name(septets: bytes) -> str:
    """TP-OA of a name: the length counts the semi-octets in use."""
    packed = Body(septets, septets=True).hex[2:]
    return f"{-(-len(septets) * 7 // 4):02X}D0{packed}"


def service_centre(text: str | None) -> str:
    """The address in front: its length counts octets."""
    if text is None:
        return "00"
    digits = text.removeprefix("+")
    spelt = turned(digits)
    return f"{1 + len(spelt) // 2:02X}{'91' if text.startswith('+') else '81'}{spelt}"


def stamp(date: str, quarters: int) -> str:
    """TP-SCTS of YYMMDDhhmmss and a zone in quarters of an hour."""
    tens, units = divmod(abs(quarters), 10)
    return turned(date) + f"{units:X}{tens | (8 if quarters < 0 else 0):X}"


def deliver(
    sender: str, dcs: int, when: str, body: Body, *, centre: str | None = None, pid: int = 0
) -> str:
    """SMS-DELIVER; ``sender`` and ``when`` as spelt above."""
    first = 0x44 if body.elements else 0x04
    return f"{service_centre(centre)}{first:02X}{sender}{pid:02X}{dcs:02X}{when}{body.hex}"


def submit(to: str, dcs: int, body: Body, reference: int = 0, validity: str = "") -> str:
    """SMS-SUBMIT; ``validity`` in hex, its form told by its length."""
    form = {0: 0x00, 2: 0x10, 14: 0x18}[len(validity)]
    first = 0x01 | form | (0x40 if body.elements else 0)
    return f"00{first:02X}{reference:02X}{to}00{dcs:02X}{validity}{body.hex}"


def status_report(to: str, reference: int, sent: str, done: str, status: int, more: str) -> str:
    """SMS-STATUS-REPORT; ``more`` in hex: TP-PI and what it announces."""
    return f"0006{reference:02X}{to}{sent}{done}{status:02X}{more}"
