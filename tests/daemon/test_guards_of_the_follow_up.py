"""What comes while an undecided order's chip is being asked counts, and at once."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.desk import Desk
from pulsarack.modems.simulator import modem as simulated
from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.line import Command
from pulsarack.modems.simulator.operators.answer import Answer, tell
from pulsarack.modems.simulator.result import Result
from pulsarack.queue import attempts
from pulsarack.ussd.dialogue import Finished
from pulsarack.ussd.script import Script
from tests.daemon.scripted import (
    HISTORY,
    SILENCE,
    STOCK,
    TOP_UP,
    Scripted,
    said,
    silence,
    sms,
    stock_of,
)
from tests.daemon.test_orders_and_chips import chip, in_world, until_idle
from tests.daemon.world import PRODUCTS, World

NUMBER = "081200000012"
DONE = f"Isi ulang 10 ke {NUMBER} berhasil. SN: 51012399999999. Sisa stok Rp 989.850"
REFUSED = f"Maaf, nomor {NUMBER} tidak terdaftar."
NOTHING = tell("Belum ada transaksi.")
AT_ONCE_SECONDS = 20.0  # more than a query takes, far less than the time to the next one


async def unknown(world: World, script: Scripted, *, done: bool) -> int:
    """An order that is undecided; its chip's first stock query is still to come."""

    def lost(dealer: Dealer, code: str) -> Answer:
        if done:
            script.true(dealer, code)
        return SILENCE

    script.next(TOP_UP, lost)
    order_id = await world.order(f"S10.{NUMBER}")
    while (await world.states())[order_id] != "UNKNOWN":
        await world.clock.sleep(0.1)
    return order_id


async def the_only_attempt(world: World, order_id: int) -> dict[str, Any]:
    story = await world.show(order_id)
    (attempt,) = story["attempts"]
    found: dict[str, Any] = attempt
    return found


# --- the bell -------------------------------------------------------------------------------


def when_listed(patch: pytest.MonkeyPatch, then: Callable[[], None]) -> Callable[[], None]:
    """Arm it: right after a modem has made the next list of its texts, something happens."""
    armed: list[bool] = []
    true_find = simulated.find_handler

    def find(modem: simulated.Modem, command: Command) -> Any:
        handler = true_find(modem, command)
        if command.name != "+CMGL" or not armed or handler is None:
            return handler

        def listed(modem: simulated.Modem, command: Command) -> Result:
            answer = handler(modem, command)
            armed.clear()
            then()
            return answer

        return listed

    patch.setattr(simulated, "find_handler", find)
    return lambda: armed.append(True)


def test_a_text_that_just_missed_the_last_look_is_acted_upon_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It rings while the inbox is listed, and the next reading would be minutes away."""
    asked_at: list[float] = []

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        arm = when_listed(monkeypatch, lambda: script.text(DONE))

        def history(dealer: Dealer, code: str) -> Answer:
            asked_at.append(world.clock.monotonic())
            arm()
            return NOTHING

        script.always(STOCK, stock_of(777_777))  # proves nothing
        script.next(HISTORY, history)
        order_id = await unknown(world, script, done=True)
        await world.settle()
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert world.clock.monotonic() - asked_at[0] < AT_ONCE_SECONDS
        script.truly(STOCK)

    in_world(tmp_path, order)


def test_a_text_that_the_last_query_reads_itself_is_acted_upon_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query by SMS looks into the inbox while it waits, and takes the bell."""
    true_ask = Desk.ask

    async def ask(desk: Desk, script: Script) -> Finished:
        finished = await true_ask(desk, script)
        if script is desk.recipe.history:
            await desk.read_texts()
            desk.take_news()
        return finished

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)

        def history(dealer: Dealer, code: str) -> Answer:
            script.truly(STOCK)
            script.text(DONE)
            return NOTHING

        script.always(STOCK, stock_of(777_777))
        script.next(HISTORY, history)
        order_id = await unknown(world, script, done=True)
        await world.settle()
        await world.clock.sleep(AT_ONCE_SECONDS)
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert (await chip(world))["doing"] == "idle"

    monkeypatch.setattr(Desk, "ask", ask)
    in_world(tmp_path, order)


@pytest.mark.parametrize("waits", [False, True])
def test_an_admins_word_frees_the_chip_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    """It comes while the operator is asked, or while the next reading is waited for."""

    async def order(world: World) -> None:
        await until_idle(world)
        script, asked = Scripted(world, monkeypatch), asyncio.Event()

        def history(dealer: Dealer, code: str) -> Answer:
            asked.set()
            return NOTHING

        script.always(STOCK, stock_of(777_777))
        script.next(HISTORY, history)
        order_id = await unknown(world, script, done=False)
        await asked.wait()
        if waits:
            await world.clock.sleep(AT_ONCE_SECONDS)
        script.truly(STOCK)
        word = {"delivered": False, "because": "asked", "who": "admin1"}
        await world.call("order.resolve", id=order_id, **word)
        await world.clock.sleep(AT_ONCE_SECONDS)
        assert (await chip(world))["doing"] == "idle"

    in_world(tmp_path, order)


