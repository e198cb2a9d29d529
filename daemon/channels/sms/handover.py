"""One text to a person, on one chip, when its turn has come.

Before the first byte can leave, its parts are counted in the database; what provably stayed is
taken back. The card is looked at first: the text would leave from another chip, and at its cost.
An operator may say in a text of its own that the chip cannot pay for it, so from then on an
answer is owed there: a failure that names no number is nobody's proof for a while.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.daemon.channels.carrier import Parcel
from pulsarack.daemon.context import Context
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.errors import DaemonError, HeldBack
from pulsarack.daemon.store_errors import StoreError
from pulsarack.modems.driver import Driver
from pulsarack.modems.results import Gone, Refused, Silence, SmsResult, SmsSent
from pulsarack.modems.sms import ORDER_VALID_HOURS
from pulsarack.queue.post import outgoing, sent_sms
from pulsarack.queue.post.outgoing import Kind, State

# For the network's acknowledgement of one part (24.011 10: 35 to 45 seconds, and the modem's own).
PART_SECONDS = 60.0


class DayFull(DaemonError):
    """The chip has sent as much as it may in a day; nothing has left."""

    def __init__(self) -> None:
        super().__init__("the chip has sent as many texts as it may today", "see [sms] per_day")


@dataclass(frozen=True, slots=True)
class Handed:
    """What the modem said; `provider_id` is there if the network took it.

    `written`: that it has left is in the database.
    """

    result: SmsResult
    provider_id: str | None = None
    written: bool = False


class Handover:
    """Carries one text to the network."""

    def __init__(self, context: Context, desk: Desk, parcel: Parcel, parts: int) -> None:
        self._context = context
        self._desk = desk
        self._parcel = parcel
        self._parts = parts
        self._rows: tuple[int, ...] = ()

    @property
    def may_have_left(self) -> bool:
        """Whether its parts were counted and not taken back."""
        return bool(self._rows)

    async def run(self, modem: Driver) -> Handed:
        """Send it; raises ModemError, HeldBack, DayFull or StoreError: see `may_have_left`."""
        if not self._desk.card_was_seen():
            await self._desk.check_card()
        settings = self._context.config.sms
        kept = self._parcel.kind != Kind.ANSWER
        result = await modem.send_sms(
            self._parcel.address,
            self._parcel.text,
            PART_SECONDS,
            self._count,
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

    async def _count(self) -> None:
        """The last moment before it leaves."""
        if self._desk.held:
            raise HeldBack(self._desk.held)
        now_ms = self._context.clock.now_ms()
        day = self._context.day_started_at(now_ms)
        iccid, parcel, per_day = self._desk.iccid, self._parcel, self._context.config.sms.per_day
        rows = await self._context.store.write(
            lambda db: sent_sms.begin(
                db,
                iccid,
                parcel.id,
                parcel.address,
                self._parts,
                day_started_at=day,
                per_day=per_day,
                now_ms=now_ms,
            )
        )
        if rows is None:
            raise DayFull
        self._rows = rows

    async def _note_left(self, result: SmsSent, references: tuple[int, ...]) -> Handed:
        self._desk.owe_answer()
        for reference in references:
            self._desk.deliveries.given_to_text(reference)
        rows = self._rows
        shown = ",".join(str(one) for one in references)
        provider_id = f"{self._desk.iccid}:{shown}:{rows[0]}"
        now_ms, text = self._context.clock.now_ms(), self._parcel.id

        def note(db: Database) -> None:
            sent_sms.left(db, rows, references, provider_id)
            outgoing.arrived(db, text, State.SENT, provider_id, now_ms=now_ms)

        try:
            await self._context.store.write(note)
        except StoreError as error:
            # It is counted all the same; only its report will find nobody.
            self._context.log.error("store.failed", why=str(error))
            return Handed(result, provider_id)
        return Handed(result, provider_id, written=True)

    async def _note_stayed(self) -> None:
        rows, self._rows = self._rows, ()
        if not rows:
            return
        try:
            await self._context.store.write(lambda db: sent_sms.stayed(db, rows))
        except StoreError as error:
            self._context.log.error("store.failed", why=str(error))
