"""Balance between agents: down the tree and back, once a text."""

from typing import Any

import pytest
from peewee import Database, IntegrityError

from pulsarack.queue.deposits import transfers
from pulsarack.queue.deposits.transfers import Moved
from pulsarack.queue.validation import Refusal
from tests.queue.world import World

# A1 > A2 > A3; B1 is nobody's.
UPLINES = {"A2": "A1", "A3": "A2"}


def is_below(_db: Database, code: str, upline: str) -> bool:
    """The tree of these tests."""
    above = UPLINES.get(code)
    return above is not None and (above == upline or is_below(_db, above, upline))


@pytest.fixture
def tree(world: World) -> World:
    """Four agents; only the first has a deposit."""
    world.agent("A1", deposit=100_000)
    for code in ("A2", "A3", "B1"):
        world.agent(code, deposit=0)
    return world


def send(world: World, by: str, to: str, amount: int = 30_000, **changes: Any) -> Any:
    """What the service does."""
    how: dict[str, Any] = {"repeat_index": 1, "local_day": world.day, "across": False}
    how |= changes
    return world.run(
        lambda db: transfers.send(db, by, to, amount, is_below=is_below, now_ms=world.now, **how)
    )


def pull(world: World, by: str, downline: str, amount: int = 10_000, repeat_index: int = 1) -> Any:
    """The other way."""
    return world.run(
        lambda db: transfers.pull_back(
            db, by, downline, amount, repeat_index=repeat_index, local_day=world.day,
            is_below=is_below, now_ms=world.now,
        )
    )  # fmt: skip


def code(found: Any) -> str:
    """Why something was refused."""
    assert isinstance(found, Refusal), found
    return found.code


def balances(world: World) -> list[int]:
    """What all have."""
    return [world.deposit(agent).available for agent in ("A1", "A2", "A3", "B1")]


def test_balance_moves_down_at_any_depth_and_back(tree: World) -> None:
    found = send(tree, "A1", "A3")
    assert isinstance(found, Moved) and not found.repeated
    assert balances(tree) == [70_000, 0, 30_000, 0]
    send(tree, "A1", "A2", 20_000)
    pull(tree, "A2", "A3", 5_000)
    assert balances(tree) == [50_000, 25_000, 25_000, 0]
    tree.clean()


def test_the_same_text_twice_moves_once(tree: World) -> None:
    first = send(tree, "A1", "A2").transfer
    tree.wait(60)
    again = send(tree, "A1", "A2")
    assert again == Moved(first, repeated=True) and first.moved_at == tree.now - 60_000
    assert balances(tree)[:2] == [70_000, 30_000]
    assert not send(tree, "A1", "A2", repeat_index=2).repeated
    assert not send(tree, "A1", "A2", local_day="2027-01-16").repeated
    assert send(tree, "A1", "A2", repeat_index=2).repeated
    assert balances(tree)[:2] == [10_000, 90_000]
    assert send(tree, "A1", "A2", 30_000).repeated, "also when there is not enough any more"
    tree.clean()


def test_a_text_that_comes_again_after_the_clock_was_set_back_moves_once(tree: World) -> None:
    """A network may bring one text twice; its day may come again in between."""
    first = send(tree, "A1", "A2").transfer
    tree.set_back(2)
    assert send(tree, "A1", "A2") == Moved(first, repeated=True)
    assert not send(tree, "A1", "A2", repeat_index=2).repeated
    assert not send(tree, "A1", "A3").repeated
    tree.set_back(1)
    assert send(tree, "A1", "A2") == Moved(first, repeated=True)
    tree.clean()


def test_what_a_clock_moved_that_was_wrong_for_long_hinders_nobody(tree: World) -> None:
    first = send(tree, "A1", "A2").transfer
    tree.wait(25 * 3600)
    tree.set_back(300)
    assert not send(tree, "A1", "A2").repeated
    assert balances(tree)[:2] == [40_000, 60_000]
    assert first.moved_at > tree.now
    tree.clean()


def test_a_pull_is_no_repeat_of_a_send(tree: World) -> None:
    send(tree, "A1", "A2")
    send(tree, "A2", "A1", 10_000, across=True)
    assert not pull(tree, "A1", "A2", 10_000).repeated
    assert balances(tree)[:2] == [90_000, 10_000]
    tree.clean()


@pytest.mark.parametrize(
    ("by", "to", "across", "why"),
    [
        ("A2", "A1", False, "NOT_A_DOWNLINE"),
        ("A1", "B1", False, "NOT_A_DOWNLINE"),
        ("A1", "NOBODY", False, "NOT_A_DOWNLINE"),
        ("A1", "NOBODY", True, "NOT_A_DOWNLINE"),
        ("A1", "A1", True, "SAME_AGENT"),
    ],
)
def test_whom_nothing_is_sent_to(tree: World, by: str, to: str, across: bool, why: str) -> None:
    found = send(tree, by, to, across=across)
    assert code(found) == why
    same = send(tree, by, "B1" if to == "NOBODY" else to, across=False)
    if why == "NOT_A_DOWNLINE":
        assert same.message.replace("B1", "NOBODY") == found.message.replace("B1", "NOBODY")
    tree.clean()


def test_across_the_network_only_where_it_is_allowed(tree: World) -> None:
    assert isinstance(send(tree, "A1", "B1", across=True), Moved)
    tree.sql("UPDATE agent SET active = 0 WHERE code = 'B1'")
    assert code(send(tree, "A1", "B1", 1, across=True)) == "NOT_A_DOWNLINE"


@pytest.mark.parametrize(
    ("by", "downline"), [("A2", "A1"), ("B1", "A2"), ("A1", "NOBODY"), ("A3", "A2")]
)
def test_nobody_pulls_from_above_or_beside(tree: World, by: str, downline: str) -> None:
    assert code(pull(tree, by, downline)) == "NOT_A_DOWNLINE"
    assert balances(tree) == [100_000, 0, 0, 0]


def test_only_what_is_available_moves(shop: World) -> None:
    shop.agent("A2", deposit=20_000)
    shop.accept(agent="A2")  # holds 10.500
    assert code(pull(shop, "A1", "A2", 9_501)) == "INSUFFICIENT_DEPOSIT"
    assert code(send(shop, "A1", "A2", 1_000_001)) == "INSUFFICIENT_DEPOSIT"
    pull(shop, "A1", "A2", 9_500)
    assert shop.deposit("A2").available == 0
    for amount in (0, -5, 10**12 + 1):
        assert code(send(shop, "A1", "A2", amount)) == "BAD_AMOUNT"
    assert code(send(shop, "A1", "A2", repeat_index=100)) == "BAD_AMOUNT"
    shop.clean()


def test_what_moved_is_never_rewritten(tree: World) -> None:
    send(tree, "A1", "A2")
    for statement in ("UPDATE balance_transfer SET amount = 1", "DELETE FROM balance_transfer"):
        with pytest.raises(IntegrityError, match="append-only"):
            tree.sql(statement)
