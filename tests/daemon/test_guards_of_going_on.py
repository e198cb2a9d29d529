"""A chip that goes on from one order to the next: what may go wrong in between."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from peewee import Database

from pulsarack.daemon.desk import CARD_STAYS_SECONDS, Desk
from pulsarack.daemon.going_on import End, Ended, Report
from pulsarack.daemon.inbox import Inbox
from pulsarack.daemon.script_runner import Runner
from pulsarack.modems.errors import ModemSilent
from pulsarack.modems.modem import Modem
from pulsarack.modems.results import IncomingSms
from pulsarack.queue import chips, claim, texts
from pulsarack.queue.claim import Claim
from pulsarack.queue.errors import ClaimLost
from pulsarack.queue.orders import Order
from pulsarack.queue.texts import Meaning, Received
from pulsarack.ussd.dialogue import Dialogue, Finished
from tests.daemon.test_guards_of_the_inbox import Slot
from tests.daemon.test_hard_cases_at_the_card import in_plan, with_pins
from tests.daemon.test_orders_and_chips import chip, in_world
from tests.daemon.world import RECIPES, SHELF, World, rack_plan

XL = ("wavecom", "xl")
TELKOMSEL = ("wavecom", "telkomsel")


async def open_shop(world: World, pause_seconds: int = 0) -> None:
    """Adopt the chips anew, with such a pause; only the first sells."""
    for modem in world.plan.modems:
        operator = modem.chip.operator
        adopted = {"iccid": modem.chip.iccid, "operator": operator, "recipe": RECIPES[operator]}
        await world.call("chip.adopt", **adopted, pause_seconds=pause_seconds)
    for number, modem in enumerate(world.plan.modems):
        while (await chip(world, number))["doing"] != "idle":
            await world.clock.sleep(1.0)
        if number:
            await world.call("chip.rest", iccid=modem.chip.iccid, because="test")


async def two_orders(world: World) -> list[int]:
    """They lie there together."""
    code = "X" if world.plan.modems[0].chip.operator == "xl" else "S"
    prefix = "0817" if code == "X" else "0812"
    return [await world.order(f"{code}10.{prefix}000000{number}") for number in (12, 13)]


async def attempts_of(world: World, order_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.show(order_id))["attempts"]
    return found


def swap_cards(world: World) -> None:
    """Their texts go with them."""
    one, other = world.simulation.modems
    mine, others = one.card, other.card
    other.change_card(mine)
    one.change_card(others)


def then(patch: pytest.MonkeyPatch, do: Callable[[], Any]) -> None:
    """Something happens once, between a report that is booked and its deletion."""
    true_delete = Inbox._delete
    armed = [True]

    async def delete(inbox: Inbox, messages: tuple[IncomingSms, ...]) -> None:
        if inbox._report is not None and armed:
            armed.clear()
            if (waits := do()) is not None:
                await waits
        await true_delete(inbox, messages)

    patch.setattr(Inbox, "_delete", delete)


@pytest.mark.parametrize("one", [XL, TELKOMSEL])
def test_the_end_of_one_order_claims_the_next(tmp_path: Path, one: tuple[str, str]) -> None:
    async def sell(world: World) -> None:
        await open_shop(world)
        first, second = await two_orders(world)
        await world.settle()
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        (ended,), (begun,) = await attempts_of(world, first), await attempts_of(world, second)
        assert begun["claimed_at"] == ended["closed_at"]

    in_world(tmp_path, sell, one)


@pytest.mark.parametrize(("pause_seconds", "goes_on"), [(1, True), (60, False)])
def test_a_chip_that_needs_a_longer_pause_stands_idle_first(
    tmp_path: Path, pause_seconds: int, goes_on: bool
) -> None:
    """A pause counts from the claim of the order before."""

    async def sell(world: World) -> None:
        await open_shop(world, pause_seconds)
        first, second = await two_orders(world)
        await world.settle()
        (ended,), (begun,) = await attempts_of(world, first), await attempts_of(world, second)
        assert begun["claimed_at"] >= ended["claimed_at"] + pause_seconds * 1000
        assert (begun["claimed_at"] == ended["closed_at"]) == goes_on

    in_world(tmp_path, sell, XL)


def test_what_was_claimed_is_given_back_if_the_modem_fails_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is booked and the next order claimed; then the modem deletes no text."""

    def fail() -> None:
        raise ModemSilent("AT+CMGD", 10.0)

    async def sell(world: World) -> None:
        await open_shop(world)
        then(monkeypatch, fail)
        first, second = await two_orders(world)
        await world.settle()
        assert [one["outcome"] for one in await attempts_of(world, first)] == ["DONE"]
        assert [one["outcome"] for one in await attempts_of(world, second)] == ["NOT_DONE", "DONE"]
        assert len(world.delivered()) == 2
        await world.clock.sleep(120)
        assert world.simulation.modems[0].card.messages == {}

    in_world(tmp_path, sell, XL)


