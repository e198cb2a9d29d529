"""`pulsarack demo`: a rack, a daemon, agents, an audit; nothing is real but the daemon.

The daemon is the very program that runs in production, in a process of its own, with a
faster clock. It is set up and fed over its control socket only, and it may be killed on
the way. At the end it is stopped, and its database is held against the books of the
simulated operators and against what the agents were told.

The run ends when all orders have ended, or when those that have not (undecided ones)
have made no progress for so long that no evidence is to be expected; they are reported
as what they are.
"""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console

from pulsarack.daemon import audit, truth, truth_books
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo import display, place, report, settling, workload
from pulsarack.daemon.demo.display import Display
from pulsarack.daemon.demo.enlist import Trade, enlist, wait_for_rack
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.place import Place
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.report import AgentsSide, OrderLine
from pulsarack.daemon.demo.stage import Stage
from pulsarack.daemon.demo.traders import Traders
from pulsarack.daemon.demo.workload import Typed
from pulsarack.daemon.store_files import open_read_only
from pulsarack.modems.simulator import process as simulator
from pulsarack.queue.audit import Finding
from pulsarack.queue.rows import columns, select

RACK = Path(simulator.__file__).parent / "racks" / "demo.toml"

# Virtual seconds.
RACK_SECONDS = 120.0
# As a shell reports an end by SIGTERM.
STATUS_TERMINATED = 128 + signal.SIGTERM
# Off a terminal no line is wrapped.
_WIDE = 200


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. `speed`: virtual seconds a real second."""

    orders: int
    kill: int
    seed: int
    speed: float
    rack: Path
    plain: bool
    channels: bool = False


def run(
    *,
    orders: int,
    kill: int,
    seed: int,
    speed: float,
    rack: Path | None,
    directory: Path | None,
    plain: bool,
    channels: bool = False,
) -> int:
    """Runs a demonstration; 0 only if every promise was kept. Raises DaemonError.

    Without a directory a temporary one is used, which stays if something was wrong.
    """
    options = Options(orders, kill, seed, speed, rack or RACK, plain, channels)
    root = directory or Path(tempfile.mkdtemp(prefix="pulsarack-demo-"))
    width = None if sys.stdout.isatty() else _WIDE
    shown = Display(Console(file=sys.stdout, width=width, highlight=False), plain)
    good = False
    try:
        good = asyncio.run(_kind(channels)(options, root, shown).run())
    except asyncio.CancelledError:
        return STATUS_TERMINATED
    finally:
        if directory is None:
            _leave(root, good)
    return 0 if good else 1


def _kind(channels: bool) -> type["Demo"]:
    if not channels:
        return Demo
    # Only here: servers and clients of the channels cost a second to import.
    from pulsarack.daemon.demo.channel_demo import ChannelDemo

    return ChannelDemo


class Demo:
    """One run."""

    def __init__(self, options: Options, root: Path, shown: Display) -> None:
        self._options = options
        self._shown = shown
        self._real = WallClock()
        self._virtual = WallClock(options.speed)
        self._trade = Trade(options.rack)
        anchor = self._virtual.anchor
        self._place: Place = place.prepare(root, self._trade.chips, options.speed, anchor)
        self._stage = Stage(self._place)
        self._link = Link(self._place.socket)
        self._progress = Progress(options.orders)
        self._traders = Traders(self._link, self._progress, len(self._trade.chips))
        # The socket of people's telephones, if there are any.
        self._telephones: Path | None = None
        self._began = self._ended = self._real.monotonic()

    async def run(self) -> bool:
        """Runs everything and reports; whether every promise was kept."""
        cancel_on_sigterm()
        rng = Random(self._options.seed)
        typed = self._draw(rng)
        points = workload.kill_points(rng, self._options.kill, self._options.orders)
        try:
            await self._open()
            self._shown.start()
            killing = self._stage.kill_at(points, self._progress, self._link)
            await settling.until_done([killing, self._sell(typed)], self._company())
            self._shown.stop()
            problems = await self._stage.stop()
        finally:
            self._shown.stop()
            await self._stage.abandon()
            await self._link.close()
        return self._report(typed, problems)

    def _draw(self, rng: Random) -> list[Typed]:
        return workload.draw(rng, self._options.orders, self._trade.shops())

    async def _open(self) -> None:
        options = self._options
        self._shown.say(
            f"rack {options.rack.name}: {len(self._trade.chips)} modems, seed "
            f"{options.seed}, {options.speed:g} times as fast as the world"
        )
        anchor = self._virtual.anchor
        await self._stage.start_rack(
            options.rack, options.seed, options.speed, anchor, self._telephones
        )
        await self._stage.start_daemon(self._link)
        await self._enlist()
        within = RACK_SECONDS / options.speed
        await wait_for_rack(self._link, len(self._trade.chips), within)
        self._began = self._real.monotonic()

    async def _enlist(self) -> None:
        await enlist(self._link, self._trade, self._options.orders)

    def _company(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self._stage.watch(),
            self._traders.follow_events(),
            self._traders.refresh_chips(),
            self._traders.reconcile(),
            self._show(),
            *self._agents_company(),
        ]

    def _agents_company(self) -> list[Coroutine[Any, Any, None]]:
        return [self._traders.follow_messages(agent) for agent in workload.AGENTS]

    async def _sell(self, typed: list[Typed]) -> None:
        await self._work(typed)
        self._ended = self._real.monotonic()
        await settling.until_stock_is_known(self._link, self._virtual)

    async def _work(self, typed: list[Typed]) -> None:
        await self._traders.type_all(typed)
        await settling.until_nothing_moves(self._progress, self._virtual)

    async def _show(self) -> None:
        while True:
            self._shown.show(self._progress, self._real.monotonic() - self._began)
            await asyncio.sleep(self._shown.interval_seconds)

    def _report(self, typed: list[Typed], problems: list[str]) -> bool:
        """Audits what is left behind and says what came out."""
        books = truth_books.read(self._place.truth)
        with open_read_only(self._place.database) as db:
            findings = audit.audit(db, books)
            rows = audit.read_rows(db)
            orders = select(db, OrderLine, f"SELECT {columns(OrderLine)} FROM orders ORDER BY id")
        traders, progress = self._traders, self._progress
        agents = AgentsSide(typed, traders.answered, traders.refused, progress.told)
        findings += report.check(agents, orders)
        findings += self._more_findings(orders)
        findings += [Finding("P1", "process", problem) for problem in problems]
        names = {row["iccid"]: str(row["name"]) for row in progress.chips.values() if "name" in row}
        doubted = truth.in_doubt(rows.attempts, rows.chips)
        lines = report.chip_lines(names, rows.chips, rows.attempts, books, doubted)
        self._tell(orders, lines, books, findings)
        return not findings and len(orders) == self._options.orders

    def _sent_again(self) -> str:
        return f"{self._link.broken_off['order.new']} orders were sent again"

    def _more_findings(self, _orders: list[OrderLine]) -> list[Finding]:
        """What else is checked; the database lies still."""
        return []

    def _tell(
        self,
        orders: list[OrderLine],
        lines: list[report.ChipLine],
        books: truth_books.Truth,
        findings: list[Finding],
    ) -> None:
        say, seconds = self._shown.say, self._ended - self._began
        self._shown.table(display.chips_table(lines))
        say(f"faults made by the rack: {display.counted(report.faults(books))}")
        say(f"orders failed because of: {display.counted(report.reasons(orders))}")
        say(f"texts refused: {display.counted(self._progress.refused)}")
        rate = len(orders) / seconds if seconds > 0 else 0.0
        say(
            f"{rate:.1f} orders/s, {seconds:.1f} s for {seconds * self._options.speed / 60:.0f}"
            f" minutes of trade; the daemon was killed {self._progress.kills} times,"
            f" {self._sent_again()}"
        )
        if findings:
            self._shown.table(display.findings_table(findings))
        say(report.sentence(orders, len(findings)))


def _leave(root: Path, good: bool) -> None:
    """Removes a temporary directory, unless there is something in it to look at."""
    if good or not any(root.iterdir()):
        shutil.rmtree(root, ignore_errors=True)
    else:
        sys.stderr.write(f"everything is kept in {root}\n")


def cancel_on_sigterm() -> None:
    """Lets SIGTERM end the run as Ctrl-C does: in order, with nothing left running."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
