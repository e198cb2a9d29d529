"""A slot: one place in the rack, whatever modem and chip are in it.

It carries a modem through its life (`modems/life.py`): open the port, find out who is
there, set it up, wait for the network, and let the chip's worker work. Whatever fails
is kept as a reason, and the slot begins again from the start after a pause that grows;
a port that appears is tried at once.
"""

import asyncio
from typing import Protocol

from pulsarack.daemon import log as logging
from pulsarack.daemon.context import Context
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.ports import Ports
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.worker import ChipWorker
from pulsarack.modems.errors import ModemError, PortGone, PortMissing, SimPinNeeded
from pulsarack.modems.life import ModemLife, Stage, Step
from pulsarack.modems.modem import Modem
from pulsarack.modems.profile import Profiles
from pulsarack.modems.results import (
    ChipIdentity,
    Identity,
    MessageArrived,
    MessageUnreadable,
    ModemEvent,
    PortLost,
    Registration,
    SimRemoved,
    UssdArrived,
)
from pulsarack.queue import chips, recipe_versions, recovery
from pulsarack.queue.chips import Chip, ChipState
from pulsarack.ussd.errors import UnknownRecipe
from pulsarack.ussd.recipe import Recipe

BACK_OFF_SECONDS = (2.0, 5.0, 15.0, 60.0)
REGISTRATION_POLL_SECONDS = 2.0
REGISTRATION_POLLS = 30
HELD_CHECK_SECONDS = 5.0
HELD = "held"
"""The state of a slot that may not sell, since another shows the same card or modem."""


class SlotFault(ModemError):
    """Something about this slot that is not the modem's fault."""


class Neighbours(Protocol):
    """What a slot must know of the others: who shows which card and modem."""

    def show(self, slot: "Slot", iccid: str, imei: str) -> None:
        """Enter what was read in this slot; `held_changed` is called on all it concerns."""

    def leave(self, slot: "Slot") -> None:
        """The slot holds no modem any more."""


