"""What becomes of a history in half a year: its orders are archived, and the books are kept on.

It comes after the end, so a seed is the same history with and without it. The archivist dies
at drawn steps and begins again, as often as it was drawn; then the auditor reads the database
and its archives as one and finds what it knew, and so does the product's own audit.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pulsarack.daemon import archive_audit
from pulsarack.daemon import log as logging
from pulsarack.daemon.archive_file import folder_of
from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.config import Config
from pulsarack.daemon.context import Context
from pulsarack.daemon.events import Events
from pulsarack.daemon.secrets import Secrets
from pulsarack.ledger import audit as ledger_audit
from pulsarack.modems.timing import TimerHandle
from pulsarack.queue import audit as queue_audit
from pulsarack.queue.audit import Finding
from tests.daemon.archive_world import Died, MortalArchives, MortalStore, Steps
from tests.daemon.store_inline import InlineStore
from tests.daemon.world import SHELF

DAY_MS = 86_400_000
LATER_MS = 200 * DAY_MS
# A history has some tens of orders: a few transactions of the archive, a few of the database.
MOST_STEPS = 8


@dataclass(frozen=True)
class StoppedClock:
    """Always that moment; a wait is over at once."""

    at_ms: int

    def monotonic(self) -> float:
        return self.at_ms / 1000

    def now_ms(self) -> int:
        return self.at_ms

    async def sleep(self, seconds: float) -> None:
        """Nothing is waited for."""

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        raise NotImplementedError


async def grow_old(path: Path, config: Config, now_ms: int, rng: Random) -> list[Finding]:
    """Archive what a daemon that has ended left in a database; what the product's audit finds."""
    later_ms = now_ms + LATER_MS
    store = InlineStore.open(path, now_ms=later_ms, synchronous="OFF")
    try:
        for _ in range(rng.choice((0, 1, 3))):
            steps = Steps()
            steps.die_before, steps.die_after = rng.choice(
                ((rng.randint(1, MOST_STEPS), None), (None, rng.randint(1, MOST_STEPS)))
            )
            with suppress(Died):
                await _archivist(path, config, later_ms, store, steps).now()
        done = await _archivist(path, config, later_ms, store, Steps()).now()
        failed = [Finding("P1", what, why) for what, why in done.failed.items()]
        folder = folder_of(path)
        return failed + store.read_inline(
            lambda db: [
                *(Finding("P3", one.subject, one.detail) for one in ledger_audit.findings(db)),
                *queue_audit.findings(db),
                *archive_audit.findings(db, folder),
            ]
        )
    finally:
        store.close()


def _archivist(
    path: Path, config: Config, at_ms: int, store: InlineStore, steps: Steps
) -> Archivist:
    context = Context(
        config,
        StoppedClock(at_ms),
        MortalStore(store, steps),
        SHELF,
        Secrets({}),
        Events(),
        logging.get(),
        lambda: "id",
    )
    return Archivist(context, MortalArchives(folder_of(path), steps))
