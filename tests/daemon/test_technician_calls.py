"""What a technician asks of a running rack, on virtual time: looks, names, hands, ears."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import tap
from pulsarack.daemon.cli.traces import TraceWriter
from pulsarack.daemon.control_protocol import CallError, check_arguments
from pulsarack.daemon.slot import Slot
from pulsarack.modems.driver import Driver
from pulsarack.modems.modem import Modem
from pulsarack.modems.profile import Profiles
from pulsarack.modems.results import UssdAnswer
from pulsarack.modems.simulator.operators.answer import Hang
from pulsarack.modems.transport import Direction
from pulsarack.queue import chips, rows, technicians
from tests.daemon.scripted import STOCK, TOP_UP, Scripted, silence
from tests.daemon.test_orders_and_chips import in_world, until_idle
from tests.daemon.world import PEER, World
from tests.modems.world import VirtualClock
from tests.trace_player import TracePort

Story = Callable[[World], Awaitable[None]]
SLOT = "modem0"


def lived(directory: Path, story: Story, dialect: str = "wavecom", chips_: int = 1) -> None:
    async def begin(world: World) -> None:
        await until_idle(world)
        await story(world)

    in_world(directory, begin, *[(dialect, "telkomsel")] * chips_)


def slot_of(world: World) -> Slot:
    return world.daemon.rack.slots["/rack/modem0"]


async def row(world: World) -> dict[str, Any]:
    found: dict[str, Any] = (await world.call("rack.show"))["slots"][0]
    return found


# --- looking --------------------------------------------------------------------------------


def test_the_rack_shows_what_a_technician_asks_first(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        shown = await row(world)
        assert shown["slot"] == SLOT
        assert shown["state"] == "ready"
        assert shown["operator"] == "telkomsel"
        assert shown["network"] == world.simulation.network.operator_of(shown["chip"]).network_name
        assert shown["stock"] == 1_000_000
        assert shown["doing"] == "idle"
        assert 0 <= shown["signal"] <= 31
        assert (shown["last_fault"], shown["remedies"], shown["do"]) == (None, None, None)
        world.simulation.modems[0].suffer(Hang(1e7))
        await world.clock.sleep(3600.0)
        shown = await row(world)
        assert shown["state"] == "failed"
        assert "no answer" in shown["last_fault"]
        assert shown["last_fault_at"] <= world.clock.now_ms()
        assert shown["given_up"]
        assert shown["remedies"].startswith("retry ")
        assert "pulsarack modem reset modem0" in shown["do"]
        assert {one["remedy"] for one in shown["taken"]} == {"retry", "reopen", "cfun"}

    lived(tmp_path, story)


def test_a_new_chip_is_shown_with_the_command_that_adopts_it(tmp_path: Path) -> None:
    async def begin(world: World) -> None:
        iccid = world.plan.modems[0].chip.iccid
        await until_idle(world)
        world.simulation.modems[0].go_away(20.0, leave_bus=True)
        await world.clock.sleep(1.0)
        world.daemon.store.run_inline(lambda db: rows.execute(db, "UPDATE chip SET state = 'NEW'"))
        await world.clock.sleep(90.0)
        shown = await row(world)
        assert shown["doing"] == "waits to be adopted"
        assert shown["do"] == f"pulsarack chip adopt {iccid} --operator NAME --recipe NAME"
        # Its modem can be asked meanwhile.
        assert (await world.call("modem.at", slot=SLOT, command="AT+CSQ"))["ok"]

    in_world(tmp_path, begin, ("wavecom", "telkomsel"))


def test_a_chip_begins_to_work_when_the_technician_s_command_has_ended(tmp_path: Path) -> None:
    async def begin(world: World) -> None:
        iccid = world.plan.modems[0].chip.iccid
        await until_idle(world)
        slot = slot_of(world)
        world.simulation.modems[0].go_away(20.0, leave_bus=True)
        await world.clock.sleep(1.0)
        world.daemon.store.run_inline(lambda db: rows.execute(db, "UPDATE chip SET state = 'NEW'"))
        await world.clock.sleep(90.0)
        goes_on, ended = asyncio.Event(), []

        async def job(modem: Driver) -> None:
            await goes_on.wait()
            ended.append(slot.desk)

        visit = asyncio.ensure_future(slot.visit(job, 45.0))
        await world.clock.sleep(1.0)
        world.daemon.store.run_inline(
            lambda db: rows.execute(db, "UPDATE chip SET state = 'ACTIVE'")
        )
        world.daemon.rack.chip_changed(iccid)
        await world.clock.sleep(60.0)
        goes_on.set()
        await visit
        assert ended == [None]
        await world.clock.sleep(5.0)
        assert slot.desk is not None

    in_world(tmp_path, begin, ("wavecom", "telkomsel"))


def test_an_undecided_chip_is_left_alone_also_where_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        slot = slot_of(world)
        Scripted(world, monkeypatch).next(TOP_UP, silence)
        order = await world.order("S5.081200000012")
        for _ in range(600):
            if (await world.states())[order] == "UNKNOWN":
                break
            await world.clock.sleep(1.0)
        slot.held_changed("held: another slot shows it")
        for _ in range(600):
            if slot.desk is None:
                break
            await world.clock.sleep(1.0)
        error = await world.refusal("modem.at", slot=SLOT, command="AT+CSQ")
        assert f"order {order} is undecided" in error.message

    lived(tmp_path, story)


def test_neighbours_stand_beside_each_other(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        shown = [one["slot"] for one in (await world.call("rack.show"))["slots"]]
        assert shown == [f"modem{n}" for n in range(11)]

    lived(tmp_path, story, chips_=11)


# --- names ----------------------------------------------------------------------------------


def test_a_name_is_for_good_and_everywhere(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        assert await world.call("slot.name", slot=SLOT, name="left-3") == {
            "slot": "left-3",
            "before": SLOT,
        }
        assert (await row(world))["slot"] == "left-3"
        assert (await world.call("chip.list"))["chips"][0]["slot"] == "left-3"
        assert (await world.call("modem.list"))["modems"][0]["slot"] == "left-3"
        await world.clock.sleep(5.0)
        order = await world.order("S5.081200000012")
        await world.settle()
        assert (await world.show(order))["attempts"][0]["slot"] == "left-3"
        await world.stop()
        await world.start()
        await world.clock.sleep(60.0)
        assert (await row(world))["slot"] == "left-3"
        # By its path it is found, too.
        await world.call("slot.name", slot="/rack/modem0", name="right-1")
        assert (await row(world))["slot"] == "right-1"

    lived(tmp_path, story)


NO_NAMES = ["", "a b", "-x", "x" * 33, "na\xefve", "../x", "modem1", "/rack/modem1"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_no_name_that_is_none_or_another_s(tmp_path: Path, name: str) -> None:
    async def story(world: World) -> None:
        error = await world.refusal("slot.name", slot=SLOT, name=name)
        assert error.code in ("BAD_NAME", "NAME_TAKEN")
        error = await world.refusal("slot.name", slot="nowhere", name="x")
        assert error.code == "NOT_FOUND"

    lived(tmp_path, story, chips_=2)


def test_two_slots_are_never_called_the_same(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.call("slot.name", slot="modem0", name="a")
        error = await world.refusal("slot.name", slot="modem1", name="a")
        assert error.code == "NAME_TAKEN"
        await world.call("slot.name", slot="a", name="b")
        await world.call("slot.name", slot="modem1", name="a")

    lived(tmp_path, story, chips_=2)


# --- hands ----------------------------------------------------------------------------------


def test_one_command_between_two_orders(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        answer = await world.call("modem.at", slot=SLOT, command="at+csq")
        assert answer["ok"]
        assert answer["final"] == "OK"
        assert answer["lines"][0].startswith("+CSQ: ")
        assert answer["note"] == ""
        answer = await world.call("modem.at", slot=SLOT, command="AT+NONSENSE?")
        assert not answer["ok"]
        orders = [await world.order(f"S5.08120000001{n}") for n in range(3)]
        asked = [world.call("modem.at", slot=SLOT, command="AT+CSQ") for _ in range(3)]
        for one in await asyncio.gather(*asked):
            assert one["ok"]
        await world.settle()
        assert {(await world.states())[one] for one in orders} == {"SUCCEEDED"}

    lived(tmp_path, story)


def test_what_was_set_is_set_back(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        modem = world.simulation.modems[0]
        answer = await world.call("modem.at", slot=SLOT, command='AT+CSCS="UCS2"')
        assert answer["note"] == "it was set up anew"
        assert modem.settings.charset == "GSM"
        order = await world.order("S5.081200000012")
        await world.settle()
        assert (await world.states())[order] == "SUCCEEDED"

    lived(tmp_path, story)


def test_what_could_do_harm_is_refused_or_recorded(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        sent: list[bytes] = []
        feed = world.simulation.modems[0].feed

        def note(data: bytes) -> None:
            sent.append(data)
            feed(data)

        world.simulation.modems[0].feed = note  # type: ignore[method-assign]
        pin = next(iter(world.pins.values()))
        deadly = f'AT+CUSD=1,"*776*{pin}#",15'
        for command in (deadly, "ATD112;", f'AT+CPIN="{pin}"', "AT+CMGD=1,4", "hello"):
            error = await world.refusal("modem.at", slot=SLOT, command=command)
            assert error.code == "COMMAND_REFUSED", command
        error = await world.refusal("modem.at", slot=SLOT, command=deadly, force=True, who="ani")
        assert error.code == "NO_REASON"
        forced = {"force": True, "who": "ani", "because": "the menu"}
        error = await world.refusal("modem.at", slot=SLOT, command='AT+CMGS="0812"', **forced)
        assert error.code == "COMMAND_REFUSED"
        assert not any(b"CUSD=1" in one or b"CMGS" in one for one in sent)
        answer = await world.call("modem.at", slot=SLOT, command=deadly, **forced)
        assert answer["ok"]
        (act,) = world.daemon.store.read_inline(lambda db: technicians.acts(db, 10))
        assert (act.slot, act.who, act.because) == (SLOT, f"ani (uid {PEER.uid})", "the menu")
        assert "CUSD=1" in act.act
        assert pin not in act.act
        assert act.chip == world.plan.modems[0].chip.iccid
        await world.clock.sleep(120.0)
        assert any(b"CUSD=1" in one for one in sent)

    lived(tmp_path, story)


def test_a_forced_pin_is_recorded_nowhere(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        forced = {"force": True, "who": "ani", "because": "a new card"}
        await world.call("modem.at", slot=SLOT, command="AT+C PIN=4711", **forced)
        (act,) = world.daemon.store.read_inline(lambda db: technicians.acts(db, 10))
        assert act.act == "at AT+CPIN=****"

    lived(tmp_path, story)


def test_a_forced_command_makes_the_stock_doubtful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        operator = Scripted(world, monkeypatch)
        forced = {"force": True, "who": "ani", "because": "a test"}
        await world.call("modem.at", slot=SLOT, command="AT+CFUN=1", **forced)
        await world.clock.sleep(120.0)
        assert operator.times(STOCK) == 1
        found = world.daemon.store.read_inline(chips.every)
        assert found[0].stock_exact

    lived(tmp_path, story)


def test_a_forced_command_that_is_not_answered_makes_the_stock_doubtful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have moved money all the same; and so may one whose daemon ends in between."""

    async def story(world: World) -> None:
        def in_doubt() -> bool:
            return not world.daemon.store.read_inline(chips.every)[0].stock_exact

        operator = Scripted(world, monkeypatch)
        forced = {"force": True, "who": "ani", "because": "a test"}
        at_the_time: list[bool] = []
        feed = world.simulation.modems[0].feed

        def swallow(data: bytes) -> None:
            if b"CUSD=1" in data and not at_the_time:
                at_the_time.append(in_doubt())
            else:
                feed(data)

        world.simulation.modems[0].feed = swallow  # type: ignore[method-assign]
        command = 'AT+CUSD=1,"*777*081200000012*5*482913#",15'
        error = await world.refusal("modem.at", slot=SLOT, command=command, **forced)
        assert error.code == "NOT_DONE"
        assert "482913" not in error.message
        assert at_the_time == [True]
        await world.clock.sleep(300.0)
        assert operator.times(STOCK) == 1
        assert not in_doubt()

    lived(tmp_path, story)


