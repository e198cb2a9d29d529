"""Whether the daemon lives (/healthz), and whether it can take and sell orders (/readyz).

It lives if its event loop answers, which it does by answering at all, and if both the reading and
the writing thread of the store carry out a job within some seconds. Who supervises the process
may start it anew if it does not; the daemon's own watchdog does so by itself.

It is ready if it lives, does not stop, can write (there is room on the disk), and if at least one
chip in service works. A rack of which a part is missing still sells: what is missing is told as
`limited`, and so is a channel that is down. Somebody who balances between servers, or waits for
the end of an upgrade, asks for this.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from peewee import Database

from pulsarack.daemon.channels.carrier import Standing
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.metrics.figures import Figures, Gatherer, Sources, Stored
from pulsarack.daemon.metrics.samples import chip_state
from pulsarack.ledger import sql
from pulsarack.queue.chips import ChipState

ANSWER_SECONDS: Final = 5.0
"""Real seconds within which the store is to answer."""
LEAST_FREE_BYTES: Final = 64 * 1024 * 1024
"""Below that the database may soon not be written any more."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why it is not so, and what a person can do."""

    why: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """As it is answered."""
        return {"why": self.why, "remedy": self.remedy}


class Health:
    """Answers both questions; one for the whole daemon."""

    def __init__(self, sources: Sources, gatherer: Gatherer) -> None:
        self._sources = sources
        self._gatherer = gatherer
        self._asking: asyncio.Task[Obstacle | None] | None = None

    async def alive(self) -> tuple[bool, dict[str, Any]]:
        """Whether it lives, and the answer that says so."""
        reason = await self._store_answers()
        reasons = [reason.as_json()] if reason else []
        return not reasons, {"alive": not reasons, "reasons": reasons}

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether it is ready, and the answer that says so."""
        reasons, limited = [], []
        if dead := await self._store_answers():
            reasons.append(dead)
        else:
            figures = await self._gatherer.gather()
            reasons += list(unready(figures))
            limited += list(limits(figures))
        if self._sources.rack.stopping:
            reasons.append(Obstacle("the daemon is stopping", "systemctl status pulsarack"))
        return not reasons, {
            "ready": not reasons,
            "reasons": [one.as_json() for one in reasons],
            "limited": [one.as_json() for one in limited],
        }

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._asking is not None:
            self._asking.cancel()

    async def _store_answers(self) -> Obstacle | None:
        # Whoever asks while somebody else does hears the same: a store that hangs is asked once.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="health")
        done, _ = await asyncio.wait({self._asking}, timeout=ANSWER_SECONDS)
        if not done:
            return Obstacle(
                f"the database has not answered for {ANSWER_SECONDS:.0f} s",
                "look at the disk: iostat -x 5; journalctl -u pulsarack -p warning",
            )
        return self._asking.result()

    async def _ask(self) -> Obstacle | None:
        store = self._sources.context.store
        try:
            await store.read(_one)
            await store.write(_one)
        except DaemonError as error:
            return Obstacle(error.message, error.remedy)
        return None


def unready(figures: Figures) -> Iterator[Obstacle]:
    """Why nothing can be sold."""
    stored = figures.stored
    if stored is None:
        yield Obstacle("the database was not read yet", "ask again in some seconds")
        return
    if stored.files is not None and stored.files.free < LEAST_FREE_BYTES:
        free = stored.files.free // (1024 * 1024)
        yield Obstacle(
            f"only {free} MB are free for the database", "make room on the disk: pulsarack doctor"
        )
    states = _states(stored, figures.working)
    if not states:
        yield Obstacle("no chip is in service", "pulsarack chip list, and: pulsarack chip adopt")
    elif not any("ready" in found for found in states.values()):
        yield Obstacle("none of the chips in service is ready", "pulsarack chip list")


def limits(figures: Figures) -> Iterator[Obstacle]:
    """What does not work, beside what does."""
    states = _states(figures.stored, figures.working) if figures.stored else {}
    if any("ready" in found for found in states.values()):
        for operator, found in states.items():
            if "ready" not in found:
                yield Obstacle(f"no chip of {operator} is ready", "pulsarack chip list")
    for name, state in figures.channels.items():
        if state.standing not in (Standing.UP, Standing.OFF):
            yield Obstacle(f"channel {name}: {state.why}", state.remedy or "pulsarack channel list")


def _states(stored: Stored, working: frozenset[str]) -> dict[str, set[str]]:
    """The states in which chips in service are, by operator."""
    found: dict[str, set[str]] = {}
    for chip in stored.gauges.chips:
        if chip.state != ChipState.NEW:
            state = chip_state(chip, working, stored.now_ms)
            found.setdefault(chip.operator or "", set()).add(state)
    return dict(sorted(found.items()))


def _one(db: Database) -> None:
    sql.one(db, "SELECT 1")
