"""Guards that nothing else leans on: each test here fails if its one condition is taken away."""

import pytest
from peewee import Database

from pulsarack.queue import attempts, chips, contradiction, stock, texts
from pulsarack.queue.errors import NotOpen
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind, record
from pulsarack.queue.outcome import Decision
from pulsarack.queue.resolution import HistoryLine, judge_history
from pulsarack.queue.texts import IncomingText, Meaning, ReadText, Received, TextKind, Window
from pulsarack.ussd.outcome import Reason
from tests.queue.test_texts import CARD, contradicted, emptied, ready
from tests.queue.world import LATE_MS, TO, World, failure, success

WORD = Evidence(EvidenceKind.ADMIN, VerdictKind.NOT_DONE, "asked", Rule.ADMIN, "admin1")
NOT_DONE = Decision(done=False, reason=Reason.DECIDED_BY_ADMIN, why="asked", evidence=WORD)


def resolve(world: World, order_id: int) -> None:
    world.run(
        lambda db: contradiction.decide_by_admin(
            db, order_id, NOT_DONE, now_ms=world.now, day_ends_at=world.day_ends
        )
    )


def refunded(world: World) -> int:
    """An order proved not done by its stock when its time was over."""
    claimed = world.sent(CARD, limit_seconds=1)
    world.suspend(claimed.attempt_id)
    world.wait(2)
    world.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    assert world.get(claimed.order).state == "FAILED"
    return claimed.order.id


def text_sent_at(world: World, sent_at: int) -> Received:
    """A success text that the service centre had at that time, after one that came at once."""
    window = Window(LATE_MS, world.now, world.day_ends)

    def receive(db: Database, sent_at: int, words: str, read: ReadText) -> Received:
        incoming = IncomingText(CARD, f"{words} {sent_at}", "M-KIOS", words, sent_at)
        return texts.receive(db, incoming, read, "telkomsel", window)

    world.run(lambda db: receive(db, world.now, "advert", ReadText(TextKind.OTHER)))
    return world.run(lambda db: receive(db, sent_at, "done", success("SN1")))


# --- texts --------------------------------------------------------------------------------


def test_a_bare_failure_is_not_believed_while_a_query_may_still_be_answered(shop: World) -> None:
    """It would refund an order that the operator has not spoken of."""
    claimed = shop.sent(CARD)
    assert shop.text(CARD, failure(), awaited=False).meaning is Meaning.AMBIGUOUS
    assert shop.get(claimed.order).state == "SENDING"
    assert shop.text(CARD, failure(), awaited=True).meaning is Meaning.PROOF


def test_a_text_that_was_sent_before_the_order_is_not_about_it(shop: World) -> None:
    """An earlier owner of the number, or a person with the card in a telephone."""
    shop.wait(7200)
    claimed = shop.sent(CARD)
    assert text_sent_at(shop, shop.now - 3_600_000).meaning is Meaning.FOREIGN
    assert shop.get(claimed.order).state == "SENDING"
    assert text_sent_at(shop, shop.now).meaning is Meaning.PROOF


