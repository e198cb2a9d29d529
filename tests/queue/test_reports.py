"""What an agent is told of its money: statements, recaps, and which order it means."""

import itertools
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pulsarack.ledger import accounts, books, journal
from pulsarack.ledger.journal import Transfer
from pulsarack.queue import agents, stock
from pulsarack.queue.deposits import credits, transfers
from pulsarack.queue.intake import Accepted
from pulsarack.queue.network import commissions, markups, tree
from pulsarack.queue.orders import Order
from pulsarack.queue.reports import lookup, recap, statement
from pulsarack.queue.reports.statement import StatementLine
from pulsarack.ussd.outcome import Reason
from tests.queue.test_tickets import given_to, pay
from tests.queue.world import HOUR, TO, World

DAY_MS = 24 * HOUR


def sold(world: World, card: str, text: str = "S10.081200000012", **more: str) -> Order:
    """An order that was delivered."""
    figure = world.stock(card).posted
    world.run(lambda db: stock.compare(db, card, figure, now_ms=world.now))
    claimed = world.sent(card, text, **more)
    return world.decide(claimed.attempt_id, done=True, number=f"SN{claimed.attempt_id}")


def failed(world: World, card: str, text: str) -> Order:
    """An order that came to nothing."""
    figure = world.stock(card).posted
    world.run(lambda db: stock.compare(db, card, figure, now_ms=world.now))
    claimed = world.sent(card, text)
    return world.decide(claimed.attempt_id, done=False, reason=Reason.WRONG_NUMBER)


def newest(world: World, agent: str = "A1", limit: int = 50) -> list[StatementLine]:
    """An agent's statement."""
    return world.run(lambda db: statement.newest(db, agent, limit))


def of_day(world: World, begins_at: int, limit: int = 50) -> list[StatementLine]:
    """The same of 24 hours."""
    return world.run(lambda db: statement.between(db, "A1", begins_at, begins_at + DAY_MS, limit))


def commission(world: World, card: str, amount: int) -> None:
    """What A1 earns of a downline's order, and exchanges."""
    world.agent("A3", deposit=50_000)

    def prepare(db: Any) -> None:
        tree.move(db, "A3", "A1", now_ms=world.now)
        upline = agents.find(db, "A1")
        assert upline is not None
        markups.put(db, upline, amount, downline="A3")

    world.run(prepare)
    sold(world, card, "S5.081200000077", agent="A3")
    world.run(lambda db: commissions.exchange(db, "A1", None, exchange_id="x1", now_ms=world.now))


def live(world: World) -> None:
    """One movement of each kind: sale, reversal, ticket, two admins, transfer, commission."""
    world.agent("A2", deposit=0)
    world.agent("A1", deposit=100_000)
    card = world.chip()
    order = sold(world, card)
    ticket = given_to(world, 20_000)
    pay(world, ticket.amount)
    made = world.run(
        lambda db: credits.propose(
            db, "A1", -1_000, key="k", because="b", who="w", uid=1, now_ms=world.now
        )
    )
    assert isinstance(made, credits.Proposed)
    world.run(lambda db: credits.confirm(db, made.request.id, who="o", uid=2, now_ms=world.now))
    world.run(
        lambda db: transfers.send(
            db, "A1", "A2", 2_000, repeat_index=1, local_day=world.day, across=True,
            is_below=lambda *_: True, now_ms=world.now,
        )
    )  # fmt: skip
    commission(world, card, 50)
    world.reverse(order.id)


def test_a_statement_says_what_moved_a_deposit_and_why(world: World) -> None:
    live(world)
    lines = newest(world)
    assert [(line.kind, line.amount) for line in lines] == [
        ("refund", 10_500),
        ("commission", 50),
        ("transfer", -2_000),
        ("correction", -1_000),
        ("ticket", lines[4].amount),
        ("order", -10_500),
        ("deposit", 100_000),
    ]
    assert lines[0].balance == world.deposit().posted
    for newer, older in itertools.pairwise(lines):
        assert newer.balance - newer.amount == older.balance
    assert lines[-1].balance == lines[-1].amount
    order, sent = lines[5], lines[2]
    assert (order.order_id, order.product, order.destination) == (1, "S10", TO)
    assert sent.other == "A2" and order.other is None
    (received,) = newest(world, "A2")
    assert (received.kind, received.amount, received.other) == ("transfer", 2_000, "A1")
    assert newest(world, limit=2) == lines[:2]
    assert newest(world, "NOBODY") == []
    world.clean()


