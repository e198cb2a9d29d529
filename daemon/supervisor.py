"""The supervisor of one slot: it keeps the ladder, and has its remedies carried out.

What to do is the table's (`modems/remedies.py`). Here are the facts that it is given:
what can be done in this place, whether an open attempt past its point of no return
forbids it, and whether a port that vanishes has fallen, was taken away by a hand, or
left because of our own reset. A stick that falls off the bus is back in its place within
seconds; a hand takes longer, or puts it elsewhere.
"""

from collections import Counter, deque
from dataclasses import dataclass

from pulsarack.daemon.context import Context
from pulsarack.daemon.resets import Resets
from pulsarack.daemon.store_errors import StoreError
from pulsarack.modems.errors import ModemError, ResetFailed
from pulsarack.modems.remedies import (
    BACK_OFF_SECONDS,
    STRONG,
    Advice,
    Fault,
    Ladder,
    Means,
    Remedy,
)
from pulsarack.modems.restart import restart
from pulsarack.modems.transport import Port
from pulsarack.modems.usb_reset import UsbSeat, is_shared
from pulsarack.queue import no_return
from pulsarack.queue.attempts import Attempt

# A modem that leaves the bus because of us is back by then; about 9 s were seen.
ABSENCE_SECONDS = 40.0
# A port that is back so soon was in nobody's hand.
FELL_WITHIN_SECONDS = 15.0
TAKEN_SHOWN = 20
DONE = "done"
# How long a modem is left alone after a remedy, should its port not leave and come back.
SETTLE_SECONDS = {Remedy.RESTART: 12.0, Remedy.USB_RESET: 3.0, Remedy.HUB_POWER: 8.0}