def test_an_answer_outlives_the_claim_that_fails_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_claim = claim.claim_for
    lost: list[int] = []

    def claim_for(db: Database, *args: Any, **named: Any) -> Claim | None:
        found = true_claim(db, *args, **named)
        if found and found.order.id == 2 and not lost:
            lost.append(2)
            raise ClaimLost("planted")
        return found

    async def sell(world: World) -> None:
        await open_shop(world)
        monkeypatch.setattr(claim, "claim_for", claim_for)
        first, second = await two_orders(world)
        await world.settle()
        assert lost == [second]
        assert [len(await attempts_of(world, one)) for one in (first, second)] == [1, 1]
        assert len(world.delivered()) == 2

    in_world(tmp_path, sell, XL)


def test_a_card_exchanged_after_the_report_is_found_out_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quicker than any hand: the other card sells, and this one's stock proves nothing."""

    async def sell(world: World) -> None:
        await world.set_up()
        await open_shop(world)
        then(monkeypatch, lambda: swap_cards(world))
        first, second = await two_orders(world)
        while (await world.states())[second] != "UNKNOWN":
            await world.clock.sleep(0.1)
        swap_cards(world)
        await world.clock.sleep(3600)
        assert await world.states() == {first: "SUCCEEDED", second: "UNKNOWN"}
        assert len(world.delivered()) == 2

    in_plan(tmp_path, with_pins(rack_plan(XL, ("simcom-sim800", "xl")), "1201"), sell)


def test_a_card_is_looked_at_again_if_the_last_look_is_some_time_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A modem that is slow in deleting leaves time to exchange its card."""

    async def sell(world: World) -> None:
        async def exchange() -> None:
            await world.clock.sleep(CARD_STAYS_SECONDS)
            swap_cards(world)

        await world.set_up()
        await open_shop(world)
        then(monkeypatch, exchange)
        _, second = await two_orders(world)
        await world.settle()
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        assert (await attempts_of(world, second))[0]["outcome"] == "NOT_DONE"
        assert len(world.delivered()) == 2

    in_plan(tmp_path, with_pins(rack_plan(XL, ("simcom-sim800", "xl")), "1201"), sell)


def test_a_modem_that_failed_claims_no_further_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails with the look at the card of the first order, before anything was sent."""
    true_check = Desk.check_card
    armed = [True]

    async def check_card(desk: Desk) -> None:
        if desk.doing.startswith("selling") and armed:
            armed.clear()
            raise ModemSilent("AT+CCID", 10.0)
        await true_check(desk)

    async def sell(world: World) -> None:
        await open_shop(world)
        monkeypatch.setattr(Desk, "check_card", check_card)
        first, second = await two_orders(world)
        await world.settle()
        assert not armed
        assert [one["outcome"] for one in await attempts_of(world, first)] == ["NOT_DONE", "DONE"]
        assert [one["outcome"] for one in await attempts_of(world, second)] == ["DONE"]

    in_world(tmp_path, sell, XL)


