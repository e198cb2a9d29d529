"""A chip's inbox: texts are read from the SIM, joined, acted on, and only then deleted.

Acting is one transaction (`queue/texts.py`); a crash before it leaves the text on the
SIM, a crash after it leaves a text that is recognised by its fingerprint. What it decided is
told before it is deleted: no agent waits for the SIM, which is slow. Only texts of senders
that the recipe names are read as the operator's. What agents write to a chip that takes orders
is handed on when the operator's texts are done with (`channels/sms/letters.py`); all else is
kept as unparsed, since nobody else has a say about money. A text of which a part never came,
or that is damaged, is kept as unparsed with what it lacks in front, whatever stands in it: half
a text proves nothing. Delivery reports are written down with the attempt or the text to a person
that asked for them, and prove nothing about an order either.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from peewee import Database

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.sms.letters import Letters, sent_at
from pulsarack.daemon.context import MS, Context, look_at
from pulsarack.daemon.deliveries import Deliveries, in_words
from pulsarack.daemon.errors import CardExchanged
from pulsarack.daemon.going_on import Ended, Report
from pulsarack.daemon.reading import read_text
from pulsarack.modems.driver import Driver
from pulsarack.modems.errors import ModemError, ModemRefused
from pulsarack.modems.results import DeliveryReport, IncomingSms
from pulsarack.modems.tpdu import DeliveryState
from pulsarack.queue import attempts, orders, texts
from pulsarack.queue.attempts import Exchange
from pulsarack.queue.post import sent_sms
from pulsarack.queue.texts import IncomingText, Meaning, ReadText, Received, TextKind, Window
from pulsarack.ussd.kinds import Channel
from pulsarack.ussd.parts import JoinedText, Joiner
from pulsarack.ussd.recipe import Recipe
from pulsarack.ussd.reply import Reply, classify

# How long a long SMS may wait for its last part (23.040 gives no limit; networks retry for days,
# but what is missing after this long is read as far as it came).
CONCATENATION_SECONDS = 60.0
DELIVERIES_MAX = 256
UNREADABLE_MAX = 64
# Texts that followers are not told of: what came of one is an event of its order.
_OF_ORDERS = frozenset({Meaning.PROOF, Meaning.REPEAT, Meaning.DETAIL, Meaning.SEEN_BEFORE})


@dataclass(frozen=True, slots=True)
class Arrival:
    """One text, what was done with it, and what ended by it if it decided an attempt.

    complete: all of it is there, as the modem has it.
    """

    sender: str
    text: str
    reply: Reply | None
    received: Received
    ended: Ended | None
    complete: bool = True


class Inbox:
    """The inbox of one chip while it is plugged in.

    `check_card` raises if another card is in the modem by now, and its texts with it.
    """

    def __init__(
        self,
        context: Context,
        modem: Driver,
        iccid: str,
        recipe: Recipe,
        check_card: Callable[[], Awaitable[None]],
        deliveries: Deliveries | None = None,
        *,
        receives: bool = False,
        come_back: Callable[[], None] = lambda: None,
    ) -> None:
        """`receives`: it takes agents' texts; `come_back`: when some of them may leave the SIM."""
        self._context = context
        self._modem = modem
        self._iccid = iccid
        self._recipe = recipe
        self._check_card = check_card
        self._joiner: Joiner[IncomingSms] = Joiner(recipe.parts)
        self._held: set[str] = set()  # fingerprints of parts that wait for others
        self._unreadable: list[tuple[int | None, str]] = []
        self._deliveries = deliveries or Deliveries()
        self._delivered: list[DeliveryReport] = []
        self._report: Report | None = None
        self._owed = False
        self._alone = False  # what was read is one text
        self._first_seen: dict[str, float] = {}  # of long SMS with parts missing
        self._letters = Letters(
            context.reception,
            iccid,
            recipe,
            receives=receives,
            delete=lambda message: self._delete((message,)),
            give_up=self._give_up,
            come_back=come_back,
        )

    async def read(self, report: Report | None = None, *, owed: bool = False) -> list[Arrival]:
        """Read all texts that are there, act on those that are whole, and delete them.

        `report`: that of an order is waited for; only then, and if no other answer is `owed`,
        a failure that names no number may be about that order.
        """
        self._report, self._owed = report, owed
        messages = await self._modem.read_sms()
        letters = self._letters.are_among(messages)
        # An agent's text has no say about what is open on the chip.
        self._alone = len(messages) - len(letters) == 1 and not self._unreadable
        stored_reports = any(report.index is not None for report in self._delivered)
        # A long SMS has another fingerprint with each part that comes.
        here = {message.fingerprint for message in messages}
        self._first_seen = {one: at for one, at in self._first_seen.items() if one in here}
        if messages or self._unreadable or stored_reports:
            await self._check(messages)
        arrivals = await self._read_each([one for one in messages if one not in letters])
        for late in self._joiner.overdue(self._context.clock.monotonic()):
            arrivals.append(await self._act(late))
        await self._clear_unreadable()
        await self._note_deliveries()
        if report is None or not any(one.ended for one in arrivals):
            await self._letters.look(letters, in_a_sale=report is not None)
        return arrivals

    async def _check(self, messages: Sequence[IncomingSms]) -> None:
        """Make sure that these are the card's; raises if another is in, or nobody knows.

        The modem is given up then, and with it what came directly: no card holds that. It is
        nobody's proof if the card was exchanged, and otherwise it is acted on at once.
        """
        direct = [message for message in messages if message.direct]
        try:
            await self._check_card()
        except CardExchanged:
            for message in direct:
                await self._keep_words(message)
            raise
        except ModemError:
            letters = self._letters.are_among(direct)
            await self._read_each([one for one in direct if one not in letters])
            for message in letters:
                self._letters.hand_in(message)
            for message in direct:
                if not message.complete:
                    await self._keep_words(message)
            raise

    async def _read_each(self, messages: Sequence[IncomingSms]) -> list[Arrival]:
        arrivals = []
        for message in messages:
            if message.fingerprint not in self._held and self._whole(message):
                arrivals += await self._take(message)
        return arrivals

    def unreadable(self, index: int | None, reason: str) -> None:
        """A message on the SIM cannot be read: the next reading takes it off."""
        # What is stored nowhere and comes by the thousand is told once a reading.
        many = len(self._unreadable) >= UNREADABLE_MAX or (None, reason) in self._unreadable
        if index is not None or not many:
            self._unreadable.append((index, reason))

    def delivered(self, report: DeliveryReport) -> None:
        """A delivery report came: the next reading writes it down, and takes it off the SIM."""
        known = {(one.index, one.pdu) for one in self._delivered}
        if (report.index, report.pdu) not in known and len(known) < DELIVERIES_MAX:
            self._delivered.append(report)

    async def _note_deliveries(self) -> None:
        while self._delivered:
            report = self._delivered[0]
            now_ms = self._context.clock.now_ms()
            attempt_id = self._deliveries.attempt_of(report)
            if attempt_id is not None:
                line = Exchange(now_ms, "in", "delivery", in_words(report), None)
                await self._context.store.write(partial(_keep_exchange, attempt_id, line))
            elif report.state in (DeliveryState.DELIVERED, DeliveryState.FAILED):
                await self._context.store.write(partial(_note_text, self._iccid, report, now_ms))
            if report.index is not None:
                await self._delete_indices([report.index])
            del self._delivered[0]

    async def _clear_unreadable(self) -> None:
        """A SIM full of what nobody can read takes no operator's text any more.

        The message itself is not kept: what cannot be read cannot be searched for a PIN.
        """
        for _ in range(len(self._unreadable)):  # not what comes meanwhile
            index, reason = self._unreadable.pop(0)
            await self._keep_unparsed("", f"(a message that cannot be read: {reason})")
            if index is not None:
                await self._delete_indices([index])

    async def _give_up(self, message: IncomingSms) -> None:
        """The front desk cannot take it, and the SIM needs the room; its words may hold a PIN."""
        said = "(an agent's text that could not be read for a fault of the daemon)"
        await self._keep_unparsed(message.sender, said)

    async def _keep_words(self, message: IncomingSms) -> None:
        await self._keep_unparsed(message.sender, logging.masked(self._letters.words(message)))

    async def _keep_unparsed(self, sender: str, text: str) -> None:
        now_ms = self._context.clock.now_ms()
        await self._context.store.write(
            lambda db: texts.keep_unparsed(db, self._iccid, "sms", sender, text, now_ms=now_ms)
        )

    def _whole(self, message: IncomingSms) -> bool:
        if message.complete:
            return True
        now = self._context.clock.monotonic()
        first = self._first_seen.setdefault(message.fingerprint, now)
        if now - first < CONCATENATION_SECONDS:
            return False
        del self._first_seen[message.fingerprint]
        return True

    async def _take(self, message: IncomingSms) -> list[Arrival]:
        if not message.complete or not self._recipe.believes(message.sender):
            words = self._letters.words(message)
            alone = JoinedText(message.sender, words, message.complete, (message,))
            return [await self._act(alone)]
        whole = self._joiner.add(
            message.text, message.sender, self._context.clock.monotonic(), message
        )
        if self._joiner.holds(message):
            self._held.add(message.fingerprint)
        elif not any(message in joined.sources for joined in whole):
            await self._delete((message,))  # a part that came twice
        return [await self._act(joined) for joined in whole]

    async def _act(self, joined: JoinedText[IncomingSms]) -> Arrival:
        complete = all(message.complete for message in joined.sources)
        believed = complete and self._recipe.believes(joined.sender)
        reply = classify(self._recipe, joined.text, Channel.SMS) if believed else None
        read = read_text(reply) if believed else ReadText(TextKind.UNPARSED)
        received, ended = await self._receive(joined, read)
        if believed:
            understood = read.kind is not TextKind.UNPARSED
            self._context.measures.reply(self._recipe.operator, "sms", understood=understood)
        if ended is not None:
            self._context.tell(ended.standing)
        # Its fingerprint makes reading it again harmless.
        await self._delete(joined.sources)
        self._log(joined, received)
        return Arrival(joined.sender, joined.text, reply, received, ended, complete)

    async def _receive(
        self, joined: JoinedText[IncomingSms], read: ReadText
    ) -> tuple[Received, Ended | None]:
        incoming = IncomingText(
            chip=self._iccid,
            fingerprint=_fingerprint(joined.sources),
            sender=joined.sender,
            # Operators quote what they were sent, PIN included.
            text=logging.masked(joined.text),
            sent_at=sent_at(joined.sources),
        )
        timing = self._recipe.timing
        now_ms = self._context.clock.now_ms()
        window = Window(
            late_ms=round((timing.reply_seconds + timing.late_reply_seconds) * MS),
            now_ms=now_ms,
            day_ends_at=self._context.day_ends_at(now_ms),
            awaited=self._report is not None and not self._owed,
        )
        operator, report, alone = self._recipe.operator, self._report, self._alone
        end = report.ending() if report else None

        def job(db: Database) -> tuple[Received, Ended | None]:
            received = texts.receive(db, incoming, read, operator, window)
            if received.meaning is not Meaning.PROOF or received.attempt_id is None:
                return received, None
            if report and end and received.attempt_id == report.attempt_id:
                return received, end(db, orders.get(db, report.order_id), alone)
            attempt = attempts.get(db, received.attempt_id)
            return received, Ended(look_at(db, attempt.order_id))

        received, ended = await self._context.store.write(job)
        if report and ended and received.attempt_id == report.attempt_id:
            report.note(ended)
        return received, ended

    async def _delete(self, messages: tuple[IncomingSms, ...]) -> bool:
        indices = [index for one in messages for index in one.indices]
        direct = [pdu for one in messages for pdu in one.direct]
        deleted = await self._delete_indices(indices, direct)
        if deleted:
            self._held.difference_update(one.fingerprint for one in messages)
        return deleted

    async def _delete_indices(self, indices: list[int], direct: Sequence[str] = ()) -> bool:
        """Delete messages from the SIM; False if the modem would not."""
        try:
            await self._modem.delete_sms(indices, direct)
        except ModemRefused as error:
            self._context.log.warning("sms.not_deleted", chip=self._iccid, why=str(error))
            return False
        return True

    def _log(self, joined: JoinedText[IncomingSms], received: Received) -> None:
        if received.meaning not in _OF_ORDERS:
            self._context.events.publish(
                "sms",
                iccid=self._iccid,
                operator=self._recipe.operator,
                meaning=received.meaning.value,
                sender=joined.sender,
            )
        log = self._context.log.bind(chip=self._iccid, sender=joined.sender)
        if any(message.flash for message in joined.sources):
            log = log.bind(flash=True)  # a telephone would only have shown it
        if received.meaning is Meaning.CONTRADICTION:
            log.error("sms.contradiction", attempt=received.attempt_id, text=joined.text)
        elif received.meaning in (Meaning.UNPARSED, Meaning.AMBIGUOUS, Meaning.FOREIGN):
            log.warning("sms.not_used", meaning=received.meaning.value, text=joined.text)
        else:
            log.debug("sms.received", meaning=received.meaning.value)


def _keep_exchange(attempt_id: int, line: Exchange, db: Database) -> None:
    attempts.record_exchange(db, attempt_id, line)


def _note_text(iccid: str, report: DeliveryReport, now_ms: int, db: Database) -> None:
    """A report about what was sent to a person, or to nobody we know of."""
    sent_sms.report(
        db,
        iccid,
        report.reference,
        report.recipient,
        delivered=report.state is DeliveryState.DELIVERED,
        why=f"it did not arrive: {in_words(report)}",
        now_ms=now_ms,
    )


def _fingerprint(messages: tuple[IncomingSms, ...]) -> str:
    if len(messages) == 1:
        return messages[0].fingerprint
    whole = "".join(sorted(one.fingerprint for one in messages))
    return hashlib.sha256(whole.encode()).hexdigest()
