"""Operators' texts: each belongs to one attempt or proves nothing, and is used once."""

from collections.abc import Callable
from typing import Any

import pytest
from peewee import IntegrityError

from pulsarack.ledger import accounts
from pulsarack.queue import (
    attempts,
    chips,
    contradiction,
    evidence,
    messages,
    outcome,
    stock,
    texts,
)
from pulsarack.queue.errors import IllegalMove, NotOpen
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind, of_attempt, record
from pulsarack.queue.identity import senders
from pulsarack.queue.outcome import Decision
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, Text
from pulsarack.queue.texts import IncomingText, Meaning, ReadText, Received, TextKind, Window
from pulsarack.ussd.outcome import Reason
from tests.queue.world import HOUR, LATE_MS, World, failure, iccid, stock_in, success

CARD = iccid(1)
AGAIN = "S10.2.081200000012"


def ready(world: World) -> None:
    """The chip may sell again, whatever happened."""
    world.run(lambda db: chips.enable(db, CARD))
    world.run(lambda db: chips.trust_stock(db, CARD))


def evidence_of(world: World, attempt_id: int) -> list[tuple[str, str]]:
    """Kinds and verdicts."""
    found = world.run(lambda db: of_attempt(db, attempt_id))
    return [(one.kind, one.verdict) for one in found]


# --- success ------------------------------------------------------------------------------


@pytest.mark.parametrize("undecided", [False, True])
def test_a_success_proves_the_open_attempt(shop: World, undecided: bool) -> None:
    claimed = shop.sent(CARD)
    if undecided:
        shop.suspend(claimed.attempt_id)
    found = shop.text(CARD, success("SN1"))
    assert (found.meaning, found.attempt_id) == (Meaning.PROOF, claimed.attempt_id)
    order = shop.get(claimed.order)
    assert (order.state, order.serial_number) == ("SUCCEEDED", "SN1")
    assert shop.attempt(claimed.attempt_id).answered == 1
    kind = "late_sms" if undecided else "reply"
    assert evidence_of(shop, claimed.attempt_id) == [(kind, "DONE")]
    assert shop.sql("SELECT meaning, attempt_id FROM sms") == [("PROOF", claimed.attempt_id)]
    shop.clean()


def test_the_stock_a_success_names_is_compared(shop: World) -> None:
    shop.sent(CARD)
    shop.text(CARD, ReadText(TextKind.SUCCESS, "6281200000012", 10_000, "SN1", 489_850))
    assert shop.the_chip(CARD).stock_exact == 1
    shop.clean()


NOT_OURS: list[ReadText] = [
    success("SN1", to="6281200000013"),
    success("SN1", amount=5_000),
    ReadText(TextKind.SUCCESS, destination=None, amount=10_000, serial_number="SN1"),
]


@pytest.mark.parametrize("read", NOT_OURS)
def test_a_success_about_another_number_or_amount_is_foreign(shop: World, read: ReadText) -> None:
    claimed = shop.sent(CARD)
    assert shop.text(CARD, read).meaning is Meaning.FOREIGN
    assert shop.get(claimed.order).state == "SENDING"
    assert evidence_of(shop, claimed.attempt_id) == []


def test_a_success_on_another_chip_is_foreign(shop: World) -> None:
    claimed = shop.sent(CARD)
    assert shop.text(shop.chip(2), success("SN1")).meaning is Meaning.FOREIGN
    assert shop.get(claimed.order).state == "SENDING"


def test_a_success_before_the_point_of_no_return_is_foreign(shop: World) -> None:
    order = shop.order()
    shop.claim(CARD)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.FOREIGN
    assert shop.get(order).state == "SENDING"


def test_a_serial_number_that_is_known_proves_nothing_more(shop: World) -> None:
    shop.sent(CARD)
    shop.text(CARD, success("SN1"))
    ready(shop)
    second = shop.sent(CARD, AGAIN)
    for _ in range(3):
        assert shop.text(CARD, success("SN1")).meaning is Meaning.REPEAT
    assert shop.get(second.order).state == "SENDING"
    assert shop.text(CARD, success("SN2")).attempt_id == second.attempt_id
    shop.clean()


