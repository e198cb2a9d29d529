"""The remedies at work: a rack on virtual time whose modems hang, fall and are reset."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.nursing import SlotFault
from pulsarack.daemon.slot import Slot
from pulsarack.daemon.store_errors import StateDirectoryFull, StoreError
from pulsarack.daemon.supervisor import Situation
from pulsarack.modems.errors import HubPowerFailed
from pulsarack.modems.life import Stage
from pulsarack.modems.modem import Modem
from pulsarack.modems.remedies import FALLS_LIMIT, REST_SECONDS, STRONG, Remedy
from pulsarack.modems.results import Registration
from pulsarack.modems.simulator.operators.answer import Hang
from pulsarack.modems.usb_reset import UsbSeat
from pulsarack.queue import attempts, no_return
from tests.daemon.scripted import TOP_UP, Scripted, silence
from tests.daemon.virtual_loop import VirtualLoop
from tests.daemon.world import World, rack_plan

PATH = "/rack/modem0"
FOR_EVER = 1e7


@dataclass(frozen=True)
class Seat:
    key: str = "usb-0000:00:14.0-2.1"
    kernel_name: str = "1-2.1"
    bus: int = 1
    address: int = 2
    bridge: bool = False
    model: str = "114f:1234"


class Bench:
    """Resets that do to the simulated modem what they would do to a real one."""

    def __init__(self, world: World, *, usb: bool = True) -> None:
        self.done: list[str] = []
        self.hub_can = True
        self._world, self._usb_helps = world, usb

    def can_power(self) -> bool:
        return True

    async def usb(self, seat: UsbSeat) -> None:
        self._note("usb")
        if self._usb_helps:
            self._world.simulation.modems[0].go_away(1.0, leave_bus=True)

    async def power(self, seat: UsbSeat) -> None:
        self._note("power")
        if not self.hub_can:
            raise HubPowerFailed(seat.kernel_name, "the hub cannot", "re-plug it")
        self._world.simulation.modems[0].go_away(5.0, leave_bus=True)

    def _note(self, what: str) -> None:
        assert not self._world.ports.is_open(PATH), "the tty must be closed"
        open_ones = self._world.daemon.store.read_inline(attempts.every_open)
        assert not [one for one in open_ones if one.committed_at is not None]
        self.done.append(what)


def in_world(
    directory: Path,
    story: Callable[[World, Bench], Coroutine[Any, Any, None]],
    *,
    dialect: str = "wavecom",
    usb_helps: bool = True,
) -> None:
    async def live() -> None:
        world = World(directory, rack_plan((dialect, "telkomsel")))
        bench = world.resets = Bench(world, usb=usb_helps)
        world.ports.places[PATH] = Seat()
        await world.set_up()
        await world.clock.sleep(5.0)
        await until(world, lambda: slot_of(world).desk is not None)
        await world.clock.sleep(60.0)
        await story(world, bench)
        await world.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(live())


def slot_of(world: World) -> Slot:
    return world.daemon.rack.slots[PATH]


def taken(world: World) -> list[Remedy]:
    return [one.remedy for one in slot_of(world).supervisor.taken]


async def until(world: World, happened: Callable[[], bool], seconds: float = 7200.0) -> None:
    end = world.clock.monotonic() + seconds
    while not happened():
        assert world.clock.monotonic() < end, slot_of(world).life
        await world.clock.sleep(0.25)


def test_a_hung_modem_climbs_the_ladder_until_it_is_back(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot = slot_of(world)
        world.simulation.modems[0].suffer(Hang(FOR_EVER))
        await until(world, lambda: bench.done != [])
        assert taken(world)[-1] is Remedy.USB_RESET
        assert taken(world) == [Remedy.RETRY, Remedy.REOPEN, Remedy.RESTART, Remedy.USB_RESET]
        assert "no answer" in slot.supervisor.taken[0].why
        await until(world, lambda: slot.desk is not None)
        assert bench.done == ["usb"]
        assert world.daemon.context.measures.remedies[("usb", "done")] == 1
        # It fell once, by itself; that our own reset took it off the bus is no second fall.
        assert len(slot.supervisor.ladder.falls) == 1
        assert slot.supervisor.ladder.failures == 0
        assert slot.supervisor.last_fault.startswith("no answer")

    in_world(tmp_path, story)


def test_what_the_usb_does_not_mend_the_hub_does(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        world.simulation.modems[0].suffer(Hang(FOR_EVER))
        await until(world, lambda: slot_of(world).life.stage is not Stage.READY)
        await until(world, lambda: slot_of(world).desk is not None)
        assert bench.done == ["usb", "power"]

    in_world(tmp_path, story, usb_helps=False)


def test_what_nothing_mends_is_given_up_and_looked_at_again(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot, modem = slot_of(world), world.simulation.modems[0]
        bench.hub_can = False
        modem.suffer(Hang(FOR_EVER))
        await until(world, lambda: slot.supervisor.ladder.given_up)
        assert bench.done == ["usb", "power"]
        assert "the hub cannot" in [one.outcome for one in slot.supervisor.taken][4]
        modem.go_away(1.0, leave_bus=False)  # it comes to by itself
        await until(world, lambda: slot.desk is not None, 700.0)
        assert not slot.supervisor.ladder.given_up

    in_world(tmp_path, story, usb_helps=False)


@pytest.mark.parametrize("dialect", ["huawei-e173", "simcom-sim800"])
def test_a_make_is_restarted_only_where_that_is_safe(tmp_path: Path, dialect: str) -> None:
    async def story(world: World, bench: Bench) -> None:
        world.simulation.modems[0].suffer(Hang(FOR_EVER))
        await until(world, lambda: bench.done != [])
        assert (Remedy.RESTART in taken(world)) == (dialect != "huawei-e173")

    in_world(tmp_path, story, dialect=dialect)


def test_nothing_strong_while_an_attempt_past_no_return_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot, modem = slot_of(world), world.simulation.modems[0]
        Scripted(world, monkeypatch).next(TOP_UP, silence)
        order = await world.order("S5.081200000012")
        await until(world, lambda: _committed(world))
        modem.suffer(Hang(FOR_EVER))
        await world.clock.sleep(5 * 3600.0)
        assert not STRONG & set(taken(world))
        assert bench.done == []
        assert f"order {order}" in slot.supervisor.held_back
        with pytest.raises(SlotFault, match=f"order {order} is past its point of no return"):
            await slot.nursing.reset(Remedy.USB_RESET, "by hand", 60.0)
        await world.call(
            "order.resolve", id=order, delivered=False, because="the operator says so", who="me"
        )
        await until(world, lambda: slot.desk is not None)
        assert bench.done == ["usb"]
        assert world.findings() == []

    in_world(tmp_path, story)


def test_a_modem_without_a_network_is_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def registration(_modem: Modem) -> Registration:
        return Registration.SEARCHING

    async def story(world: World, bench: Bench) -> None:
        monkeypatch.setattr(Modem, "registration", registration)
        world.simulation.modems[0].go_away(20.0, leave_bus=True)
        await until(world, lambda: Remedy.RESTART in taken(world))
        assert taken(world) == [Remedy.RETRY, Remedy.RETRY, Remedy.RESTART]
        monkeypatch.undo()
        await until(world, lambda: slot_of(world).desk is not None)

    in_world(tmp_path, story)


def test_a_fault_of_the_daemon_between_two_lives_does_not_end_the_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise KeyError("a mistake of ours")

    async def story(world: World, bench: Bench) -> None:
        slot = slot_of(world)
        monkeypatch.setattr(slot.supervisor, "advise", fail)
        world.simulation.modems[0].go_away(20.0, leave_bus=True)
        await until(world, lambda: slot.desk is None)
        await world.clock.sleep(300.0)
        monkeypatch.undo()
        await until(world, lambda: slot.desk is not None, 120.0)

    in_world(tmp_path, story)


def test_what_cannot_be_looked_up_forbids_a_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot = slot_of(world)

        async def fail(place: Situation) -> None:
            raise StateDirectoryFull(tmp_path, 0)

        monkeypatch.setattr(slot.supervisor, "forbidding", fail)
        done = await slot.supervisor.carry_out(Remedy.USB_RESET, "a test", slot.where())
        assert done.outcome.startswith("not done: the disk")
        assert bench.done == []

    in_world(tmp_path, story)


def _committed(world: World) -> bool:
    open_ones = world.daemon.store.read_inline(attempts.every_open)
    return any(one.committed_at is not None for one in open_ones)


def test_a_stick_that_falls_off_the_bus_five_times_rests(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot, modem = slot_of(world), world.simulation.modems[0]
        for number in range(FALLS_LIMIT):
            assert not slot.supervisor.ladder.resting, number
            modem.go_away(6.0, leave_bus=True)
            await until(world, lambda: slot.desk is None)
            await world.clock.sleep(60.0)
        assert slot.supervisor.ladder.resting
        assert slot.desk is None
        modem.go_away(6.0, leave_bus=True)  # not even that wakes it
        await world.clock.sleep(REST_SECONDS - 120.0)
        assert slot.desk is None
        await world.clock.sleep(120.0)
        assert slot.desk is not None
        assert bench.done == []

    in_world(tmp_path, story)


def test_a_hand_may_unplug_as_often_as_it_likes(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot, modem = slot_of(world), world.simulation.modems[0]
        for _ in range(3 * FALLS_LIMIT):
            modem.go_away(20.0, leave_bus=True)
            await until(world, lambda: slot.desk is None)
            await until(world, lambda: slot.desk is not None, 120.0)
        assert slot.supervisor.ladder.falls == ()

    in_world(tmp_path, story)


def test_a_rest_ends_when_the_modem_is_taken_out(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot, modem = slot_of(world), world.simulation.modems[0]
        for _ in range(FALLS_LIMIT):
            modem.go_away(6.0, leave_bus=True)
            await until(world, lambda: slot.desk is None)
            await world.clock.sleep(60.0)
        assert slot.supervisor.ladder.resting
        modem.go_away(30.0, leave_bus=True)
        await world.clock.sleep(120.0)
        assert slot.desk is not None

    in_world(tmp_path, story)


# --- by hand --------------------------------------------------------------------------------


def test_a_reset_by_hand_waits_for_the_order_under_way(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot = slot_of(world)
        order = await world.order("S5.081200000012")
        await until(world, lambda: (slot.desk.doing if slot.desk else "").startswith("selling"))
        done = await slot.nursing.reset(Remedy.USB_RESET, "a technician", 120.0)
        assert done.outcome == "done"
        assert (await world.states())[order] == "SUCCEEDED"
        await until(world, lambda: slot.desk is not None)
        assert slot.supervisor.ladder.falls == ()

    in_world(tmp_path, story)


def test_a_reset_by_hand_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot = slot_of(world)
        Scripted(world, monkeypatch).next(TOP_UP, silence)
        await world.order("S5.081200000012")
        await until(world, lambda: (slot.desk.doing if slot.desk else "").startswith("selling"))
        with pytest.raises(SlotFault, match=r"try again when it is idle|past its point"):
            await slot.nursing.reset(Remedy.USB_RESET, "a technician", 1.0)
        await world.clock.sleep(600.0)
        assert bench.done == []

    in_world(tmp_path, story)


def test_a_reset_by_command_restarts_the_modem(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot = slot_of(world)
        world.simulation.modems[0].restart = partial(_note, bench)  # type: ignore[method-assign]
        done = await slot.nursing.reset(Remedy.RESTART, "a technician", 60.0)
        assert done.outcome == "done"
        await world.clock.sleep(1.0)
        assert bench.done == ["restarted"]
        await until(world, lambda: slot.desk is not None)

    in_world(tmp_path, story)


def _note(bench: Bench) -> None:
    bench.done.append("restarted")


def test_where_there_is_no_usb_there_is_no_usb_reset(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        world.ports.places.clear()
        with pytest.raises(SlotFault, match="usb cannot be done"):
            await slot_of(world).nursing.reset(Remedy.USB_RESET, "a technician", 60.0)
        world.ports.places[PATH] = Seat(bridge=True, key="usb-0000:00:14.0-2.1-if03")
        with pytest.raises(SlotFault, match="usb cannot be done"):
            await slot_of(world).nursing.reset(Remedy.USB_RESET, "a technician", 60.0)

    in_world(tmp_path, story)


def test_a_store_that_fails_at_a_remedy_does_not_end_the_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempts cannot be looked at just when a modem is to be reset."""

    async def story(world: World, bench: Bench) -> None:
        slot = slot_of(world)
        true_one, failed = slot.supervisor.forbidding, []

        async def forbidding(place: Situation) -> Any:
            if slot.supervisor.ladder.failures == 2 and not failed:  # AT+CFUN=1,1 is due
                failed.append("advice")
            elif failed == ["advice"]:
                failed.append("remedy")
                raise StoreError("the disk is full; make room")
            return await true_one(place)

        monkeypatch.setattr(slot.supervisor, "forbidding", forbidding)
        world.simulation.modems[0].suffer(Hang(FOR_EVER))
        await until(world, lambda: len(failed) == 2)
        await until(world, lambda: slot.desk is not None)

    in_world(tmp_path, story)


