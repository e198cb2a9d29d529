"""What is asked in a way that costs the same after years gives the same answers as before."""

import pytest

from pulsarack.queue import clock_steps, contradiction, discrepancies, evidence, orders, outcome
from pulsarack.queue.state import OrderState
from pulsarack.ussd.outcome import Reason
from tests.queue.test_decisions import refuted
from tests.queue.test_discrepancies import sell, sell_unread, span
from tests.queue.test_texts import CARD, contradicted
from tests.queue.world import World


@pytest.fixture
def ended(shop: World) -> World:
    """Orders of two agents in every state; the last one waits."""
    shop.agent("A2")
    other = shop.chip(2)
    for card, to in ((CARD, "11"), (other, "12")):
        claimed = shop.sent(card, f"S10.0812000000{to}")
        shop.decide(claimed.attempt_id, done=True, number=f"SN{to}", figure=489_850)
    shop.reverse(1)
    wrong = shop.sent(other, "S10.081200000013", agent="A2")
    shop.decide(wrong.attempt_id, done=False, reason=Reason.WRONG_NUMBER)
    left = shop.order("S10.081200000014")
    shop.run(lambda db: outcome.cancel(db, left.id, now_ms=shop.now))
    shop.suspend(shop.sent(other, "S10.081200000015", agent="A2").attempt_id)
    shop.sent(shop.chip(3), "S10.081200000016")
    shop.order("S10.081200000017", agent="A2")
    return shop


def test_states_are_counted_as_they_are(ended: World) -> None:
    counted = dict(ended.sql("SELECT state, count(*) FROM orders GROUP BY state"))
    assert set(counted) == set(OrderState)
    assert ended.run(orders.count_by_state) == counted
    ended.clean()


def test_a_wrong_count_is_found_by_the_audit(ended: World) -> None:
    ended.sql("UPDATE finished_orders SET number = number + 1 WHERE state = 'FAILED'")
    ((promise, detail),) = ended.findings()
    assert promise == "P1"
    assert "2 counted, 1 found" in detail


@pytest.mark.parametrize("state", [None, *OrderState])
@pytest.mark.parametrize("agent", [None, "A1", "A2"])
def test_the_newest_of_a_state_and_an_agent_are_listed(
    ended: World, state: OrderState | None, agent: str | None
) -> None:
    everybody = ended.run(lambda db: orders.listed(db))
    assert [one.id for one in everybody] == sorted((one.id for one in everybody), reverse=True)
    wanted = [
        one.id for one in everybody if state in (None, one.state) and agent in (None, one.agent)
    ]
    for limit in (1, 50):
        found = ended.run(lambda db, n=limit: orders.listed(db, state=state, agent=agent, limit=n))
        assert [one.id for one in found] == wanted[:limit]


def test_serial_numbers_of_a_destination_are_known_whatever_came_of_its_orders(
    shop: World,
) -> None:
    attempt_id = refuted(shop)
    failed = shop.get(shop.attempt(attempt_id).order_id)
    assert failed.state == "FAILED"
    spent = shop.run(lambda db: evidence.serial_numbers(db, "telkomsel", failed.destination))
    assert spent == {"SN1"}
    assert shop.run(lambda db: evidence.serial_numbers(db, "xl", failed.destination)) == set()
    shop.sql("UPDATE chip SET stock_exact = 1")
    sell(shop, "081200000071")
    spent = shop.run(lambda db: evidence.serial_numbers(db, "telkomsel", "6281200000071"))
    assert spent == {"SN081200000071"}


def test_those_that_stand_still_and_the_undecided_are_listed_in_order(shop: World) -> None:
    first = shop.sent(shop.chip(2), "S10.081200000061")
    still = contradicted(shop)
    doubt = shop.run(lambda db: contradiction.undecided(db))
    assert doubt == []
    shop.suspend(first.attempt_id)
    assert [one.id for one in shop.run(contradiction.undecided)] == [first.order.id]
    assert still > first.order.id


@pytest.mark.parametrize("by_ms", [-7_200_000, 7_200_000])
def test_what_was_sold_after_the_clock_was_set_lies_in_the_span(shop: World, by_ms: int) -> None:
    shop.wait(60)
    sell(shop, "081200000011", figure=489_850)
    shop.wait(60)
    shop.now += by_ms
    shop.run(lambda db: clock_steps.follow(db, by_ms, now_ms=shop.now))
    ids = [sell_unread(shop, f"08120000002{n}") for n in range(2)]
    one = shop.differ(CARD, 400_000)
    assert span(shop, one) == ids


def test_steps_beyond_the_first_few_are_read_as_well(shop: World) -> None:
    began = shop.now
    for _ in range(11):
        shop.wait(60)
        shop.now += 1000
        shop.run(lambda db: clock_steps.follow(db, 1000, now_ms=shop.now))
    found = shop.run(lambda db: clock_steps.eras(db, back_to_ms=began))
    assert [era.offset_ms for era in found] == [1000 * n for n in range(12)]
    stopped = discrepancies.BOOKED_LATE_MS
    assert (
        shop.run(lambda db: clock_steps.stored_since(db, now_ms=shop.now, length_ms=stopped))
        == shop.now - stopped - 11_000
    )
