"""The channel SMS, outwards: texts to people leave from the pool's own chips.

A chip is chosen that answers and may send now: the one that was written to, if it can, else
the one with the least to do. It sends between two orders, in the turn that its worker gives
(`worker.py`); a chip whose order is undecided sends nothing, since nothing else may happen there.
Whoever's turn does not come in time goes to another chip. A text leaves no stock behind: it
costs the chip's own credit, of which the ledger knows nothing.
"""

import asyncio
import re
from collections.abc import Sequence

from peewee import Database

from pulsarack.daemon.channels.carrier import (
    BeginNext,
    ChannelState,
    Parcel,
    Sent,
    SentKind,
    Standing,
)
from pulsarack.daemon.channels.sms.handover import DayFull, Handed, Handover
from pulsarack.daemon.channels.sms.pace import Pace
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.employment import is_told
from pulsarack.daemon.errors import HeldBack
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.store_errors import StoreError
from pulsarack.modems import sms
from pulsarack.modems.errors import ModemError
from pulsarack.modems.results import Gone, Refused, Silence, SmsSent
from pulsarack.queue import chips
from pulsarack.queue.chips import ChipState
from pulsarack.queue.post import sent_sms

CHANNEL = "sms"
LOOK_SECONDS = 60.0
# A report may come as long as the network tries, and so much later; a day's count needs less.
KEPT_MS = 2 * 86_400 * MS
FORGOTTEN_AT_ONCE = 500
# How long a text waits for its turn on a chip, and on how many chips it is tried.
TURN_SECONDS = 20.0
CHIPS_TRIED = 2
# So long is waited for the pace here; longer, the text waits in the outbox.
PACE_SECONDS = 5.0
NO_CHIP_SECONDS = 15.0
HANDS = 2  # texts that a chip has: one that leaves, one that is next
_TELEPHONE = re.compile(r"\+?[0-9]{8,15}")
# RP-cause of 24.011 E-2 as +CMS ERROR gives it: nobody has this number.
UNASSIGNED_NUMBER = 1


