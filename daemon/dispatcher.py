"""The dispatcher: brings queued orders and idle chips together.

A chip's worker that has nothing to do stands idle here with a mailbox. Whatever may
let an order go (one was accepted, a chip fell idle, time passed) wakes the
dispatcher; it claims as many as it can in one transaction and puts each claim into its
chip's mailbox. A worker that wants to do something else withdraws first, under the
same lock, so that no claim can be on its way to a chip that is not waiting for it. A
chip that ends one order while no other stands idle for the next claims it itself, in the
transaction that ends the first (going_on.py).

A pass looks at the operators only for which something happened, and at nothing if none of
their chips is idle; what time alone changes is looked at once a second.
"""

import asyncio
from collections.abc import Callable

from peewee import Database

from pulsarack.daemon.bell import Bell
from pulsarack.daemon.clock import SteadyClock
from pulsarack.daemon.context import MS, Context, look_at
from pulsarack.daemon.going_on import ClaimNext, claim_next
from pulsarack.daemon.store_errors import NotStored, StoreBroken, StoreError
from pulsarack.queue import claim, clock_steps, orders, outcome, recovery
from pulsarack.queue.claim import Claim, IdleChip, Known
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
        self._idle: dict[str, dict[str, IdleChip]] = {}  # by operator
        self._gives: dict[str, Callable[[Claim], None]] = {}  # of the same chips
        self._known = Known()
        self._lock = asyncio.Lock()
        self._news = Bell(context.clock)
        self._operators: set[str] = set()  # for which something happened since the last pass
        self._look_at = 0.0  # when time itself is looked at next
        self._failures = 0
        self._expired: list[int] = []  # orders of which nobody was told yet

    def wake(self, operator: str | None = None) -> None:
        """An order of an operator may go now; without one, whatever the database says."""
        if operator is None:
            self._look_at = 0.0
        else:
            self._operators.add(operator)
            tick = self._context.clock.monotonic() + TICK_SECONDS
            if self._look_at <= tick and not self._stands_idle(operator):
                return  # all are busy: a pass would find nothing, and who falls idle rings
            self._look_at = min(self._look_at, tick)
        self._news.ring()

    def decided(self) -> None:
        """A person's word on an order was written, perhaps with an attempt of hours ago."""
        self._known.carried.forget()
        self.wake()

    async def offer(
        self, iccid: str, chip: IdleChip, give: Callable[[Claim], None], *, changed: bool
    ) -> None:
        """Stand idle: `give` is called with the claim, at most once until offered again.

        `changed`: something happened to the chip since it stood here last.
        """
        async with self._lock:
            if changed:
                self._known.forget(iccid)
            self._leave(iccid)  # it may have stood here under another operator
            self._idle.setdefault(chip.operator, {})[iccid] = chip
            self._gives[iccid] = give
        self._operators.add(chip.operator)
        self._news.ring()

    async def withdraw(self, iccid: str) -> None:
        """Stop standing idle without a claim. When this returns none is on its way any more."""
        async with self._lock:
            self._leave(iccid)

    def _leave(self, iccid: str) -> None:
        if self._gives.pop(iccid, None) is not None:
            for chips in self._idle.values():
                chips.pop(iccid, None)

    def next_for(self, ready: IdleChip, sold_ms: int) -> ClaimNext | None:
        """What claims the next order for a chip in the transaction that ends its last one.

        `sold_ms`: how long it was at that one. None if it has to stand idle first: the clock was
        set, or something happened for which another chip that stands here may be the better
        one. A chip that the last pass found no order for finds none now.
        """
        clock = self._context.clock
        if isinstance(clock, SteadyClock) and clock.was_set():
            return None
        operator = ready.operator
        if operator in self._operators and self._stands_idle(operator):
            return None
        now_ms = clock.now_ms()
        return claim_next(
            ready,
            self._known,
            sold_ms=sold_ms,
            now_ms=now_ms,
            day_started_at=self._context.day_started_at(now_ms),
        )

    def _stands_idle(self, operator: str) -> bool:
        """Whether a chip of that operator waits here."""
        return bool(self._idle.get(operator))

    async def run(self) -> None:
        """Dispatch until cancelled."""
        while True:
            await self._news.wait_until(self._look_at)
            self._news.take()
            await self._try_pass()

    async def _try_pass(self) -> None:
        try:
            await self._follow_clock()
            async with self._lock:
                await self._pass()
            await self._tell_expired()
            self._failures = 0
            return
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
        await self._context.clock.sleep(TICK_SECONDS)
        self._news.ring()

    async def release(self, claimed: Claim, reason: Reason) -> None:
        """Give a claim back that nobody can carry out: nothing was sent."""
        now_ms = self._context.clock.now_ms()
        ends = self._context.day_ends_at(now_ms)
        await self._context.store.write(
            lambda db: recovery.release(
                db,
                claimed.attempt_id,
                reason,
                unbegun=claimed.committed,
                now_ms=now_ms,
                day_ends_at=ends,
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
        self._known = Known()
        self._context.log.warning("clock.stepped", seconds=step / MS, remedy=CLOCK_REMEDY)

    async def _pass(self) -> None:
        """Claim what can go, and at its time look at what time changes."""
        if self._context.clock.monotonic() >= self._look_at:
            await self._look_at_time()
        operators, self._operators = self._operators, set()
        idle: dict[str, IdleChip] = {}
        for operator in operators:
            idle.update(self._idle.get(operator, {}))
        if not idle:
            return
        now_ms = self._context.clock.now_ms()
        started = self._context.day_started_at(now_ms)
        known = self._known
        begin = known.rewound({chip.operator for chip in idle.values()}, idle)

        def job(db: Database) -> list[Claim]:
            begin()
            return claim.claim_ready(db, idle, known, now_ms=now_ms, day_started_at=started)

        try:
            claims = await self._context.store.write_first(job)
        except BaseException:
            self._operators |= operators
            raise
        for claimed in claims:
            del self._idle[claimed.order.operator][claimed.chip]
            self._gives.pop(claimed.chip)(claimed)

    async def _look_at_time(self) -> None:
        """Expire what is too old, and while orders wait let every idle chip be tried."""
        now_ms = self._context.clock.now_ms()
        first_expiry = await self._context.store.read(orders.first_expiry)
        if first_expiry is not None and first_expiry <= now_ms:
            expired = await self._context.store.write(lambda db: outcome.expire(db, now_ms=now_ms))
            self._expired += [order.id for order in expired]
        self._known.time_passed()
        seconds = IDLE_SECONDS
        if first_expiry is not None:
            self._operators |= self._idle.keys()
            seconds = TICK_SECONDS
            if (ends := self._known.next_pause_ends(self._gives, now_ms)) is not None:
                seconds = min(seconds, (ends - now_ms) / MS)
        self._look_at = self._context.clock.monotonic() + seconds

    async def _tell_expired(self) -> None:
        """Tell of them with one look, after the claims: there may be hundreds."""
        if not self._expired:
            return
        ids = list(self._expired)
        standings = await self._context.store.read(lambda db: [look_at(db, one) for one in ids])
        self._expired.clear()
        for standing in standings:
            self._context.tell(standing)