def test_the_text_of_an_order_proved_by_stock_hours_ago_does_not_prove_an_equal_one(
    shop: World,
) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    shop.wait(4 * 3600)  # its own text is still to come
    ready(shop)
    second = shop.sent(CARD, AGAIN)
    shop.suspend(second.attempt_id)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.AMBIGUOUS
    assert shop.get(second.order).state == "UNKNOWN"
    shop.clean()


@pytest.mark.parametrize(("number", "meaning"), [("SN1", Meaning.AMBIGUOUS), (None, Meaning.PROOF)])
def test_an_order_answered_without_a_number_may_still_get_the_text_that_has_it(
    shop: World, number: str | None, meaning: Meaning
) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, answered=True)
    shop.wait(4 * 3600)
    ready(shop)
    second = shop.sent(CARD, AGAIN)
    shop.suspend(second.attempt_id)
    assert shop.text(CARD, success(number)).meaning is meaning
    shop.clean()


def test_a_serial_number_known_from_another_chip_is_a_repeat(shop: World) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, number="SN1")
    other = shop.chip(2)
    second = shop.sent(other, AGAIN)
    assert shop.text(other, success("SN1")).meaning is Meaning.REPEAT
    assert shop.get(second.order).state == "SENDING"


def test_a_late_text_gives_a_settled_order_its_serial_number(shop: World) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    found = shop.text(CARD, success("SN1"))
    assert found.meaning is Meaning.DETAIL
    assert shop.get(first.order).serial_number == "SN1"
    assert shop.attempt(first.attempt_id).answered == 1
    assert len(shop.sql("SELECT 1 FROM message")) == 1
    assert shop.text(CARD, success("SN1")).meaning is Meaning.REPEAT
    shop.clean()


@pytest.mark.parametrize(("handed_out", "told"), [(False, "SN: SN1"), (True, "SN: -")])
def test_a_serial_number_known_late_is_told_unless_something_was_told_already(
    shop: World, handed_out: bool, told: str
) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    (message,) = shop.run(lambda db: messages.of_order(db, first.order.id))
    if handed_out:
        shop.run(lambda db: messages.hand_out(db, messages.of_order(db, first.order.id)))
    shop.text(CARD, success("SN1"))
    (again,) = shop.run(lambda db: messages.hand_out(db, messages.of_order(db, first.order.id)))
    assert told in again.text
    assert again.id == message.id


def test_a_result_that_may_have_left_by_text_is_not_worded_anew(shop: World) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    (before,) = shop.run(lambda db: messages.of_order(db, first.order.id))
    told = Text("xmpp", "a@b", Kind.RESULT, before.text, agent="A1", message_id=before.id)
    number = shop.run(lambda db: outgoing.put(db, told, now_ms=shop.now))
    assert shop.run(lambda db: outgoing.begin(db, number, now_ms=shop.now))
    shop.text(CARD, success("SN1"))
    (after,) = shop.run(lambda db: messages.of_order(db, first.order.id))
    assert after.text == before.text


def test_a_result_that_goes_another_way_says_what_the_first_way_may_have_told(
    shop: World,
) -> None:
    """Nobody knows whether the first has arrived; the buyer is told for himself."""
    first = shop.sent(CARD)
    order = first.order.id
    shop.run(lambda db: senders.bind(db, "sms", "6281200000099", "A1", by="t", now_ms=shop.now))
    shop.sql("UPDATE orders SET channel = 'xmpp' WHERE id = ?", order)
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    (told,) = shop.run(lambda db: messages.of_order(db, order))
    for channel, address, kind in (("xmpp", "a@b", Kind.RESULT), ("sms", "628120", Kind.BUYER)):
        text = Text(channel, address, kind, told.text, "A1", order_id=order, message_id=told.id)
        shop.run(lambda db, one=text: outgoing.put(db, one, now_ms=shop.now))
    assert shop.run(lambda db: outgoing.begin(db, 1, now_ms=shop.now))
    assert shop.run(
        lambda db: outgoing.give_up(db, 1, outgoing.State.EXPIRED, "old", now_ms=shop.now)
    )
    shop.text(CARD, success("SN1"))
    assert shop.sql("SELECT text FROM message") == [(told.text,)]
    assert shop.sql("SELECT text FROM outgoing WHERE kind = 'result'") == [(told.text,)] * 2
    assert "SN1" in shop.sql("SELECT text FROM outgoing WHERE kind = 'buyer'")[0][0]


