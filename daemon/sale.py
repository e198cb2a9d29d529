"""One sale: a claimed order's dialogue on its chip, and what became of it.

The order of events is the promise: the attempt is on disk before the first byte (the
claim), `committed_at` is on disk before the step that moves money (`_commit`; or with the
claim, if nothing lies between the two), what was said and heard is kept, and the outcome is
one transaction. Texts that come while the dialogue waits are acted upon by the inbox, which
may decide the attempt itself. If the chip may go on at once, the transaction that ends the
order claims the next one as well.

`_committed` is what this sale did, whatever is on disk: until `_commit` has let the step that
moves money go, nothing was sent, and that is proof enough that nothing happened.
"""

from collections.abc import Awaitable, Callable

from peewee import Database

from pulsarack.daemon import log as logging
from pulsarack.daemon.context import Context, Standing
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.errors import CardExchanged, HeldBack
from pulsarack.daemon.going_on import ClaimNext, End, Ended, Report
from pulsarack.daemon.recorder import AttemptRecorder
from pulsarack.daemon.script_runner import AlreadyDecided, Runner
from pulsarack.daemon.store_errors import NotStored
from pulsarack.daemon.store_retry import insist
from pulsarack.daemon.store_thread import T
from pulsarack.modems.errors import ModemError
from pulsarack.queue import attempts, chips, evidence, outcome, stock
from pulsarack.queue.claim import Claim
from pulsarack.queue.errors import NotOpen
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.orders import Order
from pulsarack.queue.outcome import Decision
from pulsarack.queue.state import OrderState
from pulsarack.ussd.dialogue import Dialogue, Finished, Outcome, TextIn, Values
from pulsarack.ussd.errors import DestinationUnfit, ValuesUnfit
from pulsarack.ussd.kinds import STATED_REASONS
from pulsarack.ussd.outcome import OutcomeKind, Reason
from pulsarack.ussd.reply import Reply

_BEARS = "the reply bears the serial number of order {}"


class _MayBeOld(Exception):
    """An answer may be the one to an earlier order; says why."""