def test_a_text_for_the_second_attempt_closes_that_one(shop: World) -> None:
    """Both could be meant; it is the open one whose chip and money wait."""
    first = shop.sent(CARD)
    shop.suspend(first.attempt_id)
    shop.decide(first.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    ready(shop)
    shop.wait(2)
    (second,) = shop.claim(CARD)
    shop.commit(second.attempt_id)
    assert shop.text(CARD, success("SN1")).attempt_id == second.attempt_id
    assert shop.attempt(first.attempt_id).answered == 0


# --- proofs that contradict each other ----------------------------------------------------


def test_a_contradicted_chip_is_read_before_it_sells(shop: World) -> None:
    """Its stock in the ledger is too high by a cost: the next silent order would look done."""
    refunded(shop)
    ready(shop)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.CONTRADICTION
    assert shop.the_chip(CARD).stock_exact == 0


def test_a_contradicted_order_is_not_sent_at_once_either(shop: World) -> None:
    order_id = emptied(shop)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.CONTRADICTION
    assert shop.claim(shop.chip(2), at_once=True) == []
    assert shop.get(order_id).state == "QUEUED"


def test_a_text_that_comes_behind_the_claim_is_found_by_another_look(shop: World) -> None:
    contradicted(shop)
    (claimed,) = shop.claim(shop.chip(2), at_once=True)
    still = claimed.attempt_id
    assert shop.run(lambda db: attempts.may_still_leave(db, still))
    assert shop.text(CARD, success("SN1")).meaning is Meaning.CONTRADICTION
    assert not shop.run(lambda db: attempts.may_still_leave(db, still))
    shop.decide(still, done=False, reason=Reason.DAEMON_STOPPED)
    assert not shop.run(lambda db: attempts.may_still_leave(db, still))
    assert shop.claim(shop.chip(2), at_once=True) == []


def test_a_contradicted_order_shows_why_it_stands_still_and_no_other_does(shop: World) -> None:
    other = shop.order("S10.081200000013", limit_seconds=3600)
    shop.run(lambda db: db.execute_sql("UPDATE orders SET not_before = not_before + 3600000"))
    order_id = emptied(shop)
    shop.text(CARD, success("SN1"))
    assert shop.get(order_id).reason == Reason.CONTRADICTED
    assert shop.get(other).reason is None
    assert [one.id for one in shop.run(contradiction.undecided)] == [order_id]
    with pytest.raises(NotOpen):
        resolve(shop, other.id)
    resolve(shop, order_id)
    with pytest.raises(NotOpen):
        resolve(shop, order_id)
    assert (shop.get(order_id).state, shop.get(other).state) == ("FAILED", "QUEUED")


def test_a_refunded_order_that_is_contradicted_keeps_its_reason(shop: World) -> None:
    order_id = refunded(shop)
    shop.text(CARD, success("SN1"))
    assert shop.get(order_id).reason == Reason.PROVED_NOT_DONE
    with pytest.raises(NotOpen):
        resolve(shop, order_id)
    assert shop.deposit().held == 0


def test_a_late_proof_takes_the_next_attempts_stock_proof_away(shop: World) -> None:
    """The late cost may be in the ledger twice: as a discrepancy, and now as a sale."""
    contradicted(shop)
    ready(shop)
    shop.run(lambda db: stock.book_discrepancy(db, CARD, 489_850, now_ms=shop.now))
    shop.sql("UPDATE orders SET not_before = not_before + 60000")
    second = shop.sent(CARD, "S10.081200000013")
    assert shop.attempt(second.attempt_id).stock_before == 489_850
    assert shop.text(CARD, success("SN1")).meaning is Meaning.PROOF
    assert shop.attempt(second.attempt_id).stock_before is None


def test_a_late_proof_does_not_recall_what_has_left_already(shop: World) -> None:
    """The second attempt is past its point of no return: it may be delivered as well."""
    order_id = contradicted(shop)
    (second,) = shop.claim(shop.chip(2))
    shop.commit(second.attempt_id)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.CONTRADICTION
    assert shop.get(order_id).state == "SENDING"
    assert shop.attempt(second.attempt_id).closed_at is None


def resolve_as_done(world: World, order_id: int) -> None:
    word = Evidence(EvidenceKind.ADMIN, VerdictKind.DONE, "asked", Rule.ADMIN, "admin1")
    done = Decision(done=True, reason=None, why="asked", evidence=word)
    world.run(
        lambda db: contradiction.decide_by_admin(
            db, order_id, done, now_ms=world.now, day_ends_at=world.day_ends
        )
    )


def test_an_admin_decides_the_attempt_that_is_open(shop: World) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=False, reason=Reason.OPERATOR_BUSY)
    shop.wait(60)
    (second,) = shop.claim(shop.chip(2))
    shop.commit(second.attempt_id)
    shop.suspend(second.attempt_id)
    resolve_as_done(shop, first.order.id)
    assert shop.get(first.order).state == "SUCCEEDED"
    outcomes = [shop.attempt(one.attempt_id).outcome for one in (first, second)]
    assert outcomes == ["NOT_DONE", "DONE"]
    shop.clean()


