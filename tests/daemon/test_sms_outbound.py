"""What the chips send to people: from which, how fast, between which orders, and how surely."""

import asyncio
import itertools
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon import employment
from pulsarack.daemon.channels.carrier import ChannelState, Standing
from pulsarack.daemon.channels.sms.pace import BURST, Pace
from pulsarack.daemon.context import Context
from pulsarack.daemon.deliveries import Deliveries
from pulsarack.daemon.desk import CARD_STAYS_SECONDS
from pulsarack.modems.driver import Driver
from pulsarack.modems.results import DeliveryReport
from pulsarack.modems.simulator import network
from pulsarack.modems.simulator.menu_weather import MenuFault
from pulsarack.modems.simulator.operators.mobile_operator import Operator
from pulsarack.modems.tpdu import DeliveryState
from pulsarack.queue.chips import Chip
from pulsarack.queue.post import outgoing, sent_sms
from pulsarack.ussd.recipe import Recipe
from tests.daemon.sms_world import AGENT, ON, SmsWorld
from tests.daemon.test_guards_of_bare_failures import LATE_SECONDS, delivered_and_busy
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.test_sms_inbound import TELKOMSEL, XL, iccid, in_sms_world, write

SILENT = '\n[[fault]]\nat_order = 1\nkind = "not_done_no_reply"\n'
REPORTS = ON + "delivery_reports = true\n"


def state(world: SmsWorld) -> ChannelState:
    assert world.carrier is not None
    return world.carrier.state()


def states(world: SmsWorld) -> list[str]:
    return [one.state for one in world.sent()]


def chips_used(world: SmsWorld) -> set[str]:
    return {one.chip for one in world.telephones.heard}


# --- which chip ---------------------------------------------------------------------------


def test_one_chip_receives_and_others_answer(tmp_path: Path) -> None:
    async def order(world: SmsWorld) -> None:
        await world.call("chip.channel", iccid=iccid(world, 0), receives="on", answers="off")
        for number in (1, 2):
            await world.call("chip.channel", iccid=iccid(world, number), answers="on")
        await world.clock.sleep(60)
        for number in range(6):
            write(world, f"S10.08120000001{number}", 0)
        await world.until(lambda: len(world.heard()) == 6)
        assert chips_used(world) == {iccid(world, 1), iccid(world, 2)}
        assert {one.receiver for one in world.letters()} == {iccid(world, 0)}

    in_sms_world(tmp_path, order, TELKOMSEL, XL, TELKOMSEL, settings="")


def test_texts_that_wait_leave_from_all_chips_alike(tmp_path: Path) -> None:
    """But for those that answer what was written to one of them."""

    async def tell(world: SmsWorld) -> None:
        first, second = iccid(world, 0), iccid(world, 1)
        for number in range(40):
            world.tell(f"any {number}")
        await world.until(lambda: len(world.heard()) == 40)
        used = Counter(one.chip for one in world.telephones.heard)
        assert used[first] + used[second] == 40 and abs(used[first] - used[second]) <= 4
        for number in range(20):
            world.tell(f"first {number}", sender=first)
            world.tell(f"any {number}")
        await world.until(lambda: len(world.heard()) == 80)
        answers = [one for one in world.telephones.heard if one.text.startswith("first")]
        assert {one.chip for one in answers} == {first}
        assert [one.tries for one in world.sent()] == [1] * 80

    settings = ON + "pause_seconds = 0\nper_minute = 6000\n"
    in_sms_world(tmp_path, tell, TELKOMSEL, TELKOMSEL, settings=settings)


def test_a_chip_that_is_changed_while_its_slot_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chip's row was read a moment ago: what is said now holds, too."""
    read = employment.recipe_of
    changed = []

    async def order(world: SmsWorld) -> None:
        async def slowly(context: Context, chip: Chip) -> Recipe:
            recipe = await read(context, chip)
            if not changed:
                changed.append(chip.iccid)
                await world.call("chip.channel", iccid=chip.iccid, receives="on")
            return recipe

        monkeypatch.setattr(employment, "recipe_of", slowly)
        await world.call("chip.channel", iccid=iccid(world), answers="on")  # it begins anew
        await world.until(lambda: bool(changed))
        await world.clock.sleep(60)
        write(world, "S10.081200000012.1234")
        await world.until(lambda: len(world.letters()) == 1)

    in_sms_world(tmp_path, order, TELKOMSEL, settings="")