class Sale:
    """Carries one claim out."""

    def __init__(
        self,
        context: Context,
        desk: Desk,
        claim: Claim,
        go_on: Callable[[bool], ClaimNext | None],
        *,
        follows: bool = False,
    ) -> None:
        """`go_on` is asked when the order ends, and told if the next one would be sent at once.

        `follows`: another one ended with this claim.
        """
        self._context = context
        self._desk = desk
        self._claim = claim
        self._go_on = go_on
        self._follows = follows
        self._recorder = AttemptRecorder(context, claim.attempt_id, desk.deliveries)
        self._waited = False  # for the modem, since the claim
        self._committed = False
        self._committed_at = 0.0
        self._heard_at = float("-inf")  # the last screen
        self._ended_by_text: Ended | None = None
        self._line_is_free = True  # for the next order, as soon as this one has ended

    async def run(self) -> Ended | None:
        """Sell, or find out why not; the attempt is decided or undecided when this returns.

        How it ended, if its attempt was decided and the chip may be known; None if that has
        to be looked up.
        """
        with logging.bound(order=self._claim.order.id, attempt=self._claim.number):
            try:
                return await self._run()
            finally:
                self._desk.committed = False

    async def _run(self) -> Ended | None:
        order = self._claim.order
        self._desk.doing = f"selling order {order.id}"
        self._context.tell_followers(order, self._claim.chip, state=OrderState.SENDING)
        try:
            await self._check_card()
            finished = await self._talk()
        except AlreadyDecided:
            await self._recorder.flush()
            return self._ended_by_text
        except ModemError as error:
            # The modem failed while a text was awaited: the order must not wait for its return.
            if self._ended_by_text is None:
                self._line_is_free = False
                await self._end(self._without_proof(Reason.MODEM_LOST, str(error)))
            raise
        except HeldBack as error:
            reason = Reason.DAEMON_STOPPED if self._desk.ending else Reason.MODEM_LOST
            finished = Finished(self._without_proof(reason, str(error)), True)
        except NotStored as error:
            # The point of no return could not be written down, so it was not passed.
            finished = Finished(self._without_proof(Reason.DAEMON_STOPPED, error.message), True)
        except DestinationUnfit as error:
            finished = Finished(self._without_proof(Reason.WRONG_NUMBER, str(error)), False)
        except ValuesUnfit as error:
            finished = Finished(self._without_proof(Reason.WRONG_CHIP_PIN, str(error)), False)
        self._line_is_free = not finished.cancel_session
        ended = await self._end(finished.outcome)
        if finished.cancel_session:
            await self._desk.modem.cancel_ussd()
        return ended

    async def _check_card(self) -> None:
        """Another card would sell, and this one's untouched stock "prove" it not done.

        The last look at the card (by which a report was believed, or with which the order before
        began), or the network's answer to the order before, stands for this order too, if it was
        just now and this order was claimed with the end of the one before: then nothing but our own
        commands was on the line, and it is no longer ago than the point of no return may be from a
        look of its own.
        """
        if not (self._follows and self._desk.card_was_seen()):
            self._waited = True
            await self._desk.check_card()

    async def _end(self, found: Outcome) -> Ended | None:
        try:
            ended = await self._apply(found)
        except NotOpen:
            self._context.log.info("order.decided_by_text")  # between the last screen and now
            await self._insist(self._recorder.flush)
            await self._context.announce(self._claim.order.id)
            return None
        known = found.kind in (OutcomeKind.DONE, OutcomeKind.NOT_DONE)
        self._note_answer(found.kind, found.reason, known=known and found.reply is not None)
        self._context.tell(ended.standing)
        return None if ended.standing.order.state == OrderState.UNKNOWN else ended

    def _note_answer(self, outcome: str, reason: Reason | None, *, known: bool = True) -> None:
        """Count the try; and if its answer is known, how long the operator took for it."""
        measures, operator = self._context.measures, self._desk.recipe.operator
        measures.attempts[(operator, outcome, reason or "")] += 1
        if known and self._committed:
            seconds = self._context.clock.monotonic() - self._committed_at
            measures.answer_seconds[operator].note(seconds)

    def _insist(self, write: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        desk = self._desk
        return insist(self._context.clock, write, lambda: desk.gone or desk.stopping)

    async def _conclude(self, job: Callable[[Database], Order]) -> Ended:
        """Write what was said and what follows from it, at once; how all stands then.

        The job returns the order as it leaves it.
        """

        async def write() -> Ended:
            end = self._ending(at_once=self._desk.sends_at_once())
            return await self._context.store.write(lambda db: end(db, job(db), True))

        ended = await self._insist(write)
        self._recorder.written()
        return ended

    def _ending(self, *, at_once: bool = False) -> End:
        """What is written with the end of the order, as things stand now.

        `at_once`: the next order would be sent as soon as this is on disk. Behind a text it is
        not: that is taken off the card first.
        """
        go_on = self._go_on(at_once) if self._line_is_free else None

        def end(db: Database, order: Order, alone: bool) -> Ended:
            self._recorder.write(db)
            standing = Standing(order, self._claim.tries)
            chip = chips.find(db, self._claim.chip) if alone else None
            if chip is None or go_on is None or order.state == OrderState.UNKNOWN:
                return Ended(standing, chip)
            return Ended(standing, chip, go_on(db, chip))

        return end

    def _note_end(self, ended: Ended) -> None:
        """A text ended it, and with that what was said is written."""
        self._ended_by_text = ended
        self._recorder.written()
        self._note_answer("BY_TEXT", None)

    def _without_proof(self, reason: Reason, why: str) -> Outcome:
        """Before the point of no return that is proof enough that nothing happened."""
        kind = OutcomeKind.UNDECIDED if self._committed else OutcomeKind.NOT_DONE
        return Outcome(kind, reason, None, why)

    async def _talk(self) -> Finished:
        order = self._claim.order
        values = Values(
            destination=order.destination,
            denomination=order.denomination,
            chip_pin=self._desk.chip_pin(),
            spent_serial_numbers=self._claim.spent_serial_numbers,
            reply_owed=self._claim.reply_owed,
        )
        runner = Runner(
            modem=self._desk.modem,
            clock=self._context.clock,
            recorder=self._recorder,
            before_commit=self._commit,
            wait_for_text=self._wait_for_text,
            mask=values.mask,
        )
        finished = await runner.run(Dialogue(self._desk.recipe, self._desk.recipe.top_up, values))
        self._heard_at = runner.heard_at
        return finished

    async def _commit(self) -> None:
        """Make sure that the point of no return is durable; raises if it may not be passed."""
        if self._desk.ending:
            raise HeldBack("the daemon ends; the order stays queued")
        if self._desk.held:
            raise HeldBack(self._desk.held)
        if not self._claim.committed:
            await self._mark_committed()
        elif self._waited:
            await self._look_again()
        self._committed = self._desk.committed = True
        self._committed_at = self._context.clock.monotonic()

    async def _mark_committed(self) -> None:
        attempt_id, now_ms = self._claim.attempt_id, self._context.clock.now_ms()
        try:
            await self._context.store.write_first(
                lambda db: attempts.mark_committed(db, attempt_id, now_ms=now_ms)
            )
        except NotOpen:
            raise AlreadyDecided from None

    async def _look_again(self) -> None:
        """The claim was the point of no return, but then there was time for a text to come."""
        attempt_id = self._claim.attempt_id
        if not await self._context.store.read(lambda db: attempts.may_still_leave(db, attempt_id)):
            raise HeldBack("a late text says that an earlier attempt was done")

    async def _wait_for_text(self, until: float) -> TextIn | None:
        claim = self._claim
        report = Report(claim.order.id, claim.attempt_id, self._ending, self._note_end)
        look = self._desk.text_may_lie_there()
        while True:
            arrivals = await self._desk.read_texts(report) if look else []
            if any(one.received.attempt_id == report.attempt_id for one in arrivals):
                raise AlreadyDecided
            look = True
            if not await self._desk.pause(until):
                return None

    async def _apply(self, found: Outcome) -> Ended:
        if self._desk.echoes(self._recorder.last_heard) and not _numbered(found):
            why = "the answer repeats the last one on this chip word for word"
            found = self._without_proof(Reason.FOREIGN_REPLY, why)
        unparsed = found.reason is Reason.UNPARSED_REPLY
        if unparsed or found.reply is not None:
            operator = self._desk.recipe.operator
            self._context.measures.reply(operator, "ussd", understood=not unparsed)
        if unparsed:
            self._context.log.warning(
                "reply.unparsed", order=self._claim.order.id, chip=self._claim.chip
            )
            await self._keep_unparsed()
        if found.kind is OutcomeKind.UNDECIDED or found.kind is OutcomeKind.IN_PROCESS:
            return await self._suspend(found)
        if found.kind is OutcomeKind.DONE:
            # On a screen: texts are acted upon by the inbox.
            self._desk.card_answered(self._heard_at, left_at=self._committed_at)
        return await self._decide(found, done=found.kind is OutcomeKind.DONE)

    async def _decide(self, found: Outcome, *, done: bool) -> Ended:
        reply = found.reply
        decision = Decision(
            done=done,
            reason=found.reason,
            why=found.why,
            evidence=Evidence(
                EvidenceKind.REPLY,
                VerdictKind.DONE if done else VerdictKind.NOT_DONE,
                self._recorder.last_heard or found.why,
                # Without a reply only what did not leave is known not to be done.
                rule=Rule.REPLY_IN_DIALOGUE if reply else Rule.NOT_SENT,
                matched=_fields(reply) if reply else (),
            ),
            serial_number=reply.serial_number if reply else None,
            stock_after=reply.stock if reply else None,
            answered=reply is not None or (self._claim.committed and not self._committed),
        )
        now_ms = self._context.clock.now_ms()
        ends = self._context.day_ends_at(now_ms)
        chip, attempt_id = self._claim.chip, self._claim.attempt_id

        def job(db: Database) -> Order:
            if why := self._may_be_old(db, decision, now_ms):
                raise _MayBeOld(why)
            order = outcome.decide(db, attempt_id, decision, now_ms=now_ms, day_ends_at=ends)
            if done:
                stock.after_sale(db, chip, decision.stock_after, now_ms=now_ms)
            return order

        try:
            return await self._conclude(job)
        except _MayBeOld as doubt:
            undecided = OutcomeKind.UNDECIDED
            return await self._suspend(Outcome(undecided, Reason.FOREIGN_REPLY, reply, str(doubt)))

    def _may_be_old(self, db: Database, decision: Decision, now_ms: int) -> str | None:
        """Why an answer may be the one to an earlier order."""
        order, number = self._claim.order, decision.serial_number
        if not decision.done:
            if number is None or not self._committed:  # what was not sent is not done
                return None
            known = evidence.serial_number_known(db, order.operator, number)
            return None if known is None else _BEARS.format(known)
        doubts = evidence.doubts(
            db,
            self._claim.chip,
            order.operator,
            order.destination,
            order.denomination,
            serial_number=number,
            now_ms=now_ms,
            late_ms=self._desk.late_ms,
        )
        if doubts.numbered is not None:
            return _BEARS.format(doubts.numbered)
        if doubts.owed:
            return "it may be the late answer to the equal order before, proved by its stock"
        return None

    async def _suspend(self, found: Outcome) -> Ended:
        same_card = await self._same_card()
        now_ms = self._context.clock.now_ms()
        reason = found.reason or Reason.NO_REPLY

        def job(db: Database) -> Order:
            attempt_id = self._claim.attempt_id
            order = outcome.suspend(db, attempt_id, reason=reason, why=found.why, now_ms=now_ms)
            if not same_card:
                attempts.forget_stock_before(db, self._claim.chip)
            return order

        return await self._conclude(job)

    async def _same_card(self) -> bool:
        """Whether the card that was worked is still in; if not, its stock proves nothing."""
        try:
            await self._desk.check_card()
        except CardExchanged:
            return False
        except ModemError:
            return True
        return True

    async def _keep_unparsed(self) -> None:
        heard = self._recorder.last_heard
        if heard:
            keep = self._desk.keep_unparsed
            await self._insist(lambda: keep(heard, self._claim.attempt_id))


def _numbered(found: Outcome) -> bool:
    """Whether a copy of the answer would be known by its serial number, or proves nothing."""
    if found.kind is OutcomeKind.DONE:
        return found.reply is not None and found.reply.serial_number is not None
    return found.reason not in STATED_REASONS


def _fields(reply: Reply) -> tuple[str, ...]:
    """What of the order an answer names; none of it disagreed, or it would decide nothing."""
    named = ("destination", "amount", "serial_number")
    return tuple(name for name in named if getattr(reply, name) is not None)
