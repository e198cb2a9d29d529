"""Cards that change places without a word from their modems, at the worst moment."""

from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.desk import Desk
from pulsarack.daemon.sale import Sale
from pulsarack.ussd.dialogue import Finished
from pulsarack.ussd.script import Script
from tests.daemon.scripted import TOP_UP, Scripted, silence
from tests.daemon.test_hard_cases_at_the_card import SILENT, TWO, in_plan, with_pins
from tests.daemon.test_orders_and_chips import chip
from tests.daemon.world import World, rack_plan

ORDER = "S10.081200000012"


def swap_cards(world: World) -> None:
    one, other = world.simulation.modems
    one.card, other.card = other.card, one.card


async def only_the_first_sells(world: World) -> None:
    await world.set_up()
    for number in (0, 1):
        while (await chip(world, number))["doing"] != "idle":
            await world.clock.sleep(1.0)
    await world.call("chip.rest", iccid=(await chip(world, 1))["iccid"], because="test")


def test_an_untouched_stock_proves_nothing_if_another_card_was_worked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other card has sold it; the first one, back in its place, shows an unchanged stock."""
    true_commit = Sale._commit

    async def order(world: World) -> None:
        async def commit(sale: Sale) -> None:
            await true_commit(sale)
            swap_cards(world)

        await only_the_first_sells(world)
        monkeypatch.setattr(Sale, "_commit", commit)
        order_id = await world.order(ORDER)
        while (await world.states())[order_id] != "UNKNOWN":
            await world.clock.sleep(0.1)
        swap_cards(world)
        await world.clock.sleep(3600)
        assert len(world.delivered()) == 1
        assert (await world.states())[order_id] == "UNKNOWN"

    plan = with_pins(rack_plan(*TWO, faults=SILENT), "1201")
    in_plan(tmp_path, plan, order)


def test_a_figure_that_another_card_gave_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has by chance just the stock that the first one would have after the order."""
    true_ask = Desk.ask
    armed: list[Any] = []

    async def order(world: World) -> None:
        async def ask(desk: Desk, script: Script) -> Finished:
            swaps = script is desk.recipe.stock and desk.slot == "modem0" and bool(armed)
            if swaps:
                armed.clear()
                swap_cards(world)
            return await true_ask(desk, script)

        await only_the_first_sells(world)
        monkeypatch.setattr(Desk, "ask", ask)
        Scripted(world, monkeypatch).next(TOP_UP, silence)
        armed.append(True)
        order_id = await world.order(ORDER)
        while (await world.states())[order_id] != "UNKNOWN" or armed:
            await world.clock.sleep(0.1)
        await world.clock.sleep(20)
        assert (await world.states())[order_id] == "UNKNOWN"
        swap_cards(world)
        await world.settle()
        succeeded = [one for one in (await world.states()).values() if one == "SUCCEEDED"]
        assert len(succeeded) == len(world.delivered())

    plan = with_pins(rack_plan(*TWO, stocks=[1_000_000, 989_850]), "1201")
    in_plan(tmp_path, plan, order)
