"""Reversal: a success taken back by a person's word, once, with all its money."""

import pytest

from pulsarack.queue import attempts, clock_steps, contradiction, evidence, messages, stock
from pulsarack.queue.discrepancies import ClearingKind
from pulsarack.queue.errors import IllegalMove
from pulsarack.queue.evidence import EvidenceKind, of_attempt
from pulsarack.queue.intake import Accepted
from pulsarack.queue.state import OrderState
from pulsarack.queue.stock import Comparison
from pulsarack.queue.validation import Refusal, RefusalCode
from tests.queue.world import TO, World, iccid, stock_in, success

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


# --- what may still come back -----------------------------------------------------------------

LESS = "S5.081200000013"


def trusted(world: World, figure: int) -> None:
    """The chip's stock is read, and a difference that two readings agree on is booked."""
    if (
        world.run(lambda db: stock.compare(db, CARD, figure, now_ms=world.now))
        is Comparison.DIFFERENT
    ):
        world.differ(CARD, figure)


@pytest.mark.parametrize("stock_returned", [False, True])
def test_a_cost_that_was_reversed_may_come_back_until_it_is_booked(
    shop: World, stock_returned: bool
) -> None:
    """Delivered, and as much given back, looks like not done: it would be sent again."""
    shop.reverse(sold(shop), stock_returned=stock_returned)
    trusted(shop, 500_000 if stock_returned else 489_850)
    assert shop.may_come_back(CARD, 10_150) == (not stock_returned)
    shop.clean()


def test_what_was_said_to_be_back_and_found_missing_may_come_back(shop: World) -> None:
    shop.reverse(sold(shop), stock_returned=True)
    trusted(shop, 489_850)
    assert shop.may_come_back(CARD, 10_150)
    trusted(shop, 500_000)
    assert not shop.may_come_back(CARD, 10_150)


def test_two_that_were_said_to_be_back_may_be_found_missing_together(shop: World) -> None:
    first = sold(shop)
    second = shop.sent(CARD, LESS)
    shop.decide(second.attempt_id, done=True, number="SN2", figure=484_725)
    for order_id in (first, second.order.id):
        shop.reverse(order_id, stock_returned=True)
    trusted(shop, 484_725)
    assert shop.may_come_back(CARD, 10_150)


def test_a_rise_that_a_person_explains_otherwise_is_not_the_return(shop: World) -> None:
    shop.reverse(sold(shop))
    trusted(shop, 500_000)
    assert not shop.may_come_back(CARD, 10_150)
    shop.clear(1, ClearingKind.STOCK_IN, because="the dealer sent 10150 by hand")
    assert shop.may_come_back(CARD, 10_150)