def test_a_success_that_was_reversed_is_not_worded_anew(shop: World) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    shop.reverse(first.order.id)
    before = shop.sql("SELECT text FROM message ORDER BY id")
    shop.text(CARD, success("SN1"))
    assert shop.sql("SELECT text FROM message ORDER BY id") == before


def test_a_text_that_two_attempts_could_have_sent_proves_nothing(shop: World) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    ready(shop)
    second = shop.sent(CARD, AGAIN)
    for read in (success("SN1"), success(None)):
        assert shop.text(CARD, read).meaning is Meaning.AMBIGUOUS
    assert shop.get(second.order).state == "SENDING"
    assert shop.get(first.order).serial_number is None
    shop.clean()


def test_a_first_order_with_another_serial_number_leaves_the_text_to_the_second(
    shop: World,
) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, number="SN1")
    ready(shop)
    second = shop.sent(CARD, AGAIN)
    assert shop.text(CARD, success(None)).meaning is Meaning.AMBIGUOUS
    assert shop.text(CARD, success("SN2")).attempt_id == second.attempt_id


def test_old_attempts_are_no_candidates_any_more(shop: World) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    shop.now += attempts.UNNAMED_MS + 1
    assert shop.text(CARD, success("SN1")).meaning is Meaning.FOREIGN
    ready(shop)
    second = shop.sent(CARD, AGAIN)
    assert shop.text(CARD, success("SN2")).attempt_id == second.attempt_id


def test_an_attempt_that_was_undecided_for_long_is_a_candidate_still(shop: World) -> None:
    """Texts for a chip that was out of the rack come when it is back."""
    first = shop.sent(CARD)
    shop.suspend(first.attempt_id)
    shop.now += 20 * LATE_MS
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    ready(shop)
    shop.sent(CARD, AGAIN)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.AMBIGUOUS
    assert shop.text(CARD, failure()).meaning is Meaning.AMBIGUOUS


# --- success against what was proved ------------------------------------------------------