def test_what_is_held_is_no_line(shop: World) -> None:
    shop.order()
    assert [line.kind for line in newest(shop)] == ["deposit"]


def test_a_day_is_cut_out_with_true_balances(world: World) -> None:
    world.agent(deposit=1_000_000)
    card = world.chip(stock_figure=10_000_000)
    first = world.now
    for number in range(3):
        sold(world, card, f"S5.08120000001{number}")
        world.wait(24 * 3600)
    every = newest(world)
    for number in range(3):
        begins_at = first + number * DAY_MS
        expected = [line for line in every if begins_at <= line.at < begins_at + DAY_MS]
        assert of_day(world, begins_at) == expected and expected
    assert of_day(world, first + 9 * DAY_MS) == []
    assert of_day(world, first, limit=1) == every[2:3]


@given(st.lists(st.integers(0, 5 * HOUR), max_size=30), st.integers(0, 60 * HOUR))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_first_row_since_a_time_is_found(
    new_world: Callable[[], World], pauses: list[int], after: int
) -> None:
    world = new_world()
    world.agent(deposit=1_000)
    for number, pause in enumerate(pauses):
        world.now += pause
        wanted = Transfer(f"t{number}", "asset:bank:bank", accounts.agent("A1"), 1)
        world.run(lambda db, w=wanted: journal.transfer(db, w, now_ms=world.now))
    at_ms = world.now - after
    found = world.run(lambda db: books.first_since(db, at_ms))
    rows = world.sql("SELECT sequence FROM transfer WHERE at >= ?", at_ms)
    last = world.sql("SELECT max(sequence) FROM transfer")[0][0]
    assert found == min((sequence for (sequence,) in rows), default=last + 1)
    world.close()


def test_a_recap_counts_a_day(world: World) -> None:
    world.agent(deposit=1_000_000)
    card = world.chip(stock_figure=10_000_000)
    begins_at = world.day_starts
    for number in range(2):
        sold(world, card, f"S5.08120000001{number}")
    commission(world, card, 75)
    failed(world, card, "S10.081200000015")
    world.order("S10.081200000016")
    found = world.run(lambda db: recap.of_day(db, "A1", world.day, begins_at, begins_at + DAY_MS))
    assert [(line.product, line.state, line.count, line.amount) for line in found.lines] == [
        ("S10", "FAILED", 1, 10_500),
        ("S10", "QUEUED", 1, 10_500),
        ("S5", "SUCCEEDED", 2, 11_000),
    ]
    assert (found.count, found.spent, found.held, found.earned) == (4, 11_000, 10_500, 75)
    empty = world.run(
        lambda db: recap.of_day(db, "A1", "2027-01-14", begins_at - DAY_MS, begins_at)
    )
    assert (empty.lines, empty.earned) == ((), 0)


def test_the_newest_order_to_a_number_is_meant(world: World) -> None:
    world.agent(deposit=1_000_000)
    world.agent("A2")
    card = world.chip(stock_figure=10_000_000)

    def meant(day: str | None = None, agent: str = "A1", to: str = TO) -> int | None:
        found = world.run(lambda db: lookup.newest_to(db, agent, to, day))
        return found.id if found else None

    assert meant() is None
    done = sold(world, card)
    other = failed(world, card, "S5.081200000012")
    assert isinstance(world.accept(agent="A2"), Accepted)
    assert meant() == other.id > done.id
    assert meant(world.day) == other.id
    assert meant("2027-01-14") is None
    assert meant(to="6281200000099") is None
    newest_ = world.order("S100.081200000012")
    assert meant() == newest_.id