class Slot:
    """One path of the configuration (or of a glob in it)."""

    def __init__(
        self,
        context: Context,
        dispatcher: Dispatcher,
        neighbours: Neighbours,
        profiles: Profiles,
        ports: Ports,
        path: str,
    ) -> None:
        self.path = path
        self.name = path.rsplit("/", 1)[-1]
        self.life = ModemLife()
        self.identity: Identity | None = None
        self.profile = ""
        self.chip: ChipIdentity | None = None
        self.signal: int | None = None
        self.registered: Registration | None = None
        self.desk: Desk | None = None
        self.held = ""  # why it may not sell although it could
        self._context = context
        self._dispatcher = dispatcher
        self._neighbours = neighbours
        self._profiles = profiles
        self._ports = ports
        self._worker: ChipWorker | None = None
        self._changed = asyncio.Event()
        self._lost = False
        self._stopping = False
        self._refused_pin = False
        self._log = context.log.bind(slot=self.name)

    async def run(self) -> None:
        """Carry whatever is in the slot, again and again, until `stop`."""
        failures = 0
        while not self._stopping:
            reached_ready = await self._once()
            failures = 0 if reached_ready else failures + 1
            if self._stopping:
                return
            step = min(failures, len(BACK_OFF_SECONDS) - 1)
            await self._wait_for_change(BACK_OFF_SECONDS[step])
            self._begin_again()

    def changed(self) -> None:
        """The port appeared or was replaced, or an admin changed the chip: begin again soon."""
        self._changed.set()
        if self._worker is not None:
            self._worker.stop()

    def held_changed(self, why: str) -> None:
        """Another slot shows the same card or modem, or does so no more (an empty text)."""
        if why == self.held:
            return
        if why:
            self._log.error("slot.held", chip=self.chip.iccid if self.chip else None, why=why)
        else:
            self._log.info("slot.goes_on", chip=self.chip.iccid if self.chip else None)
        self.held = why
        if self.desk is not None:
            self.desk.held = why
        self.changed()
        self._tell(why)

    def vanished(self) -> None:
        """The port is not there any more."""
        self._lose("the port has vanished")

    def stop(self) -> None:
        """End after what is being done."""
        self._stopping = True
        self.changed()

    async def _once(self) -> bool:
        """One life, from the port to its end; True if the modem became ready."""
        modem: Modem | None = None
        self._lost = False
        try:
            port = await self._ports.open(self.path)
            self._move(Step.OPEN)
            modem = Modem(port, self._context.clock, self._profiles, self._on_event)
            await self._prepare(modem)
            await self._work(modem)
        except (PortGone, PortMissing) as error:
            self._move(Step.VANISH, str(error))
        except ModemError as error:
            # Three wrong PINs block a card: one refusal is enough until the daemon starts anew.
            self._refused_pin |= isinstance(error, SimPinNeeded) and error.refused
            self._move(Step.FAIL, str(error))
            self._log.warning("modem.failed", why=str(error))
        except StoreError as error:
            # What was sent is followed up when the slot begins again, as after a crash.
            self._move(Step.FAIL, str(error))
            self._log.error("store.failed", why=str(error))
        except Exception as error:
            if _being_cancelled():
                raise
            # The chip's open attempt, if any, is followed up when the slot begins again.
            self._move(Step.FAIL, f"a fault of the daemon: {error!r}")
            self._log.exception("slot.fault")
        finally:
            if modem is not None:
                modem.close()
        ready = self.life.stage is Stage.READY
        if ready:
            self._move(Step.VANISH if self._lost else Step.FAIL, self.life.why or "started anew")
        return ready

    async def _prepare(self, modem: Modem) -> None:
        self.identity = await modem.identify()
        self.profile = modem.profile.name
        self._move(Step.IDENTIFY)
        await modem.initialise(self._sim_pin)
        self.chip = await modem.read_chip()
        self._move(Step.INITIALISE)
        await self._register(modem)
        self._move(Step.REGISTER)
        self.signal = await modem.signal_quality()
        self._move(Step.MAKE_READY)

    async def _register(self, modem: Modem) -> None:
        for _ in range(REGISTRATION_POLLS):
            self.registered = await modem.registration()
            if self.registered in (Registration.HOME, Registration.ROAMING):
                return
            await self._context.clock.sleep(REGISTRATION_POLL_SECONDS)
        said = self.registered.name if self.registered else "nothing"
        raise SlotFault(f"no network: {said}; check antenna and chip")

    async def _work(self, modem: Modem) -> None:
        assert self.chip is not None and self.identity is not None
        self._neighbours.show(self, self.chip.iccid, self.identity.imei)
        try:
            while not (self._lost or self._stopping):
                if self.held:
                    await self._hold(modem)
                elif not await self._serve(modem):
                    return
        finally:
            self.held = ""
            self._neighbours.leave(self)

    async def _hold(self, modem: Modem) -> None:
        """Wait while another slot shows the same card or modem; raises if ours has gone."""
        assert self.chip is not None
        await self._wait_for_change(HELD_CHECK_SECONDS)
        if self._lost or self._stopping:
            return
        if await modem.read_iccid() != self.chip.iccid:
            raise SlotFault("another card is in than before; the slot begins anew")

    async def _serve(self, modem: Modem) -> bool:
        """Let the chip work; True if that ended only because the slot is to be held."""
        assert self.chip is not None and self.identity is not None
        chip = await self._note_chip(self.chip.iccid, self.identity.imei)
        if chip.state == ChipState.NEW:
            self._log.warning(
                "chip.unknown", chip=chip.iccid, remedy=f"pulsarack chip adopt {chip.iccid}"
            )
            await self._wait_for_change(None)
        else:
            await self._employ(modem, chip)
        return bool(self.held)

    async def _employ(self, modem: Modem, chip: Chip) -> None:
        assert self.identity is not None and chip.recipe is not None
        try:
            recipe = self._context.shelf.get(chip.recipe)
        except UnknownRecipe as error:
            raise SlotFault(str(error)) from None
        now_ms = self._context.clock.now_ms()
        await self._context.store.write(
            lambda db: recipe_versions.note(
                db, recipe.content_hash, recipe.name, recipe.source, now_ms=now_ms
            )
        )
        self._check_pin(chip.iccid, recipe)
        self.desk = Desk(
            self._context,
            modem,
            iccid=chip.iccid,
            slot=self.name,
            modem_id=self.identity.imei,
            recipe=recipe,
        )
        self._worker = ChipWorker(self._context, self.desk, self._dispatcher)
        self._log.info("chip.ready", chip=chip.iccid, recipe=recipe.name)
        try:
            if not (self._lost or self._stopping or self.held):
                with logging.bound(chip=chip.iccid, slot=self.name):
                    await self._worker.run()
        finally:
            self._worker = self.desk = None
            await self._leave_nothing_sending(chip.iccid)

    async def _leave_nothing_sending(self, iccid: str) -> None:
        now_ms, ends = self._context.clock.now_ms(), self._context.day_ends_at()
        try:
            order_id = await self._context.store.write(
                lambda db: recovery.recover_chip(db, iccid, now_ms=now_ms, day_ends_at=ends)
            )
        except StoreError as error:
            self._log.error("store.failed", why=str(error))
            return
        if order_id is not None:
            await self._context.announce(order_id)
        self._dispatcher.wake()

    def _check_pin(self, iccid: str, recipe: Recipe) -> None:
        if recipe.needs_chip_pin and self._context.secrets.chip_pin(iccid) is None:
            raise SlotFault(
                f"recipe {recipe.name} needs the PIN of chip {iccid}; put chip_pin into the"
                f' table ["{iccid}"] of the secrets file and start the daemon anew'
            )

    async def _note_chip(self, iccid: str, imei: str) -> Chip:
        now_ms = self._context.clock.now_ms()
        return await self._context.store.write(
            lambda db: chips.seen(db, iccid, self.name, imei, now_ms=now_ms)
        )

    def _sim_pin(self) -> str | None:
        # Which card is in is not known before it is unlocked, so a rack's cards share one PIN.
        pins = self._context.secrets.sim_pins()
        if len(pins) > 1:
            raise SlotFault(
                "the card wants a PIN and the secrets file holds several; give all cards the"
                " same sim_pin, or take the PINs off the cards"
            )
        return pins[0].reveal() if len(pins) == 1 and not self._refused_pin else None

    def _on_event(self, event: ModemEvent) -> None:
        match event:
            case PortLost(reason=reason):
                self._lose(reason)
            case SimRemoved():
                self._log.warning("sim.removed")
                self._lose("the SIM was removed")
            case MessageArrived():
                if self.desk is not None:
                    self.desk.text_came()
            case MessageUnreadable(index=index, reason=reason):
                self._log.warning("sms.unreadable", reason=reason)
                if self.desk is not None:
                    self.desk.inbox.unreadable(index, reason)
            case UssdArrived(answer=answer):
                # It may be the late answer of an earlier request: shown, never used as proof.
                self._log.warning("ussd.unasked", text=answer.text)

    def _lose(self, reason: str) -> None:
        self._lost = True
        self._log.info("modem.lost", why=reason)
        if self.desk is not None:
            self.desk.lose()
        self._changed.set()

    async def _wait_for_change(self, seconds: float | None) -> None:
        """Until the bell rings, or so long at most; a bell that rang before counts."""
        clock = self._context.clock
        timer = None
        if seconds is not None:
            timer = clock.call_at(clock.monotonic() + seconds, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()
            self._changed.clear()

    def _begin_again(self) -> None:
        if self.life.stage is Stage.GONE:
            self._move(Step.APPEAR)
        elif self.life.stage is Stage.FAILED:
            self._move(Step.RETRY)

    def _move(self, step: Step, why: str = "") -> None:
        self.life = self.life.apply(step, why)
        self._tell(why)

    def _tell(self, why: str) -> None:
        state = HELD if self.held else self.life.stage.value
        self._context.events.publish("modem", slot=self.name, state=state, why=why)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
