"""A simulated rack for other programs, and what its operators booked.

Of each model there are two modems: one whose operator sells by SMS, one whose operator sells by
USSD. What counts is a top-up in the operators' own books, whatever a program says of itself. Each
order names a number of its own, so every booking can be told to its program and its way.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers_rack import PeersRack
from benchmarks.rack_file import (
    CHIP_PIN,
    DENOMINATION,
    TELKOMSEL,
    XL,
    XL_GATEWAY,
    destinations,
    rack_text,
)
from pulsarack.modems.simulator.dialects.every_dialect import DIALECTS
from pulsarack.modems.simulator.rack import ModemPlan, load_rack

SEND_SECONDS = 0.2
GATEWAY = XL_GATEWAY
# The slowest model takes 8 seconds to log on, the rack waits 7 of them.
_REST_OF_BOOT_SECONDS = 3.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Line:
    """One modem: its port, and what is told of it where it is identified."""

    port: Path
    imei: str
    iccid: str


@dataclass(frozen=True)
class Seat:
    """The two modems of one model."""

    dialect: str
    sms: Line
    ussd: Line


@dataclass
class Seen:
    """What one program did with one model."""

    identified: bool | None = None  # None: it has no command that says who the modem is
    sms: bool | None = None
    ussd: bool | None = None
    answer: bool | None = None  # whether it read the answer to the USSD request


@dataclass
class Stand:
    """A rack that stands ready for one program."""

    root: Path
    rack: PeersRack
    seats: list[Seat]
    seen: dict[str, Seen] = field(default_factory=dict)
    _sms_numbers: Iterator[str] = field(default_factory=lambda: destinations(XL, 5_000_000))
    _ussd_numbers: Iterator[str] = field(default_factory=lambda: destinations(TELKOMSEL))

    @property
    def sms_ports(self) -> list[Path]:
        """In the order of the models, which is that of the rack's first modems."""
        return [seat.sms.port for seat in self.seats]

    @property
    def ussd_ports(self) -> list[Path]:
        """In the same order."""
        return [seat.ussd.port for seat in self.seats]

    def text(self) -> str:
        """An order by SMS to GATEWAY."""
        return f"BAGI {next(self._sms_numbers)} {DENOMINATION} {CHIP_PIN}"

    def code(self) -> str:
        """An order by USSD."""
        return f"*777*{next(self._ussd_numbers)}*{DENOMINATION}*{CHIP_PIN}#"

    def serial_numbers(self, line: Line) -> list[str]:
        """The proofs the operator gave for what was delivered by a modem."""
        rows = map(json.loads, self.rack.truth.read_text(encoding="utf-8").splitlines())
        return [
            row["serial_number"]
            for row in rows
            if row["kind"] == "top_up" and row["delivered"] and row["chip"] == line.iccid
        ]

    def sold(self, line: Line) -> bool:
        """Whether the operator has delivered anything that came by a modem."""
        return bool(self.serial_numbers(line))

    def all_sold_by_sms(self) -> bool:
        """Whether every modem for it has."""
        return all(self.sold(seat.sms) for seat in self.seats)

    def all_sold_by_ussd(self) -> bool:
        """Whether every modem for it has."""
        return all(self.sold(seat.ussd) for seat in self.seats)

    def has_answer(self, line: Line, said: str) -> bool:
        """Whether a proof that came by USSD stands in what a program has said."""
        return any(number in said for number in self.serial_numbers(line))

    async def until(self, done: Callable[[], bool], seconds: float) -> None:
        """Waits for it, or until the time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not done() and loop.time() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def stand(root: Path) -> AsyncIterator[Stand]:
    """A rack with all models there are, logged on."""
    dialects = list(DIALECTS)
    lines = [XL] * len(dialects) + [TELKOMSEL] * len(dialects)
    text = rack_text(lines, SEND_SECONDS, SEND_SECONDS, dialects * 2)
    async with PeersRack(root / "rack", len(lines), SEND_SECONDS, text) as rack:
        await asyncio.sleep(_REST_OF_BOOT_SECONDS)
        plans = load_rack(rack.root / "rack.toml").modems
        made = [_line(port, plan) for port, plan in zip(rack.ports, plans, strict=True)]
        half = len(dialects)
        seats = [Seat(*each) for each in zip(dialects, made[:half], made[half:], strict=True)]
        yield Stand(root, rack, seats, {dialect: Seen() for dialect in dialects})


def _line(port: Path, plan: ModemPlan) -> Line:
    return Line(port, plan.imei, plan.chip.iccid)
