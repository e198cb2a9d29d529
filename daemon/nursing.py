"""Between two lives of a slot: what the supervisor advises is done, or what a person asked.

The port is closed for it, unless the remedy is to try once more on the open one. AT+CFUN
gets a port of its own; for the others the kernel must have taken the tty back, since a
device that is reset with its tty open comes back under another number.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from pulsarack.daemon import log as logging
from pulsarack.daemon.context import Context
from pulsarack.daemon.ports import Ports
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.supervisor import DONE, SETTLE_SECONDS, Situation, Supervisor, Taken
from pulsarack.modems.errors import ModemError
from pulsarack.modems.remedies import BACK_OFF_SECONDS, MODEM_S_OWN, STRONG, Fault, Remedy
from pulsarack.modems.transport import Closing, Port

# How often a modem without a card is asked for one.
CARD_SECONDS = 5.0


class SlotFault(ModemError):
    """Something about this slot that is not the modem's fault."""


@dataclass(frozen=True, slots=True)
class End:
    """How one life of the slot ended."""

    fault: Fault
    why: str
    was_ready: bool

    @property
    def fell(self) -> bool:
        """Whether the modem fell out of readiness while its port stayed."""
        return self.was_ready and self.fault in MODEM_S_OWN


@dataclass(slots=True)
class _Asked:
    """A reset that a person has asked for."""

    how: Remedy
    why: str
    done: asyncio.Future[Taken]


class Patient(Protocol):
    """The slot, as it is nursed."""

    name: str
    path: str

    @property
    def stopping(self) -> bool:
        """Whether the daemon ends."""

    @property
    def doing(self) -> str:
        """What the slot is doing, in words."""

    def where(self) -> Situation:
        """What the supervisor must know of this place."""

    def changed(self) -> None:
        """Begin again as soon as what is being done has ended."""

    def close(self) -> Port | None:
        """Close the port; the one that was opened last, once."""

    async def wait_for_change(self, seconds: float | None) -> bool:
        """Until something changes, or so long at most; True if something did."""

    async def card_answers(self) -> bool | None:
        """Whether a card is in the modem now; None if that cannot be asked."""


