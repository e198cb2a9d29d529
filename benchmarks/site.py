"""One daemon on one simulated rack, each a process of its own, made for a measurement.

Both are the programs that come with the product, with their ordinary configuration; only the
chips' pauses and hourly limits are lifted, since they are what a rack waits for otherwise. The
rack's ports can be led through taps (tap.py). Nothing is asked of the daemon while it is
measured: what was sold is read in the operators' books.
"""

import asyncio
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.rack_file import Line, rack_text
from benchmarks.tap import Tap
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo import place
from pulsarack.daemon.demo.deposit import pay_in
from pulsarack.daemon.demo.enlist import Trade, enlist, wait_for_rack
from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.place import Place
from pulsarack.daemon.demo.processes import PROGRAM, Child
from pulsarack.daemon.demo.stage import START_SECONDS, STOP_SECONDS, Stage
from pulsarack.ussd.shelf import load_shelf

# Every agent's deposit lasts for so many orders of the dearest product.
_ORDERS = 1_000_000
_NO_LIMIT = 100_000
# Virtual seconds until every chip of a rack must have its stock read.
_RACK_SECONDS = 240.0
_LOOK_SECONDS = 0.05
AGENT = "kios1"


@dataclass(frozen=True, slots=True)
class Booking:
    """One top-up as the operator booked it; `at` is in virtual milliseconds."""

    chip: str
    at: int
    delivered: bool