def test_what_a_modem_says_at_the_end_is_masked_too(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        pin = next(iter(world.pins.values()))
        modem = world.simulation.modems[0]
        feed = modem.feed

        def answer(data: bytes) -> None:
            if b"CGMI" in data:
                world.ports._out("/rack/modem0", f"\r\n+CME ERROR: not {pin}\r\n".encode())
            else:
                feed(data)

        modem.feed = answer  # type: ignore[method-assign]
        said = await world.call("modem.at", slot=SLOT, command="AT+CGMI")
        assert not said["ok"]
        assert pin not in said["final"]

    lived(tmp_path, story)


def test_a_turn_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        Scripted(world, monkeypatch).next(TOP_UP, silence)
        order = await world.order("S5.081200000012")
        await world.clock.sleep(1.0)
        error = await world.refusal("modem.at", slot=SLOT, command="AT+CSQ")
        assert error.code == "NOT_DONE"
        assert f"order {order}" in error.message
        error = await world.refusal("modem.reset", slot=SLOT, how="cfun", who="ani")
        assert error.code == "NOT_RESET"
        assert f"order {order} is past its point of no return" in error.message
        await world.settle()

    lived(tmp_path, story)


def test_a_modem_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.ports.unplug("/rack/modem0")
        await world.clock.sleep(30.0)
        error = await world.refusal("modem.at", slot=SLOT, command="AT+CSQ")
        assert error.code == "NOT_DONE"
        assert "modem0 is gone" in error.message

    lived(tmp_path, story)


def test_a_modem_that_hangs_in_an_errand_fails_as_ever(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.simulation.modems[0].suffer(Hang(120.0))
        error = await world.refusal("modem.at", slot=SLOT, command="AT+CSQ")
        assert "no answer" in error.message or "busy" in error.message
        await world.clock.sleep(600.0)
        assert (await row(world))["doing"] == "idle"

    lived(tmp_path, story)


def test_a_reset_is_told_and_kept(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        answer = await world.call("modem.reset", slot=SLOT, who="ani", because="it is hot")
        assert answer == {"slot": SLOT, "how": "cfun", "outcome": "done"}
        await world.clock.sleep(60.0)
        shown = await row(world)
        assert shown["doing"] == "idle"
        assert shown["remedies"] == "cfun 1"
        assert shown["taken"][0]["why"] == "by ani: it is hot"
        error = await world.refusal("modem.reset", slot=SLOT, how="power")
        assert "power cannot be done in slot modem0" in error.message

    lived(tmp_path, story)


@pytest.mark.parametrize(("dialect", "can"), [("simcom-sim800", True), ("wavecom", False)])
def test_a_modem_blinks_where_its_model_can(tmp_path: Path, dialect: str, can: bool) -> None:
    async def story(world: World) -> None:
        if can:
            assert await world.call("modem.find", slot=SLOT) == {"slot": SLOT}
        else:
            assert (await world.refusal("modem.find", slot=SLOT)).code == "CANNOT_BLINK"

    lived(tmp_path, story, dialect)


# --- ears -----------------------------------------------------------------------------------


async def listen(world: World, into: list[dict[str, Any]]) -> "asyncio.Task[None]":
    call = world.daemon.calls.find("modem.trace")
    assert call.stream is not None
    stream = call.stream(check_arguments(call, {"slot": SLOT}), PEER)

    async def follow() -> None:
        async for line in stream:
            into.append(line)

    task = asyncio.ensure_future(follow())
    while not into:
        await asyncio.sleep(0)
    return task


async def leave(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)


@pytest.mark.parametrize("dialect", ["wavecom", "huawei-e1550", "quectel-m35"])
def test_a_trace_of_the_rack_is_played_to_the_driver(tmp_path: Path, dialect: str) -> None:
    lines: list[dict[str, Any]] = []

    async def story(world: World) -> None:
        slot = slot_of(world)
        assert slot.tap.trace is None
        task = await listen(world, lines)
        slot.changed()  # from the beginning
        await world.clock.sleep(60.0)
        order = await world.order("S5.081200000012")
        await world.settle()
        assert (await world.states())[order] == "SUCCEEDED"
        await leave(task)
        assert slot.tap.trace is None
        before = len(lines)
        await world.order("S10.081200000012")
        await world.settle()
        assert len(lines) == before

    lived(tmp_path, story, dialect)
    writer, file = TraceWriter(), tmp_path / "modem.trace"
    file.write_text("".join(f"{text}\n" for line in lines for text in writer.write(line)), "utf-8")
    saved = file.read_text("utf-8")
    assert "1201" not in saved  # the chip's PIN, as it is
    assert "31D90C" not in saved.upper()  # and packed in seven bits
    assert "0031003200300031" not in saved
    assert "****" not in saved.replace("<pdu ****>", "")

    async def play() -> None:
        clock = VirtualClock()
        port = TracePort(file, clock)
        modem = Modem(port, clock, Profiles.load(), lambda event: None)
        identity = await clock.run(modem.identify())
        assert modem.profile.name in dialect.replace("-", "_")
        assert len(identity.imei) == 15
        await clock.run(modem.initialise())
        await clock.run(modem.read_chip())
        answer = await clock.run(modem.dial_ussd("*777*081200000012*5*1201#", 60.0))
        assert isinstance(answer, UssdAnswer), answer
        modem.close()

    asyncio.run(play())


def test_a_slow_reader_loses_lines_and_is_told(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        slot = slot_of(world)
        follower = slot.tap.follow()
        first = asyncio.ensure_future(anext(follower))
        await asyncio.sleep(0)
        for number in range(tap.BACKLOG + 5):
            slot.tap.put(Direction.RECEIVED, f"\r\n^RSSI: {number}\r\n".encode())
        assert (await first)["way"] == "lost"
        assert (await anext(follower))["text"] == "^RSSI: 5"
        await follower.aclose()
        assert slot.tap.trace is None

    lived(tmp_path, story)


def test_enough_is_enough(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        tasks = [await listen(world, []) for _ in range(tap.FOLLOWERS_LIMIT)]
        await asyncio.sleep(0)
        assert slot_of(world).tap.is_full
        call = world.daemon.calls.find("modem.trace")
        assert call.stream is not None
        with pytest.raises(CallError, match="enough listen"):
            await anext(call.stream(check_arguments(call, {"slot": SLOT}), PEER))
        for task in tasks:
            await leave(task)
        assert not slot_of(world).tap.is_full

    lived(tmp_path, story)
