"""A small server whose orders grow old, and an archivist that may die between any two steps.

The database and the archives are real files; time is the world's, moved by hand.
"""

import asyncio
import tomllib
from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from pulsarack.daemon import archive_audit, audit, config
from pulsarack.daemon import log as logging
from pulsarack.daemon.archive_file import Archives, folder_of
from pulsarack.daemon.archivist import Archivist, Run
from pulsarack.daemon.calls.story import story
from pulsarack.daemon.context import Context
from pulsarack.daemon.events import Events
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.secrets import Secrets
from pulsarack.daemon.store_thread import Job
from pulsarack.modems.timing import TimerHandle
from pulsarack.queue import archive, chips, messages, stock
from pulsarack.queue.audit import Finding
from tests.daemon.store_inline import InlineStore
from tests.daemon.world import SHELF
from tests.queue.world import World

T = TypeVar("T")
DAY_SECONDS = 86_400


class Died(Exception):
    """The daemon was killed here."""


class Steps:
    """Counts the steps that leave something on a disk; dies before or after the n-th."""

    def __init__(self) -> None:
        self.taken = 0
        self.die_before: int | None = None
        self.die_after: int | None = None

    def run(self, step: Callable[[], T]) -> T:
        self.taken += 1
        if self.taken == self.die_before:
            raise Died
        value = step()
        if self.taken == self.die_after:
            raise Died
        return value


class MortalStore:
    """The store; its commits are steps."""

    def __init__(self, store: InlineStore, steps: Steps) -> None:
        self._store = store
        self._steps = steps

    async def write(self, job: Job[T]) -> T:
        return self._steps.run(lambda: self._store.run_inline(job))

    async def read(self, job: Job[T]) -> T:
        return self._store.read_inline(job)

    def close(self) -> None: ...


class MortalArchives(Archives):
    """The archives; their commits are steps."""

    def __init__(self, folder: Path, steps: Steps) -> None:
        super().__init__(folder, threads=False, synchronous="OFF")
        self._steps = steps

    async def write(self, name: str, job: Job[T], *, begin: bool) -> T:
        return self._steps.run(lambda: self._write(name, job, begin))


class WorldClock:
    """The world's time; a wait is over at once."""

    def __init__(self, world: World) -> None:
        self._world = world

    def monotonic(self) -> float:
        return self._world.now / 1000

    def now_ms(self) -> int:
        return self._world.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        raise NotImplementedError


class OldShop:
    """A world of the queue with an archivist beside it."""

    def __init__(self, world: World, settings: str = "") -> None:
        self.world = world
        self.path = Path(world.store._db.database)
        self.folder = folder_of(self.path)
        self.steps = Steps()
        self.settings = config.parse(tomllib.loads(settings), self.path.parent / "x.toml")
        self.revive()

    def revive(self) -> None:
        """A daemon that knows nothing but what is on the disks."""
        self.steps.die_before = self.steps.die_after = None
        self.context = Context(
            self.settings,
            WorldClock(self.world),
            MortalStore(self.world.store, self.steps),
            SHELF,
            Secrets({}),
            Events(),
            logging.get(),
            lambda: "id",
        )
        archives = MortalArchives(self.folder, self.steps)
        self.archivist = Archivist(self.context, archives)
        self.past = PastOrders(self.context, archives)

    def archive(self) -> Run:
        """A night's run."""
        return run(self.archivist.now())

    def age(self, days: float = 91) -> None:
        """Time passes, every message is delivered, and the stock of every chip is read."""
        world = self.world
        for one in world.run(lambda db: messages.waiting(db, None, limit=10_000)):
            world.run(lambda db, i=one.id: messages.delivered(db, i, now_ms=world.now))
        world.wait(round(days * DAY_SECONDS))
        world.day = str(date.fromisoformat(world.day) + timedelta(round(days)))
        self.read_stocks()

    def read_stocks(self) -> None:
        """The operators say of every chip what its books say."""
        world = self.world
        for chip in world.run(chips.every):
            figure = world.stock(chip.iccid).posted
            world.run(lambda db, c=chip.iccid, f=figure: stock.compare(db, c, f, now_ms=world.now))

    def here(self) -> set[int]:
        """The orders in the database."""
        return {row[0] for row in self.world.sql("SELECT id FROM orders")}

    def gone(self) -> set[int]:
        """The orders that are archived."""
        return {row[0] for row in self.world.sql("SELECT id FROM past_order")}

    def story(self, order_id: int) -> dict[str, Any] | None:
        """An order as it is shown, wherever it is; without the place."""
        found = self.world.run(lambda db: story(db, order_id))
        past = self.world.run(lambda db: archive.find(db, order_id))
        if past is not None:
            assert found is None, "it is in both"
            found = run(self.past.story(past))
            del found["order"]["archive"]
        return found

    def stories(self) -> dict[int, dict[str, Any] | None]:
        """Every order as it is shown."""
        return {order_id: self.story(order_id) for order_id in self.here() | self.gone()}

    def statement(self, account: str, limit: int = 10_000) -> list[dict[str, Any]]:
        """The lines of an account."""
        found = run(self.past.statement(account, limit))
        assert found is not None and found["unreadable"] == []
        lines: list[dict[str, Any]] = found["lines"]
        return lines

    def books(self) -> dict[str, Any]:
        """Balances and statements of all accounts."""
        rows = self.world.sql("SELECT * FROM account ORDER BY code")
        return {row[0]: (row, self.statement(row[0])) for row in rows}

    def findings(self) -> list[Finding]:
        """What the whole audit finds, archives included."""
        return self.world.run(
            lambda db: [*audit.audit(db), *archive_audit.findings(db, self.folder)]
        )


def run(wanted: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing."""
    return asyncio.run(wanted)