class Books:
    """The operators' books, read as they grow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._rest = ""
        self.bookings: list[Booking] = []
        self.by_operator: Counter[str] = Counter()

    def look(self) -> int:
        """Reads what is new; how many top-ups there are by now."""
        with self._path.open(encoding="utf-8") as file:
            file.seek(self._read)
            text = file.read()
            self._read = file.tell()
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            # Most lines are others; only these need to be taken apart.
            if line.startswith('{"kind": "top_up"'):
                row = json.loads(line)
                self.bookings.append(Booking(row["chip"], row["at"], row["delivered"]))
                self.by_operator[row["operator"]] += 1
        return len(self.bookings)


@dataclass(frozen=True, slots=True)
class Programs:
    """What Python runs as daemon and as rack, when it is not the bare command."""

    daemon: Sequence[str] = PROGRAM
    rack: Sequence[str] = PROGRAM


def copy(database: Path, to: Path) -> None:
    """Copies a database that nobody has open; at once where the file system shares blocks.

    It is on the disk when this returns: else the first commit would wait for all of it.
    """
    subprocess.run(["cp", "--reflink=auto", str(database), str(to)], check=True)
    subprocess.run(["sync", str(to)], check=True)


async def start_rack(
    rack: Path,
    ports: Path,
    truth: Path,
    log: Path,
    clock: WallClock,
    *,
    speed: float = 1.0,
    program: Sequence[str] = PROGRAM,
    telephones: Path | None = None,
) -> Child:
    """Starts a simulated rack and waits for its ports."""
    arguments = ["simulate", str(rack), "--dir", str(ports), "--truth", str(truth)]
    arguments += ["--speed", repr(speed), "--anchor", repr(clock.anchor)]
    if telephones is not None:
        arguments += ["--telephones", str(telephones)]
    child = await Child.start("simulated rack", arguments, log, program)

    async def ready() -> bool:
        return child.said("ready")

    try:
        await child.ready(ready, START_SECONDS)
    except BaseException:
        await child.stop(STOP_SECONDS)
        raise
    return child


class Site:
    """A rack and a daemon. Use it as a context manager; the directory goes with it."""

    def __init__(
        self,
        root: Path,
        modems: Sequence[Line],
        ussd_seconds: float,
        *,
        tapped: Sequence[int] = (),
        speed: float = 1.0,
        programs: Programs | None = None,
        history: Path | None = None,
        sms_seconds: float | None = None,
        settings: str | None = None,
    ) -> None:
        """`history`: a database of history.py over these chips, to go on from a copy of.

        `settings`: more of the configuration, for a rack with people's telephones around it.
        """
        self._history = history
        self._telephones = settings is not None
        self.clock = WallClock(speed)
        self.modems = modems
        self._root = root
        self._speed = speed
        self._rack_path = root.with_name(root.name + ".rack.toml")
        text = rack_text(list(modems), ussd_seconds, sms_seconds)
        self._rack_path.write_text(text, encoding="utf-8")
        # Without a modem there is no rack: then only the socket and the database are at work.
        self._trade = Trade(self._rack_path) if modems else None
        chips = self._trade.chips if self._trade else []
        self.chips = [chip.iccid for chip in chips]
        self.place: Place = place.prepare(root, chips, speed, self.clock.anchor)
        if settings is not None:
            with self.place.config.open("a", encoding="utf-8") as file:
                file.write(settings)
        self._programs = programs or Programs()
        self.stage = Stage(self.place, self._programs.daemon)
        self.link = Link(self.place.socket)
        self.books = Books(self.place.truth)
        self._rack_ports = root.absolute() / "rack" if tapped else self.place.ports
        self.taps = {number: Tap(self._rack_port(number), self._port(number)) for number in tapped}
        self._rack: Child | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._abandon()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._abandon()
        if error is None:
            shutil.rmtree(self._root)
            self._rack_path.unlink()

    @property
    def rack_pid(self) -> int:
        """The simulated rack's process."""
        assert self._rack is not None
        return self._rack.pid

    @property
    def daemon_pid(self) -> int:
        """The daemon's process."""
        return self.stage.daemon.pid

    @property
    def rack_ports(self) -> list[Path]:
        """The ports of the rack itself, before any tap."""
        return [self._rack_port(number) for number in range(len(self.modems))]

    async def sold(self, count: int) -> None:
        """Waits until the operators have booked so many top-ups."""
        while self.books.look() < count:  # noqa: ASYNC110 - a file rings no bell
            await asyncio.sleep(_LOOK_SECONDS)

    async def stop_daemon(self) -> None:
        """Ends the daemon in order; the rack goes on."""
        await self.link.close()
        if problems := await self.stage.stop():
            raise DemoError(problems[0], f"read its log {self.place.daemon_log}")

    async def start_daemon(self) -> None:
        """Starts it again; its modems are there some seconds later."""
        await self.stage.start_daemon(self.link)

    async def stop_rack(self) -> None:
        """Ends the rack in order, after the daemon."""
        assert self._rack is not None
        await self._rack.stop(STOP_SECONDS)

    async def _open(self) -> None:
        if self._trade is not None:
            await self._start_rack()
            self._lay_taps()
        if self._history is not None:
            await asyncio.to_thread(copy, self._history, self.place.database)
        await self.stage.start_daemon(self.link)
        if self._history is not None:
            await self._wait_for_rack()
        elif self._trade is not None:
            await self._enlist(self._trade)
        else:
            await self._open_shop()

    def _lay_taps(self) -> None:
        if not self.taps:
            return  # the daemon's ports are the rack's own
        self.place.ports.mkdir()
        for number in range(len(self.modems)):
            if number not in self.taps:
                self._port(number).symlink_to(self._rack_port(number))
        for tap in self.taps.values():
            tap.open()

    async def _start_rack(self) -> None:
        self._rack = await start_rack(
            self._rack_path,
            self._rack_ports,
            self.place.truth,
            self.place.rack_log,
            self.clock,
            speed=self._speed,
            program=self._programs.rack,
            telephones=self.place.telephones if self._telephones else None,
        )

    async def _enlist(self, trade: Trade) -> None:
        await enlist(self.link, trade, _ORDERS)
        shelf = load_shelf()
        for chip in trade.chips:
            await self.link.call(
                "chip.adopt",
                iccid=chip.iccid,
                operator=chip.operator,
                recipe=shelf.of_operator(chip.operator)[0].name,
                per_hour=_NO_LIMIT,
                per_day=_NO_LIMIT,
                pause_seconds=0,
            )
        await self._wait_for_rack()

    async def _wait_for_rack(self) -> None:
        if self.chips:
            await wait_for_rack(self.link, len(self.chips), _RACK_SECONDS / self._speed)

    async def _open_shop(self) -> None:
        row = {"code": "S5", "operator": "telkomsel", "denomination": 5, "price": 5600}
        row |= {"cost": 5125, "name": "simPATI 5"}
        await self.link.call("product.import", rows=[row])
        await self.link.call("agent.new", code=AGENT, name="Kios 1")
        await pay_in(self.link, AGENT, _ORDERS * 100_000)

    async def _abandon(self) -> None:
        await self.link.close()
        await self.stage.abandon()
        for tap in self.taps.values():
            tap.close()
        if self._rack is not None:
            await self._rack.stop(STOP_SECONDS)

    def _port(self, number: int) -> Path:
        return self.place.ports / f"modem{number}"

    def _rack_port(self, number: int) -> Path:
        return self._rack_ports / f"modem{number}"