def tried(world: World, card: str, *, silent: bool) -> int:
    """One more attempt of the only order: proved not done by its stock, or refused."""
    world.run(lambda db: chips.enable(db, card))
    world.run(lambda db: chips.trust_stock(db, card))
    world.wait(600)
    (claimed,) = world.claim(card)
    world.commit(claimed.attempt_id)
    if silent:
        world.suspend(claimed.attempt_id)
        world.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    else:
        world.decide(claimed.attempt_id, done=False, reason=Reason.OPERATOR_BUSY)
    return claimed.attempt_id


@pytest.mark.parametrize("doubtful_first", [True, False])
def test_a_delivery_is_booked_on_the_chip_that_is_said_to_have_done_it(
    shop: World, doubtful_first: bool
) -> None:
    other = shop.chip(2)
    order = shop.order(limit_seconds=7200)
    if doubtful_first:
        doubtful, _ = tried(shop, CARD, silent=True), tried(shop, other, silent=False)
    else:
        _, doubtful = tried(shop, other, silent=False), tried(shop, CARD, silent=True)
    doubt = Evidence(EvidenceKind.LATE_SMS, VerdictKind.DONE, "done", Rule.TEXT_NAMES_ORDER)
    shop.run(lambda db: record(db, doubtful, doubt, now_ms=shop.now))
    resolve_as_done(shop, order.id)
    assert shop.get(order).state == "SUCCEEDED"
    assert (shop.stock(CARD).posted, shop.stock(other).posted) == (489_850, 500_000)
    shop.clean()


# --- a repeat that the operator refuses ---------------------------------------------------


def refused_as_repeat(world: World, card: str) -> str:
    """The state of the only order after the operator says "just done"."""
    world.run(lambda db: chips.enable(db, card))
    world.run(lambda db: chips.trust_stock(db, card))
    world.wait(120)
    (claimed,) = world.claim(card)
    world.commit(claimed.attempt_id)
    world.decide(claimed.attempt_id, done=False, reason=Reason.REPEATED_TOO_SOON)
    return str(world.get(claimed.order).reason)


def test_a_repeat_is_explained_by_an_equal_order_that_succeeded(shop: World) -> None:
    other = shop.chip(2)
    contradicted(shop, limit_seconds=3600)
    equal = shop.order("S10.2.081200000012")
    shop.sql("UPDATE orders SET not_before = not_before - 60000 WHERE id = ?", equal.id)
    shop.sql("UPDATE orders SET not_before = not_before + 60000 WHERE id != ?", equal.id)
    (claimed,) = shop.claim(other)
    assert claimed.order.id == equal.id
    shop.commit(claimed.attempt_id)
    shop.decide(claimed.attempt_id, done=True, number="SN1")
    assert refused_as_repeat(shop, other) == Reason.REPEATED_TOO_SOON


@pytest.mark.parametrize("text", ["S10.081200000013", "S5.081200000012"])
def test_another_customers_success_does_not_explain_a_repeat(shop: World, text: str) -> None:
    """If it did, the order would go again, and be delivered twice."""
    other = shop.chip(2)
    contradicted(shop, limit_seconds=3600)
    equal = shop.order(text)
    shop.sql("UPDATE orders SET not_before = not_before + 60000 WHERE id != ?", equal.id)
    (claimed,) = shop.claim(other)
    assert claimed.order.id == equal.id
    shop.commit(claimed.attempt_id)
    shop.decide(claimed.attempt_id, done=True, number="SN1")
    assert refused_as_repeat(shop, other) == Reason.CONTRADICTED


def test_an_attempt_that_sent_nothing_does_not_explain_a_repeat(shop: World) -> None:
    shop.order(limit_seconds=3600)
    shop.claim(CARD)
    shop.recover()
    assert refused_as_repeat(shop, CARD) == Reason.REPEATED_TOO_SOON


# --- history ------------------------------------------------------------------------------


def test_a_listed_success_without_a_number_may_be_an_earlier_order() -> None:
    line = HistoryLine(TO, 10_000, True, None)
    known: frozenset[str] = frozenset()
    assert judge_history([line], destination=TO, amount=10_000, known_serial_numbers=known) is None
