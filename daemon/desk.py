"""A chip's desk: what everyone who works on the chip shares while it is plugged in.

The modem, the recipe, the inbox, what the chip is doing (shown to people), and the
bell. It rings for two reasons that are kept apart: a text came, which is seen to by the
next reading of the card, whoever reads it; or somebody decided something, which only who
looks at it takes note of.
"""

from collections import deque
from collections.abc import Awaitable, Callable

from pulsarack.daemon import log as logging
from pulsarack.daemon.bell import Bell
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.deliveries import Deliveries
from pulsarack.daemon.errands import Errands
from pulsarack.daemon.errors import CardExchanged
from pulsarack.daemon.going_on import Report
from pulsarack.daemon.inbox import Arrival, Inbox
from pulsarack.daemon.script_runner import AlreadyDecided, Runner
from pulsarack.modems.driver import Driver
from pulsarack.modems.results import SmsSent
from pulsarack.queue import texts
from pulsarack.ussd.dialogue import Dialogue, Finished, TextIn
from pulsarack.ussd.recipe import Recipe
from pulsarack.ussd.script import Script
from pulsarack.ussd.status import UssdStatus
from pulsarack.ussd.values import Values

# How often the SIM is looked at while a text is awaited, for modems that announce nothing.
POLL_SECONDS = 5.0
# How long agents' texts that may leave the SIM lie there at most while the chip stands idle.
LETTERS_SECONDS = 1.0
# How long after an answer its second copy may still come.
ECHO_SECONDS = 15.0
# No hand exchanges a card, and no modem starts another one, in so short a time.
CARD_STAYS_SECONDS = 1.0
# For longer no answer of the network replaces a look at the card. A phone in a call looks as often
# whether its card is there (3GPP TS 11.11, 11.2.8).
CARD_LOOK_SECONDS = 30.0
# An answer that was read later than so after its order left may have lain there, unread, while the
# daemon stood still and another card came and logged on, which takes as long.
CARD_ANSWERS_SECONDS = 5.0