def test_a_chip_that_follows_up_an_order_sends_nothing(tmp_path: Path) -> None:
    async def tell(world: SmsWorld) -> None:
        order_id = await world.order("S10.081200000012")
        desks = {desk.iccid: desk for desk in world.daemon.rack.desks()}
        busy = desks[iccid(world, 0)]
        await world.until(lambda: busy.no_parcels)
        world.tell("for anybody", sender=iccid(world, 0))
        world.tell("again", sender=iccid(world, 0))
        await world.until(lambda: len(world.heard()) == 2, 60)
        assert chips_used(world) == {iccid(world, 1)}
        assert (await world.states())[order_id] == "UNKNOWN"
        await world.settle()

    in_sms_world(tmp_path, tell, TELKOMSEL, XL, faults=SILENT)


def test_how_the_channel_is_doing(tmp_path: Path) -> None:
    async def look(world: SmsWorld) -> None:
        card = iccid(world)
        assert state(world).standing is Standing.OFF
        await world.call("chip.channel", iccid=card, receives="on")
        await world.clock.sleep(65)
        assert state(world).standing is Standing.MISCONFIGURED
        assert "--answers on" in state(world).remedy
        await world.call("chip.channel", iccid=card, answers="on")
        await world.clock.sleep(60)
        assert state(world).standing is Standing.UP
        world.ports.unplug("/rack/modem0")
        await world.clock.sleep(60)
        assert state(world).standing is Standing.DOWN
        number = world.tell("later")
        await world.clock.sleep(60)
        assert states(world) == ["WAITING"] and number

    in_sms_world(tmp_path, look, settings="")


def test_a_chip_that_is_taken_out_of_service_sends_nothing(tmp_path: Path) -> None:
    async def look(world: SmsWorld) -> None:
        world.simulation.bar(iccid(world))
        await world.order("S10.081200000012")
        await world.until(lambda: world.daemon.rack.desks()[0].no_parcels)
        world.tell("never")
        await world.clock.sleep(60)
        assert world.heard() == [] and state(world).standing is Standing.DOWN

    in_sms_world(tmp_path, look)


# --- beside orders ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [TELKOMSEL, XL])
def test_orders_and_answers_take_turns(tmp_path: Path, kind: tuple[str, str]) -> None:
    """Neither waits for the end of the other, and none disturbs the stock."""
    code, prefix = ("S", "0812") if kind == TELKOMSEL else ("X", "0817")

    async def sell(world: SmsWorld) -> None:
        for number in range(12):
            await world.order(f"{code}10.{prefix}000000{number + 10}")
            world.tell(f"text {number}")
        at_half: list[int] = []
        while len(world.heard()) < 12:
            if len(world.heard()) == 6 and not at_half:
                at_half.append(len(world.delivered()))
            await world.clock.sleep(0.5)
        assert 3 <= at_half[0] <= 9, at_half
        await world.settle()
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        await world.until(lambda: states(world) == ["SENT"] * 12, 30)
        assert len(world.delivered()) == len(world.heard()) == 12
        assert (await world.call("discrepancies.list"))["discrepancies"] == []

    settings = ON + "pause_seconds = 0\n"
    in_sms_world(tmp_path, sell, kind, settings=settings)


@pytest.mark.parametrize("seconds", [3.0, 8.0, 12.0])
def test_texts_wait_for_slow_orders_in_turn(tmp_path: Path, seconds: float) -> None:
    """The next one at hand waits for two orders, and none leaves behind another meanwhile."""

    async def sell(world: SmsWorld) -> None:
        for number in range(12):
            await world.order(f"S10.0812000000{number + 10}")
        for number in range(8):
            world.tell(f"text {number}")
        while len(world.heard()) < 8:
            assert len(world.heard()) <= len(world.delivered()) + 1
            await world.clock.sleep(0.5)
        await world.until(lambda: states(world) == ["SENT"] * 8, 30)
        assert [one.tries for one in world.sent()] == [1] * 8
        await world.settle()

    slow = f"\n[latencies]\nussd_seconds = [{seconds}, {seconds}]\n"
    in_sms_world(tmp_path, sell, settings=ON + "pause_seconds = 0\n", faults=slow)


