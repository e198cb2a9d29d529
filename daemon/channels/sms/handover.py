"""One text to a person, on one chip, when its turn has come.

Before the first byte can leave, its parts are counted in the database; what provably stayed is
taken back. The transaction that writes down that one has left counts the next one of the chip, too,
unless an order goes before it. The card is looked at first, or was seen just now
(`Desk.card_was_seen`): the text would leave from another chip, and at its cost. An operator may say
in a text of its own that the chip cannot pay for it, so from then on an answer is owed there: a
failure that names no number is nobody's proof for a while.
"""

from collections.abc import Callable
from typing import NamedTuple

from peewee import Database

from pulsarack.daemon.channels.carrier import BeginNext, Parcel
from pulsarack.daemon.context import Context
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.errors import DaemonError, HeldBack
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.store_thread import Job
from pulsarack.modems.driver import Driver
from pulsarack.modems.results import Gone, Refused, Silence, SmsResult, SmsSent
from pulsarack.modems.sms import ORDER_VALID_HOURS
from pulsarack.queue import chips, orders
from pulsarack.queue.chips import Chip
from pulsarack.queue.post import outgoing, sent_sms
from pulsarack.queue.post.outgoing import Kind, State

Counted = Callable[[Database], tuple[int, ...] | None]
"""Counts the parts of a text; their rows, None if the chip's day is full."""
# For the network's acknowledgement of one part (24.011 10: 35 to 45 seconds, and the modem's own).
PART_SECONDS = 60.0


class DayFull(DaemonError):
    """The chip has sent as much as it may in a day; nothing has left."""

    def __init__(self) -> None:
        super().__init__("the chip has sent as many texts as it may today", "see [sms] per_day")


class Handed(NamedTuple):
    """What the modem said; `provider_id` is there if the network took it.

    `written`: that it has left is in the database. `chip`: how it stands then, unless an order
    waits that may be for it. `begun`: the text that was begun with its end.
    """

    result: SmsResult
    provider_id: str | None = None
    written: bool = False
    chip: Chip | None = None
    begun: Parcel | None = None


class _Noted(NamedTuple):
    begun: Parcel | None = None
    chip: Chip | None = None
    counted: tuple[int, ...] | None = None


class Handover:
    """Carries one text to the network, when it is called."""

    def __init__(
        self, context: Context, desk: Desk, parcel: Parcel, parts: int, begin_next: BeginNext
    ) -> None:
        """`begin_next`: what begins the next text of any chip with the end of this one."""
        self._context = context
        self._desk = desk
        self._parcel = parcel
        self._parts = parts
        self._begin_next = begin_next
        self._rows: tuple[int, ...] = ()  # its parts, counted and not taken back
        self._given_up = False
        self.may_have_left = False

    async def __call__(self, modem: Driver) -> Handed:
        """Send it; raises ModemError, HeldBack, DayFull or StoreError: see `may_have_left`."""
        if not self._desk.card_was_seen():
            await self._desk.check_card()
        settings = self._context.config.sms
        kept = self._parcel.kind != Kind.ANSWER
        result = await modem.send_sms(
            self._parcel.address,
            self._parcel.text,
            PART_SECONDS,
            self._let_go,
            delivery_report=settings.delivery_reports,
            valid_hours=settings.valid_hours if kept else ORDER_VALID_HOURS,
        )
        match result:
            case SmsSent(reference=first, more=more):
                return await self._note_left(result, (first, *more))
            case Refused(left=left) | Silence(left=left) | Gone(left=left):
                if left:
                    self._desk.owe_answer()
                else:
                    await self._note_stayed()
                return Handed(result)

    async def give_up(self) -> None:
        """It is not sent from here, and nothing has left: whoever counted it takes it back."""
        self._given_up = True
        await self._note_stayed()

    async def _let_go(self) -> None:
        """The last moment before it leaves."""
        if self._desk.held:
            raise HeldBack(self._desk.held)
        if not self._rows:
            rows = await self._context.store.write(self._count())
            if rows is None:
                raise DayFull
            self._rows = rows
        self.may_have_left = True

    def _count(self) -> Counted:
        now_ms = self._context.clock.now_ms()
        day = self._context.day_started_at(now_ms)
        iccid, parcel, per_day = self._desk.iccid, self._parcel, self._context.config.sms.per_day
        return lambda db: sent_sms.begin(
            db,
            iccid,
            parcel.id,
            parcel.address,
            self._parts,
            day_started_at=day,
            per_day=per_day,
            now_ms=now_ms,
        )

    async def _was_counted(self, rows: tuple[int, ...]) -> None:
        """By the one before it; whoever waited for its turn may have left meanwhile."""
        self._rows = rows
        if self._given_up:
            await self._note_stayed()

    async def _note_left(self, sent: SmsSent, references: tuple[int, ...]) -> Handed:
        self._desk.owe_answer()
        for reference in references:
            self._desk.deliveries.given_to_text(reference)
        rows = self._rows
        shown = ",".join(str(one) for one in references)
        iccid = self._desk.iccid
        provider_id = f"{iccid}:{shown}:{rows[0]}"
        now_ms, text = self._context.clock.now_ms(), self._parcel.id
        result = self._parcel.kind == Kind.RESULT
        operator, following = self._desk.recipe.operator, self._following()
        begin = self._begin_next(text, iccid)
        count = following._count() if following is not None else None

        def note(db: Database) -> _Noted:
            sent_sms.left(db, rows, references, provider_id)
            outgoing.arrived(db, text, State.SENT, provider_id, result=result, now_ms=now_ms)
            return _Noted()

        def note_and_go_on(db: Database) -> _Noted:
            note(db)
            begun = begin(db) if begin is not None else None
            if orders.any_queued(db, operator):
                return _Noted(begun)
            counted = count(db) if count is not None else None
            return _Noted(begun, chips.find(db, iccid), counted)

        try:
            noted = await self._noted(note_and_go_on, note)
        except StoreError as error:
            # It is counted all the same; only its report will find nobody.
            self._context.log.error("store.failed", why=str(error))
            return Handed(sent, provider_id)
        if following is not None and noted.counted is not None:
            await following._was_counted(noted.counted)
        return Handed(sent, provider_id, written=True, chip=noted.chip, begun=noted.begun)

    async def _noted(self, whole: Job[_Noted], least: Job[_Noted]) -> _Noted:
        """By the one job, or if a fault of ours has undone it, by the other: this text has left,
        whatever is wrong with the next one, and must not leave again."""
        store = self._context.store
        try:
            return await store.write(whole)
        except StoreError:
            raise
        except Exception:
            text = self._parcel.id
            self._context.log.exception("channel.fault", parcel=text)
            return await store.write(least)

    def _following(self) -> "Handover | None":
        """The one that leaves next from this chip, if it is to be counted still."""
        found = self._desk.parcels.next
        return found if isinstance(found, Handover) and not found._rows else None

    async def _note_stayed(self) -> None:
        rows, self._rows = self._rows, ()
        if not rows:
            return
        try:
            await self._context.store.write(lambda db: sent_sms.stayed(db, rows))
        except StoreError as error:
            self._context.log.error("store.failed", why=str(error))
