"""All figures of one moment, gathered so that nobody waits for it.

What the daemon has in memory is copied on the event loop. What only the database knows is read
on the thread that reads for callers, in one job, and kept for some seconds, however many ask.
If the database does not answer in time, what was read last is shown with its age: a monitor is
needed most when something hangs.
"""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulsarack.daemon.channels.carrier import ChannelState
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.metrics.offered import BackupFigures, JobStanding, Offered
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.slot import HELD
from pulsarack.daemon.store_files import DATABASE_NAME
from pulsarack.daemon.store_meter import StoreMeter
from pulsarack.queue.reports.gauges import Gauges, gauges

KEPT_SECONDS = 5.0
"""So old may figures be that are shown to the next who asks."""
WAIT_SECONDS = 3.0
"""Real seconds within which the database is to answer; Prometheus itself waits 10."""


OffLoop = Callable[..., Awaitable[Any]]
"""Calls a function with its arguments where it holds up nobody."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts of the daemon that figures are taken from.

    `backlog`: jobs that wait for each thread of the store.
    """

    context: Context
    rack: Rack
    pressure: Pressure
    channels: Callable[[], Mapping[str, ChannelState]]
    meter: StoreMeter = field(default_factory=StoreMeter)
    backlog: Callable[[], Mapping[str, int]] = dict
    offered: Offered = field(default_factory=Offered)


@dataclass(frozen=True, slots=True)
class Files:
    """Sizes in bytes of the database and its log, and what is free beside them."""

    database: int
    log: int
    free: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database said, and when; milliseconds UTC."""

    gauges: Gauges
    files: Files | None
    backups: BackupFigures | None
    now_ms: int
    read_at: float
    """On the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One moment. `working`: the ICCIDs of the chips that are being worked and may sell."""

    stored: Stored | None
    age_seconds: float
    slots: Mapping[str, int]
    working: frozenset[str]
    pressure: Mapping[str, int]
    refused: Mapping[str, int]
    channels: Mapping[str, ChannelState]
    backlog: Mapping[str, int]
    jobs: tuple[JobStanding, ...]
    log_lines: Mapping[str, int]
    admin_acts: Mapping[str, int]
    now_ms: int


class Gatherer:
    """Gathers; one for the whole daemon."""

    def __init__(self, sources: Sources, off_loop: OffLoop = asyncio.to_thread) -> None:
        """`off_loop` runs what looks at files."""
        self.sources = sources
        self._off_loop = off_loop
        self._stored: Stored | None = None
        self._reading: asyncio.Task[None] | None = None

    async def gather(self) -> Figures:
        """The figures as they are now."""
        await self._refresh()
        sources, stored = self.sources, self._stored
        figures = sources.pressure.figures()
        refused = figures.pop("refused")
        slots = Counter(
            HELD if slot.held else slot.life.stage.value for slot in sources.rack.slots.values()
        )
        now = sources.context.clock.monotonic()
        return Figures(
            stored=stored,
            age_seconds=now - stored.read_at if stored else 0.0,
            slots=slots,
            working=frozenset(sources.rack.presences()),
            pressure=figures,
            refused=refused,
            channels=sources.channels(),
            backlog=sources.backlog(),
            jobs=tuple(sources.offered.jobs()),
            log_lines=sources.offered.log_lines(),
            admin_acts=sources.offered.admin_acts(),
            now_ms=sources.context.clock.now_ms(),
        )

    async def _refresh(self) -> None:
        now = self.sources.context.clock.monotonic()
        if self._stored is not None and now - self._stored.read_at < KEPT_SECONDS:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="figures")
        # Whoever waits may go; the job runs on, and is not asked for twice.
        await asyncio.wait({self._reading}, timeout=WAIT_SECONDS)

    async def _read(self) -> None:
        context = self.sources.context
        now_ms, now = context.clock.now_ms(), context.clock.monotonic()
        try:
            found = await context.store.read_for("metrics", gauges)
            files = await self._off_loop(files_of, context.config.daemon.state_dir)
            backups = await self._off_loop(self.sources.offered.backups)
        except DaemonError as error:  # busy, or the disk: what was read last is shown
            context.log.warning("metrics.not_read", why=str(error))
            return
        except Exception as error:  # what is wrong with a figure stops nothing
            context.log.error("metrics.fault", exc_info=error)
            return
        self._stored = Stored(found, files, backups, now_ms, now)

    async def close(self) -> None:
        """Wait for nothing any more."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading


def files_of(state_dir: Path) -> Files | None:
    """How much the database takes, and how much is free; None if the disk does not say."""
    database = state_dir / DATABASE_NAME
    try:
        space = os.statvfs(state_dir)
        log = database.with_name(f"{DATABASE_NAME}-wal")
        return Files(
            database=database.stat().st_size,
            log=log.stat().st_size if log.exists() else 0,
            free=space.f_bavail * space.f_frsize,
        )
    except OSError:
        return None


def age_seconds(now_ms: int, since_ms: int) -> float:
    """How long ago that was; 0 if the clock was set meanwhile."""
    return max(0, now_ms - since_ms) / MS
