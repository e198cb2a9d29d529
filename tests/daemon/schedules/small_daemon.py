"""A store, a clock and a schedule on virtual time, without a rack."""

import asyncio
import io
import json
import random
import tomllib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.context import Context
from pulsarack.daemon.events import Events
from pulsarack.daemon.schedules.job import Daily, Every, Job, When
from pulsarack.daemon.schedules.schedule import Schedule
from pulsarack.daemon.secrets import Secrets
from tests.daemon.store_inline import InlineStore
from tests.daemon.virtual_loop import LoopClock
from tests.daemon.world import SHELF, START_MS, migrated_file

HOUR = 3600.0
DAY = 24 * HOUR


class SmallDaemon:
    """What of the daemon outlives it is the file; `restart` is a new one on it."""

    def __init__(self, directory: Path, settings: str = "") -> None:
        self.path = directory / "pulsarack.db"
        if not self.path.exists():
            self.path.write_bytes(migrated_file())
        self.clock = LoopClock(START_MS)
        self.written = io.StringIO()
        self.settings = config.parse(tomllib.loads(settings), directory / "pulsarack.toml")
        self.ran: list[tuple[str, float]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._store: InlineStore | None = None
        self.rng = random.Random(1)

    def open(self) -> Context:
        """The daemon's surroundings, on the file as it is."""
        logging.configure("debug", "json", self.written)
        self._store = InlineStore.open(self.path, now_ms=self.clock.now_ms(), synchronous="OFF")
        return Context(
            self.settings,
            self.clock,
            self._store,
            SHELF,
            Secrets({}),
            Events(),
            logging.get(),
            lambda: "id",
        )

    def start(
        self, jobs: Iterable[Job], when: Callable[[Job], When] = lambda job: job.when
    ) -> Schedule:
        """Begin to run jobs."""
        schedule = Schedule(self.open(), jobs, rng=self.rng, when=when)
        self._tasks.append(asyncio.create_task(schedule.run()))
        return schedule

    async def stop(self) -> None:
        """The daemon ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._store is not None:
            self._store.close()

    def job(
        self,
        name: str,
        when: Daily | Every | None,
        work: Callable[[], Awaitable[None]] | None = None,
    ) -> Job:
        """A job that notes when it ran, in hours since the beginning."""

        async def run() -> str:
            self.ran.append((name, round(self.clock.monotonic() / HOUR, 2)))
            if work is not None:
                await work()
            return f"{name} was done"

        return Job(name, f"does {name}", when, run)

    def times(self, name: str) -> list[float]:
        """When a job ran."""
        return [at for one, at in self.ran if one == name]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log of one event."""
        lines = (json.loads(line) for line in self.written.getvalue().splitlines())
        return [line for line in lines if line["event"] == name]