@dataclass(frozen=True, slots=True)
class Taken:
    """One remedy as it was taken; milliseconds UTC."""

    at: int
    remedy: Remedy
    why: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What the slot knows of where its modem is when a remedy is asked for.

    iccid          the card, if it was read since the port was there
    shown          the cards that any slot shows
    seat           its place on the USB, None if it has none
    reset_command  of its profile; "" if AT+CFUN=1,1 is not safe, or the model not known
    known          a modem has answered here
    held           sells nothing for a reason that no reset mends
    """

    iccid: str | None = None
    shown: frozenset[str] = frozenset()
    seat: UsbSeat | None = None
    reset_command: str = ""
    known: bool = False
    held: bool = False


class Supervisor:
    """See the module's text."""

    def __init__(self, context: Context, resets: Resets, slot: str) -> None:
        self.slot = slot
        self.ladder = Ladder()
        self.last_fault = ""
        self.last_fault_at: int | None = None
        self.held_back = ""
        self.counts: Counter[Remedy] = Counter()
        self.taken: deque[Taken] = deque(maxlen=TAKEN_SHOWN)
        self._context = context
        self._resets = resets
        self._imei = ""
        self._gone_at: float | None = None
        self._was_ready = False  # when it went
        self._absent_until = float("-inf")

    # -- what happens to the modem ---------------------------------------------

    def met(self, imei: str) -> None:
        """A modem has said who it is: another one has a record of its own."""
        if imei != self._imei:
            if self._imei:
                self.ladder = Ladder()
            self._imei = imei

    def is_ready(self) -> None:
        """The modem works."""
        self.ladder, self.held_back = self.ladder.ready(), ""

    def vanished(self, was_ready: bool) -> None:
        """The port is gone."""
        if not self.expects_absence and self._gone_at is None:
            self._gone_at, self._was_ready = self._now(), was_ready

    def appeared(self) -> bool:
        """The port is there again: it fell, or (True) a hand was here and all begins anew."""
        gone_at, self._gone_at = self._gone_at, None
        if gone_at is None:
            return False
        if self._now() - gone_at >= FELL_WITHIN_SECONDS:
            self.wake()
            return True
        if self._was_ready:
            self._fall("it left the bus and came back by itself")
        return False

    def wake(self) -> None:
        """A person was here: what was before counts no more."""
        self.ladder, self.held_back = Ladder(), ""

    @property
    def expects_absence(self) -> bool:
        """Whether a port that vanishes now does so because of our own reset."""
        return self._now() < self._absent_until

    @property
    def rest_seconds(self) -> float:
        """How long the modem still rests for its falls."""
        until = self.ladder.rests_until
        return 0.0 if until is None else max(0.0, until - self._now())

    # -- what to do about it ---------------------------------------------------

    async def advise(self, fault: Fault, why: str, situation: Situation, *, fell: bool) -> Advice:
        """What to do about a failure; ``fell``: out of readiness, by itself."""
        if fault is Fault.NONE or (fault is Fault.GONE and self.expects_absence):
            return Advice(Remedy.WAIT, BACK_OFF_SECONDS[0])
        self.last_fault, self.last_fault_at = why, self._context.clock.now_ms()
        if fell:
            self._fall(why)
        try:
            attempt, sure = await self.forbidding(situation), True
        except StoreError:  # what cannot be looked up may be there
            attempt, sure = None, False
        may_reset = sure and attempt is None and not situation.held
        was_up = self.ladder.given_up
        self.ladder, advice = self.ladder.failed(
            fault, self._now(), self._means(situation), may_reset=may_reset
        )
        self.held_back = ""
        if advice.held_back is not None and attempt is not None:
            self.held_back = (
                f"{advice.held_back.value} waits for order {attempt.order_id}, which may still"
                f" be answered; pulsarack order show {attempt.order_id}"
            )
        if self.ladder.given_up and not was_up:
            remedy = f"re-plug it, or: pulsarack modem reset {self.slot}"
            self._context.log.error(
                "modem.given_up", slot=self.slot, why=why, tried=self.tried(), remedy=remedy
            )
        return advice

    async def forbidding(self, situation: Situation) -> Attempt | None:
        """The open attempt that forbids a strong remedy."""
        return await self._context.store.read(
            lambda db: no_return.open_in_slot(db, situation.iccid, situation.shown)
        )

    async def carry_out(
        self, remedy: Remedy, why: str, situation: Situation, port: Port | None = None
    ) -> Taken:
        """Take a remedy; ``port`` is open for RESTART and closed for the others.

        Asked for when nothing of the chip runs. The attempts are looked at once more.
        """
        if remedy in STRONG:
            try:
                attempt = await self.forbidding(situation)
            except StoreError as error:  # what cannot be looked up may be there
                return self.note(remedy, why, f"not done: {error}")
            if attempt is not None:
                return self.note(remedy, why, f"not done: order {attempt.order_id} is open")
            self._absent_until = self._now() + ABSENCE_SECONDS
        try:
            outcome = await self._do(remedy, situation, port)
        except ModemError as error:
            self._absent_until = float("-inf")
            outcome = f"failed: {error}"
        return self.note(remedy, why, outcome)

    def can(self, remedy: Remedy, situation: Situation) -> bool:
        """Whether a remedy can do anything here."""
        return self._means(situation).allow(remedy)

    def tried(self) -> str:
        """The remedies taken and how often, in words."""
        return ", ".join(f"{remedy.value} {count}" for remedy, count in self.counts.items())

    async def _do(self, remedy: Remedy, situation: Situation, port: Port | None) -> str:
        if remedy is Remedy.RESTART and port is not None:
            said = await restart(port, self._context.clock, situation.reset_command)
            return DONE if said else "written; the modem did not say OK"
        if remedy is Remedy.USB_RESET and situation.seat is not None:
            await self._resets.usb(situation.seat)
        elif remedy is Remedy.HUB_POWER and situation.seat is not None:
            await self._resets.power(situation.seat)
        elif remedy in STRONG:
            raise ResetFailed(self.slot, f"{remedy.value} cannot be done here", "re-plug it")
        return DONE

    def note(self, remedy: Remedy, why: str, outcome: str) -> Taken:
        """Keep what was done and what came of it."""
        taken = Taken(self._context.clock.now_ms(), remedy, why, outcome)
        self.counts[remedy] += 1
        self.taken.append(taken)
        held_back = outcome.startswith("not done")
        became = DONE if outcome == DONE else "held_back" if held_back else "failed"
        self._context.measures.remedies[(remedy.value, became)] += 1
        if remedy not in (Remedy.WAIT, Remedy.REST):
            self._context.log.info(
                "modem.remedy", slot=self.slot, tried=remedy.value, why=why, outcome=outcome
            )
        return taken

    def _fall(self, why: str) -> None:
        was_resting = self.ladder.resting
        self.ladder = self.ladder.fell(self._now())
        if self.ladder.resting and not was_resting:
            falls = len(self.ladder.falls)
            remedy = f"look at its power and cable, then: pulsarack modem reset {self.slot}"
            self._context.log.error(
                "modem.rests", slot=self.slot, why=why, falls=falls, remedy=remedy
            )

    def _means(self, situation: Situation) -> Means:
        usb = situation.seat is not None and not is_shared(situation.seat)
        return Means(
            restart=bool(situation.reset_command),
            usb=usb,
            power=usb and self._resets.can_power(),
            known=situation.known,
        )

    def _now(self) -> float:
        return self._context.clock.monotonic()
