"""Accepting orders: all or nothing, once and only once."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import Database

from pulsarack.queue import agents, chips, intake, outcome, products, stock
from pulsarack.queue.intake import Accepted
from pulsarack.queue.products import Product
from pulsarack.queue.request import Request
from pulsarack.queue.validation import Refusal, RefusalCode
from pulsarack.ussd.outcome import Reason
from tests.queue.world import TO, World, paid_in

# --- products and agents ------------------------------------------------------------------


def test_a_product_is_added_kept_and_changed(world: World) -> None:
    row = Product("T5", "tri", "Tri 5", 5, 5_600, 5_125, 60, 1)
    dearer = Product("T5", "tri", "Tri 5", 5, 5_700, 5_125, None, 0)

    def put(product: Product) -> str:
        return world.run(lambda db: products.put(db, product))

    assert [put(row), put(row), put(dearer), put(dearer)] == ["added", "same", "changed", "same"]
    assert world.run(lambda db: products.find(db, "T5")) == dearer
    assert [p.code for p in world.run(products.every)] == ["S5", "S10", "S100", "T5"]


def test_a_new_price_leaves_accepted_orders_alone(shop: World) -> None:
    order = shop.order()
    dearer = Product("S10", "telkomsel", "x", 10, 11_000, 10_300, None, 1)
    shop.run(lambda db: products.put(db, dearer))
    assert (shop.get(order).price, shop.get(order).cost) == (10_500, 10_150)
    assert shop.order("S10.2.081200000012").price == 11_000
    shop.clean()


def test_an_agent_is_opened_once(world: World) -> None:
    assert world.run(lambda db: agents.add(db, "A1", "Kios", now_ms=world.now))
    assert not world.run(lambda db: agents.add(db, "A1", "Other", now_ms=world.now))
    found = world.run(lambda db: agents.find(db, "A1"))
    assert found is not None and found.name == "Kios" and found.active == 1
    assert world.deposit().available == 0


# --- accepted -----------------------------------------------------------------------------


def test_an_accepted_order_is_there_with_its_price_held(shop: World) -> None:
    order = shop.order("S10.2.0812-0000-0012", reference="r1")
    assert order == shop.get(order)
    assert (order.state, order.destination, order.repeat_index) == ("QUEUED", TO, 2)
    assert (order.price, order.cost, order.denomination) == (10_500, 10_150, 10)
    assert order.expires_at == shop.now + 600_000
    assert shop.deposit().held == 10_500
    assert shop.phase(f"order:{order.id}:price") == "open"
    assert shop.sql("SELECT order_id, state FROM transition") == [(order.id, "QUEUED")]
    shop.clean()


def test_a_product_may_have_its_own_time(shop: World) -> None:
    row = Product("S10", "telkomsel", "x", 10, 10_500, 10_150, 60, 1)
    shop.run(lambda db: products.put(db, row))
    assert shop.order().expires_at == shop.now + 60_000


def test_a_fault_after_the_order_leaves_neither_order_nor_hold(shop: World) -> None:
    before = shop.contents()

    def job(db: Database) -> None:
        origin = intake.Origin("A1", "test", "t", None, shop.now, shop.day, 600)
        assert isinstance(intake.accept(db, Request("S10", TO, 1), origin), Accepted)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shop.run(job)
    assert shop.contents() == before


# --- refused ------------------------------------------------------------------------------

REFUSED = [
    ("S10.0812abc", {}, RefusalCode.BAD_NUMBER),
    ("S10.+639171234567", {}, RefusalCode.FOREIGN_NUMBER),
    ("S10.081200000012", {"agent": "NOBODY"}, RefusalCode.UNKNOWN_AGENT),
    ("S10.081200000012", {"agent": "SLEEPING"}, RefusalCode.UNKNOWN_AGENT),
    ("S11.081200000012", {}, RefusalCode.UNKNOWN_PRODUCT),
    ("OLD.081200000012", {}, RefusalCode.UNKNOWN_PRODUCT),
    ("S10.080000000012", {}, RefusalCode.UNKNOWN_PREFIX),
    ("S10.081400000012", {}, RefusalCode.WRONG_OPERATOR),
    ("S10.081200000012", {"agent": "POOR"}, RefusalCode.INSUFFICIENT_DEPOSIT),
    ("S10.081200000012", {"reference": "x" * 65}, RefusalCode.BAD_FORMAT),
    ("S10.081200000099", {}, RefusalCode.REPEATED),
    ("S10.081200000012", {"reference": "taken"}, RefusalCode.REFERENCE_REUSED),
    ("S10.081200000012", {"most_price": 10_499}, RefusalCode.TOO_DEAR),
    ("S10.081200000012", {"most_price": 10_499, "agent": "POOR"}, RefusalCode.TOO_DEAR),
    ("S10.081200000012", {"most_price": 1, "reference": "taken"}, RefusalCode.REFERENCE_REUSED),
]


@pytest.mark.parametrize(("text", "more", "code"), REFUSED)
def test_a_refused_order_writes_nothing(
    shop: World, text: str, more: dict[str, Any], code: RefusalCode
) -> None:
    shop.agent("POOR", 10_499)
    shop.agent("SLEEPING")
    shop.sql("UPDATE agent SET active = 0 WHERE code = 'SLEEPING'")
    old = Product("OLD", "telkomsel", "x", 10, 1, 1, None, 0)
    shop.run(lambda db: products.put(db, old))
    shop.order("S10.081200000099", reference="taken")
    before = shop.contents()
    found = shop.accept(text, **more)
    assert isinstance(found, Refusal)
    assert found.code is code
    assert found.message and found.remedy
    assert shop.contents() == before


def test_a_refusal_shows_no_other_agents_order(shop: World) -> None:
    shop.agent("A2")
    shop.order(reference="r1")
    second = shop.order(agent="A2", reference="r1")
    assert second.agent == "A2"


def test_the_exact_deposit_is_enough_and_one_rupiah_less_is_not(shop: World) -> None:
    shop.agent("EXACT", 10_500)
    shop.order(agent="EXACT")
    assert shop.deposit("EXACT").available == 0
    found = shop.accept("S5.081200000012", agent="EXACT")
    assert isinstance(found, Refusal) and found.code is RefusalCode.INSUFFICIENT_DEPOSIT


# --- repeated -----------------------------------------------------------------------------


def finish(world: World, order_id: int, ending: str) -> None:
    """Bring a queued order to an end."""
    if ending == "CANCELLED":
        world.run(lambda db: outcome.cancel(db, order_id, now_ms=world.now))
    elif ending != "QUEUED":
        card = world.chip(1)
        world.run(lambda db: chips.trust_stock(db, card))
        (claimed,) = world.claim(card)
        world.commit(claimed.attempt_id)
        if ending == "UNKNOWN":
            world.suspend(claimed.attempt_id)
        elif ending == "SUCCEEDED":
            world.decide(claimed.attempt_id, done=True, number="SN1", figure=489_850)
        elif ending == "FAILED":
            world.decide(claimed.attempt_id, done=False, reason=Reason.WRONG_NUMBER)
    assert world.get(order_id).state == ending


ENDINGS = ["QUEUED", "SUCCEEDED", "FAILED", "CANCELLED", "UNKNOWN"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_reference_returns_its_order_for_ever(shop: World, ending: str) -> None:
    first = shop.order(reference="r1")
    finish(shop, first.id, ending)
    shop.wait(400 * 24 * 3600)
    shop.day = "2028-02-20"
    before = shop.contents()
    assert shop.accept(reference="r1") == Accepted(shop.get(first), repeated=True)
    assert shop.accept("s10.+62 812 0000 0012", reference="r1") == Accepted(
        shop.get(first), repeated=True
    )
    for other in ("S5.081200000012", "S10.2.081200000012", "S10.081200000013"):
        found = shop.accept(other, reference="r1")
        assert isinstance(found, Refusal) and found.code is RefusalCode.REFERENCE_REUSED
    assert shop.contents() == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_text_on_one_day_counts_once_unless_it_came_to_nothing(
    shop: World, ending: str
) -> None:
    first = shop.order()
    finish(shop, first.id, ending)
    again = shop.accept()
    if ending in ("FAILED", "CANCELLED"):
        assert isinstance(again, Accepted) and not again.repeated
        assert again.order.id != first.id
    else:
        assert isinstance(again, Refusal) and again.code is RefusalCode.REPEATED
        assert f"order {first.id} is {ending}" in again.message
        assert "S10.2.081200000012" in again.remedy
        assert shop.order("S10.2.081200000012").repeat_index == 2
    shop.day = "2027-01-16"
    assert isinstance(shop.accept(), Accepted)
    shop.clean()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_text_that_comes_again_after_the_clock_was_set_back_counts_once(
    shop: World, ending: str
) -> None:
    """A network may stamp it anew, a server give it another id; its day may come again."""
    first = shop.order()
    finish(shop, first.id, ending)
    for days in (2, 1):
        shop.set_back(days)
        again = shop.accept()
        if ending in ("FAILED", "CANCELLED"):
            assert isinstance(again, Accepted)
            break
        assert isinstance(again, Refusal) and again.code is RefusalCode.REPEATED
        assert f"order {first.id} is {ending}" in again.message
    assert isinstance(shop.accept("S10.2.081200000012"), Accepted)
    assert isinstance(shop.accept("S10.081200000013"), Accepted)
    shop.clean()


def test_a_reference_of_its_own_is_an_order_of_its_own_on_a_day_that_comes_again(
    shop: World,
) -> None:
    shop.order(reference="r1")
    shop.set_back(2)
    found = shop.accept()
    assert isinstance(found, Refusal) and found.code is RefusalCode.REPEATED
    assert isinstance(shop.accept(reference="r2"), Accepted)
    shop.clean()


def test_what_a_clock_that_was_wrong_for_long_ordered_hinders_nobody(shop: World) -> None:
    shop.order()
    shop.wait(25 * 3600)
    shop.set_back(300)
    assert isinstance(shop.accept(), Accepted)
    shop.clean()


def test_another_reference_does_not_get_around_the_natural_key(shop: World) -> None:
    shop.order(reference="r1")
    found = shop.accept(reference="r2")
    assert isinstance(found, Refusal) and found.code is RefusalCode.REPEATED


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["order", "succeed", "fail", "cancel", "credit"]),
        st.sampled_from([5, 10, 100]),
        st.integers(1, 9),
    ),
    max_size=25,
)


@given(STEPS, st.integers(0, 150_000))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_deposit_never_goes_below_zero(
    new_world: Callable[[], World], steps: list[tuple[str, int, int]], deposit: int
) -> None:
    world = new_world()
    world.agent(deposit=deposit)
    card = world.chip(stock_figure=10_000_000)
    granted, spent = deposit, 0
    for number, (verb, denomination, digit) in enumerate(steps):
        if verb == "order":
            price = intake_price(world, denomination)
            available = world.deposit().available
            found = world.accept(f"S{denomination}.08120000001{digit}", reference=f"r{number}")
            if isinstance(found, Refusal) and found.code is RefusalCode.INSUFFICIENT_DEPOSIT:
                assert available < price
        elif verb == "credit":
            granted += digit * 1000
            key, amount = f"payment {number}", digit * 1000
            world.run(lambda db, k=key, a=amount: paid_in(db, "A1", a, k, now_ms=world.now))
        elif verb == "cancel":
            for (order_id,) in world.sql("SELECT id FROM orders WHERE state = 'QUEUED' LIMIT 1"):
                world.run(lambda db, o=order_id: outcome.cancel(db, o, now_ms=world.now))
        else:
            figure = world.stock(card).posted
            world.run(lambda db, f=figure: stock.compare(db, card, f, now_ms=world.now))
            for claimed in world.claim(card):
                world.commit(claimed.attempt_id)
                if verb == "succeed":
                    spent += claimed.order.price
                    world.decide(claimed.attempt_id, done=True)
                else:
                    world.decide(claimed.attempt_id, done=False, reason=Reason.WRONG_NUMBER)
        money = world.deposit()
        assert money.available >= 0
        assert money.posted == granted - spent
    assert world.findings() == []
    world.close()


def intake_price(world: World, denomination: int) -> int:
    """What a product costs now."""
    found = world.run(lambda db: products.find(db, f"S{denomination}"))
    assert found is not None
    return found.price