def test_a_reset_that_the_store_forbids_is_told_to_who_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World, bench: Bench) -> None:
        slot, looked = slot_of(world), []

        def lookup(db: Any, iccid: str | None, shown: Any) -> Any:
            looked.append(iccid)
            if len(looked) == 2:
                raise StoreError("the disk is full; make room")

        with monkeypatch.context() as patched:
            patched.setattr(no_return, "open_in_slot", lookup)
            with pytest.raises(SlotFault, match="the disk is full"):
                await slot.nursing.reset(Remedy.USB_RESET, "by hand", 60.0)
        assert bench.done == []
        await until(world, lambda: slot.desk is not None)
        await slot.nursing.reset(Remedy.USB_RESET, "by hand", 60.0)
        assert bench.done == ["usb"]

    in_world(tmp_path, story)


def test_a_reset_that_takes_long_is_waited_for(tmp_path: Path) -> None:
    """Told to try again, a person would cut the power a second time."""

    async def story(world: World, bench: Bench) -> None:
        true_power = bench.power

        async def power(seat: UsbSeat) -> None:
            await world.clock.sleep(60.0)
            await true_power(seat)

        bench.power = power  # type: ignore[method-assign]
        done = await slot_of(world).nursing.reset(Remedy.HUB_POWER, "by hand", 45.0)
        assert done.outcome == "done"
        assert bench.done == ["power"]

    in_world(tmp_path, story)


def test_a_fault_of_ours_at_a_reset_does_not_end_the_slot(tmp_path: Path) -> None:
    async def story(world: World, bench: Bench) -> None:
        true_usb = bench.usb

        async def usb(seat: UsbSeat) -> None:
            raise ValueError("planted")

        bench.usb = usb  # type: ignore[method-assign]
        with pytest.raises(SlotFault, match="planted"):
            await slot_of(world).nursing.reset(Remedy.USB_RESET, "by hand", 45.0)
        bench.usb = true_usb  # type: ignore[method-assign]
        await until(world, lambda: slot_of(world).desk is not None)

    in_world(tmp_path, story)
