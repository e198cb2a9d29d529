"""A slot: one place in the rack, whatever modem and chip are in it.

It carries a modem through its life (`modems/life.py`): open the port, find out who is
there, set it up, wait for the network, and let the chip's worker work. Whatever fails
is kept as a reason; what is done about it, and after which pause, the supervisor says
(`daemon/supervisor.py`). A port that appears is tried at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from pulsarack.daemon import employment
from pulsarack.daemon import log as logging
from pulsarack.daemon.card_pins import CardPins
from pulsarack.daemon.context import Context
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.joining import join
from pulsarack.daemon.nursing import End, Nursing, SlotFault
from pulsarack.daemon.ports import Ports
from pulsarack.daemon.resets import Resets
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.supervisor import Situation, Supervisor
from pulsarack.daemon.tap import Tap
from pulsarack.daemon.worker import ChipWorker
from pulsarack.modems.driver import Driver, driver_of
from pulsarack.modems.errors import ModemError, ModemRefused, NoNetwork, PortGone, PortMissing
from pulsarack.modems.life import ModemLife, Stage, Step
from pulsarack.modems.profile import Profiles
from pulsarack.modems.remedies import Fault, fault_of
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
from pulsarack.modems.transport import Port, Trace
from pulsarack.queue.chips import Chip, ChipState

T = TypeVar("T")

# How often an idle chip's signal and cell are looked at.
LOOK_SECONDS = 300.0
HELD_CHECK_SECONDS = 5.0
HELD = "held"
"""The state of a slot that may not sell, since another shows the same card or modem."""


class Neighbours(Protocol):
    """What a slot must know of the others: who shows which card and modem."""

    def show(self, slot: "Slot", iccid: str, imei: str) -> None:
        """Enter what was read in this slot; `held_changed` is called on all it concerns."""

    def leave(self, slot: "Slot") -> None:
        """The slot holds no modem any more."""

    def shown(self) -> frozenset[str]:
        """The cards that slots show."""


class Slot:
    """One path of the configuration (or of a glob in it)."""

    def __init__(
        self,
        context: Context,
        dispatcher: Dispatcher,
        neighbours: Neighbours,
        profiles: Profiles,
        ports: Ports,
        resets: Resets,
        path: str,
        name: str = "",
    ) -> None:
        self.path = path
        self.name = name or path.rsplit("/", 1)[-1]
        self.life = ModemLife()
        self.identity: Identity | None = None
        self.profile = ""
        self.chip: ChipIdentity | None = None
        self.signal: int | None = None
        self.registered: Registration | None = None
        self.network: NetworkPlace | None = None
        self.desk: Desk | None = None
        self.held = ""  # why it may not sell although it could
        self.supervisor = Supervisor(context, resets, self.name)
        self.nursing = Nursing(context, self.supervisor, ports, self)
        self.tap = Tap(context.clock.now_ms, self._listen)
        self._context = context
        self._dispatcher = dispatcher
        self._neighbours = neighbours
        self._profiles = profiles
        self._ports = ports
        self._worker: ChipWorker | None = None
        self._looked_at = 0.0  # at signal and network
        self._changed = asyncio.Event()
        self._modem: Driver | None = None
        self._port: Port | None = None  # the one opened last
        self._card: str | None = None  # the ICCID that was read last since the port is there
        self._reset_command = ""
        self._known = False  # a modem has answered here
        self._was_ready = False
        self._lost = False
        self._lost_by = Fault.GONE
        self._stopping = False
        self._hands = asyncio.Lock()  # a technician's, on a modem without a worker
        self._log = context.log.bind(slot=self.name)

    async def run(self) -> None:
        """Carry whatever is in the slot, again and again, until `stop`."""
        try:
            while not self._stopping:
                end = await self._once()
                if self._stopping:
                    return
                await self.nursing.recover(end, lost=self._lost)
                self._begin_again()
        finally:
            self.close()

    def changed(self) -> None:
        """The port was replaced, or an admin changed the chip: begin again soon."""
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

    def appeared(self) -> None:
        """The port is there, or there again."""
        self._came_back()
        self.changed()

    def _came_back(self) -> None:
        if self.supervisor.appeared():  # perhaps with something else in it
            self._known, self._reset_command = False, ""

    def vanished(self) -> None:
        """The port is not there any more."""
        if self.supervisor.expects_absence and self._modem is None:
            self._log.info("modem.away", why="it was reset")
            return
        self._lose("the port has vanished")

    def stop(self) -> None:
        """End after what is being done; an order that is not past its point of no return waits."""
        self._stopping = True
        if self.desk is not None:
            self.desk.ending = True
        self.changed()

    @property
    def stopping(self) -> bool:
        """Whether the daemon ends."""
        return self._stopping

    @property
    def doing(self) -> str:
        """What the slot is doing, in words."""
        return self.desk.doing if self.desk is not None else self.life.stage.value

    @property
    def ttys(self) -> list[str]:
        """The device nodes of its USB device, if it is one."""
        place = self._ports.place(self.path)
        return [tty.node for tty in place.ttys] if place is not None else []

    async def visit(self, job: Callable[[Driver], Awaitable[T]], within_seconds: float) -> T:
        """Have something done on the modem between two orders.

        Raises SlotFault if no modem works here or its answer may still be proof, TurnNotCome,
        and whatever the job raises.
        """
        if self.desk is None:
            async with self._hands:  # before the worker, which waits for it, or behind its coming
                if self.desk is None:
                    return await self._visit_idle(job)
        desk = self.desk
        return await desk.errands.ask(job, within_seconds, lambda: desk.doing)

    async def _visit_idle(self, job: Callable[[Driver], Awaitable[T]]) -> T:
        """On a modem whose chip is not in service, or held."""
        modem = self._modem
        if modem is None or self.life.stage is not Stage.READY:
            why = f": {self.life.why}" if self.life.why else ""
            raise SlotFault(f"the modem in slot {self.name} is {self.life.stage.value}{why}")
        attempt = await self.supervisor.forbidding(self.where())
        if attempt is not None:
            order = attempt.order_id
            raise SlotFault(f"order {order} is undecided; see: pulsarack order show {order}")
        return await job(modem)

    async def card_answers(self) -> bool | None:
        """Whether a card is in the modem now; None if that cannot be asked."""
        if self._modem is None:
            return None
        try:
            return await self._modem.card_answers()
        except ModemError:
            return None

    def rename(self, name: str) -> None:
        """Be called so from now on."""
        self.name = self.supervisor.slot = name
        if self.desk is not None:
            self.desk.slot = name
            self.desk.news.ring()  # it offers itself by its name
        self._log = self._context.log.bind(slot=name)

    def where(self) -> Situation:
        """What the supervisor must know of this place."""
        return Situation(
            iccid=self._card,
            shown=self._neighbours.shown(),
            seat=self._ports.place(self.path),
            reset_command=self._reset_command,
            known=self._known,
            held=bool(self.held),
        )

    async def _once(self) -> End:
        """One life, from the port to its end."""
        self._lost, self._lost_by, self._was_ready = False, Fault.GONE, False
        fault, why = Fault.NONE, ""
        try:
            modem = await self._opened()
            await self._prepare(modem)
            await self._work(modem)
        except (PortGone, PortMissing) as error:
            fault, why = Fault.GONE, str(error)
            self._move(Step.VANISH, why)
        except ModemError as error:
            fault, why = fault_of(error), str(error)
            self._move(Step.FAIL, why)
            self._log.warning("modem.failed", why=why)
        except StoreError as error:
            # What was sent is followed up when the slot begins again, as after a crash.
            fault, why = Fault.HELPLESS, str(error)
            self._move(Step.FAIL, why)
            self._log.error("store.failed", why=why)
        except Exception as error:
            if _being_cancelled():
                raise
            # The chip's open attempt, if any, is followed up when the slot begins again.
            fault, why = Fault.HELPLESS, f"a fault of the daemon: {error!r}"
            self._move(Step.FAIL, why)
            self._log.exception("slot.fault")
        if self.life.stage is Stage.READY:
            if self._lost:
                fault, why = self._lost_by, self.life.why or self._lost_by.value
            self._move(Step.VANISH if self._lost else Step.FAIL, self.life.why or "started anew")
        return End(fault, why, self._was_ready)

    async def _opened(self) -> Driver:
        """The modem that was kept for another try, or a new one on the opened port."""
        if self._modem is None:
            self._port = await self._ports.open(self.path)
            self._came_back()
            clock, trace = self._context.clock, self.tap.trace
            self._modem = driver_of(self._port, clock, self._profiles, self._on_event, trace)
        self._move(Step.OPEN)
        return self._modem

    def _listen(self, trace: Trace | None) -> None:
        if self._modem is not None:
            self._modem.listen(trace)

    def close(self) -> Port | None:
        """Close the port; the one that was opened last, once."""
        if self._modem is not None:
            self._modem.close()
            self._modem = None
        port, self._port = self._port, None
        return port

    async def _prepare(self, modem: Driver) -> None:
        self.identity = await modem.identify()
        self.profile = modem.profile.name
        # What says OK to everything has no name; it may be anything.
        self._known = bool(self.identity.manufacturer or self.identity.model)
        self._reset_command = modem.profile.reset if self._known else ""
        self.supervisor.met(self.identity.imei)
        self._move(Step.IDENTIFY)
        await CardPins(self._context, self.identity.imei or self.name).initialise(modem)
        self.chip = await modem.read_chip()
        self._card = self.chip.iccid
        self._move(Step.INITIALISE)
        await self._register(modem)
        self._move(Step.REGISTER)
        await self._look_around(modem)
        self._move(Step.MAKE_READY)
        self._was_ready = True
        self.supervisor.is_ready()

    async def _register(self, modem: Driver) -> None:
        if why := await join(self._context, modem, self._note_registration):
            raise NoNetwork(why)

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
            self._log.debug("network.untold", why=str(error))

    async def _work(self, modem: Driver) -> None:
        assert self.chip is not None and self.identity is not None
        self._neighbours.show(self, self.chip.iccid, self.identity.imei)
        try:
            while not (self._lost or self._stopping):
                if self.held and self.nursing.asked:
                    return  # a modem may show the card that it had before: then a reset mends it
                if self.held:
                    await self._hold(modem)
                elif not await self._serve(modem):
                    return
        finally:
            self.held = ""
            self._neighbours.leave(self)

    async def _hold(self, modem: Driver) -> None:
        """Wait while another slot shows the same card or modem; raises if ours has gone."""
        assert self.chip is not None
        await self.wait_for_change(HELD_CHECK_SECONDS)
        if self._lost or self._stopping:
            return
        if await modem.read_iccid() != self.chip.iccid:
            raise SlotFault("another card is in than before; the slot begins anew")

    async def _serve(self, modem: Driver) -> bool:
        """Let the chip work; True if that ended only because the slot is to be held."""
        assert self.chip is not None and self.identity is not None
        self._changed.clear()  # what was changed until now is what is read now
        chip = await employment.note_chip(
            self._context, self.chip.iccid, self.name, self.identity.imei
        )
        if chip.state == ChipState.NEW:
            self._log.warning(
                "chip.unknown", chip=chip.iccid, remedy=f"pulsarack chip adopt {chip.iccid}"
            )
            self._context.events.publish(
                "chip", iccid=chip.iccid, operator=None, slot=self.name, doing="not adopted"
            )
            await self.wait_for_change(None)
        else:
            await self._employ(modem, chip)
        return bool(self.held)

    async def _employ(self, modem: Driver, chip: Chip) -> None:
        assert self.identity is not None
        recipe = await employment.recipe_of(self._context, chip)
        async with self._hands:
            self.desk = Desk(
                self._context,
                modem,
                iccid=chip.iccid,
                slot=self.name,
                modem_id=self.identity.imei,
                recipe=recipe,
                receives=employment.is_told(chip.receives, self._context.config.sms.receives),
                answers=employment.is_told(chip.answers, self._context.config.sms.answers),
            )
        self.desk.when_idle = lambda: self._look_again(modem)
        self._worker = ChipWorker(self._context, self.desk, self._dispatcher)
        self._log.info("chip.ready", chip=chip.iccid, recipe=recipe.name)
        desk = self.desk
        desk.tell(desk.doing)
        try:
            # Somebody may have changed the chip since it was read: then it begins anew.
            if not (self._lost or self._stopping or self.held or self._changed.is_set()):
                with logging.bound(chip=chip.iccid, slot=self.name):
                    await self._worker.run()
        finally:
            desk.tell("gone")
            self._worker = self.desk = None
            await employment.leave_nothing_sending(self._context, chip.iccid, self._log)
            self._dispatcher.wake()

    def _on_event(self, event: ModemEvent) -> None:
        match event:
            case PortLost(reason=reason):
                self._lose(reason)
            case SimRemoved():
                self._log.warning("sim.removed")
                self._lose("the SIM was removed", Fault.NO_CARD)
            case MessageArrived():
                if self.desk is not None:
                    self.desk.text_came()
            case MessageUnreadable(index=index, reason=reason):
                self._log.warning("sms.unreadable", reason=reason)
                if self.desk is not None:
                    self.desk.inbox.unreadable(index, reason)
            case DeliveryReport() as report:
                self._log.debug(
                    "sms.delivery", reference=report.reference, state=report.state.value
                )
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
                self._log.info("ussd.unasked", text=answer.text)

    def _lose(self, reason: str, by: Fault = Fault.GONE) -> None:
        self._lost, self._lost_by = True, by
        if by is Fault.GONE:
            self._card = None  # whatever comes back may hold another one
            self.supervisor.vanished(self._was_ready)
        self._log.warning("modem.lost", why=reason)
        if self.desk is not None:
            self.desk.lose()
        self._changed.set()

    async def wait_for_change(self, seconds: float | None) -> bool:
        """Until the bell rings, or so long at most; True if it rang, also if before."""
        clock = self._context.clock
        timer, late = None, False

        def end() -> None:
            nonlocal late
            late = True
            self._changed.set()

        if seconds is not None:
            timer = clock.call_at(clock.monotonic() + seconds, end)
        try:
            await self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()
            self._changed.clear()
        return not late

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
        iccid = self.chip.iccid if self.chip is not None else None
        self._context.events.publish("modem", slot=self.name, state=state, iccid=iccid, why=why)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