def test_many_that_wait_at_one_chip_let_its_orders_pass(tmp_path: Path) -> None:
    """Twice as many are carried at once as chips answer, and all want to leave from this one."""

    async def sell(world: SmsWorld) -> None:
        for number in range(8):
            await world.order(f"X10.081700000{number + 100}")
            world.tell(f"text {number}", sender=iccid(world, 0))
        await world.settle()
        await world.until(lambda: len(world.heard()) == 8)
        left = [
            "order" if one.submit.text.startswith("BAGI") else "text"
            for one in world.simulation.network.sent
            if one.iccid == iccid(world, 0)
        ]
        while_orders_wait = left[: len(left) - left[::-1].index("order")]
        # Whoever's turn does not come in time goes to another chip.
        assert while_orders_wait.count("text") >= 3
        assert ("text", "text") not in set(itertools.pairwise(while_orders_wait)), left

    settings = ON + "pause_seconds = 0\n"
    in_sms_world(tmp_path, sell, XL, TELKOMSEL, TELKOMSEL, TELKOMSEL, settings=settings)


def test_texts_do_not_hurry_a_stock_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(world: SmsWorld) -> None:
        operator = world.simulation.operators["telkomsel"]
        true, asked = operator.dial, []

        def dial(dealer: Any, code: str) -> Any:
            asked.append(world.clock.monotonic())
            return Operator.dial(operator, dealer, code)

        monkeypatch.setattr(operator, "dial", dial)
        await world.call("chip.enable", iccid=iccid(world))
        began = world.clock.monotonic()
        await world.clock.sleep(90)
        for number in range(2):
            world.tell(f"at once {number}", sender=iccid(world))
        await world.until(lambda: len(world.heard()) == 2, 20)
        assert chips_used(world) == {iccid(world)}
        while world.clock.monotonic() < began + 600:
            world.tell("hello", sender=iccid(world))
            await world.clock.sleep(10)
        assert len(world.heard()) >= 50
        # As without any text: after 5, 15, 60 and 300 seconds.
        assert len(asked) <= 6, [at - began for at in asked]
        monkeypatch.setattr(operator, "dial", true)
        await world.clock.sleep(300)
        await until_idle(world)

    in_sms_world(tmp_path, ask, TELKOMSEL, XL)


def test_a_failure_that_names_no_number_may_be_about_a_text_to_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chip's own credit may have been too little for it; the order was delivered."""

    async def order(world: SmsWorld) -> None:
        await world.clock.sleep(LATE_SECONDS)
        world.tell("hello")
        await world.until(lambda: states(world) == ["SENT"])
        assert await delivered_and_busy(world, monkeypatch) == "AMBIGUOUS"
        assert list((await world.states()).values()) == ["SUCCEEDED"]
        assert len(world.delivered()) == 1

    in_sms_world(tmp_path, order, XL)


def test_a_reference_is_no_orders_any_more_when_a_text_has_it() -> None:
    deliveries = Deliveries()
    report = DeliveryReport(None, 7, "168", DeliveryState.DELIVERED, 0, "", "")
    deliveries.expect(7, 41)
    assert deliveries.attempt_of(report) == 41
    deliveries.given_to_text(7 + 256)
    assert deliveries.attempt_of(report) is None


# --- how surely ---------------------------------------------------------------------------


def test_a_modem_that_leaves_while_it_sends(tmp_path: Path) -> None:
    """Nobody knows whether it left, so it is sent again."""

    async def unplug(world: SmsWorld) -> None:
        world.tell("hello")
        await world.until(world.parts)
        world.simulation.modems[0].power_cut(10)
        await world.until(lambda: states(world) == ["SENT"])
        assert set(world.heard()) == {"hello"} and 1 <= len(world.heard()) <= 2
        first, second = world.parts()
        assert first["provider_id"] is None and second["provider_id"] is not None

    in_sms_world(tmp_path, unplug)


def test_what_the_network_did_not_take_is_not_counted(tmp_path: Path) -> None:
    async def lose(world: SmsWorld) -> None:
        world.simulation.modems[0].lose_network(20)
        world.tell("hello")
        await world.until(lambda: world.sent()[0].tries)
        await world.clock.sleep(3)
        assert states(world) == ["WAITING"] and world.parts() == []
        await world.until(lambda: states(world) == ["SENT"])
        assert len(world.parts()) == 1 and world.heard() == ["hello"]

    in_sms_world(tmp_path, lose)