def test_a_rise_that_can_be_another_orders_is_not_the_return(shop: World) -> None:
    """Its fall was cleared, then its late text booked the cost once more: that is the rise."""
    late = shop.sent(CARD, "S10.081200000031")
    shop.suspend(late.attempt_id)
    shop.decide(late.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    shop.sql("UPDATE orders SET not_before = not_before + 250000")
    trusted(shop, 489_850)
    claimed = shop.sent(CARD)
    shop.decide(claimed.attempt_id, done=True, number="SN1", figure=479_700)
    shop.reverse(claimed.order.id)
    trusted(shop, 479_700)
    shop.clear(1, ClearingKind.DELIVERY, because="the customer has it")
    shop.text(CARD, success("SNX", to="6281200000031"))
    trusted(shop, 479_700)
    assert shop.may_come_back(CARD, 10_150)
    shop.clean()


def test_it_may_come_back_on_any_chip_that_the_order_was_sent_on(shop: World) -> None:
    """The operator books late, and a person decides it where it was tried last."""
    other = shop.chip(2)
    first = shop.sent(CARD)
    shop.suspend(first.attempt_id)
    shop.decide(first.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    shop.wait(120)
    (again,) = shop.claim(other)
    shop.commit(again.attempt_id)
    shop.decide(again.attempt_id, done=True, number="SN1", figure=489_850)
    trusted(shop, 500_000)
    running = shop.sent(CARD, LESS)
    shop.reverse(first.order.id, stock_returned=True)
    assert shop.may_come_back(CARD, 10_150)
    assert not shop.may_come_back(other, 10_150)
    assert shop.attempt(running.attempt_id).stock_before is None
    assert not shop.the_chip(CARD).stock_exact and not shop.the_chip(other).stock_exact


def test_what_was_delivered_against_a_refund_may_be_taken_back(shop: World) -> None:
    claimed = shop.sent(CARD, limit_seconds=60)
    shop.suspend(claimed.attempt_id)
    shop.wait(61)
    shop.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    trusted(shop, 489_850)
    shop.text(CARD, success("SN1"))
    trusted(shop, 489_850)
    running = shop.sent(CARD, LESS)
    assert not shop.may_come_back(CARD, 10_150)
    shop.run(
        lambda db: contradiction.acknowledge(
            db, claimed.order.id, because="it is taken back", who="boss", now_ms=shop.now
        )
    )
    assert shop.may_come_back(CARD, 10_150)
    assert shop.attempt(running.attempt_id).stock_before is None


@pytest.mark.parametrize(("cost", "owed"), [(5_125, True), (10_150, True), (10_151, False)])
def test_a_dearer_order_is_decided_by_its_stock_as_always(
    shop: World, cost: int, owed: bool
) -> None:
    shop.reverse(sold(shop))
    trusted(shop, 489_850)
    assert shop.may_come_back(CARD, cost) == owed


def test_another_chips_reversal_takes_nothing_away(shop: World) -> None:
    shop.reverse(sold(shop))
    assert not shop.may_come_back(shop.chip(2), 10_150)


def test_two_reversals_together_look_like_one_dearer_order(shop: World) -> None:
    first = sold(shop)
    second = shop.sent(CARD, "S10.2.081200000012")
    shop.decide(second.attempt_id, done=True, number="SN2", figure=479_700)
    shop.reverse(first)
    assert not shop.may_come_back(CARD, 20_300)
    shop.reverse(second.order.id)
    trusted(shop, 479_700)
    assert shop.may_come_back(CARD, 20_300)
    trusted(shop, 489_850)
    assert not shop.may_come_back(CARD, 20_300)
    assert shop.may_come_back(CARD, 10_150)
    trusted(shop, 500_000)
    assert not shop.may_come_back(CARD, 10_150)


def test_both_may_come_at_once(shop: World) -> None:
    first = sold(shop)
    second = shop.sent(CARD, "S10.2.081200000012")
    shop.decide(second.attempt_id, done=True, number="SN2", figure=479_700)
    for order_id in (first, second.order.id):
        shop.reverse(order_id)
    trusted(shop, 500_000)
    assert not shop.may_come_back(CARD, 10_150)


@pytest.mark.parametrize(("late_ms", "owed"), [(0, True), (1, False)])
@pytest.mark.parametrize("step_ms", [0, 86_400_000])
def test_after_a_week_nothing_comes_back_any_more(
    shop: World, late_ms: int, owed: bool, step_ms: int
) -> None:
    shop.reverse(sold(shop))
    shop.now += attempts.UNNAMED_MS + late_ms
    if step_ms:
        shop.now += step_ms  # the clock was set ahead: a week is a week all the same
        shop.run(lambda db: clock_steps.follow(db, step_ms, now_ms=shop.now))
    assert shop.may_come_back(CARD, 10_150) == owed


@pytest.mark.parametrize(("amount", "owed"), [(10_149, True), (10_150, False), (10_151, True)])
def test_a_rise_that_was_found_since_is_the_return(shop: World, amount: int, owed: bool) -> None:
    """If it is exactly as much; any other is something else."""
    shop.reverse(sold(shop))
    trusted(shop, 489_850 + amount)
    assert shop.may_come_back(CARD, 10_150) == owed
    shop.clean()


def test_stock_that_was_bought_is_not_the_return(shop: World) -> None:
    shop.reverse(sold(shop))
    shop.text(CARD, stock_in(10_150))
    trusted(shop, 500_000)
    assert shop.may_come_back(CARD, 10_150)


def test_a_rise_from_before_the_reversal_is_not_its_return(shop: World) -> None:
    order_id = sold(shop)
    trusted(shop, 500_000)
    shop.reverse(order_id)
    trusted(shop, 500_000)
    assert shop.may_come_back(CARD, 10_150)


def test_what_an_order_took_back_of_a_fall_is_no_return(shop: World) -> None:
    """It moves our books only: the operator has given nothing back."""
    late = shop.sent(CARD, LESS)
    shop.suspend(late.attempt_id)
    shop.decide(late.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    shop.sql("UPDATE orders SET not_before = not_before + 3600000")
    trusted(shop, 500_000)
    claimed = shop.sent(CARD, "S5.081200000014")
    shop.decide(claimed.attempt_id, done=True, number="SN1", figure=494_875)
    shop.reverse(claimed.order.id)
    trusted(shop, 494_875 - 5_125)
    shop.text(CARD, success("SN2", to="6281200000013", amount=5_000))
    assert shop.get(late.order).state == "SUCCEEDED"
    trusted(shop, 494_875 - 5_125)
    assert shop.may_come_back(CARD, 5_125)
    shop.clean()


def test_a_reversed_order_keeps_its_natural_key_for_the_day(shop: World) -> None:
    """The same text is answered with the reversed order; one more needs a repeat number."""
    order_id = sold(shop)
    shop.reverse(order_id)
    refused = shop.accept("S10.081200000012")
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.REPEATED
    assert f"order {order_id} is REVERSED" in refused.message
    assert "S10.2.081200000012" in refused.remedy
    assert shop.order("S10.2.081200000012").id != order_id
    shop.day = "2027-01-16"
    assert shop.order("S10.081200000012").id != order_id


def test_the_reference_of_a_reversed_order_is_answered_with_it(shop: World) -> None:
    claimed = shop.sent(CARD, reference="r1")
    shop.decide(claimed.attempt_id, done=True, number="SN1", figure=489_850)
    shop.reverse(claimed.order.id)
    again = shop.accept(reference="r1")
    assert isinstance(again, Accepted) and again.repeated
    assert (again.order.id, again.order.state) == (claimed.order.id, "REVERSED")


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
