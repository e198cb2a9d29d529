"""Following up an undecided attempt until evidence decides: late text, stock, history.

The chip does nothing else meanwhile. Texts are read first and at every step; then the
stock is asked at once (a change of exactly the cost proves "done"), and again when
the settling time has passed twice (unchanged both times proves "not done", unless
the operator's own list of last transactions says otherwise). What stays undecided is
asked about ever more rarely and is left to an admin; the money stays held.
"""

from peewee import Database

from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.stock_check import read_stock
from pulsarack.queue import attempts, chips, evidence, orders, outcome, recovery, resolution, stock
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.chips import ChipState
from pulsarack.queue.errors import NotOpen
from pulsarack.queue.evidence import Evidence, EvidenceKind, VerdictKind
from pulsarack.queue.orders import Order
from pulsarack.queue.outcome import Decision
from pulsarack.queue.resolution import HistoryLine, StockReading
from pulsarack.queue.state import OrderState
from pulsarack.ussd.outcome import Reason

# No sooner than this after another query.
LEAST_SECONDS = 5.0


class FollowUp:
    """One undecided attempt of the chip at a desk."""

    def __init__(self, context: Context, desk: Desk, attempt: Attempt) -> None:
        self._context = context
        self._desk = desk
        self._attempt = attempt
        self._readings: list[StockReading] = []
        self._known_before = False
        self._began = context.clock.monotonic()
        self._told_admin = False

    async def run(self) -> None:
        """Return when the attempt is decided, by us or by anybody, or the port is gone."""
        if self._attempt.committed_at is None:
            # Left by a sale that broke off before its point of no return.
            await self._release()
            return
        order = await self._undecided_order()
        self._desk.doing = f"undecided: order {order.id}"
        while not self._left:
            await self._desk.read_texts()
            if not await self._is_open() or await self._decided(order):
                return
            await self._wait()

    async def _undecided_order(self) -> Order:
        """The order, moved to UNKNOWN if whoever was sending it broke off."""
        order = await self._context.store.read(lambda db: orders.get(db, self._attempt.order_id))
        if order.state != OrderState.SENDING:
            return order
        now_ms = self._context.clock.now_ms()
        await self._context.store.write(
            lambda db: outcome.suspend(
                db,
                self._attempt.id,
                reason=Reason.MODEM_LOST,
                why="sending broke off after the point of no return",
                now_ms=now_ms,
            )
        )
        return await self._context.announce(order.id)

    async def _decided(self, order: Order) -> bool:
        if await self._out_of_service():
            return False
        figure = await read_stock(self._desk)
        if await self._decided_by_text():
            return True
        if figure is None:
            return False
        verdict = await self._judge_stock(order, figure)
        if verdict is VerdictKind.DONE:
            why = f"the stock fell by exactly the cost, to {figure}"
            line = await self._listed(order)
            if await self._decided_by_text():
                return True
            number = line.serial_number if line else None
            return await self._decide(
                order, EvidenceKind.STOCK, done=True, why=why, figure=figure, number=number
            )
        if verdict is VerdictKind.NOT_DONE:
            listed = await self._listed(order)
            if await self._decided_by_text():
                return True
            if listed:
                return False  # the stock says no, the operator's list says yes: a person decides
            why = f"the stock stayed at {figure} on two readings after the settling time"
            return await self._decide(order, EvidenceKind.STOCK, done=False, why=why)
        # An unchanged stock waits for its second reading; the list speaks only where the
        # stock cannot.
        if not self._settled() or self._stock_unchanged():
            return False
        line = await self._listed(order)
        if line is None:
            return False
        why = f"the operator lists it as done, SN {line.serial_number}"
        return await self._decide(
            order, EvidenceKind.HISTORY, done=True, why=why, number=line.serial_number
        )

    async def _decided_by_text(self) -> bool:
        """Read what came while the operator was asked: a text outweighs what follows."""
        await self._desk.read_texts()
        return not await self._is_open()

    async def _judge_stock(self, order: Order, figure: int) -> VerdictKind:
        iccid, now_ms = self._desk.iccid, self._context.clock.now_ms()

        def job(db: Database) -> tuple[int, Attempt]:
            stock.note_reading(db, iccid, figure, "query", now_ms=now_ms)
            return stock.posted(db, iccid), attempts.get(db, self._attempt.id)

        # The attempt is read anew: a contradiction may have taken its known stock away.
        ledger, self._attempt = await self._context.store.write(job)
        self._known_before = self._attempt.stock_before is not None
        # By the monotonic clock: a step of the wall clock must not shorten the settling time.
        at = round((self._context.clock.monotonic() - self._began) * MS)
        self._readings.append(StockReading(at, figure, ledger))
        return resolution.judge_stock(
            self._readings,
            cost=order.cost,
            began_at=0,
            settling_ms=self._settling_ms,
            known_before=self._known_before,
        )

    def _stock_unchanged(self) -> bool:
        last = self._readings[-1]
        return self._known_before and last.stock == last.ledger

    async def _listed(self, order: Order) -> HistoryLine | None:
        """The line of the operator's last transactions that can only be this attempt."""
        script = self._desk.recipe.history
        known, unnamed = await self._context.store.read(
            lambda db: (
                evidence.serial_numbers(db, order.operator, order.destination),
                evidence.unnamed_success(db, order.operator, order.destination, order.denomination),
            )
        )
        if script is None or unnamed:
            return None
        reply = (await self._desk.ask(script)).outcome.reply
        if reply is None:
            return None
        return resolution.judge_history(
            [
                HistoryLine(line.destination, line.amount, line.succeeded, line.serial_number)
                for line in reply.entries
            ],
            destination=order.destination,
            amount=order.denomination * 1000,
            known_serial_numbers=known,
        )

    async def _decide(
        self,
        order: Order,
        kind: EvidenceKind,
        *,
        done: bool,
        why: str,
        figure: int | None = None,
        number: str | None = None,
    ) -> bool:
        verdict = VerdictKind.DONE if done else VerdictKind.NOT_DONE
        decision = Decision(
            done=done,
            reason=None if done else Reason.PROVED_NOT_DONE,
            why=why,
            evidence=Evidence(kind, verdict, why),
            serial_number=number,
            stock_after=figure,
        )
        now_ms, ends = self._context.clock.now_ms(), self._context.day_ends_at()

        def job(db: Database) -> None:
            outcome.decide(db, self._attempt.id, decision, now_ms=now_ms, day_ends_at=ends)
            if done:
                stock.after_sale(db, self._desk.iccid, figure, now_ms=now_ms)

        try:
            await self._context.store.write(job)
        except NotOpen:
            return True  # an admin was quicker
        await self._context.announce(order.id)
        return True

    async def _out_of_service(self) -> bool:
        """Whether the operator refuses this chip itself: asking again would bar it."""
        chip = await self._context.store.read(lambda db: chips.find(db, self._desk.iccid))
        return chip is not None and chip.state == ChipState.OUT

    async def _is_open(self) -> bool:
        attempt = await self._context.store.read(lambda db: attempts.get(db, self._attempt.id))
        return attempt.closed_at is None

    async def _release(self) -> None:
        now_ms, ends = self._context.clock.now_ms(), self._context.day_ends_at()
        await self._context.store.write(
            lambda db: recovery.release(
                db, self._attempt.id, Reason.MODEM_LOST, now_ms=now_ms, day_ends_at=ends
            )
        )
        await self._context.announce(self._attempt.order_id)

    @property
    def _settling_ms(self) -> int:
        return round(self._desk.recipe.timing.settling_seconds * MS)

    @property
    def _left(self) -> bool:
        """Whether to leave it here: the chip is gone, or the daemon stops."""
        return self._desk.gone or self._desk.stopping

    def _settled(self) -> bool:
        """Whether the operator must have booked, counted from when we began to ask."""
        passed = self._context.clock.monotonic() - self._began
        return passed * MS >= self._settling_ms

    async def _wait(self) -> None:
        """Until the next reading is due: settling times first, then ever more rarely."""
        clock = self._context.clock
        settling = self._desk.recipe.timing.settling_seconds
        spent = clock.monotonic() - self._began
        config = self._context.config.resolution
        if not self._settled():
            seconds = settling - spent
        elif spent < config.give_up_after_seconds:
            seconds = max(settling, min(spent, config.check_every_seconds))
        else:
            self._tell_admin()
            seconds = config.give_up_after_seconds
        until = clock.monotonic() + max(LEAST_SECONDS, seconds)
        while not self._left and clock.monotonic() < until:
            await self._desk.wait_until(until)
            if self._desk.take_news():
                await self._desk.read_texts()
                if not await self._is_open():
                    return

    def _tell_admin(self) -> None:
        if not self._told_admin:
            self._told_admin = True
            self._context.log.error(
                "order.needs_decision",
                order=self._attempt.order_id,
                chip=self._desk.iccid,
                remedy=f"pulsarack order resolve {self._attempt.order_id} --delivered"
                " or --not-delivered, --because TEXT",
            )