def test_a_crash_while_it_is_sent(tmp_path: Path) -> None:
    async def crash(world: SmsWorld) -> None:
        world.tell("hello")
        await world.until(world.parts)
        await world.crash()
        await world.start()
        await world.until(lambda: states(world) == ["SENT"])
        assert set(world.heard()) == {"hello"} and len(world.parts()) == 2

    in_sms_world(tmp_path, crash)


def test_another_card_sends_nothing_in_its_name(tmp_path: Path) -> None:
    async def swap(world: SmsWorld) -> None:
        one, other = world.simulation.modems
        await world.call("chip.channel", iccid=iccid(world, 1), answers="off")
        await until_idle(world)
        await world.clock.sleep(CARD_STAYS_SECONDS)  # no hand is quicker
        one.card, other.card = other.card, one.card  # unseen
        world.tell("hello", sender=iccid(world, 0))
        await world.until(lambda: world.heard(), 3600)
        assert chips_used(world) == {iccid(world, 0)}

    in_sms_world(tmp_path, swap, TELKOMSEL, TELKOMSEL)


def test_what_can_never_be_sent_is_refused(tmp_path: Path) -> None:
    async def send(world: SmsWorld) -> None:
        world.tell("to a name", to="M-KIOS")
        world.tell("to a service", to="168")
        world.tell("")
        world.tell("x" * 700)
        await world.clock.sleep(30)
        assert states(world) == ["REFUSED"] * 4 and world.heard() == []
        assert "parts_most" in world.sent()[3].why

    in_sms_world(tmp_path, send)


def test_a_long_text_arrives_whole(tmp_path: Path) -> None:
    async def send(world: SmsWorld) -> None:
        text = "Mutasi \N{WHITE HEAVY CHECK MARK} " * 20
        world.tell(text)
        await world.until(lambda: states(world) == ["DELIVERED"])
        assert world.heard() == [text]
        assert len(world.parts()) == 3 and {one["delivered"] for one in world.parts()} == {1}

    in_sms_world(tmp_path, send, settings=REPORTS)


@pytest.mark.parametrize("crash", [False, True])
def test_reports_of_delivery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash: bool) -> None:
    """They may come when another daemon runs; the references are in the database."""
    monkeypatch.setattr(network, "DELIVERY_REPORT_SECONDS", 60.0)

    async def send(world: SmsWorld) -> None:
        world.tell("hello")
        await world.until(lambda: states(world) == ["SENT"])
        if crash:
            await world.crash()
            await world.start()
            await until_idle(world)
        assert world.simulation.modems[0].settings.indication[2] == 1  # +CDS
        await world.until(lambda: states(world) == ["DELIVERED"], 120)
        await world.clock.sleep(60)
        assert world.on_cards() == 0 and len(world.heard()) == 1

    in_sms_world(tmp_path, send, settings=REPORTS)


def test_a_text_that_did_not_arrive_is_sent_again(tmp_path: Path) -> None:
    async def send(world: SmsWorld) -> None:
        world.telephones.switch_off(AGENT)
        world.tell("hello")
        await world.until(lambda: any(one["delivered"] == 0 for one in world.parts()))
        assert states(world) == ["WAITING"] and "did not arrive" in world.sent()[0].why
        world.telephones.switch_on(AGENT)
        await world.until(lambda: states(world) == ["DELIVERED"])
        assert world.heard() == ["hello"]

    in_sms_world(tmp_path, send, settings=REPORTS)


@pytest.mark.parametrize("chip_leaves", [True, False])
def test_what_is_counted_ahead_and_does_not_leave_is_taken_back(
    tmp_path: Path, chip_leaves: bool
) -> None:
    """The next text of a chip is counted with the end of the one before it."""

    async def leave(world: SmsWorld) -> None:
        first, second = iccid(world, 0), iccid(world, 1)
        desk = next(one for one in world.daemon.rack.desks() if one.iccid == first)
        for number in range(2):
            world.tell(f"text {number}", sender=first)
        await world.until(world.parts)

        async def long(_modem: Driver) -> None:
            await world.clock.sleep(60.0)

        errand = asyncio.ensure_future(desk.errands.ask(long, 60.0, lambda: ""))
        await world.until(lambda: states(world)[0] == "SENT")
        assert [one["chip"] for one in world.parts()] == [first, first]
        if chip_leaves:
            world.ports.unplug("/rack/modem0")
        await world.until(lambda: states(world) == ["SENT"] * 2)
        assert [one["chip"] for one in world.parts()] == [first, second]
        assert [one["provider_id"] for one in world.parts()].count(None) == 0
        await asyncio.gather(errand, return_exceptions=True)

    in_sms_world(tmp_path, leave, TELKOMSEL, TELKOMSEL, settings=ON + "pause_seconds = 0\n")