def contradicted(world: World, limit_seconds: int = 600) -> int:
    """An order proved not done by its stock; the chip may sell again."""
    first = world.sent(CARD, limit_seconds=limit_seconds)
    world.suspend(first.attempt_id)
    world.decide(first.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    world.wait(2)
    return first.order.id


def test_a_late_success_settles_an_order_that_was_to_go_again(shop: World) -> None:
    order_id = contradicted(shop)
    found = shop.text(CARD, success("SN1"))
    assert found.meaning is Meaning.PROOF
    order = shop.get(order_id)
    assert (order.state, order.serial_number) == ("SUCCEEDED", "SN1")
    assert found.attempt_id is not None
    assert ("late_sms", "DONE") in evidence_of(shop, found.attempt_id)
    assert shop.the_chip(CARD).stock_exact == 0
    assert shop.claim(shop.chip(2)) == []
    shop.clean()


def test_a_late_success_stops_the_second_attempt_before_its_point_of_no_return(
    shop: World,
) -> None:
    order_id = contradicted(shop)
    (second,) = shop.claim(shop.chip(2))
    assert second.order.id == order_id
    assert shop.text(CARD, success("SN1")).meaning is Meaning.PROOF
    with pytest.raises(NotOpen):
        shop.commit(second.attempt_id)
    assert shop.get(order_id).state == "SUCCEEDED"
    assert shop.attempt(second.attempt_id).outcome == "NOT_DONE"
    shop.clean()


def emptied(world: World) -> int:
    """The same, but the chip's stock no longer covers the late cost, and was called lost."""
    order_id = contradicted(world)
    world.clear(world.differ(CARD, 100).id)
    return order_id


def test_what_cannot_be_booked_stands_still_for_an_admin(shop: World) -> None:
    order_id = emptied(shop)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.CONTRADICTION
    assert shop.claim(shop.chip(2)) == []
    shop.now = shop.get(order_id).expires_at
    assert shop.run(lambda db: outcome.expire(db, now_ms=shop.now)) == []
    with pytest.raises(IllegalMove):
        shop.run(lambda db: outcome.cancel(db, order_id, now_ms=shop.now))
    assert shop.get(order_id).state == "QUEUED"
    assert shop.deposit().held == 10_500
    assert [rule for rule, _ in shop.findings()] == ["P4"]


@pytest.mark.parametrize("done", [True, False])
def test_an_admin_decides_what_stands_still(shop: World, done: bool) -> None:
    order_id = emptied(shop)
    shop.text(CARD, success("SN1"))
    shop.run(lambda db: stock.book_discrepancy(db, CARD, 50_000, now_ms=shop.now))
    verdict = VerdictKind.DONE if done else VerdictKind.NOT_DONE
    word = Evidence(EvidenceKind.ADMIN, verdict, "asked the customer", Rule.ADMIN, "test")
    decision = Decision(done=done, reason=None, why="an admin", evidence=word)
    found = shop.run(
        lambda db: contradiction.decide_by_admin(
            db, order_id, decision, now_ms=shop.now, day_ends_at=shop.day_ends
        )
    )
    assert found.state == ("SUCCEEDED" if done else "FAILED")
    assert shop.deposit().held == 0
    shop.clean()


def test_a_late_success_counts_though_the_orders_time_is_over(shop: World) -> None:
    """The second attempt has sent nothing yet; giving it up must not refund the order."""
    order_id = contradicted(shop, limit_seconds=60)
    assert len(shop.claim(shop.chip(2))) == 1
    shop.now = shop.get(order_id).expires_at + 1
    assert shop.text(CARD, success("SN1")).meaning is Meaning.PROOF
    assert shop.get(order_id).state == "SUCCEEDED"
    shop.clean()


def test_an_admin_may_say_delivered_though_the_stock_is_short(shop: World) -> None:
    """The operator booked late, and the fall of the stock was taken for a discrepancy."""
    order_id = emptied(shop)
    shop.text(CARD, success("SN1"))
    word = Evidence(EvidenceKind.ADMIN, VerdictKind.DONE, "the text says so", Rule.ADMIN, "test")
    decision = Decision(done=True, reason=None, why="an admin", evidence=word)
    found = shop.run(
        lambda db: contradiction.decide_by_admin(
            db, order_id, decision, now_ms=shop.now, day_ends_at=shop.day_ends
        )
    )
    assert found.state == "SUCCEEDED"
    assert shop.stock(CARD).posted == 0
    shop.clean()


def test_a_repeat_refused_after_a_doubtful_proof_stands_still(shop: World) -> None:
    """The operator says "just done", and nobody else ordered the same."""
    order_id = contradicted(shop)
    (second,) = shop.claim(shop.chip(2))
    shop.commit(second.attempt_id)
    shop.decide(second.attempt_id, done=False, reason=Reason.REPEATED_TOO_SOON, answered=True)
    order = shop.get(order_id)
    assert (order.state, order.reason) == ("QUEUED", Reason.CONTRADICTED)
    shop.wait(120)
    assert shop.claim(shop.chip(3)) == []
    assert shop.run(lambda db: contradiction.stands_still(db, order_id))


def test_a_contradiction_takes_the_next_attempts_stock_proof_away(shop: World) -> None:
    """Its stock fell by an equal cost, but for the attempt before it."""
    first = shop.sent(CARD, limit_seconds=1)
    shop.suspend(first.attempt_id)
    shop.wait(2)
    shop.decide(first.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    ready(shop)
    second = shop.sent(CARD, "S10.081200000013")
    assert shop.attempt(second.attempt_id).stock_before == 500_000
    assert shop.text(CARD, success("SN1")).meaning is Meaning.CONTRADICTION
    assert shop.attempt(second.attempt_id).stock_before is None


def test_a_success_after_the_operators_own_refusal_is_foreign(shop: World) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=False, reason=Reason.WRONG_NUMBER, answered=True)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.FOREIGN
    shop.clean()


def test_an_order_on_its_second_attempt_is_settled_by_a_text_of_either(shop: World) -> None:
    first = shop.sent(CARD)
    shop.suspend(first.attempt_id)
    shop.decide(first.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    ready(shop)
    shop.wait(2)
    (second,) = shop.claim(CARD)
    shop.commit(second.attempt_id)
    assert second.order.id == first.order.id
    assert shop.text(CARD, success("SN1")).meaning is Meaning.PROOF
    assert shop.get(first.order).state == "SUCCEEDED"
    shop.clean()


# --- failure ------------------------------------------------------------------------------


@pytest.mark.parametrize("to", [None, "6281200000012"])
def test_a_failure_proves_the_attempt_not_done(shop: World, to: str | None) -> None:
    claimed = shop.sent(CARD)
    found = shop.text(CARD, failure(Reason.WRONG_NUMBER, to))
    assert (found.meaning, found.attempt_id) == (Meaning.PROOF, claimed.attempt_id)
    assert (shop.get(claimed.order).state, shop.get(claimed.order).reason) == (
        "FAILED",
        "WRONG_NUMBER",
    )
    assert evidence_of(shop, claimed.attempt_id) == [("reply", "NOT_DONE")]
    shop.clean()


def test_a_failure_without_an_attempt_is_foreign(shop: World) -> None:
    assert shop.text(CARD, failure()).meaning is Meaning.FOREIGN
    order = shop.order()
    shop.claim(CARD)
    assert shop.text(CARD, failure()).meaning is Meaning.FOREIGN
    assert shop.get(order).state == "SENDING"


def test_a_failure_about_another_number_is_foreign(shop: World) -> None:
    claimed = shop.sent(CARD)
    assert shop.text(CARD, failure(to="6281200000013")).meaning is Meaning.FOREIGN
    assert shop.get(claimed.order).state == "SENDING"


@pytest.mark.parametrize("to", [None, "6281200000012"])
def test_a_failure_is_not_believed_while_an_earlier_answer_is_owed(
    shop: World, to: str | None
) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)
    ready(shop)
    second = shop.sent(CARD, AGAIN)
    assert shop.text(CARD, failure(to=to)).meaning is Meaning.AMBIGUOUS
    assert shop.get(second.order).state == "SENDING"


def test_a_bare_failure_of_an_undecided_order_may_answer_a_stock_query(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.suspend(claimed.attempt_id)
    assert shop.text(CARD, failure()).meaning is Meaning.AMBIGUOUS
    assert shop.get(claimed.order).state == "UNKNOWN"
    named = shop.text(CARD, failure(Reason.WRONG_NUMBER, "6281200000012"))
    assert named.meaning is Meaning.PROOF
    assert evidence_of(shop, claimed.attempt_id) == [("late_sms", "NOT_DONE")]
    shop.clean()


@pytest.mark.parametrize("to", [None, "6281200000012"])
def test_a_failure_delivered_twice_does_not_fail_the_next_attempt(
    shop: World, to: str | None
) -> None:
    words = "27May 1135: Sorry, the system is busy. Ref:1"
    first = shop.sent(CARD)
    assert shop.text(CARD, failure(to=to), words).meaning is Meaning.PROOF
    shop.wait(15)
    (second,) = shop.claim(CARD)
    shop.commit(second.attempt_id)
    assert second.order.id == first.order.id
    assert shop.text(CARD, failure(to=to), words).meaning is Meaning.AMBIGUOUS
    assert shop.get(second.order).state == "SENDING"
    again = shop.text(CARD, failure(to=to), words.replace("Ref:1", "Ref:2"))
    assert again.attempt_id == second.attempt_id


def test_a_failure_without_a_reason_is_a_proof_still(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.text(CARD, ReadText(TextKind.FAILURE))
    assert shop.get(claimed.order).reason == Reason.PROVED_NOT_DONE


# --- stock in, and the rest ---------------------------------------------------------------


def test_stock_in_is_booked_and_read_again(shop: World) -> None:
    assert shop.text(CARD, stock_in(1_000_000), "a").meaning is Meaning.STOCK_IN
    assert shop.stock(CARD).posted == 1_500_000
    assert shop.money(accounts.supplier("telkomsel")).posted == -1_000_000
    assert shop.the_chip(CARD).stock_exact == 0
    shop.clean()


def test_a_stock_in_text_that_came_twice_counts_once(shop: World) -> None:
    shop.text(CARD, stock_in(1_000_000, 1_500_000), "a")
    shop.run(lambda db: chips.trust_stock(db, CARD))
    shop.sql("INSERT INTO stock_reading VALUES (NULL, ?, 0, 1500000, 0, 'query', NULL)", CARD)
    assert shop.text(CARD, stock_in(1_000_000, 1_500_000), "a").meaning is Meaning.REPEAT
    assert shop.stock(CARD).posted == 1_500_000
    assert shop.the_chip(CARD).stock_exact == 0
    assert shop.text(CARD, stock_in(1_000_000, 1_500_000), "b").meaning is Meaning.STOCK_IN
    assert shop.text(shop.chip(2), stock_in(1_000_000, 1_500_000), "a").meaning is Meaning.STOCK_IN
    shop.wait(24 * 3600)
    assert shop.text(CARD, stock_in(1_000_000, 1_500_000), "a").meaning is Meaning.STOCK_IN
    assert shop.stock(CARD).posted == 3_500_000
    shop.clean()


def test_a_stock_in_text_counts_once_though_our_clock_was_set_ahead_in_between(
    shop: World,
) -> None:
    """While the daemon was down, so that nobody noted it: the service centre's clock tells."""
    words, day = "Stok bertambah Rp1000000. Sisa stok Rp1500000", 24 * HOUR
    stamped = shop.now
    assert stocked_up(shop, words, stamped).meaning is Meaning.STOCK_IN
    shop.wait(2 * 24 * 3600)
    assert stocked_up(shop, words, stamped + 234_000).meaning is Meaning.REPEAT
    assert stocked_up(shop, words, stamped + day - 1).meaning is Meaning.REPEAT
    assert stocked_up(shop, words, stamped - day + 1).meaning is Meaning.REPEAT
    assert shop.stock(CARD).posted == 1_500_000
    assert shop.the_chip(CARD).stock_exact == 0
    shop.clean()


def test_an_equal_stock_in_text_of_another_day_counts(shop: World) -> None:
    words, stamped = "Stok bertambah Rp1000000. Sisa stok Rp1500000", shop.now
    assert stocked_up(shop, words, stamped).meaning is Meaning.STOCK_IN
    shop.wait(2 * 24 * 3600)
    assert stocked_up(shop, words, stamped + 24 * HOUR).meaning is Meaning.STOCK_IN
    shop.wait(2 * 24 * 3600)
    assert stocked_up(shop, words, None).meaning is Meaning.STOCK_IN
    assert shop.stock(CARD).posted == 3_500_000
    shop.clean()


def stocked_up(shop: World, words: str, sent_at: int | None) -> Received:
    """A text of an operator's that names the new stock, by the service centre's clock."""
    incoming = IncomingText(CARD, f"stamped {sent_at}", "M-KIOS", words, sent_at)
    window = Window(LATE_MS, shop.now, shop.day_ends)
    read = stock_in(1_000_000, 1_500_000)
    return shop.run(lambda db: texts.receive(db, incoming, read, "telkomsel", window))


def test_two_equal_stock_in_texts_that_name_no_stock_both_count(shop: World) -> None:
    shop.text(CARD, stock_in(1_000_000), "a")
    assert shop.text(CARD, stock_in(1_000_000), "a").meaning is Meaning.STOCK_IN
    assert shop.stock(CARD).posted == 2_500_000
    shop.clean()


@pytest.mark.parametrize("amount", [None, 0])
def test_a_stock_in_text_without_an_amount_is_for_a_person(shop: World, amount: int | None) -> None:
    assert shop.text(CARD, stock_in(amount), "a").meaning is Meaning.UNPARSED
    (kept,) = shop.run(lambda db: texts.unparsed(db, 5))
    assert (kept.chip, kept.channel, kept.text) == (CARD, "sms", "a")
    shop.clean()


def test_stock_in_while_an_order_is_undecided(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.suspend(claimed.attempt_id)
    shop.text(CARD, stock_in(100_000))
    assert (shop.stock(CARD).posted, shop.stock(CARD).held) == (600_000, 10_150)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.PROOF
    assert shop.stock(CARD).posted == 589_850
    shop.clean()


def test_other_texts_are_kept(shop: World) -> None:
    assert shop.text(CARD, ReadText(TextKind.OTHER)).meaning is Meaning.OTHER
    assert shop.text(CARD, ReadText(TextKind.UNPARSED), "?").meaning is Meaning.UNPARSED
    assert len(shop.sql("SELECT 1 FROM sms")) == 2
    (kept,) = shop.run(lambda db: texts.unparsed(db, 5))
    assert kept.text == "?"


READS: list[Callable[[], ReadText]] = [
    lambda: success("SN1"),
    lambda: failure(Reason.WRONG_NUMBER),
    lambda: stock_in(5),
    lambda: ReadText(TextKind.UNPARSED),
]


@pytest.mark.parametrize("make", READS)
def test_a_message_read_again_does_nothing(shop: World, make: Callable[[], ReadText]) -> None:
    shop.sent(CARD)
    shop.text(CARD, make(), "words", "same")
    before = _without_sequences(shop)
    assert shop.text(CARD, make(), "words", "same").meaning is Meaning.SEEN_BEFORE
    assert _without_sequences(shop) == before


def _without_sequences(world: World) -> dict[str, Any]:
    return {name: rows for name, rows in world.contents().items() if name != "sqlite_sequence"}


def test_a_text_is_evidence_once(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.text(CARD, success("SN1"))
    ((sms_id,),) = shop.sql("SELECT sms_id FROM evidence")
    second = Evidence(
        EvidenceKind.LATE_SMS, VerdictKind.DONE, "again", Rule.TEXT_NAMES_ORDER, sms_id=sms_id
    )
    with pytest.raises(IntegrityError):
        shop.run(lambda db: record(db, claimed.attempt_id, second, now_ms=0))


# --- the text of an order that was refunded ---------------------------------------------------


def refuted(shop: World, number: str | None) -> None:
    """An order is failed by its stock and refunded; then its text comes."""
    first = shop.sent(CARD, limit_seconds=1)
    shop.suspend(first.attempt_id)
    shop.wait(2)
    shop.decide(first.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    assert shop.get(first.order).state == "FAILED"
    assert shop.text(CARD, success(number)).meaning is Meaning.CONTRADICTION
    ready(shop)


@pytest.mark.parametrize(
    ("number", "meaning"), [("SN1", Meaning.REPEAT), (None, Meaning.AMBIGUOUS)]
)
def test_a_copy_of_a_text_that_refuted_an_order_does_not_settle_the_next(
    shop: World, number: str | None, meaning: Meaning
) -> None:
    refuted(shop, number)
    second = shop.sent(CARD)
    assert shop.text(CARD, success(number)).meaning is meaning
    assert shop.get(second.order).state == "SENDING"
    assert shop.text(CARD, success("SN2")).meaning is (Meaning.PROOF if number else meaning)


def test_a_list_does_not_prove_an_order_while_an_equal_one_was_refuted_without_a_number(
    shop: World,
) -> None:
    refuted(shop, None)
    order = shop.sent(CARD).order
    assert shop.run(
        lambda db: evidence.unnamed_success(
            db, order.operator, order.destination, order.denomination
        )
    )
