"""Reversal: a success taken back by a person's word, once, with all its money."""

import pytest

from pulsarack.queue import evidence, messages, stock
from pulsarack.queue.errors import IllegalMove
from pulsarack.queue.evidence import of_attempt
from pulsarack.queue.state import OrderState
from tests.queue.world import TO, World, iccid, success

CARD = iccid(1)


def sold(world: World, number: str | None = "SN1") -> int:
    """A success; the id of its order."""
    claimed = world.sent(CARD)
    world.decide(claimed.attempt_id, done=True, number=number, figure=489_850)
    return claimed.order.id


@pytest.mark.parametrize(("returned", "left"), [(False, 489_850), (True, 500_000)])
def test_the_agent_has_paid_nothing_and_is_told(shop: World, returned: bool, left: int) -> None:
    order_id = sold(shop)
    shop.wait(60)
    order = shop.reverse(order_id, stock_returned=returned, because="wrong number")
    assert (order.state, order.finished_at, order.serial_number) == ("REVERSED", shop.now, "SN1")
    assert shop.deposit().available == 1_000_000
    assert shop.stock(CARD).posted == left
    assert shop.the_chip(CARD).stock_exact == 0
    told = shop.run(lambda db: messages.of_order(db, order_id))
    assert [one.state for one in told] == ["SUCCEEDED", "REVERSED"]
    assert "DIREFUND" in told[-1].text and "10.500" in told[-1].text
    assert [one.id for one in shop.run(lambda db: messages.waiting(db, "A1"))] == [1, 2]
    shop.clean()


def test_who_and_why_are_kept(shop: World) -> None:
    order_id = sold(shop)
    shop.reverse(order_id, because="wrong number")
    (attempt_id,) = shop.sql("SELECT id FROM attempt")[0]
    word = shop.run(lambda db: of_attempt(db, attempt_id))[-1]
    assert (word.kind, word.verdict, word.rule) == ("admin", "NONE", "reversed")
    assert (word.decided_by, word.detail) == ("admin1", "wrong number")
    ((why,),) = shop.sql("SELECT why FROM transition WHERE state = 'REVERSED'")
    assert why == "reversed by admin1: wrong number"
    assert shop.attempt(attempt_id).outcome == "DONE"


@pytest.mark.parametrize("state", [one for one in OrderState if one is not OrderState.SUCCEEDED])
def test_only_a_success_is_reversed(shop: World, state: OrderState) -> None:
    order_id = sold(shop)
    if state is OrderState.REVERSED:
        shop.reverse(order_id)
    else:
        finished = None if state in ("QUEUED", "SENDING", "UNKNOWN") else shop.now
        shop.sql("UPDATE orders SET state = ?, finished_at = ?", state.value, finished)
    before = shop.contents()
    with pytest.raises(IllegalMove, match=f"order {order_id} is {state}; only a success"):
        shop.reverse(order_id)
    assert shop.contents() == before


def test_an_open_order_of_equal_cost_is_not_decided_by_the_stock(shop: World) -> None:
    """Given back while another runs, the stock would look as if that had not been done."""
    order_id = sold(shop)
    running = shop.sent(CARD, "S10.081200000013")
    assert shop.attempt(running.attempt_id).stock_before == 489_850
    shop.reverse(order_id, stock_returned=True)
    assert shop.attempt(running.attempt_id).stock_before is None
    shop.clean()


def test_stock_that_did_not_come_back_is_a_discrepancy(shop: World) -> None:
    order_id = sold(shop)
    shop.reverse(order_id, stock_returned=True)
    assert shop.run(lambda db: stock.book_discrepancy(db, CARD, 489_850, now_ms=shop.now)) == (
        -10_150
    )
    shop.clean()


def test_a_reversed_success_without_a_number_still_spends_an_unknown_one(shop: World) -> None:
    """Its own list line or text may come yet, and must not prove the next order done."""
    order_id = sold(shop, number=None)
    assert shop.run(lambda db: evidence.unnamed_success(db, "telkomsel", TO, 10))
    shop.reverse(order_id)
    assert shop.run(lambda db: evidence.unnamed_success(db, "telkomsel", TO, 10))


def test_the_late_text_of_a_reversed_order_is_its_number_and_no_more(shop: World) -> None:
    order_id = sold(shop, number=None)
    shop.reverse(order_id)
    shop.text(CARD, success("SN9"))
    order = shop.get(order_id)
    assert (order.state, order.serial_number) == ("REVERSED", "SN9")
    assert shop.deposit().available == 1_000_000
    shop.clean()