def test_a_text_that_leaves_for_another_chip_while_it_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(world: SmsWorld) -> None:
        first, second = iccid(world, 0), iccid(world, 1)
        true = world.daemon.store.write

        async def slowly(job: Any) -> Any:
            done = await true(job)
            if "_note_left" in job.__qualname__ and len(world.parts()) == 2:
                await world.clock.sleep(60.0)
            return done

        monkeypatch.setattr(world.daemon.store, "write", slowly)
        for number in range(2):
            world.tell(f"text {number}", sender=first)
        await world.until(lambda: len(world.heard()) == 2)
        await world.clock.sleep(60.0)
        assert [one["chip"] for one in world.parts()] == [first, second]
        assert [one["provider_id"] for one in world.parts()].count(None) == 0

    in_sms_world(tmp_path, wait, TELKOMSEL, TELKOMSEL, settings=ON + "pause_seconds = 0\n")


def test_a_stock_that_is_due_is_read_between_two_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stream(world: SmsWorld) -> None:
        operator, asked = world.simulation.operators["telkomsel"], []

        def dial(dealer: Any, code: str) -> Any:
            asked.append(len(world.heard()))
            return Operator.dial(operator, dealer, code)

        monkeypatch.setattr(operator, "dial", dial)
        for number in range(200):
            world.tell(f"text {number}")
        await world.until(lambda: len(world.heard()) == 200, 3600)
        while_texts_waited = [heard for heard in asked if heard < 200]
        assert 3 <= len(while_texts_waited) <= 12, asked

    settings = ON + "pause_seconds = 0\nper_minute = 600\n[chips]\nstock_check_seconds = 120\n"
    in_sms_world(tmp_path, stream, settings=settings)


# --- how fast -----------------------------------------------------------------------------


@pytest.mark.usefixtures("each_job_runs_once")
@pytest.mark.parametrize("fails", [(outgoing, "begin"), (sent_sms, "begin")])
def test_a_fault_with_the_next_text_does_not_send_the_last_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: tuple[ModuleType, str]
) -> None:
    module, name = fails
    true_begin, calls = getattr(module, name), itertools.count(1)

    def begin(db: Database, *given: Any, **named: Any) -> Any:
        if next(calls) == 3:
            raise RuntimeError("planted: the next text cannot be begun")
        return true_begin(db, *given, **named)

    async def tell(world: SmsWorld) -> None:
        monkeypatch.setattr(module, name, begin)
        told = [f"text {number}" for number in range(6)]
        for text in told:
            world.tell(text)
        await world.clock.sleep(400)
        assert sorted(one.text for one in world.telephones.heard) == told
        assert states(world) == ["SENT"] * 6

    in_sms_world(tmp_path, tell, TELKOMSEL, settings=ON + "pause_seconds = 0\n")


def test_a_chip_sends_no_more_than_it_may_in_a_day(tmp_path: Path) -> None:
    async def send(world: SmsWorld) -> None:
        for number in range(5):
            world.tell(f"text {number}")
        await world.clock.sleep(300)
        assert len(world.heard()) == len(world.parts()) == 3
        assert states(world).count("WAITING") == 2
        assert {one.why.split(";")[0] for one in world.sent() if one.state == "WAITING"} == {
            "the chip has sent as many texts as it may today"
        }

    settings = ON + "per_day = 3\n"
    in_sms_world(tmp_path, send, settings=settings)


