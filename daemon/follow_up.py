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
from pulsarack.queue import (
    attempts,
    chips,
    evidence,
    orders,
    outcome,
    recovery,
    resolution,
    reversal,
    stock,
)
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.chips import ChipState
from pulsarack.queue.errors import NotOpen
from pulsarack.queue.evidence import (
    Evidence,
    EvidenceKind,
    QueryKind,
    Rule,
    StockFigures,
    VerdictKind,
)
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
        self._rule = Rule.STOCK_UNCHANGED_SO_FAR  # by which the last reading was judged
        self._began = context.clock.monotonic()
        self._told_admin = False
        self._asked_history = False

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
        """Read the stock and follow what it says; whether the attempt is decided now."""
        if await self._out_of_service():
            return False
        figure = await read_stock(self._desk)
        heard = self._desk.answer
        if await self._decided_by_text():
            return True
        if figure is None:
            return False
        match await self._judge_stock(order, figure, heard):
            case VerdictKind.DONE:
                return await self._decided_by_fall(order, figure, heard)
            case VerdictKind.NOT_DONE:
                return await self._decided_by_unchanged(order, figure, heard)
            case VerdictKind.NONE:
                return await self._decided_by_list(order)

    async def _decided_by_fall(self, order: Order, figure: int, heard: str) -> bool:
        """The stock fell by the cost; the list is only asked for the serial number."""
        line = await self._listed(order)
        if await self._decided_by_text():
            return True
        why = f"the stock fell by exactly the cost, to {figure}"
        proof = self._stock_proof(order, VerdictKind.DONE, why, heard)
        number = line.serial_number if line else None
        return await self._decide(order, proof, figure=figure, number=number)

    async def _decided_by_unchanged(self, order: Order, figure: int, heard: str) -> bool:
        """The stock stayed: not done, unless the operator's list says otherwise."""
        listed = await self._listed(order)
        if await self._decided_by_text():
            return True
        if listed:
            # The stock says no, the operator's list says yes: a person decides.
            why = f"the stock stayed at {figure}, but it is listed, SN {listed.serial_number}"
            await self._note(self._history_finding(Rule.HISTORY_AGAINST_STOCK, why))
            return False
        why = f"the stock stayed at {figure} on two readings after the settling time"
        proof = self._stock_proof(order, VerdictKind.NOT_DONE, why, heard)
        return await self._decide(order, proof)

    async def _decided_by_list(self, order: Order) -> bool:
        """The operator's list speaks only where the stock cannot."""
        # The operator has not had its time, or an unchanged stock waits for its second reading.
        if not self._settled() or self._rule is Rule.STOCK_UNCHANGED_SO_FAR:
            return False
        line = await self._listed(order)
        if await self._decided_by_text():
            return True
        if line is None:
            if self._asked_history:
                why = "the operator's newest line is not surely this order"
                await self._note(self._history_finding(Rule.HISTORY_SAYS_NOTHING, why))
            return False
        why = f"the operator lists it as done, SN {line.serial_number}"
        proof = self._history_finding(Rule.NEWEST_HISTORY_LINE, why)
        return await self._decide(order, proof, number=line.serial_number)

    async def _decided_by_text(self) -> bool:
        """Read what came while the operator was asked: a text outweighs what follows."""
        await self._desk.read_texts()
        return not await self._is_open()

    async def _judge_stock(self, order: Order, figure: int, heard: str) -> VerdictKind:
        """Keep a reading and judge it with those before; one that proves nothing is kept, too."""
        iccid, now_ms = self._desk.iccid, self._context.clock.now_ms()
        # By the monotonic clock: a step of the wall clock must not shorten the settling time.
        at = round((self._context.clock.monotonic() - self._began) * MS)

        def job(db: Database) -> tuple[Attempt, StockReading, VerdictKind, Rule]:
            reading_id = stock.note_reading(db, iccid, figure, "query", now_ms=now_ms)
            reading = StockReading(at, figure, stock.posted(db, iccid), reading_id)
            # The attempt is read anew: a contradiction may have taken its known stock away.
            attempt = attempts.get(db, self._attempt.id)
            owed = reversal.may_come_back(db, iccid, order.cost, now_ms=now_ms)
            verdict = resolution.judge_stock(
                [*self._readings, reading],
                cost=order.cost,
                began_at=0,
                settling_ms=self._settling_ms,
                known_before=(known := attempt.stock_before is not None),
                may_come_back=owed,
            )
            rule = resolution.stock_rule(verdict, reading, known_before=known, may_come_back=owed)
            if verdict is VerdictKind.NONE:
                found = _stock_says_nothing(attempt, reading, heard, rule, owed=owed)
                evidence.record(db, attempt.id, found, now_ms=now_ms)
            return attempt, reading, verdict, rule

        self._attempt, reading, verdict, self._rule = await self._context.store.write(job)
        self._readings.append(reading)
        return verdict

    def _stock_proof(self, order: Order, verdict: VerdictKind, why: str, heard: str) -> Evidence:
        """What the readings proved, with the figures that did."""
        last = self._readings[-1]
        done = verdict is VerdictKind.DONE
        first = last if done else resolution.first_unchanged(self._readings, self._settling_ms)
        expected = last.ledger - order.cost if done else last.ledger
        before = self._attempt.stock_before
        return Evidence(
            EvidenceKind.STOCK,
            verdict,
            why,
            rule=self._rule,
            query=QueryKind.STOCK,
            answer=heard,
            figures=StockFigures(before, expected, None if done else first.id, last.id),
        )

    def _history_finding(self, rule: Rule, why: str) -> Evidence:
        proves = rule is Rule.NEWEST_HISTORY_LINE
        verdict = VerdictKind.DONE if proves else VerdictKind.NONE
        query, heard = QueryKind.HISTORY, self._desk.answer
        return Evidence(EvidenceKind.HISTORY, verdict, why, rule=rule, query=query, answer=heard)

    async def _note(self, found: Evidence) -> None:
        """Keep a finding that decides nothing."""
        now_ms = self._context.clock.now_ms()
        await self._context.store.write(
            lambda db: evidence.record(db, self._attempt.id, found, now_ms=now_ms)
        )

    async def _listed(self, order: Order) -> HistoryLine | None:
        """The line of the operator's last transactions that can only be this attempt."""
        script = self._desk.recipe.history
        self._asked_history = False
        known, unnamed = await self._context.store.read(
            lambda db: (
                evidence.serial_numbers(db, order.operator, order.destination),
                evidence.unnamed_success(db, order.operator, order.destination, order.denomination),
            )
        )
        if script is None or unnamed:
            return None
        self._asked_history = True
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
        proof: Evidence,
        *,
        figure: int | None = None,
        number: str | None = None,
    ) -> bool:
        done = proof.verdict is VerdictKind.DONE
        decision = Decision(
            done=done,
            reason=None if done else Reason.PROVED_NOT_DONE,
            why=proof.detail,
            evidence=proof,
            serial_number=number,
            stock_after=figure,
        )
        now_ms = self._context.clock.now_ms()
        ends = self._context.day_ends_at(now_ms)

        def job(db: Database) -> bool:
            if proof.kind is EvidenceKind.STOCK and self._unsure(db, order, proof, now_ms):
                return False
            outcome.decide(db, self._attempt.id, decision, now_ms=now_ms, day_ends_at=ends)
            if done:
                stock.after_sale(db, self._desk.iccid, figure, now_ms=now_ms)
            return True

        try:
            if not await self._context.store.write(job):
                return False
        except NotOpen:
            return True  # an admin was quicker
        await self._context.announce(order.id)
        return True

    def _unsure(self, db: Database, order: Order, proof: Evidence, now_ms: int) -> bool:
        """Whether since the readings something said that they do not prove it after all."""
        if attempts.get(db, self._attempt.id).stock_before is None:
            return True
        owed = reversal.may_come_back(db, self._desk.iccid, order.cost, now_ms=now_ms)
        return proof.verdict is VerdictKind.NOT_DONE and owed

    async def _out_of_service(self) -> bool:
        """Whether the operator refuses this chip itself: asking again would bar it."""
        chip = await self._context.store.read(lambda db: chips.find(db, self._desk.iccid))
        return chip is not None and chip.state == ChipState.OUT

    async def _is_open(self) -> bool:
        attempt = await self._context.store.read(lambda db: attempts.get(db, self._attempt.id))
        return attempt.closed_at is None

    async def _release(self) -> None:
        now_ms = self._context.clock.now_ms()
        ends = self._context.day_ends_at(now_ms)
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
            if not self._desk.letters_may_leave:
                await self._desk.wait_until(until)
            if self._desk.take_news() or self._desk.letters_may_leave:
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


def _stock_says_nothing(
    attempt: Attempt, reading: StockReading, heard: str, rule: Rule, *, owed: bool
) -> Evidence:
    untold = "; what a reversed order had cost may have come back" if owed else ""
    return Evidence(
        EvidenceKind.STOCK,
        VerdictKind.NONE,
        f"{reading.stock}, in the books {reading.ledger}{untold}",
        rule=rule,
        query=QueryKind.STOCK,
        answer=heard,
        figures=StockFigures(attempt.stock_before, None, None, reading.id),
    )