# --- texts are read once more after the operator's list -------------------------------------


def test_a_success_that_comes_during_the_history_query_outweighs_an_unchanged_stock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator books very late; the order's time is over, so it would be refunded."""

    async def order(world: World) -> None:
        hasty = [{**row, "time_limit_seconds": 60} for row in PRODUCTS]
        await world.call("product.import", rows=hasty)
        await until_idle(world)
        script = Scripted(world, monkeypatch)

        def history(dealer: Dealer, code: str) -> Answer:
            script.text(DONE)
            return NOTHING

        script.always(HISTORY, history)
        script.always(STOCK, stock_of(1_000_000))
        order_id = await unknown(world, script, done=True)
        await world.settle()
        script.truly(STOCK)
        assert script.times(HISTORY) == 1
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert (await the_only_attempt(world, order_id))["outcome"] == "DONE"
        assert [line["meaning"] for line in sms(world)] == ["PROOF"]

    in_world(tmp_path, order)


def test_a_refusal_that_comes_during_the_history_query_outweighs_a_fallen_stock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody took just as much from the stock by hand."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)

        def history(dealer: Dealer, code: str) -> Answer:
            script.text(REFUSED)
            return NOTHING

        script.always(HISTORY, history)
        (dealer,) = world.simulation.network.dealers.values()
        order_id = await unknown(world, script, done=False)
        dealer.stock -= 10_150
        await world.settle()
        assert script.times(HISTORY) == 1
        assert (await world.states())[order_id] == "FAILED"
        assert (await the_only_attempt(world, order_id))["reason"] == "WRONG_NUMBER"

    in_world(tmp_path, order)


# --- what proves nothing --------------------------------------------------------------------


def test_an_unchanged_stock_and_a_listed_success_leave_it_to_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        script.always(STOCK, stock_of(1_000_000))
        order_id = await unknown(world, script, done=True)
        await world.clock.sleep(3600)
        script.truly(STOCK)
        assert script.times(HISTORY) > 0
        assert (await world.states())[order_id] == "UNKNOWN"
        await world.settle()
        assert (await world.states())[order_id] == "SUCCEEDED"

    in_world(tmp_path, order)


@pytest.mark.parametrize(("done", "shown"), [(True, 1_000_000), (False, 989_850)])
def test_a_stock_that_was_not_known_before_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: bool, shown: int
) -> None:
    """Something that became known meanwhile makes the books of that moment doubtful."""

    async def order(world: World) -> None:
        await until_idle(world)
        iccid = (await chip(world))["iccid"]
        script = Scripted(world, monkeypatch)
        script.always(STOCK, stock_of(shown))
        script.always(HISTORY, said("Belum ada transaksi."))

        order_id = await unknown(world, script, done=done)
        world.daemon.store.run_inline(lambda db: attempts.forget_stock_before(db, iccid))
        await world.clock.sleep(3600)
        assert (await world.states())[order_id] == "UNKNOWN"
        script.truly(STOCK)
        word = {"delivered": done, "because": "asked", "who": "admin1"}
        await world.call("order.resolve", id=order_id, **word)

    in_world(tmp_path, order)


def test_a_listed_success_may_be_an_earlier_order_whose_number_nobody_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator has lost the second order, and its stock proves nothing."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)

        def unnumbered(dealer: Dealer, code: str) -> Answer:
            script.true(dealer, code)
            return tell(f"Isi ulang 10 ke {NUMBER} berhasil. Sisa stok Rp 989.850")

        script.next(TOP_UP, unnumbered, silence)
        first = await world.order(f"S10.{NUMBER}")
        await world.settle()
        script.always(STOCK, stock_of(777_777))
        second = await world.order(f"S10.2.{NUMBER}")
        await world.clock.sleep(3600)
        states = await world.states()
        assert (states[first], states[second]) == ("SUCCEEDED", "UNKNOWN")
        script.truly(STOCK)
        await world.settle(7200)
        succeeded = [one for one in (await world.states()).values() if one == "SUCCEEDED"]
        assert len(succeeded) == len(world.delivered())

    in_world(tmp_path, order)


def test_a_chip_that_is_refused_for_its_pin_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the third time the operator would bar it."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        order_id = await unknown(world, script, done=True)
        before = script.times(STOCK)
        script.always(STOCK, said("PIN yang Anda masukkan salah."))
        await world.clock.sleep(3600)
        assert script.times(STOCK) + script.times(HISTORY) == before + 1
        assert (await chip(world))["state"] == "OUT"
        assert (await world.states())[order_id] == "UNKNOWN"

    in_world(tmp_path, order)
