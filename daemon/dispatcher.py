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

from pulsarack.daemon.context import Context
from pulsarack.daemon.store_errors import StoreError
from pulsarack.queue import claim, outcome, recovery
from pulsarack.queue.claim import Claim, IdleChip
from pulsarack.queue.orders import Order
from pulsarack.ussd.outcome import Reason

# How often time alone is looked at: pauses over, rests over, orders expired. Virtual seconds.
TICK_SECONDS = 1.0
# So many failed passes in a row, a tick apart at least, end the daemon.
FAILURES_MOST = 60


class Dispatcher:
    """One for the whole daemon."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._idle: dict[str, tuple[IdleChip, Callable[[Claim], None]]] = {}
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()
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
        timer = asyncio.create_task(self._tick())
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await self._try_pass()
        finally:
            timer.cancel()

    async def _try_pass(self) -> None:
        try:
            async with self._lock:
                await self._pass()
            self._failures = 0
        except StoreError as error:
            # A locked or full disk may be over soon; a daemon that cannot write for long ends.
            self._failures += 1
            self._context.log.error("store.failed", why=str(error), times=self._failures)
            if self._failures >= FAILURES_MOST:
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

    async def _tick(self) -> None:
        while True:
            await self._context.clock.sleep(TICK_SECONDS)
            self.wake()

    async def _pass(self) -> None:
        """Expire what is too old, claim what can go, in one transaction."""
        idle = {iccid: chip for iccid, (chip, _) in self._idle.items()}
        now_ms, started = self._context.clock.now_ms(), self._context.day_started_at()

        def job(db: Database) -> tuple[list[Order], list[Claim]]:
            return (
                outcome.expire(db, now_ms=now_ms),
                claim.claim_ready(db, idle, now_ms=now_ms, day_started_at=started),
            )

        expired, claims = await self._context.store.write(job)
        for claimed in claims:
            _, give = self._idle.pop(claimed.chip)
            give(claimed)
        for order in expired:
            await self._context.announce(order.id)
