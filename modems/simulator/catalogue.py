"""What a rehearsal must know of a rack file beforehand: which chips to adopt, with which PIN."""

from dataclasses import dataclass, field
from pathlib import Path

from pulsarack.modems.simulator.rack import load_rack


@dataclass(frozen=True)
class ChipCard:
    """One chip as it is handed to the admin of the product under test. stock is rupiah."""

    iccid: str
    operator: str
    msisdn: str
    pin: str = field(repr=False)
    stock: int


def chips(rack_path: Path) -> list[ChipCard]:
    """The chips of a rack file, in the order of its modems. Raises RackErrors."""
    return [
        ChipCard(
            iccid=modem.chip.iccid,
            operator=modem.chip.operator,
            msisdn=modem.chip.msisdn,
            pin=modem.chip.chip_pin,
            stock=modem.chip.stock,
        )
        for modem in load_rack(rack_path).modems
    ]
