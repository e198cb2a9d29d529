"""What a restored database does with what was open in it: nothing, until somebody says what it was.

Each test is a story: there is a moment, the trade goes on, and the moment comes back.
"""

import pytest
from peewee import Database

from pulsarack.queue import agents, contradiction, outcome, restored, stock
from pulsarack.queue.errors import IllegalMove, NotOpen
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.intake import Accepted
from pulsarack.queue.orders import Order
from pulsarack.queue.outcome import Decision
from pulsarack.queue.validation import Refusal, RefusalCode
from pulsarack.ussd.outcome import Reason
from tests.backups.yard import Yard
from tests.queue.test_texts import contradicted
from tests.queue.world import World, failure, iccid, success

CARD, OTHER = iccid(1), iccid(2)


def word(done: bool) -> Decision:
    """An admin's."""
    verdict = VerdictKind.DONE if done else VerdictKind.NOT_DONE
    proof = Evidence(EvidenceKind.ADMIN, verdict, "his list", Rule.ADMIN, decided_by="admin1")
    return Decision(done, None if done else Reason.DECIDED_BY_ADMIN, "his list", proof)


def resolve(world: World, order: Order, done: bool, chip: str | None = None) -> Order:
    """The admin says what became of it."""
    return world.run(
        lambda db: contradiction.decide_by_admin(
            db, order.id, word(done), chip=chip, now_ms=world.now, day_ends_at=world.day_ends
        )
    )


def read_all(world: World) -> None:
    """The operator says of both chips what the books say, so that they could sell."""

    def job(db: Database) -> None:
        for card in (CARD, OTHER):
            stock.compare(db, card, stock.posted(db, card), now_ms=world.now)

    world.run(job)


@pytest.fixture
def yard(shop: World) -> Yard:
    """A shop with two chips."""
    shop.chip(2)
    return Yard(shop)


def test_an_order_that_waited_is_not_sent_after_a_restore(yard: Yard, shop: World) -> None:
    order = shop.order(reference="r1")
    yard.moment()
    # It was delivered after the backup.
    (claimed,) = shop.claim(CARD)
    shop.commit(claimed.attempt_id)
    shop.decide(claimed.attempt_id, done=True, number="SN1")
    yard.back()
    read_all(shop)
    assert shop.get(order).state == "QUEUED"
    assert shop.get(order).reason == Reason.RESTORED
    assert shop.claim(CARD, OTHER) == []
    shop.wait(700)
    assert shop.run(lambda db: outcome.expire(db, now_ms=shop.now)) == []
    with pytest.raises(IllegalMove, match="order resolve"):
        shop.run(lambda db: outcome.cancel(db, order.id, now_ms=shop.now))
    assert shop.run(contradiction.undecided) == [shop.get(order)]
    shop.clean()


@pytest.mark.parametrize("passed", [False, True])
def test_an_order_on_its_way_is_undecided_and_its_chip_s_stock_proves_nothing(
    yard: Yard, shop: World, passed: bool
) -> None:
    order = shop.order()
    (claimed,) = shop.claim(CARD)
    if passed:
        shop.commit(claimed.attempt_id)
    yard.moment()
    yard.back()
    assert shop.recover().queued_again == 0
    attempt = shop.attempt(claimed.attempt_id)
    assert shop.get(order).state == "UNKNOWN"
    assert attempt.committed_at is not None and attempt.stock_before is None
    assert shop.claim(CARD, OTHER) == []
    shop.clean()


def test_a_failure_after_a_restore_neither_sends_again_nor_refunds(yard: Yard, shop: World) -> None:
    """Its later attempt, which nobody here knows, may have delivered it."""
    sent = shop.sent(CARD)
    shop.suspend(sent.attempt_id)
    yard.moment()
    yard.back()
    shop.text(CARD, failure(to=sent.order.destination))
    order = shop.get(sent.order)
    assert (order.state, order.reason) == ("QUEUED", Reason.RESTORED)
    read_all(shop)
    assert shop.claim(CARD, OTHER) == []
    assert resolve(shop, order, False).state == "FAILED"
    assert shop.deposit().available == 1_000_000
    shop.clean()


