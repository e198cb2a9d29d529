"""Whether a PIN is an agent's: counted durably, compared off the loop, answered once.

The tries of one agent are looked at one after another, so that at most one of them is counted
and not yet compared: five orders at once with the right PIN lock nobody. No verdict is kept:
every text is compared anew. What is wrong slows its sender down (slowness.py), and the third
wrong one in a row locks the agent's PIN (queue/identity/pins.py). Whether the order that came
with a right PIN is taken is another matter and counts for nothing here.

    no PIN in the text          MISSING, nothing is counted
    sender was wrong just now   SLOW_DOWN, nothing is counted
    too many wait, or too many  SLOW_DOWN, nothing is counted
    of this one agent
    three wrong tries           LOCKED, nothing is compared
    else the try is committed, then compared: RIGHT (all forgiven), WRONG, LOCKED if that was
    the third, NONE_SET if there is no PIN to compare with, which takes as long
"""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from enum import StrEnum

from peewee import Database

from pulsarack.daemon.context import Context
from pulsarack.daemon.identity.hash_pool import HashPool, PoolFull
from pulsarack.daemon.identity.pin_hash import PinHash
from pulsarack.daemon.identity.slowness import Slowness
from pulsarack.daemon.pressure import Pressure
from pulsarack.queue import agents
from pulsarack.queue.identity import pins
from pulsarack.queue.identity.pins import Begun
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.validation import Refusal

# Longer than any PIN ever was; nothing longer is hashed.
_LONGEST = 32
# So many of one agent wait for each other; more would take the places of the others.
OF_ONE_AGENT_MOST = 32


class PinVerdict(StrEnum):
    """What became of one try."""

    RIGHT = "RIGHT"
    WRONG = "WRONG"
    LOCKED = "LOCKED"
    NONE_SET = "NONE_SET"
    SLOW_DOWN = "SLOW_DOWN"
    MISSING = "MISSING"


class PinCheck:
    """One for the daemon. `pressure` counts what is not right, by kind."""

    def __init__(
        self,
        context: Context,
        hashes: PinHash,
        pool: HashPool,
        pressure: Pressure,
        rng: random.Random,
    ) -> None:
        self._context = context
        self._hashes = hashes
        self._pool = pool
        self._pressure = pressure
        self._rng = rng
        self._slowness = Slowness(context.clock.monotonic)
        self._turns: dict[str, _Turn] = {}

    async def verify(self, agent: str, pin: HiddenPin | None, sender: str) -> PinVerdict:
        """Compare a PIN; `sender` names who tries, over all texts of his."""
        if pin is None:
            return PinVerdict.MISSING
        try:
            async with self._pool.place(), self._turn(agent):
                verdict = await self._look(agent, pin, sender)
        except PoolFull:
            self._pressure.refused("PIN_POOL_FULL", agent=agent, sender=sender)
            return PinVerdict.SLOW_DOWN
        if verdict is not PinVerdict.RIGHT:
            self._pressure.refused(f"PIN_{verdict.value}", agent=agent, sender=sender)
        return verdict

    async def hash(self, pin: HiddenPin) -> str:
        """What to store of a PIN; raises PoolFull, PepperError."""
        async with self._pool.place():
            return await self._pool.run(lambda: self._hashes.make(pin))

    async def put_new(
        self, agent: str, new: HiddenPin, *, by: str, brought_along: bool = False
    ) -> Refusal | None:
        """Give an agent a PIN, which may be the one of before only if he brought it along.

        It also unlocks. Raises PoolFull, PepperError.
        """
        if wrong := pins.check_new(new, brought_along=brought_along):
            return wrong
        async with self._turn(agent):
            before = await self._context.store.read(lambda db: pins.state(db, agent))
            stored = before.hash if before else None
            if stored is not None and not brought_along and await self._same(new, stored):
                return pins.check_new(new, old=new)
            return await self._store(agent, new, by)

    async def reset(self, agent: str, *, by: str) -> HiddenPin | Refusal:
        """Give an agent a random PIN, which is told once; raises PoolFull, PepperError."""
        new = pins.random_pin(self._rng)
        async with self._turn(agent):
            refused = await self._store(agent, new, by)
        return refused or new

    async def _store(self, agent: str, new: HiddenPin, by: str) -> Refusal | None:
        hashed = await self.hash(new)
        now_ms = self._context.clock.now_ms()
        there = await self._context.store.write(
            lambda db: pins.put(db, agent, hashed, by=by, now_ms=now_ms)
        )
        if there:
            self._context.log.info("agent.pin_set", agent=agent, by=by)
            return None
        return agents.unknown(agent)

    async def _same(self, pin: HiddenPin, stored: str) -> bool:
        async with self._pool.place():
            return await self._pool.run(lambda: self._hashes.is_right(pin, stored))

    async def _look(self, agent: str, pin: HiddenPin, sender: str) -> PinVerdict:
        # Asked here, not before: what waited behind a wrong try of its sender waits on.
        if not self._slowness.may_try(sender):
            return PinVerdict.SLOW_DOWN
        begun = await self._context.store.write(lambda db: pins.begin(db, agent))
        if begun is None:
            return PinVerdict.LOCKED
        stored, length = begun.hash, len(pin.reveal())
        right = await self._pool.run(
            lambda: self._hashes.is_right(pin if length <= _LONGEST else HiddenPin(""), stored)
        )
        if right and stored is not None:
            return await self._forgive(agent, pin, stored)
        if stored is None:
            return PinVerdict.NONE_SET
        self._slowness.was_wrong(sender)
        return await self._blame(agent, begun)

    async def _forgive(self, agent: str, pin: HiddenPin, stored: str) -> PinVerdict:
        fresher = None
        if self._hashes.is_stale(stored):
            fresher = await self._pool.run(lambda: self._hashes.make(pin))
        kept = await self._context.store.write(
            lambda db: pins.was_right(db, agent, stored, fresher)
        )
        return PinVerdict.RIGHT if kept else PinVerdict.WRONG

    async def _blame(self, agent: str, begun: Begun) -> PinVerdict:
        now_ms = self._context.clock.now_ms()

        def job(db: Database) -> None:
            pins.was_wrong(db, agent, begun, now_ms=now_ms)

        await self._context.store.write(job)
        if begun.last:
            remedy = f"pulsarack agent pin unlock {agent}, or reset"
            self._context.log.warning("agent.pin_locked", agent=agent, remedy=remedy)
            return PinVerdict.LOCKED
        return PinVerdict.WRONG

    @asynccontextmanager
    async def _turn(self, agent: str) -> AsyncGenerator[None, None]:
        """One try of an agent after another; nothing is kept of agents without one."""
        turn = self._turns.setdefault(agent, _Turn())
        if turn.users >= OF_ONE_AGENT_MOST:
            raise PoolFull(turn.users)
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[agent]


class _Turn:
    """Who may go, and how many want to."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0
