"""What the commands rely on is what the daemon answers, and what is none of it is named.

Every call that a test makes on the whole daemon is compared with the same table (world.py);
here are those that no other test makes, and the table itself.
"""

from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.answers import SHAPES, misfit
from pulsarack.daemon.control_arguments import ARGUMENTS
from tests.daemon.test_orders_and_chips import in_world
from tests.daemon.world import World


def test_the_answers_of_a_rack_that_has_sold_fit(tmp_path: Path) -> None:
    async def ask(world: World) -> None:
        order_id = await world.order("S10.081200000012")
        await world.settle()
        (chip,) = (await world.call("chip.list"))["chips"]
        for name, arguments in (
            ("order.show", {"id": order_id}),
            ("chip.show", {"iccid": chip["iccid"]}),
            ("product.list", {}),
            ("prefix.list", {}),
            ("ledger.accounts", {}),
            ("ledger.statement", {"account": "liability:agent:A1"}),
            ("ledger.trial_balance", {}),
        ):
            assert await world.call(name, **arguments)

    in_world(tmp_path, ask)


def test_the_table_names_calls_that_there_are() -> None:
    assert set(SHAPES) <= set(ARGUMENTS)


ORDER = {"id": 1, "state": "QUEUED"}


@pytest.mark.parametrize(
    ("call", "result", "wrong"),
    [
        ("status", {}, None),
        ("status", None, "it is missing"),
        ("order.new", ORDER | {"more": [1]}, None),
        ("order.new", ORDER | {"id": True}, "id is missing"),
        ("order.new", {"id": 1}, "state is missing"),
        ("order.list", {"orders": [ORDER, 5]}, "orders[1] is missing"),
        ("order.show", {"order": ORDER, "attempts": None}, None),
        ("order.show", {"order": ORDER, "attempts": [{"closed_at": "x"}]}, "attempts[0].closed_at"),
        ("order.show", {"order": ORDER, "attempts": [{"routing": ["text", {}]}]}, None),
        ("order.show", {"order": ORDER, "attempts": [{"routing": [5]}]}, "routing[0] is missing"),
        ("status", {"x": "\ud800"}, "halves of characters"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(call: str, result: Any, wrong: str | None) -> None:
    found = misfit(call, result)
    assert found is None if wrong is None else found is not None and wrong in found
