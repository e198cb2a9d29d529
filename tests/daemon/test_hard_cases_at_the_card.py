"""More that once went wrong: silent exchanges of cards, wrong PINs, readings made too soon."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import stock_check
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.sale import Sale
from pulsarack.modems.simulator.rack import Rack as RackPlan
from pulsarack.ussd.dialogue import Finished
from tests.daemon import world as world_module
from tests.daemon.scripted import HISTORY, TOP_UP, Scripted, said
from tests.daemon.test_guards_of_answers import NUMBERED_REFUSAL, and_tells, shelf_with
from tests.daemon.test_orders_and_chips import chip, until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

SILENT = '\n[[fault]]\nat_order = 1\nkind = "done_no_reply"\nreport = false\n'
SOLD = "Isi ulang 10 ke 0812000000{} berhasil. SN: 5101. Sisa stok Rp"
TWO = (("wavecom", "telkomsel"), ("simcom-sim800", "telkomsel"))


def with_pins(plan: RackPlan, pin: str) -> RackPlan:
    """The same rack, all chips with one PIN."""
    chips = [dataclasses.replace(modem.chip, chip_pin=pin) for modem in plan.modems]
    pairs = zip(plan.modems, chips, strict=True)
    return dataclasses.replace(
        plan, modems=tuple(dataclasses.replace(modem, chip=one) for modem, one in pairs)
    )


def in_plan(directory: Path, plan: RackPlan, test: Any) -> None:
    async def work() -> None:
        world = World(directory, plan)
        await test(world)
        assert world.findings() == []
        await world.stop()

    run(work())


def test_cards_exchanged_while_idle_do_not_sell_for_each_other(tmp_path: Path) -> None:
    """Both cards have the same PIN, so the operator would not notice either."""

    async def order(world: World) -> None:
        await world.set_up()
        for number in (0, 1):
            while (await chip(world, number))["doing"] != "idle":
                await world.clock.sleep(1.0)
        one, other = world.simulation.modems
        one.card, other.card = other.card, one.card
        order_id = await world.order("S10.081200000012")
        await world.settle()
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert len(world.delivered()) == 1

    in_plan(tmp_path, with_pins(rack_plan(*TWO, faults=SILENT), "1201"), order)


@pytest.mark.parametrize("words", [f"{SOLD.format(13)} 979.850", "Gagal ke 081200000013. SN: 5101"])
def test_an_exchanged_card_proves_nothing_of_an_answer_to_another_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """The other card delivered; that the stock of the one that was worked stays is no proof."""
    true_talk = Sale._talk
    met: list[Sale] = []
    monkeypatch.setattr(world_module, "SHELF", shelf_with(tmp_path / "recipes", NUMBERED_REFUSAL))

    async def order(world: World) -> None:
        async def talk(sale: Sale) -> Finished:
            if not met:
                one.card, other.card = other.card, one.card
            met.append(sale)
            return await true_talk(sale)

        await world.set_up()
        for number in (0, 1):
            while (await chip(world, number))["doing"] != "idle":
                await world.clock.sleep(1.0)
        one, other = world.simulation.modems
        script = Scripted(world, monkeypatch)
        script.next(
            TOP_UP,
            and_tells(script, f"{SOLD.format(12)} 989.850", done=True),
            and_tells(script, words, done=True),
        )
        script.always(HISTORY, said("Belum ada transaksi."))
        first = await world.order("S10.081200000012")
        await world.settle()
        monkeypatch.setattr(Sale, "_talk", talk)
        second = await world.order("S10.081200000013")
        await world.clock.sleep(3600)
        states = await world.states()
        assert (states[first], states[second]) == ("SUCCEEDED", "UNKNOWN")
        assert len(met) == 1 and len(world.delivered()) == 2

    in_plan(tmp_path, with_pins(rack_plan(*TWO), "1201"), order)


def test_texts_of_an_exchanged_card_do_not_enter_the_books_of_the_one_before(
    tmp_path: Path,
) -> None:
    """Stock that came to one card is not booked on the card that lay in the modem before."""

    async def exchange(world: World) -> None:
        await world.set_up()
        for number in (0, 1):
            while (await chip(world, number))["doing"] != "idle":
                await world.clock.sleep(1.0)
        one, other = world.simulation.modems
        given = one.iccid
        world.simulation.give_stock(given, 12_000, "62812000000")
        cards = one.card, other.card
        other.change_card(cards[0])
        one.change_card(cards[1])
        await world.clock.sleep(2 * 3600)  # the other slot notices when it asks for its stock
        for found in [await chip(world, number) for number in (0, 1)]:
            assert found["stock_posted"] == 1_000_000 + 12_000 * (found["iccid"] == given)
        assert (await world.call("discrepancies.list"))["discrepancies"] == []

    in_plan(tmp_path, with_pins(rack_plan(*TWO), "1201"), exchange)


def test_a_wrong_pin_is_tried_once_and_never_again(tmp_path: Path) -> None:
    """The operator bars a dealer at the third wrong PIN."""

    async def look(world: World) -> None:
        world.pins = {modem.chip.iccid: "9999" for modem in world.plan.modems}
        await world.set_up()
        await world.clock.sleep(3600)
        found = await chip(world)
        assert (found["state"], found["why"]) == ("OUT", "WRONG_CHIP_PIN")
        (dealer,) = world.simulation.network.dealers.values()
        assert not dealer.barred

    in_plan(tmp_path, rack_plan(("wavecom", "telkomsel")), look)


def test_a_discrepancy_waits_its_time_whatever_rings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_stock = stock_check.read_stock

    async def less(desk: Desk) -> int | None:
        figure = await true_stock(desk)
        return None if figure is None else figure - 10_150

    async def look(world: World) -> None:
        await world.set_up()
        await until_idle(world)
        iccid = (await chip(world))["iccid"]
        monkeypatch.setattr(stock_check, "read_stock", less)
        await world.call("chip.enable", iccid=iccid)
        for number in range(100):
            await world.clock.sleep(1.0)
            world.simulation.network.send_text(iccid, "62812000000", f"hello {number}")
            assert (await chip(world))["stock_posted"] == 1_000_000
        await world.clock.sleep(120)
        assert (await chip(world))["stock_posted"] == 1_000_000 - 10_150

    in_plan(tmp_path, rack_plan(("wavecom", "telkomsel")), look)
