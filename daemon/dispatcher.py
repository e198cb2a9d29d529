"""The dispatcher: brings queued orders and idle chips together.

A chip's worker that has nothing to do stands idle here with a mailbox. Whatever may
let an order go (one was accepted, a chip fell idle, time passed) wakes the
dispatcher; it claims as many as it can in one transaction and puts each claim into its
chip's mailbox. A worker that wants to do something else withdraws first, under the
same lock, so that no claim can be on its way to a chip that is not waiting for it.
"""

import asyncio
from collections.abc import Callable

from peewee import Database

from pulsarack.daemon.clock import SteadyClock
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.store_errors import NotStored, StoreBroken, StoreError
from pulsarack.queue import claim, clock_steps, orders, outcome, recovery
from pulsarack.queue.claim import Claim, IdleChip
from pulsarack.queue.orders import Order
from pulsarack.ussd.outcome import Reason

# How often time alone is looked at while orders are queued (pauses over, rests over, orders
# expired), and when none are. Virtual seconds.
TICK_SECONDS = 1.0
IDLE_SECONDS = 10.0
# So many failed passes in a row, a tick apart at least, end the daemon.
FAILURES_MOST = 60


CLOCK_REMEDY = "the waits were moved along; keep the clock by NTP: timedatectl set-ntp true"


class Dispatcher:
    """One for the whole daemon."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._idle: dict[str, tuple[IdleChip, Callable[[Claim], None]]] = {}
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()
        self._queued = True  # until a pass has looked
        self._failures = 0

    def wake(self) -> None:
        """Something changed that may let an order go."""
        self._news.set()

    async def offer(self, iccid: str, chip: IdleChip, give: Callable[[Claim], None]) -> None:
        """Stand idle: `give` is called with the claim, at most once until offered again."""
        async with self._lock:
            self._idle[iccid] = (chip, give)
        self.wake()

    async def withdraw(self, iccid: str) -> None:
        """Stop standing idle. When this returns no claim is on its way any more."""
        async with self._lock:
            self._idle.pop(iccid, None)

    async def run(self) -> None:
        """Dispatch until cancelled."""
        clock = self._context.clock
        while True:
            seconds = TICK_SECONDS if self._queued else IDLE_SECONDS
            timer = clock.call_at(clock.monotonic() + seconds, self._news.set)
            try:
                await self._news.wait()
            finally:
                timer.cancel()
            self._news.clear()
            await self._try_pass()

    async def _try_pass(self) -> None:
        try:
            await self._follow_clock()
            async with self._lock:
                await self._pass()
            self._failures = 0
        except StoreBroken:
            raise
        except StoreError as error:
            # A full disk is over when somebody has made room, and a new daemon would not even
            # start on it. Whatever else keeps us from writing for long ends this one.
            self._failures += 1
            if self._failures % FAILURES_MOST == 1:
                self._context.log.error("store.failed", why=str(error), times=self._failures)
            full = isinstance(error, NotStored) and error.full
            if self._failures >= FAILURES_MOST and not full:
                raise

    async def release(self, claimed: Claim, reason: Reason) -> None:
        """Give a claim back that nobody can carry out: nothing was sent."""
        now_ms, ends = self._context.clock.now_ms(), self._context.day_ends_at()
        await self._context.store.write(
            lambda db: recovery.release(
                db, claimed.attempt_id, reason, now_ms=now_ms, day_ends_at=ends
            )
        )
        await self._context.announce(claimed.order.id)
        self.wake()

    async def _follow_clock(self) -> None:
        """If somebody set the clock, move what waits along before anything is judged by it."""
        clock = self._context.clock
        if not (isinstance(clock, SteadyClock) and (step := clock.take_step())):
            return
        now_ms = clock.now_ms()
        try:
            await self._context.store.write(lambda db: clock_steps.follow(db, step, now_ms=now_ms))
        except BaseException:
            clock.give_back(step)
            raise
        self._context.log.warning("clock.stepped", seconds=step / MS, remedy=CLOCK_REMEDY)

    async def _pass(self) -> None:
        """Expire what is too old, claim what can go, in one transaction."""
        idle = {iccid: chip for iccid, (chip, _) in self._idle.items()}
        now_ms, started = self._context.clock.now_ms(), self._context.day_started_at()

        def job(db: Database) -> tuple[list[Order], list[Claim], bool]:
            return (
                outcome.expire(db, now_ms=now_ms),
                claim.claim_ready(db, idle, now_ms=now_ms, day_started_at=started),
                orders.any_queued(db),
            )

        expired, claims, self._queued = await self._context.store.write(job)
        for claimed in claims:
            _, give = self._idle.pop(claimed.chip)
            give(claimed)
        for order in expired:
            await self._context.announce(order.id)