class Desk:
    """One chip in one modem, from its arrival to its departure."""

    def __init__(
        self,
        context: Context,
        modem: Driver,
        *,
        iccid: str,
        slot: str,
        modem_id: str,
        recipe: Recipe,
        receives: bool = False,
        answers: bool = False,
    ) -> None:
        """`receives`, `answers`: whether agents write to this chip, and are told from it."""
        self.context = context
        self.modem = modem
        self.iccid = iccid
        self.slot = slot
        self.modem_id = modem_id
        self.recipe = recipe
        late = recipe.timing.reply_seconds + recipe.timing.late_reply_seconds
        self.late_ms = round(late * MS)  # how late an answer may come
        self.deliveries = Deliveries()
        self.answers = answers
        self.inbox = Inbox(
            context,
            modem,
            iccid,
            recipe,
            self.check_card,
            self.deliveries,
            receives=receives,
            come_back=self.texts_may_leave,
        )
        self.news = Bell(context.clock)
        self.errands = Errands(context.clock, modem, self.news.wake)
        self.parcels = Errands(context.clock, modem, self.news.wake)  # texts to people
        self.no_parcels = ""  # why none may be sent from here now
        self.texts_due_at = 0.0  # when the SIM is looked at next, should nothing announce a text
        self._text_came = False  # since the SIM was looked at
        self.letters_may_leave = False  # likewise: agents' texts that the front desk has now
        self._announces = False  # this modem has announced a text
        self._card_seen_at = self._card_looked_at = float("-inf")
        self.when_idle: Callable[[], Awaitable[None]] | None = None  # between looks at the SIM
        self.gone = False
        self.stopping = False
        self.ending = False  # the whole daemon ends: no point of no return is passed any more
        self.committed = False  # one was, and the operator's answer is still to come
        self.held = ""  # why nothing may be sold here: another slot shows the same card or modem
        self._doing = "starting"
        # What an earlier daemon asked by SMS may still be answered.
        self._answer_owed_until = self._late()
        self._unread: deque[Arrival] = deque()
        self._last_screen = ("", float("-inf"))
        self.answer = ""  # the operator's last words to a query, secrets masked

    @property
    def doing(self) -> str:
        """What the chip is doing, in words."""
        return self._doing

    @doing.setter
    def doing(self, what: str) -> None:
        if what != self._doing:
            self._doing = what
            self.tell(what)

    def tell(self, what: str) -> None:
        """The event of the chip: what it is doing."""
        self.context.events.publish(
            "chip", iccid=self.iccid, operator=self.recipe.operator, slot=self.slot, doing=what
        )

    def lose(self) -> None:
        """The port is gone; whoever waits here wakes."""
        self.gone = True
        self.news.ring()

    def owe_answer(self) -> None:
        """Something was asked that the operator may answer late, while an order waits for its
        own answer."""
        self._answer_owed_until = self._late()

    @property
    def answer_owed(self) -> bool:
        """Whether such an answer may still come."""
        return self.context.clock.monotonic() < self._answer_owed_until

    def text_came(self) -> None:
        """A text is there; whoever waits here wakes."""
        self._text_came = self._announces = True
        self.news.wake()

    def texts_may_leave(self) -> None:
        """Agents' texts may be taken off the SIM: look again, when an order has had its turn."""
        self.letters_may_leave = True
        at = self.context.clock.monotonic() + LETTERS_SECONDS
        if at < self.texts_due_at:
            self.texts_due_at = at
            self.news.wake()

    def refuse_parcels(self, why: str) -> None:
        """Send no texts to people until further notice (an empty text); who waits is told."""
        self.no_parcels = why
        if why:
            self.parcels.turn_away(why)

    @property
    def has_news(self) -> bool:
        """Whether there is something to see to."""
        return self._text_came or self.news.rang

    def take_news(self) -> bool:
        """Whether there was something to see to since the last look; read the texts then."""
        return (self.news.take() or self._text_came) and not self.gone

    async def wait(self, seconds: float) -> bool:
        """Wait for the bell, at most so long; True if it rang. The bell keeps ringing."""
        return await self.wait_until(self.context.clock.monotonic() + seconds)

    async def wait_until(self, until: float) -> bool:
        """Wait for the bell, at most until a monotonic instant; True if it rang."""
        if not self._text_came:
            await self.news.wait_until(until)
        return self.has_news

    async def begin(self) -> None:
        """Look what lies on the SIM, and hear what becomes of the texts that were sent."""
        if self.answers and self.context.config.sms.delivery_reports:
            await self.modem.ask_for_reports()
        await self.read_texts()

    def texts_are_due(self) -> bool:
        """Whether the SIM was not looked at for long: not every modem announces its texts."""
        return self.context.clock.monotonic() >= self.texts_due_at

    async def read_texts(self, report: Report | None = None) -> list[Arrival]:
        """Read the inbox and tell what was decided by it.

        `report`: that of an order, which is waited for.
        """
        # A modem announces a text when it lies on the card, so this reading finds what was
        # announced before it; what is announced from now on is another reading's.
        self._text_came = self.letters_may_leave = False
        poll = self.context.config.chips.poll_sms_seconds
        self.texts_due_at = self.context.clock.monotonic() + poll
        return await self.inbox.read(report, owed=self.answer_owed)

    def text_may_lie_there(self) -> bool:
        """Whether the SIM is worth a look at once, not only when `pause` is over.

        Not on a modem that announces its texts and has announced none since the last look.
        """
        return self._text_came or not self._announces

    async def wait_for_text(self, until: float) -> TextIn | None:
        """The next text of the operator, acted upon already; None if none came in time."""
        look = self.text_may_lie_there()
        while not self._unread:
            if look:
                self._unread.extend(one for one in await self.read_texts() if one.complete)
            if self._unread:
                break
            if not await self.pause(until):
                return None
            look = True
        arrival = self._unread.popleft()
        self.answer = logging.masked(arrival.text)
        return TextIn(arrival.sender, arrival.text)

    async def pause(self, until: float) -> bool:
        """Wait for news, or for the time to look at the SIM again; False when time is up."""
        now = self.context.clock.monotonic()
        if now >= until or self.gone:
            return False
        await self.wait_until(min(until, now + POLL_SECONDS))
        self.take_news()
        return not self.gone

    async def check_card(self) -> None:
        """Make sure that the card is still the one; raises CardExchanged.

        Not every modem says when its card is taken out, and another card's stock and texts
        must not decide this one's orders, nor enter its books.
        """
        found = await self.modem.read_iccid()
        if found != self.iccid:
            raise CardExchanged(self.iccid, found)
        self._card_seen_at = self._card_looked_at = self.context.clock.monotonic()

    def card_answered(self, at: float, *, left_at: float) -> None:
        """The network answered, in its session, an order that left after the card was seen.

        So it was the card still: a session is of the subscriber who is logged on and ends with that
        (3GPP TS 24.090, 24.008), and another card logs on first, which takes seconds. `left_at`,
        `at`: when the order left and when the answer was read. A modem that then owes the OK of its
        command for seconds may have begun anew meanwhile.
        """
        looked_at = self._card_looked_at
        if at - left_at < CARD_ANSWERS_SECONDS and at - looked_at < CARD_LOOK_SECONDS:
            self._card_seen_at = max(self._card_seen_at, at)

    def sends_at_once(self) -> bool:
        """Whether an order that is claimed now is sent as it is, without another look at anything.

        So it is if the first thing said moves the money, the card was seen just now, and nothing
        is known that would hold it back.
        """
        may_go = not (self.ending or self.held)
        return may_go and self.recipe.top_up.commits_at_once and self.card_was_seen()

    def card_was_seen(self) -> bool:
        """Whether the card was found to be the one, or was answered as the one, just now."""
        return self.context.clock.monotonic() - self._card_seen_at < CARD_STAYS_SECONDS

    async def ask(self, script: Script) -> Finished:
        """Run a script that moves no money: a stock or history query."""
        values = Values(chip_pin=self.chip_pin())
        self.answer = ""
        self._unread.clear()
        runner = Runner(
            modem=self.modem,
            clock=self.context.clock,
            recorder=_Listener(self),
            before_commit=_never,
            wait_for_text=self.wait_for_text,
            mask=values.mask,
        )
        finished = await runner.run(Dialogue(self.recipe, script, values))
        if finished.outcome.reply is None:
            self.owe_answer()
        if finished.cancel_session:
            await self.modem.cancel_ussd()
        return finished

    def chip_pin(self) -> str | None:
        """This chip's PIN, for the values of a script and nothing else."""
        pin = self.context.secrets.chip_pin(self.iccid)
        return pin.reveal() if pin else None

    def _late(self) -> float:
        """Until when an answer that did not come may still come."""
        return self.context.clock.monotonic() + self.late_ms / MS

    def echoes(self, screen: str) -> bool:
        """Whether a final screen repeats the one before it, word for word and at once.

        Networks send an answer twice now and then, and the second copy may come when the
        next order has been sent. Remembers the screen for the next question.
        """
        now = self.context.clock.monotonic()
        before, at = self._last_screen
        self._last_screen = (screen, now)
        return bool(screen) and screen == before and now - at < ECHO_SECONDS

    async def keep_unparsed(self, text: str, attempt_id: int | None) -> None:
        """Put a USSD answer that nobody understood into the inbox of the unparsed."""
        now_ms = self.context.clock.now_ms()
        await self.context.store.write(
            lambda db: texts.keep_unparsed(
                db,
                self.iccid,
                "ussd",
                "",
                Values(chip_pin=self.chip_pin()).mask(text),
                attempt_id=attempt_id,
                now_ms=now_ms,
            )
        )


class _Listener:
    """Keeps the last answer only: for queries that belong to no order."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def said(self, kind: str, text: str) -> None:
        """Nothing."""

    def heard(self, kind: str, text: str, status: UssdStatus | None) -> None:
        """What the operator said last."""
        if kind != "nothing":
            self._desk.answer = logging.masked(text)

    def sent(self, message: SmsSent) -> None:
        """Nothing: no order asks."""


async def _never() -> None:
    raise AlreadyDecided("a query reached a point of no return: its recipe is wrong")