def test_the_operator_s_words_still_prove_that_it_was_done(yard: Yard, shop: World) -> None:
    sent = shop.sent(CARD)
    yard.moment()
    yard.back()
    shop.text(CARD, success("SN7", to=sent.order.destination))
    assert shop.get(sent.order).state == "SUCCEEDED"
    shop.clean()


@pytest.mark.parametrize("done", [True, False])
def test_an_admin_decides_an_undecided_one(yard: Yard, shop: World, done: bool) -> None:
    sent = shop.sent(CARD)
    yard.moment()
    yard.back()
    assert resolve(shop, sent.order, done).state == ("SUCCEEDED" if done else "FAILED")
    shop.clean()


def test_an_admin_says_by_which_chip_one_was_delivered_that_waited(yard: Yard, shop: World) -> None:
    first, second = shop.order("S10.081200000011"), shop.order("S10.081200000012")
    yard.moment()
    yard.back()
    with pytest.raises(NotOpen, match="--chip"):
        resolve(shop, first, True)
    with pytest.raises(NotOpen, match="never sold"):
        resolve(shop, first, True, "8962100000000000999")
    assert resolve(shop, first, True, OTHER).state == "SUCCEEDED"
    assert resolve(shop, second, False).state == "FAILED"
    assert shop.stock(OTHER).posted == 500_000 - first.cost
    assert shop.deposit().available == 1_000_000 - first.price
    shop.clean()


def test_an_admin_says_that_another_chip_delivered_an_undecided_one(
    yard: Yard, shop: World
) -> None:
    sent = shop.sent(CARD)
    yard.moment()
    yard.back()
    assert resolve(shop, sent.order, True, OTHER).state == "SUCCEEDED"
    assert (shop.stock(CARD).posted, shop.stock(OTHER).posted) == (500_000, 489_850)
    shop.clean()
    shop.run(restored.reopen)
    read_all(shop)
    later = shop.sent(CARD, "S10.081200000077")
    shop.suspend(later.attempt_id)
    with pytest.raises(NotOpen, match="by no other"):
        resolve(shop, later.order, True, OTHER)


def test_what_the_operator_sold_since_becomes_a_discrepancy(yard: Yard, shop: World) -> None:
    yard.moment()
    sold = shop.sent(CARD)
    shop.decide(sold.attempt_id, done=True, figure=500_000 - sold.order.cost)
    yard.back()
    assert not shop.the_chip(CARD).stock_exact
    found = shop.differ(CARD, 500_000 - sold.order.cost)
    assert found.difference == -sold.order.cost
    shop.clean()


def test_numbers_that_were_told_since_are_not_given_again(yard: Yard, shop: World) -> None:
    before = shop.order("S10.081200000011")
    yard.moment()
    lost = shop.order("S10.081200000012")
    yard.back()
    shop.run(restored.reopen)
    after = shop.order("S10.081200000013")
    assert before.id < lost.id < restored.LEFT_OUT < after.id


def test_nobody_may_order_until_an_admin_has_compared(yard: Yard, shop: World) -> None:
    shop.agent("A2")
    shop.run(lambda db: agents.put_active(db, "A2", False))
    kept = shop.order(reference="r1")
    yard.moment()
    shop.order("S10.081200000099", reference="r2")
    yard.back()
    refused = shop.accept("S10.081200000099", reference="r2")
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.UNKNOWN_AGENT
    assert shop.run(restored.reopen) == ["A1"]
    assert not shop.sql("SELECT active FROM agent WHERE code = 'A2'")[0][0]
    again = shop.accept(reference="r1")
    assert isinstance(again, Accepted) and again.repeated and again.order.id == kept.id
    shop.clean()


def test_a_contradicted_order_stays_one(yard: Yard, shop: World) -> None:
    order_id = contradicted(shop)
    yard.moment()
    yard.back()
    assert shop.run(lambda db: contradiction.stands_still(db, order_id))
    assert shop.deposit().held
    shop.clean()
