"""A difference of the stock is booked as it is, and only once."""

from pathlib import Path
from typing import Any

import pytest

from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.operators.answer import Answer
from tests.daemon.scripted import STOCK, Scripted
from tests.daemon.test_orders_and_chips import chip, in_world, until_idle
from tests.daemon.world import World

IN = "Stok Anda bertambah Rp 500.000 dari 081200009999. Sisa stok Rp 1.499.000"


def discrepancies(world: World) -> list[int]:
    """The amounts that were booked because the stock differed."""

    def amounts(db: Any) -> list[int]:
        found = db.execute_sql(
            "SELECT amount FROM transfer WHERE 'suspense:discrepancy' IN (debit, credit)"
        )
        return [amount for (amount,) in found]

    return world.daemon.store.read_inline(amounts)


def test_stock_that_comes_after_the_confirming_figure_is_no_part_of_the_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figure is of the moment before; booked against the books of now it would be wrong."""

    async def look(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        (dealer,) = world.simulation.network.dealers.values()

        def and_then_stock_comes(dealer: Dealer, code: str) -> Answer:
            answer = script.true(dealer, code)
            dealer.stock += 500_000
            script.text(IN)
            return answer

        dealer.stock -= 1_000
        script.next(STOCK, script.true, and_then_stock_comes)
        await world.call("chip.enable", iccid=(await chip(world))["iccid"])
        await world.clock.sleep(600)
        assert discrepancies(world) == [1_000]
        assert (await chip(world))["stock_posted"] == dealer.stock == 1_499_000

    in_world(tmp_path, look)
