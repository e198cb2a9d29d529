"""Carries the kills of a run out, one after the other, and measures what each has left.

A shot is armed when enough orders are accepted, and falls when its moment has come: that
is waited for, never slept for. A shot whose moment does not come in time is a miss, and
a run with a miss has failed. After each kill the log of the database is read before the
next daemon opens it, and then the daemon is started again; the shot at a start belongs
to that start.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from random import Random

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.errors import ChildFailed
from pulsarack.daemon.demo.place import Place
from pulsarack.daemon.demo.processes import Child
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.stage import Stage
from pulsarack.daemon.store_files import LOCK_NAME
from tests.soak import wal
from tests.soak.agents import TappedLink
from tests.soak.aims import AIMS, Aim, FirstBytes, Gun, Kind, Shot
from tests.soak.hunter import Hunter
from tests.soak.rack import TappedRack

# Real seconds; an armed shot waits for its moment no longer.
MISS_SECONDS = 90.0
# A random moment comes so soon after it was armed.
_RANDOM_SECONDS = 1.0
_LOOK_SECONDS = 0.002

Armed = Callable[[Child, Callable[[], None]], AbstractContextManager[None]]
"""Given the daemon and how to kill it: for as long as it is entered, its moment fires."""


class Start(StrEnum):
    """The moments of a start."""

    LOCKED = "the state directory is locked"
    COPYING = "the log is copied into the database"
    WRITING = "the log of the database is written"
    PROBING = "the first bytes go to a modem"


@dataclass(slots=True)
class Tally:
    """What became of the shots. `tails`: kills that left a commit cut short, by kind."""

    kills: Counter[Kind] = field(default_factory=Counter)
    tails: Counter[Kind] = field(default_factory=Counter)
    starts: Counter[Start] = field(default_factory=Counter)
    # How often the daemon was made to stand still for a look at its files.
    stops: int = 0
    misses: list[Kind] = field(default_factory=list)


class Marksman:
    """The kills of one run."""

    def __init__(
        self,
        place: Place,
        stage: Stage,
        link: TappedLink,
        rack: TappedRack,
        progress: Progress,
        rng: Random,
        before_start: Callable[[Path], None] | None = None,
    ) -> None:
        """`before_start` is given the database of the daemon that was killed, each time."""
        self.tally = Tally()
        self.finished = False
        self._place = place
        self._stage = stage
        self._link = link
        self._rack = rack
        self._progress = progress
        self._rng = rng
        self._before_start = before_start
        self._clock = WallClock()
        self._log = place.database.with_name(place.database.name + "-wal")
        self._last_mark: tuple[int, ...] = ()

    async def run(self, shots: Sequence[Shot]) -> None:
        """All shots; returns with a daemon that runs."""
        waiting = deque(shots)
        while waiting:
            shot = waiting.popleft()
            while self._progress.accepted < shot.accepted:
                await asyncio.sleep(_LOOK_SECONDS)
            starts = 0
            while waiting and waiting[0].kind is Kind.STARTUP:
                waiting.popleft()
                starts += 1
            if await self._kill(shot.kind, self._armed(shot.kind)):
                await self._start(starts)
            else:
                self.tally.misses += [Kind.STARTUP] * starts
        self.finished = True

    async def _start(self, kills: int) -> None:
        """Starts the daemon; before it works, it is killed so many times."""
        for done in range(kills):
            if not await self._start_in_vain(self._rng.choice(list(Start))):
                # It runs, and starts no more.
                self.tally.misses += [Kind.STARTUP] * (kills - done - 1)
                return
        if self._before_start is not None:
            await asyncio.to_thread(self._before_start, self._place.database)
        self._rack.mend()
        await self._stage.start_daemon(self._link)

    async def _start_in_vain(self, moment: Start) -> bool:
        last = self._stage.daemon
        self._rack.mend()
        starting = asyncio.create_task(self._stage.start_daemon(self._link))
        try:
            while self._stage.daemon is last and not starting.done():
                await asyncio.sleep(_LOOK_SECONDS)
            hit = await self._kill(Kind.STARTUP, self._armed_at(moment))
            self.tally.starts[moment] += hit
            return hit
        finally:
            try:
                await starting
            except ChildFailed:
                if not self._stage.daemon.killed:
                    raise

    async def _kill(self, kind: Kind, armed: Armed) -> bool:
        """Waits until the daemon is killed by what is armed; False if that did not come."""
        daemon = self._stage.daemon

        def fire() -> None:
            if not daemon.killed:
                daemon.kill()

        deadline = self._clock.monotonic() + MISS_SECONDS
        with armed(daemon, fire):
            while not daemon.killed and self._clock.monotonic() < deadline:
                await asyncio.sleep(_LOOK_SECONDS)
        if not daemon.killed:
            self.tally.misses.append(kind)
            return False
        await daemon.wait()
        self.tally.kills[kind] += 1
        tail = wal.read(self._log)
        if tail.uncommitted and tail.mark != self._last_mark:
            self.tally.tails[kind] += 1
        self._last_mark = tail.mark
        return True

    def _armed(self, kind: Kind) -> Armed:
        if kind is Kind.COMMIT:
            return partial(self._hunting, self._log, wal.is_inside_commit)
        if kind is Kind.RANDOM:
            return self._timing
        return partial(self._aiming, AIMS[kind])

    def _armed_at(self, moment: Start) -> Armed:
        match moment:
            case Start.LOCKED:
                return self._polling
            case Start.COPYING:
                return partial(self._hunting, self._place.database, Path.exists)
            case Start.WRITING:
                return partial(self._hunting, self._log, Path.exists)
            case Start.PROBING:
                return partial(self._aiming, FirstBytes)

    @contextmanager
    def _aiming(
        self, aim: Callable[[Gun], Aim], _daemon: Child, fire: Callable[[], None]
    ) -> Iterator[None]:
        self._rack.aim = self._link.aim = aim(Gun(fire, self._rng))
        try:
            yield
        finally:
            self._rack.aim = self._link.aim = Aim()

    @contextmanager
    def _hunting(
        self,
        file: Path,
        wants: Callable[[Path], bool],
        daemon: Child,
        fire: Callable[[], None],
    ) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def caught() -> None:
            loop.call_soon_threadsafe(fire)

        hunter = Hunter(daemon.pid, file, caught, wants)
        try:
            yield
        finally:
            hunter.end()
            self.tally.stops += hunter.stops
            if hunter.has_caught:
                # It stands still: whoever catches kills, however late.
                fire()

    @contextmanager
    def _timing(self, _daemon: Child, fire: Callable[[], None]) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._rng.uniform(0, _RANDOM_SECONDS), fire)
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def _polling(self, daemon: Child, fire: Callable[[], None]) -> Iterator[None]:
        lock = self._place.database.with_name(LOCK_NAME)

        async def look() -> None:
            # The last daemon's number stays in it until the next one has the lock.
            while lock.read_text(encoding="ascii").strip() != str(daemon.pid):
                await asyncio.sleep(_LOOK_SECONDS)
            fire()

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
