"""Orders of a tree of three levels: what is paid, who earns, and that nothing changes it later."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import IntegrityError

from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Transfer
from pulsarack.queue import agents, outcome, products
from pulsarack.queue.evidence import EvidenceKind
from pulsarack.queue.network import commissions, levels, tree
from pulsarack.queue.network.commissions import Exchanged
from pulsarack.queue.network.pricing import Share
from pulsarack.queue.products import Product
from pulsarack.queue.validation import Refusal, RefusalCode
from pulsarack.ussd.outcome import Reason
from tests.queue.tree_world import MIDDLE, SHOP, TOP, earned, grow, mark_up, offer, price
from tests.queue.world import World, iccid, success

CARD = iccid(1)
PAID = 10_630


@pytest.fixture
def network(world: World) -> World:
    grow(world)
    world.agent()
    world.chip()
    return world


def sold(world: World, agent: str = SHOP, to: str = "081200000012", card: str = CARD) -> int:
    """A success; the id of its order."""
    claimed = world.sent(card, f"S10.{to}", agent=agent)
    figure = world.stock(card).posted - 10_150
    world.decide(claimed.attempt_id, done=True, number=f"SN{claimed.order.id}", figure=figure)
    return claimed.order.id


def shares(world: World, order_id: int) -> list[Share]:
    return world.run(lambda db: commissions.of_order(db, order_id))


def exchange(
    world: World, agent: str, amount: int | None = None, key: str = "x1"
) -> Exchanged | Refusal:
    return world.run(
        lambda db: commissions.exchange(db, agent, amount, exchange_id=key, now_ms=world.now)
    )


def test_each_upline_earns_its_markup_when_the_order_succeeds(network: World) -> None:
    order_id = sold(network)
    assert shares(network, order_id) == [Share(MIDDLE, 30), Share(TOP, 100)]
    assert network.get(order_id).price == PAID
    assert network.deposit(SHOP).posted == 1_000_000 - PAID
    assert earned(network, SHOP, MIDDLE, TOP) == [0, 30, 100]
    assert network.money(accounts.COMMISSION_EXPENSE).posted == 130
    assert network.money(accounts.SALES).posted == PAID
    network.clean()


def test_nobody_earns_before_the_end_or_of_a_failure(network: World) -> None:
    claimed = network.sent(CARD, agent=SHOP)
    assert network.deposit(SHOP).held == PAID
    assert earned(network, MIDDLE, TOP) == [0, 0]
    network.suspend(claimed.attempt_id)
    assert earned(network, MIDDLE, TOP) == [0, 0]
    network.decide(claimed.attempt_id, done=False, reason=Reason.WRONG_NUMBER)
    assert network.deposit(SHOP).available == 1_000_000
    assert earned(network, MIDDLE, TOP) == [0, 0]
    order = network.order("S5.081200000012", agent=SHOP)
    network.run(lambda db: outcome.cancel(db, order.id, now_ms=network.now))
    assert earned(network, MIDDLE, TOP) == [0, 0]
    network.clean()


def test_an_agent_without_uplines_costs_no_row(network: World) -> None:
    for agent in ("A1", TOP):
        order_id = sold(network, agent, "081200000013" if agent == TOP else "081200000014")
        assert network.get(order_id).price == 10_500
        assert shares(network, order_id) == []
    assert network.sql("SELECT 1 FROM order_commission") == []
    network.clean()


def test_what_changes_later_does_not_touch_an_order(network: World) -> None:
    claimed = network.sent(CARD, agent=SHOP)
    mark_up(network, TOP, 5_000)
    mark_up(network, MIDDLE, 4_000, SHOP, "S10")
    price(network, "gold", "S10", 10_200)
    network.run(lambda db: levels.assign(db, SHOP, "gold"))
    network.run(lambda db: tree.move(db, SHOP, None, now_ms=1))
    dearer = Product("S10", "telkomsel", "x", 10, 20_000, 10_150, None, 1)
    network.run(lambda db: products.put(db, dearer))
    network.run(lambda db: agents.put_active(db, TOP, False))
    network.decide(claimed.attempt_id, done=True, number="SN1", figure=489_850)
    assert network.deposit(SHOP).posted == 1_000_000 - PAID
    assert earned(network, MIDDLE, TOP) == [30, 100]
    network.clean()


@pytest.mark.parametrize("drawn", [False, True])
def test_a_reversal_takes_commissions_back_drawn_or_not(network: World, drawn: bool) -> None:
    order_id = sold(network)
    if drawn:
        assert exchange(network, TOP) == Exchanged(100, 0, repeated=False)
        assert exchange(network, MIDDLE, 20) == Exchanged(20, 10, repeated=False)
    network.reverse(order_id)
    assert network.deposit(SHOP).available == 1_000_000
    assert earned(network, MIDDLE, TOP) == ([-20, -100] if drawn else [0, 0])
    assert network.money(accounts.COMMISSION_EXPENSE).posted == 0
    network.clean()
    if drawn:
        answer = exchange(network, TOP, key="x2")
        assert isinstance(answer, Refusal)
        assert answer.code is RefusalCode.INSUFFICIENT_COMMISSION
        sold(network, to="081200000099", card=network.chip(2))
        assert earned(network, MIDDLE, TOP) == [10, 0]
        network.clean()


def test_stock_that_comes_back_is_counted_once_whoever_earned(network: World) -> None:
    """A reversal moves money of each upline, too: only the price given back tells of the stock."""
    order_id = sold(network)
    network.reverse(order_id)
    assert network.may_come_back(CARD, 10_150)
    assert not network.may_come_back(CARD, 2 * 10_150)


def test_a_late_proof_earns_as_well(network: World) -> None:
    claimed = network.sent(CARD, agent=SHOP)
    network.suspend(claimed.attempt_id)
    network.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    network.wait(2)
    network.text(CARD, success("SN1"))
    assert network.get(claimed.order).state == "SUCCEEDED"
    assert earned(network, MIDDLE, TOP) == [30, 100]
    network.clean()


def test_an_upline_that_is_off_earns_and_those_below_it_order(network: World) -> None:
    network.run(lambda db: agents.put_active(db, MIDDLE, False))
    answer = network.accept(agent=MIDDLE)
    assert isinstance(answer, Refusal) and answer.code is RefusalCode.UNKNOWN_AGENT
    sold(network)
    assert earned(network, MIDDLE, TOP) == [30, 100]
    network.clean()


def test_the_deposit_must_have_the_agents_own_price(network: World) -> None:
    mark_up(network, MIDDLE, 1_000_000 - 10_600, SHOP)
    assert offer(network, SHOP).price == 1_000_000
    order = network.order(agent=SHOP)
    network.run(lambda db: outcome.cancel(db, order.id, now_ms=network.now))
    mark_up(network, MIDDLE, 1_000_001 - 10_600, SHOP)
    answer = network.accept("S10.081200000013", agent=SHOP)
    assert isinstance(answer, Refusal) and answer.code is RefusalCode.INSUFFICIENT_DEPOSIT
    assert "costs 1000001" in answer.message


def test_who_was_turned_off_is_still_told_of_what_was_accepted(network: World) -> None:
    first = network.order(agent=SHOP, reference="r1")
    network.run(lambda db: agents.put_active(db, SHOP, False))
    again = network.accept(agent=SHOP, reference="r1")
    assert not isinstance(again, Refusal) and (again.order.id, again.repeated) == (first.id, True)
    for text, reference, code in (
        ("S10.081200000012", None, RefusalCode.REPEATED),
        ("S10.081200000013", "r2", RefusalCode.UNKNOWN_AGENT),
    ):
        answer = network.accept(text, agent=SHOP, reference=reference)
        assert isinstance(answer, Refusal) and answer.code is code


# --- never below cost -------------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [0, 1])
def test_what_remains_to_us_is_never_below_the_cost(network: World, allowed: int) -> None:
    network.run(
        lambda db: products.put(
            db, Product("S10", "telkomsel", "x", 10, 10_149, 10_150, None, 1, allowed)
        )
    )
    for agent in (SHOP, TOP):  # mark-ups do not help: they are not ours
        answer = network.accept(agent=agent)
        if allowed:
            assert not isinstance(answer, Refusal)
            network.run(lambda db, o=answer.order.id: outcome.cancel(db, o, now_ms=network.now))
        else:
            assert isinstance(answer, Refusal)
            assert answer.code is RefusalCode.BELOW_COST
            assert "below-cost S10 --allow" in answer.remedy
    network.clean()


def test_a_level_below_cost_is_refused_and_what_was_accepted_stays(network: World) -> None:
    price(network, "gold", "S10", 10_150)
    network.run(lambda db: levels.assign(db, SHOP, "gold"))
    first = network.order(agent=SHOP, reference="r1")
    network.sql("UPDATE product SET cost = 10151 WHERE code = 'S10'")
    again = network.accept(agent=SHOP, reference="r1")
    assert not isinstance(again, Refusal) and again.order.id == first.id
    answer = network.accept("S10.081200000013", agent=SHOP)
    assert isinstance(answer, Refusal) and answer.code is RefusalCode.BELOW_COST
    assert not isinstance(network.accept("S10.081200000014", agent="A1"), Refusal)


# --- exchange ---------------------------------------------------------------------------------


def test_an_exchange_is_done_once_under_its_id(network: World) -> None:
    sold(network)
    assert exchange(network, TOP, 60) == Exchanged(60, 40, repeated=False)
    assert exchange(network, TOP, 60) == Exchanged(60, 40, repeated=True)
    assert exchange(network, TOP) == Exchanged(60, 40, repeated=True)
    other = exchange(network, TOP, 61)
    assert isinstance(other, Refusal) and other.code is RefusalCode.REFERENCE_REUSED
    assert network.deposit(TOP).available == 1_000_060
    assert exchange(network, TOP, key="x2") == Exchanged(40, 0, repeated=False)
    network.clean()


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, RefusalCode.BAD_AMOUNT),
        (-5, RefusalCode.BAD_AMOUNT),
        (101, RefusalCode.INSUFFICIENT_COMMISSION),
    ],
)
def test_no_more_is_exchanged_than_is_there(network: World, amount: int, code: RefusalCode) -> None:
    sold(network)
    before = network.contents()
    answer = exchange(network, TOP, amount)
    assert isinstance(answer, Refusal) and answer.code is code
    empty = exchange(network, SHOP)  # who has no downlines has no account of it either
    assert isinstance(empty, Refusal) and empty.code is RefusalCode.INSUFFICIENT_COMMISSION
    assert network.contents() == before


# --- what the database and the audit see to ---------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM order_commission", "UPDATE order_commission SET amount = amount + 1"],
)
def test_what_was_promised_is_never_rewritten(network: World, statement: str) -> None:
    sold(network)
    with pytest.raises(IntegrityError, match="append-only"):
        network.sql(statement)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            "UPDATE order_commission SET amount = amount + 1 WHERE upline = 'TOP'",
            ["not booked as the order's state demands"],
        ),
        (
            "DELETE FROM order_commission WHERE upline = 'TOP'",
            ["a commission was booked that no order says"],
        ),
        (
            "UPDATE order_commission SET amount = 10000000 WHERE upline = 'TOP'",
            ["not booked as the order's state demands", "all of its price or more"],
        ),
        (
            "INSERT INTO order_commission VALUES (1, 'A1', 5)",
            ["not booked as the order's state demands"],
        ),
    ],
)
def test_the_audit_recomputes_commissions_row_by_row(
    network: World, wrong: str, said: list[str]
) -> None:
    sold(network)
    network.sql("DROP TRIGGER order_commission_no_update")
    network.sql("DROP TRIGGER order_commission_no_delete")
    network.sql(wrong)
    found = network.findings()
    assert [rule for rule, _ in found] == ["P3"] * len(said)
    for (_, detail), words in zip(found, said, strict=True):
        assert words in detail


def test_the_audit_sees_commission_that_went_elsewhere_or_stayed(network: World) -> None:
    order_id = sold(network)
    network.run(
        lambda db: journal.transfer(
            db,
            Transfer("x", accounts.commission(TOP), accounts.agent("A1"), 5),
            now_ms=network.now,
        )
    )
    network.sql("UPDATE orders SET state = 'FAILED' WHERE id = ?", order_id)
    details = " ".join(detail for _, detail in network.findings())
    assert "neither its owner's deposit nor taken back" in details
    assert "a commission is booked of an order that did not succeed" in details


@pytest.mark.parametrize("source", [agents.CASH, accounts.SALES, accounts.commission(MIDDLE)])
def test_the_audit_sees_commission_that_no_order_brought(network: World, source: str) -> None:
    """It would become deposit by the next exchange, and nobody ever paid it in."""
    sold(network)
    wrong = Transfer("x", source, accounts.commission(TOP), 5)
    network.run(lambda db: journal.transfer(db, wrong, now_ms=network.now))
    details = [detail for _, detail in network.findings()]
    assert any("came from elsewhere than an order" in detail for detail in details), details


# --- any history ------------------------------------------------------------------------------

ENDS = st.lists(
    st.tuples(
        st.sampled_from([SHOP, MIDDLE, TOP, "A1"]),
        st.sampled_from(["done", "failed", "reversed", "open", "queued"]),
        st.integers(0, 400),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(ENDS)
def test_commissions_are_those_of_a_naive_count(
    new_world: Callable[[], World], ends: list[tuple[str, str, int, bool]]
) -> None:
    world = new_world()
    try:
        grow(world)
        world.agent()
        expected = {TOP: 0, MIDDLE: 0}
        drawn = {TOP: 0, MIDDLE: 0}
        deposits = dict.fromkeys((TOP, MIDDLE, SHOP, "A1"), 1_000_000)
        adds = {TOP: 100, MIDDLE: 30}
        above = {SHOP: (MIDDLE, TOP), MIDDLE: (TOP,), TOP: (), "A1": ()}
        for number, (agent, end, markup, draws) in enumerate(ends):
            card = world.chip(number + 1)
            order = world.order(f"S10.0812000000{number + 10}", agent=agent)
            paid = 10_500 + sum(adds[upline] for upline in above[agent])
            earns = {upline: adds[upline] for upline in above[agent]}
            assert order.price == paid
            mark_up(world, TOP, markup)
            adds[TOP] = markup
            if end == "queued":
                world.run(lambda db, o=order.id: outcome.cancel(db, o, now_ms=world.now))
                continue
            (claim,) = world.claim(card)
            world.commit(claim.attempt_id)
            if end == "open":
                world.suspend(claim.attempt_id)
                deposits[agent] -= paid
                continue
            done = end in ("done", "reversed")
            world.decide(
                claim.attempt_id,
                done=done,
                reason=None if done else Reason.WRONG_NUMBER,
                number=f"SN{number}" if done else None,
                figure=489_850 if done else None,
            )
            if not done:
                continue
            deposits[agent] -= paid
            for upline, amount in earns.items():
                expected[upline] += amount
            if draws:
                for upline in expected:
                    left = expected[upline] - drawn[upline]
                    answer = exchange(world, upline, key=f"x{number}")
                    assert isinstance(answer, Exchanged) == (left > 0)
                    if left > 0:
                        drawn[upline] += left
                        deposits[upline] += left
            if end == "reversed":
                world.reverse(order.id)
                deposits[agent] += paid
                for upline, amount in earns.items():
                    expected[upline] -= amount
        assert earned(world, TOP, MIDDLE) == [expected[u] - drawn[u] for u in (TOP, MIDDLE)]
        for agent, deposit in deposits.items():
            assert world.deposit(agent).available == deposit
        world.clean()
    finally:
        world.close()