class Nursing:
    """For one slot."""

    def __init__(self, context: Context, supervisor: Supervisor, ports: Ports, slot: Patient):
        self._context = context
        self._supervisor = supervisor
        self._ports = ports
        self._slot = slot
        self._asked: _Asked | None = None
        self._card_was_out = False  # at the last look

    @property
    def asked(self) -> bool:
        """Whether a person waits for a reset."""
        return self._asked is not None

    async def reset(self, how: Remedy, why: str, within_seconds: float) -> Taken:
        """Reset the modem by hand, as soon as nothing is done with its chip.

        Raises SlotFault if an undecided attempt forbids it, or if the chip is busy for too long.
        """
        await self._refuse_past_no_return()
        if self._asked is not None:
            raise SlotFault(f"slot {self._slot.name} is being reset; see: pulsarack rack")
        if not self._supervisor.can(how, self._slot.where()):
            said = f"{how.value} cannot be done in slot {self._slot.name}; try another --how"
            raise SlotFault(said)
        asked = _Asked(how, why, asyncio.get_running_loop().create_future())
        self._asked = asked

        def late() -> None:
            # One that has begun has time limits of its own.
            if self._asked is asked and not asked.done.done():
                said = f"slot {self._slot.name} is {self._slot.doing}; try again when it is idle"
                asked.done.set_exception(SlotFault(said))

        clock = self._context.clock
        timer = clock.call_at(clock.monotonic() + within_seconds, late)
        self._slot.changed()
        try:
            taken = await asked.done
        finally:
            timer.cancel()
            if self._asked is asked:
                self._asked = None
        if taken.outcome != DONE:
            raise SlotFault(f"slot {self._slot.name}: {how.value}: {taken.outcome}")
        return taken

    async def recover(self, end: End, *, lost: bool) -> None:
        """Do what the supervisor advises, or what a person asks for.

        A fault of the daemon in here ends nothing but this try: no slot is left for good. Nor
        does the store's: then nobody knows which attempts are open, and nothing is done to the
        modem.
        """
        try:
            await self._recover(end, lost=lost)
        except Exception as error:  # CancelledError is none
            log, wait_seconds = self._context.log.bind(slot=self._slot.name), BACK_OFF_SECONDS[-1]
            if isinstance(error, StoreError):
                log.error("store.failed", why=str(error))
                wait_seconds = BACK_OFF_SECONDS[0]
            else:
                log.exception("slot.fault")
            self._slot.close()
            if not self._slot.stopping:
                await self._slot.wait_for_change(wait_seconds)

    async def _recover(self, end: End, *, lost: bool) -> None:
        slot, supervisor = self._slot, self._supervisor
        advice = await supervisor.advise(end.fault, end.why, slot.where(), fell=end.fell)
        port, looks = None, end.fault is Fault.NO_CARD
        if lost or not (looks or advice.remedy is Remedy.RETRY):
            port = slot.close()
        rang = await self._pause(advice.wait_seconds, looks=looks)
        if self._asked is not None:
            asked, self._asked = self._asked, None
            await self._as_asked(asked, port or slot.close())
        elif advice.remedy in STRONG and not (rang or slot.stopping):
            await self._take(advice.remedy, end.why, port or slot.close())
        elif advice.remedy in (Remedy.RETRY, Remedy.REOPEN):
            await supervisor.carry_out(advice.remedy, end.why, slot.where())

    async def _as_asked(self, asked: _Asked, port: Port | None) -> None:
        self._supervisor.wake()
        try:
            taken = await self._take(asked.how, asked.why, port)
        except Exception as error:
            if not asked.done.done():
                asked.done.set_exception(SlotFault(f"slot {self._slot.name}: {error}"))
            raise
        if not asked.done.done():
            asked.done.set_result(taken)

    async def _take(self, remedy: Remedy, why: str, before: Port | None) -> Taken:
        """Carry a remedy out; `before` is the port that was closed for it."""
        place, port = self._slot.where(), None
        if isinstance(before, Closing) and not await before.wait_closed():
            hint = "re-plug the modem if it does not return"
            logging.get(slot=self._slot.name).warning("port.not_closed", remedy=hint)
        try:
            if remedy is Remedy.RESTART:
                port = await self._ports.open(self._slot.path)
        except ModemError as error:
            return self._supervisor.note(remedy, why, f"failed: {error}")
        try:
            taken = await self._supervisor.carry_out(remedy, why, place, port)
        finally:
            if port is not None:
                port.close()
        if taken.outcome == DONE and remedy in SETTLE_SECONDS:
            await self._slot.wait_for_change(SETTLE_SECONDS[remedy])
        return taken

    async def _refuse_past_no_return(self) -> None:
        """Of an order that is being sold the end is waited for; one that is undecided may last."""
        attempt = await self._supervisor.forbidding(self._slot.where())
        if attempt is not None and attempt.reason is not None:
            raise SlotFault(
                f"order {attempt.order_id} is past its point of no return, and its chip is or may"
                f" be in slot {self._slot.name}; wait, or decide it:"
                f" pulsarack order show {attempt.order_id}"
            )

    async def _pause(self, seconds: float, *, looks: bool) -> bool:
        """Wait, or until something changes; a modem that rests is left alone in any case."""
        while True:
            wait = self._wait_for_card if looks else self._slot.wait_for_change
            rang = await wait(seconds)
            seconds = self._supervisor.rest_seconds
            if self._slot.stopping or self._asked is not None or not seconds:
                return rang

    async def _wait_for_card(self, seconds: float) -> bool:
        """The same; also ended by a card that is put in, which many modems do not announce.

        One that always says it has a card, and shows none, is no reason to look again.
        """
        clock = self._context.clock
        until = clock.monotonic() + seconds
        while (rest := until - clock.monotonic()) > 0:
            if await self._slot.wait_for_change(min(rest, CARD_SECONDS)):
                return True
            is_in = await self._slot.card_answers()
            if is_in and self._card_was_out:
                self._card_was_out = False
                return True
            self._card_was_out |= is_in is False
        return False