class SmsCarrier:
    """One for the whole rack."""

    def __init__(self, context: Context, rack: Rack) -> None:
        settings = context.config.sms
        self._context = context
        self._rack = rack
        self._pace = Pace(settings.per_minute, settings.pause_seconds)
        self._turns = asyncio.Lock()  # whoever waits for that of all chips
        self._receive = self._answer = 0  # how many chips were told to
        self._looked = False
        self._begin_next: BeginNext = lambda _ends, _free: None

    def go_on(self, begin_next: BeginNext) -> None:
        """Begin the next text with the end of one, by this."""
        self._begin_next = begin_next

    @property
    def channel(self) -> str:
        """Its name."""
        return CHANNEL

    @property
    def at_once(self) -> int:
        """For each chip that may send the text that leaves, and the next one.

        A chip that pauses for long after a text would only keep the next one from the others, and
        the one behind that from its turn.
        """
        pauses = self._context.config.sms.pause_seconds * HANDS > PACE_SECONDS
        return max(1, len(self._able()) * (1 if pauses else HANDS))

    def state(self) -> ChannelState:
        """How it is doing."""
        if self._able():
            return ChannelState(Standing.UP)
        if any(desk.answers for desk in self._rack.desks()):
            why = "every chip that answers follows up an order, is out of service, or rests"
            return ChannelState(Standing.DOWN, why, "see: pulsarack chip list")
        if self._answer or not self._looked:
            why = "no chip that answers is ready"
            return ChannelState(Standing.DOWN, why, "plug one in; see: pulsarack chip list")
        if self._receive:
            why = "chips receive orders, but none may answer"
            remedy = "pulsarack chip channel ICCID --answers on"
            return ChannelState(Standing.MISCONFIGURED, why, remedy)
        return ChannelState(Standing.OFF)

    async def run(self) -> None:
        """Look which chips were told what, and let go what is old, until cancelled."""
        while True:
            try:
                await self._look()
            except StoreError as error:
                self._context.log.error("store.failed", why=str(error))
            await self._context.clock.sleep(LOOK_SECONDS)

    async def send(self, parcel: Parcel) -> Sent:
        """One try, on two chips at most."""
        try:
            parts = len(_parts_of(parcel))
        except ValueError as error:
            return Sent(SentKind.NEVER, why=str(error))
        settings = self._context.config.sms
        self._pace.follow(settings.per_minute, settings.pause_seconds)
        most = settings.parts_most
        if parts > most:
            return Sent(
                SentKind.NEVER, why=f"it needs {parts} messages; [sms] parts_most is {most}"
            )
        async with self._turns:  # else all that wait wake for each turn
            while wait := self._pace.wait_for_all(self._context.clock.monotonic()):
                if wait > PACE_SECONDS:
                    return Sent(SentKind.LATER, why="[sms] per_minute", again_seconds=wait)
                await self._context.clock.sleep(wait)
        tried: set[str] = set()
        later = Sent(SentKind.LATER, why="no chip may send now", again_seconds=NO_CHIP_SECONDS)
        while len(tried) < CHIPS_TRIED and (desk := self._choose(parcel, tried)):
            tried.add(desk.iccid)
            sent = await self._try(desk, parcel, parts)
            if sent.kind is not SentKind.LATER:
                return sent
            later = sent
        return later

    def _able(self) -> list[Desk]:
        """The chips that may send now."""
        return [desk for desk in self._rack.desks() if self._may_send(desk)]

    def _may_send(self, desk: Desk) -> bool:
        kept = desk.held or desk.gone or desk.stopping or desk.no_parcels
        now = self._context.clock.monotonic()
        return desk.answers and not (kept or self._pace.rests(desk.iccid, now))

    def _choose(self, parcel: Parcel, tried: set[str]) -> Desk | None:
        """The one that was written to, on the first try; else the one that is free now, or the one
        with the least to do."""
        if parcel.tries <= 1 and (desk := self._at(parcel.sender, tried)):
            return desk
        if (desk := self._at(parcel.free, tried)) and not desk.parcels.waiting:
            return desk
        able = [desk for desk in self._able() if desk.iccid not in tried]
        return min(able, key=self._load, default=None)

    def _at(self, iccid: str, tried: set[str]) -> Desk | None:
        """The chip of that ICCID, if it may send now and was not tried."""
        slot = self._rack.slot_of(iccid) if iccid and iccid not in tried else None
        desk = None if slot is None else slot.desk
        return desk if desk is not None and self._may_send(desk) else None

    def _load(self, desk: Desk) -> tuple[int, bool, float, str]:
        busy = desk.doing not in ("idle", "resting")
        return desk.parcels.count, busy, self._pace.used_at(desk.iccid), desk.iccid

    async def _try(self, desk: Desk, parcel: Parcel, parts: int) -> Sent:
        now = self._context.clock.monotonic()
        wait = self._pace.wait_for_chip(desk.iccid, now, PACE_SECONDS)
        if wait > PACE_SECONDS:
            return Sent(SentKind.LATER, why="[sms] pause_seconds", again_seconds=wait)
        if wait:
            await self._context.clock.sleep(wait)
        handover = Handover(self._context, desk, parcel, parts, self._begin_next)
        # The next one waits for the turn of the one before, too.
        turns = min(HANDS, 1 + desk.parcels.ahead)
        try:
            handed = await desk.parcels.ask(handover, turns * TURN_SECONDS, lambda: desk.doing)
        except (ModemError, HeldBack, DayFull, StoreError) as error:
            if handover.may_have_left:
                return Sent(SentKind.MAYBE, why=str(error))
            await handover.give_up()
            return Sent(SentKind.LATER, why=str(error))
        except Exception as error:
            self._context.log.exception("sms.not_sent", chip=desk.iccid)
            if not handover.may_have_left:
                await handover.give_up()
            return Sent(SentKind.MAYBE, why=f"a fault of the daemon: {type(error).__name__}")
        return self._judge(desk, parcel, handed)

    def _judge(self, desk: Desk, parcel: Parcel, handed: Handed) -> Sent:
        result = handed.result
        if isinstance(result, SmsSent):
            self._pace.sent(desk.iccid)
            return Sent(
                SentKind.SENT, handed.provider_id, written=handed.written, begun=handed.begun
            )
        if isinstance(result, Refused) and result.code == UNASSIGNED_NUMBER and not result.left:
            return Sent(SentKind.NEVER, why="the network knows no such number")
        why = _why(result)
        # Not only who refuses: who never says whether a text left would send it again and again.
        if self._pace.failed(desk.iccid, parcel.address, self._context.clock.monotonic()):
            remedy = "check the chip's own credit and its service centre (AT+CSCA?)"
            self._context.log.warning("sms.chip_rests", chip=desk.iccid, why=why, remedy=remedy)
        return Sent(SentKind.MAYBE if result.left else SentKind.LATER, why=why)

    async def _look(self) -> None:
        defaults = self._context.config.sms

        def job(db: Database) -> tuple[int, int]:
            known = [chip for chip in chips.every(db) if chip.state != ChipState.NEW]
            return (
                sum(is_told(chip.receives, defaults.receives) for chip in known),
                sum(is_told(chip.answers, defaults.answers) for chip in known),
            )

        self._receive, self._answer = await self._context.store.read(job)
        self._looked = True
        before = self._context.clock.now_ms() - KEPT_MS - defaults.valid_hours * 3_600 * MS
        old = await self._context.store.read(lambda db: sent_sms.any_before(db, before))
        if old:
            await self._context.store.write(
                lambda db: sent_sms.forget(db, before, FORGOTTEN_AT_ONCE)
            )


def _why(result: Refused | Silence | Gone) -> str:
    match result:
        case Refused(error=error):
            return error
        case Silence():
            return "the modem was silent"
        case Gone():
            return "the modem left"


def _parts_of(parcel: Parcel) -> Sequence[str]:
    """The messages that a text needs; ValueError if it can be sent to nobody, or says nothing."""
    if not _TELEPHONE.fullmatch(parcel.address):
        raise ValueError("the address is not a telephone number")
    if not parcel.text.strip():
        raise ValueError("the text is empty")
    return sms.split_text(parcel.text)