def test_a_chip_that_the_network_refuses_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(world: SmsWorld) -> None:
        modem = world.simulation.modems[0]
        monkeypatch.setattr(
            modem.network,
            "text_fault",
            lambda terminal: MenuFault.REFUSED if terminal is modem else None,
        )
        for number in range(6):
            world.tell(f"text {number}", to=f"62812000000{number:02}", sender=iccid(world, 0))
        await world.until(lambda: len(world.heard()) == 6)
        assert chips_used(world) == {iccid(world, 1)}
        assert len(world.parts()) == 6  # what stayed is not counted

    in_sms_world(tmp_path, send, TELKOMSEL, TELKOMSEL)


def test_the_pace() -> None:
    pace = Pace(60, 2.0)
    assert [pace.wait_for_all(100.0) for _ in range(BURST)] == [0.0] * BURST
    assert pace.wait_for_all(100.0) == pytest.approx(1.0)
    assert pace.wait_for_all(101.0) == 0.0
    assert pace.wait_for_all(101.0) > 0
    assert [pace.wait_for_chip("a", 100.0, 4.0) for _ in range(3)] == [0.0, 2.0, 4.0]
    assert pace.wait_for_chip("b", 100.0, 4.0) == 0.0
    # A turn that is too far off is left to others.
    assert [pace.wait_for_chip("a", 100.0, 4.0) for _ in range(2)] == [6.0, 6.0]
    assert pace.wait_for_chip("a", 106.0, 4.0) == 0.0


def test_those_that_wait_for_the_pace_of_all_chips_do_not_wake_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    true = Pace.wait_for_all

    def wait_for_all(pace: Pace, now: float) -> float:
        asked.append(now)
        return true(pace, now)

    monkeypatch.setattr(Pace, "wait_for_all", wait_for_all)

    async def tell(world: SmsWorld) -> None:
        for number in range(40):
            world.tell(f"text {number}")
        await world.until(lambda: len(world.heard()) == 40, 3600)
        assert len(asked) <= 2 * 40

    # Each text waits for its turn: all chips together are slower than each of them.
    settings = ON + "pause_seconds = 0\nper_minute = 20\n"
    in_sms_world(tmp_path, tell, *[TELKOMSEL] * 4, settings=settings)


@pytest.mark.parametrize("pause", [1, 2.5, 4, 5, 6, 30])
def test_many_that_wait_leave_as_fast_as_the_chips_may_send(tmp_path: Path, pause: float) -> None:
    """However long they pause, none of their turns is lost."""

    async def tell(world: SmsWorld) -> None:
        began = world.clock.monotonic()
        for number in range(16):
            world.tell(f"text {number}")
        await world.until(lambda: len(world.heard()) == 16, 3600)
        assert world.clock.monotonic() - began < 7 * max(pause, 4.0) + 20

    settings = ON + f"pause_seconds = {pause}\nper_minute = 600\n"
    in_sms_world(tmp_path, tell, TELKOMSEL, TELKOMSEL, settings=settings)


def test_a_chip_rests_when_it_is_the_chip_and_not_the_number() -> None:
    pace = Pace(60, 2.0)
    for _ in range(5):
        assert not pace.failed("a", "1", 0.0)
    assert pace.failed("a", "2", 0.0) and pace.rests("a", 59.0) and not pace.rests("a", 60.0)
    pace.failed("a", "1", 60.0)
    assert pace.failed("a", "2", 60.0) and pace.rests("a", 179.0)
    pace.sent("a")
    pace.failed("a", "1", 200.0)
    assert pace.failed("a", "2", 200.0) and not pace.rests("a", 260.0)


# --- what was told to a chip --------------------------------------------------------------


def test_what_a_chip_is_told_holds_until_it_is_told_otherwise(tmp_path: Path) -> None:
    async def tell(world: SmsWorld) -> None:
        card = iccid(world)
        shown = await world.call("chip.show", iccid=card)
        assert (shown["receives"], shown["answers"]) == (True, True)
        assert await world.call("chip.channel", iccid=card, receives="off") == {
            "receives": False,
            "answers": True,
        }
        await world.crash()
        await world.start()
        shown = await world.call("chip.show", iccid=card)
        assert (shown["receives"], shown["answers"]) == (False, True)
        told = await world.call("chip.channel", iccid=card, receives="default", answers="off")
        assert told == {"receives": True, "answers": False}
        error = await world.refusal("chip.channel", iccid="8962100000000000099")
        assert error.code == "NOT_FOUND"

    in_sms_world(tmp_path, tell)