def test_a_session_that_is_still_open_is_ended_before_the_next_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The modem fails at that: the next order was not claimed yet."""
    true_run = Runner.run
    armed = [True]

    async def run(runner: Runner, dialogue: Dialogue) -> Finished:
        finished = await true_run(runner, dialogue)
        return Finished(finished.outcome, cancel_session=bool(armed))

    async def cancel_ussd(modem: Modem) -> None:
        armed.clear()
        raise ModemSilent("AT+CUSD=2", 10.0)

    async def sell(world: World) -> None:
        await open_shop(world)
        monkeypatch.setattr(Runner, "run", run)
        monkeypatch.setattr(Modem, "cancel_ussd", cancel_ussd)
        for order_id in await two_orders(world):
            await world.settle()
            assert [one["outcome"] for one in await attempts_of(world, order_id)] == ["DONE"]
        assert not armed

    in_world(tmp_path, sell, TELKOMSEL)


def test_the_story_of_an_order_begins_with_its_own_readings(tmp_path: Path) -> None:
    """The stock that the end of the order before named was read in the same millisecond."""

    async def sell(world: World) -> None:
        await open_shop(world)
        first, second = await two_orders(world)
        await world.settle()
        read = [(await attempts_of(world, one))[0]["readings"] for one in (first, second)]
        assert [len(readings) for readings in read] == [1, 1]
        assert read[0] != read[1]

    in_world(tmp_path, sell, TELKOMSEL)


GUARDS: dict[str, Callable[[World, Any], Any]] = {
    "a text came": lambda world, worker: worker._desk.text_came(),
    "somebody decided something": lambda world, worker: worker._desk.news.ring(),
    "the card is due to be looked at": lambda world, worker: setattr(
        worker._desk, "texts_due_at", world.clock.monotonic()
    ),
    "the stock is old": lambda world, worker: setattr(worker._stock, "read_at", float("-inf")),
    "the daemon stops": lambda world, worker: setattr(worker._desk, "stopping", True),
    "the modem is gone": lambda world, worker: setattr(worker._desk, "gone", True),
    "the clock was set": lambda world, worker: world.clock.step(3600.0),
    "another chip may be the better one": lambda world, worker: worker._dispatcher.wake("xl"),
}


@pytest.mark.parametrize("guard", GUARDS)
def test_what_is_due_first_keeps_a_chip_from_going_on(tmp_path: Path, guard: str) -> None:
    async def look(world: World) -> None:
        while {(await chip(world, number))["doing"] for number in (0, 1)} != {"idle"}:
            await world.clock.sleep(1.0)
        worker: Any = next(iter(world.daemon.rack.slots.values()))._worker
        worker._desk.texts_due_at = world.clock.monotonic() + 1.0
        assert worker._going_on() is not None
        GUARDS[guard](world, worker)
        assert worker._going_on() is None

    in_world(tmp_path, look, XL, XL)


@pytest.mark.usefixtures("each_job_runs_once")
@pytest.mark.parametrize("texts_there", [1, 2])
def test_a_chip_goes_on_only_if_its_report_is_all_that_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts_there: int
) -> None:
    """What came with it may change what the chip can sell."""
    alone: list[bool] = []

    def ending() -> End:
        def end(db: Database, order: Order, only_one: bool) -> Ended:
            alone.append(only_one)
            return Ended(cast(Any, order), chips.find(db, "none"))

        return end

    async def read(world: World) -> None:
        await open_shop(world)
        order_id, _ = await two_orders(world)
        await world.settle()
        desk = a_desk(world, Slot([text(number) for number in range(texts_there)]))
        monkeypatch.setattr(texts, "receive", lambda *args: Received(Meaning.PROOF, 7))
        monkeypatch.setattr(type(desk.context), "tell", lambda self, standing: None)
        ended: list[Ended] = []
        await desk.read_texts(Report(order_id, 7, ending, ended.append))
        assert alone == [texts_there == 1] * texts_there
        assert len(ended) == texts_there

    in_world(tmp_path, read, XL)


def text(number: int) -> IncomingSms:
    return IncomingSms((number,), "168", f"text {number}", "", True, f"{number}" * 64)


def a_desk(world: World, slot: Slot) -> Desk:
    """A desk beside the chip's own, with a modem that holds these texts."""
    modem = world.plan.modems[0]
    recipe = SHELF.get(RECIPES[modem.chip.operator])

    async def read_iccid() -> str:
        return modem.chip.iccid

    slot.read_iccid = read_iccid  # type: ignore[attr-defined]
    named = {"iccid": modem.chip.iccid, "slot": "modem9", "modem_id": "1", "recipe": recipe}
    return Desk(world.daemon.context, cast(Modem, slot), **cast(Any, named))


# --- the bell ---------------------------------------------------------------------------------


def test_reading_the_texts_silences_their_bell_and_no_other(tmp_path: Path) -> None:
    """An admin decided something while a query read the inbox: that is still to be seen."""

    async def ring(world: World) -> None:
        desk = a_desk(world, Slot([]))
        desk.text_came()
        assert desk.has_news
        await desk.read_texts()
        assert not desk.has_news
        desk.text_came()
        desk.news.ring()
        await desk.read_texts()
        assert desk.has_news
        assert desk.take_news()
        assert not desk.has_news

    in_world(tmp_path, ring, XL)


def test_a_text_announced_during_a_reading_is_the_next_ones(tmp_path: Path) -> None:
    class Announcing(Slot):
        async def read_sms(self) -> list[IncomingSms]:
            desk.text_came()
            return await super().read_sms()

    async def ring(world: World) -> None:
        nonlocal desk
        desk = a_desk(world, Announcing([]))
        await desk.read_texts()
        assert desk.take_news()

    desk: Any = None
    in_world(tmp_path, ring, XL)


def test_a_modem_that_announces_its_texts_is_not_asked_for_them_at_once(tmp_path: Path) -> None:
    async def ring(world: World) -> None:
        desk = a_desk(world, Slot([]))
        assert desk.text_may_lie_there()  # not every modem does
        desk.text_came()
        assert desk.text_may_lie_there()
        await desk.read_texts()
        assert not desk.text_may_lie_there()

    in_world(tmp_path, ring, XL)
