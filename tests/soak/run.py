"""One crash test: the real daemon on a simulated rack, killed where it hurts, then audited.

The daemon is the program of production in a process of its own, its ports are ptys, its
database lies on a real disk. The rack and the agents are in this process, where they can
see every byte (rack.py, agents.py). Kills are drawn from the seed (aims.py) and carried
out one after the other (marksman.py); the orders go on until all kills have happened. The
processes are real and so is their time: a seed asks for the same again, and gets it in
another order.

When all is settled the daemon is told to stop, and everything is held against everything:
`pulsarack audit --truth`, run as an admin runs it, and our own books (check.py).
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo import place, settling, workload
from pulsarack.daemon.demo.enlist import Trade, enlist, wait_for_rack
from pulsarack.daemon.demo.main import RACK, RACK_SECONDS
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.stage import Stage
from pulsarack.daemon.demo.traders import Traders
from pulsarack.daemon.migrations import load_scripts
from pulsarack.modems.simulator.clock import VirtualClock
from tests.soak import aims, check
from tests.soak.agents import Nuisance, TappedLink, Texts
from tests.soak.aims import Kind
from tests.soak.marksman import Marksman, Tally
from tests.soak.rack import TappedRack, stocked
from tests.upgrades.older import make_older

NEWEST = max(one.number for one in load_scripts() if one.folder == "queue")
# Orders under way at once: these chips' worth, so that the day is not over before the kills.
_CHIPS_KEPT_BUSY = 5
# So that most orders outlive several kills; the cheapest keep the usual limit and may expire.
_PATIENCE_SECONDS = 3600
_CHEAPEST = 5
# The rack of the demonstration holds enough for some hundred orders.
_ORDERS_PER_STOCK = 250


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has shown; good if there are no faults."""

    orders: int
    states: Counter[str]
    reasons: Counter[str]
    tally: Tally
    on_top: Counter[str]
    lost_answers: int
    told: int
    messages: int
    seconds: float
    audit: str
    faults: list[str] = field(default_factory=list)


def patient(trade: Trade) -> Trade:
    """The same products, most of them with a longer time limit."""
    for row in trade.products:
        if row["denomination"] != _CHEAPEST:
            row["time_limit_seconds"] = _PATIENCE_SECONDS
    return trade


async def run(
    root: Path, orders: int, kills: int, seed: int, speed: float, *, upgrades: bool = False
) -> Outcome:
    """Runs it in a new or empty directory; raises DaemonError if it cannot be run.

    `upgrades`: after each kill the database is made as old as some version before, so that
    the next start has to bring it up to date while the orders go on.
    """
    soak = Soak(root, orders, kills, seed, speed)
    soak.upgrades = upgrades
    try:
        return await soak.run()
    finally:
        await soak.abandon()


class Soak:
    """One run."""

    def __init__(self, root: Path, orders: int, kills: int, seed: int, speed: float) -> None:
        self._orders, self._speed, self._seed = orders, speed, seed
        self._rng = Random(seed)
        self._shots = aims.draw(self._rng, kills, orders)
        self._clock = WallClock(speed)
        self._trade = patient(Trade(RACK))
        self._place = place.prepare(root, self._trade.chips, speed, self._clock.anchor)
        self._stage = Stage(self._place)
        self._link = TappedLink(self._place)
        self._progress = Progress(orders)
        self._traders = Traders(self._link, self._progress, _CHIPS_KEPT_BUSY)
        self._rack: TappedRack | None = None
        self.upgrades = False

    async def run(self) -> Outcome:
        """The whole day, and what came out of it."""
        real = WallClock()
        began = real.monotonic()
        clock = VirtualClock(self._speed, self._clock.anchor)
        rack = stocked(RACK, 1 + self._orders // _ORDERS_PER_STOCK)
        self._rack = TappedRack(rack, self._place, self._seed, clock)
        await self._stage.start_daemon(self._link)
        # More than are wanted: while a kill waits for its moment the orders go on.
        spare = workload.draw(self._rng, 2 * self._orders + 200, self._trade.shops())
        await enlist(self._link, self._trade, len(spare))
        chips = len(self._trade.chips)
        await wait_for_rack(self._link, chips, RACK_SECONDS / self._speed)
        marksman = Marksman(
            self._place,
            self._stage,
            self._link,
            self._rack,
            self._progress,
            self._rng,
            self._make_older if self.upgrades else None,
        )
        texts = Texts(spare, lambda: marksman.finished and self._progress.accepted >= self._orders)
        nuisance = Nuisance(self._link, self._progress, self._traders.answered, self._rng)
        work = [
            marksman.run(self._shots),
            self._sell(texts),
            nuisance.run(texts, lambda: self._traders.all_typed),
        ]
        await settling.until_done(work, self._company())
        problems = await self._stage.stop()
        self._close_rack()
        seconds = real.monotonic() - began
        return await self._judge(texts, nuisance, marksman.tally, problems, seconds)

    async def abandon(self) -> None:
        """Ends what still runs, at once."""
        await self._stage.abandon()
        await self._link.close()
        self._close_rack()

    def _close_rack(self) -> None:
        rack, self._rack = self._rack, None
        if rack is not None:
            rack.close()

    async def _sell(self, texts: Texts) -> None:
        await self._traders.type_all(texts)
        await settling.until_nothing_moves(self._progress, self._clock)
        await settling.until_stock_is_known(self._link, self._clock)

    def _make_older(self, database: Path) -> None:
        # Before schema 2 there was no message for each state of an order.
        make_older(database, self._rng.randint(2, NEWEST - 1))

    def _company(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self._stage.watch(),
            self._traders.follow_events(),
            self._traders.reconcile(),
            *(self._traders.follow_messages(agent) for agent in workload.AGENTS),
        ]

    async def _judge(
        self,
        texts: Texts,
        nuisance: Nuisance,
        tally: Tally,
        problems: list[str],
        seconds: float,
    ) -> Outcome:
        stored = check.stored_orders(self._place.database)
        traders, told = self._traders, self._link.told
        agents = check.Agents(
            texts.typed,
            traders.answered,
            traders.refused,
            told,
            {str(row["code"]): int(row["denomination"]) for row in self._trade.products},
            frozenset(nuisance.cancelled),
        )
        faults = [*problems, *nuisance.faults]
        faults += [f"a kill {kind} was wanted and did not happen" for kind in tally.misses]
        inside = tally.kills[Kind.COMMIT] - tally.tails[Kind.COMMIT]
        if inside:
            faults.append(f"{inside} kills {Kind.COMMIT} left no trace in the log")
        faults += check.faults(agents, stored, check.read_truth(self._place.truth))
        if len(stored) < self._orders:
            faults.append(f"{len(stored)} orders, {self._orders} were wanted")
        status, audit = await asyncio.to_thread(self._audit)
        if status != 0:
            faults.append(f"the audit ended with status {status}")
        return Outcome(
            orders=len(stored),
            states=Counter(order.state for order in stored),
            reasons=Counter(order.reason for order in stored if order.state == "FAILED"),
            tally=tally,
            on_top=nuisance.counts,
            lost_answers=self._link.repeated - nuisance.counts["sent again"],
            told=len(told),
            messages=len({one.message for one in told}),
            seconds=seconds,
            audit=audit,
            faults=faults,
        )

    def _audit(self) -> tuple[int, str]:
        command = [sys.executable, "-m", "pulsarack.daemon.main", "--config"]
        command += [str(self._place.config), "audit", "--truth", str(self._place.truth)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()
