"""A slot: one place in the rack, whatever modem and chip are in it.

It carries a modem through its life (`modems/life.py`): open the port, find out who is
there, set it up, wait for the network, and let the chip's worker work. Whatever fails
is kept as a reason, and the slot begins again from the start after a pause that grows;
a port that appears is tried at once.
"""

import asyncio
from typing import Protocol

from peewee import Database

from pulsarack.daemon import log as logging
from pulsarack.daemon.card_pins import CardPins
from pulsarack.daemon.context import Context
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.joining import join
from pulsarack.daemon.ports import Ports
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.worker import ChipWorker
from pulsarack.modems.driver import Driver, driver_of
from pulsarack.modems.errors import ModemError, ModemRefused, PortGone, PortMissing
from pulsarack.modems.life import ModemLife, Stage, Step
from pulsarack.modems.profile import Profiles
from pulsarack.modems.results import (
    ChipIdentity,
    DeliveryReport,
    Identity,
    ListingHung,
    MessageArrived,
    MessageUnreadable,
    ModemEvent,
    NetworkPlace,
    PortLost,
    Registration,
    SimRemoved,
    StorageFull,
    UssdArrived,
)
from pulsarack.queue import chips, recipe_versions, recovery, sim_pins
from pulsarack.queue.chips import Chip, ChipState
from pulsarack.ussd.errors import UnknownRecipe
from pulsarack.ussd.recipe import Recipe

# How often an idle chip's signal and cell are looked at.
LOOK_SECONDS = 300.0
BACK_OFF_SECONDS = (2.0, 5.0, 15.0, 60.0)


class SlotFault(ModemError):
    """Something about this slot that is not the modem's fault."""


class Neighbours(Protocol):
    """What a slot must know of the others: which chips are being worked."""

    def take_chip(self, iccid: str, slot: "Slot") -> None:
        """Enter a chip; raises SlotFault if another slot works the same."""

    def leave_chip(self, iccid: str) -> None:
        """Take a chip out again."""


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
        self.network: NetworkPlace | None = None
        self.desk: Desk | None = None
        self._context = context
        self._dispatcher = dispatcher
        self._neighbours = neighbours
        self._profiles = profiles
        self._ports = ports
        self._worker: ChipWorker | None = None
        self._looked_at = 0.0  # at signal and network
        self._changed = asyncio.Event()
        self._lost = False
        self._stopping = False
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

    def vanished(self) -> None:
        """The port is not there any more."""
        self._lose("the port has vanished")

    def stop(self) -> None:
        """End after what is being done."""
        self._stopping = True
        self.changed()

    async def _once(self) -> bool:
        """One life, from the port to its end; True if the modem became ready."""
        modem: Driver | None = None
        self._lost = False
        try:
            port = await self._ports.open(self.path)
            self._move(Step.OPEN)
            modem = driver_of(port, self._context.clock, self._profiles, self._on_event)
            await self._prepare(modem)
            await self._work(modem)
        except (PortGone, PortMissing) as error:
            self._move(Step.VANISH, str(error))
        except ModemError as error:
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

    async def _prepare(self, modem: Driver) -> None:
        self.identity = await modem.identify()
        self.profile = modem.profile.name
        self._move(Step.IDENTIFY)
        await CardPins(self._context, self.identity.imei or self.name).initialise(modem)
        self.chip = await modem.read_chip()
        self._move(Step.INITIALISE)
        await self._register(modem)
        self._move(Step.REGISTER)
        await self._look_around(modem)
        self._move(Step.MAKE_READY)

    async def _register(self, modem: Driver) -> None:
        if why := await join(self._context, modem, self._note_registration):
            raise SlotFault(why)

    def _note_registration(self, state: Registration) -> None:
        self.registered = state

    async def _look_again(self, modem: Driver) -> None:
        if self._context.clock.monotonic() - self._looked_at >= LOOK_SECONDS:
            await self._look_around(modem)

    async def _look_around(self, modem: Driver) -> None:
        """Signal, network and cell, as they are now."""
        self._looked_at = self._context.clock.monotonic()
        self.signal = await modem.signal_quality()
        try:
            self.network = await modem.place()
            self.registered = self.network.registration
        except ModemRefused as error:
            self._log.info("network.untold", why=str(error))

    async def _work(self, modem: Driver) -> None:
        assert self.chip is not None and self.identity is not None
        iccid = self.chip.iccid
        self._neighbours.take_chip(iccid, self)
        try:
            chip = await self._note_chip(iccid, self.identity.imei)
            if chip.state == ChipState.NEW:
                self._log.warning(
                    "chip.unknown", chip=iccid, remedy=f"pulsarack chip adopt {iccid}"
                )
                await self._wait_for_change(None)
                return
            await self._employ(modem, chip)
        finally:
            self._neighbours.leave_chip(iccid)

    async def _employ(self, modem: Driver, chip: Chip) -> None:
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
        self.desk.when_idle = lambda: self._look_again(modem)
        self._worker = ChipWorker(self._context, self.desk, self._dispatcher)
        self._log.info("chip.ready", chip=chip.iccid, recipe=recipe.name)
        try:
            if not (self._lost or self._stopping):
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

        def job(db: Database) -> Chip:
            sim_pins.opened(db, iccid)  # by hand, or it wants no PIN any more
            return chips.seen(db, iccid, self.name, imei, now_ms=now_ms)

        return await self._context.store.write(job)

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
            case DeliveryReport() as report:
                self._log.info("sms.delivery", reference=report.reference, state=report.state.value)
                if self.desk is not None:
                    self.desk.inbox.delivered(report)
            case ListingHung(seconds=seconds):
                self._log.warning("sms.listing_hung", seconds=seconds)
            case StorageFull(said=said):
                self._log.warning("sms.storage_full", said=said)
                if self.desk is not None:
                    self.desk.text_came()
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
        self._context.events.publish("modem", slot=self.name, state=self.life.stage.value, why=why)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
