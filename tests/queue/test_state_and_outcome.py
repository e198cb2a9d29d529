"""The table of states, the table of retries, and what one decision does to everything."""

import itertools

import pytest
from peewee import IntegrityError

from pulsarack.ledger import journal
from pulsarack.queue import attempts, contradiction, messages, outcome, retry, state
from pulsarack.queue.errors import IllegalMove, LedgerRefused, NotOpen
from pulsarack.queue.evidence import EvidenceKind, Rule, VerdictKind, of_attempt
from pulsarack.queue.retry import RULES, ChipFate, OrderFate
from pulsarack.queue.state import LEGAL, OPEN, OrderState
from pulsarack.queue.wordings.shipped import shipped
from pulsarack.ussd.outcome import Reason
from tests.queue.world import World, iccid

CARD = iccid(1)
PAIRS = list(itertools.product(OrderState, OrderState))

# Written out a second time, so that a slip in the table is seen.
ARROWS = {
    ("QUEUED", "SENDING"),
    ("QUEUED", "FAILED"),
    ("QUEUED", "CANCELLED"),
    ("SENDING", "SUCCEEDED"),
    ("SENDING", "FAILED"),
    ("SENDING", "QUEUED"),
    ("SENDING", "UNKNOWN"),
    ("UNKNOWN", "SUCCEEDED"),
    ("UNKNOWN", "FAILED"),
    ("UNKNOWN", "QUEUED"),
    ("SUCCEEDED", "REVERSED"),
}


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_move_is_legal_and_recorded_or_changes_nothing(
    shop: World, old: OrderState, new: OrderState
) -> None:
    order = shop.order()
    finished = None if old in OPEN else 1
    shop.sql("UPDATE orders SET state = ?, finished_at = ? WHERE id = ?", old, finished, order.id)
    shop.wait(5)
    before = shop.contents()

    def move() -> None:
        shop.run(lambda db: state.move(db, order.id, new, why="test", now_ms=shop.now))

    if (old, new) not in ARROWS:
        with pytest.raises(IllegalMove, match=f"{old} cannot become {new}"):
            move()
        assert shop.contents() == before
        return
    move()
    assert shop.get(order).finished_at == (None if new in OPEN else shop.now)
    assert shop.run(lambda db: state.history(db, order.id))[-1] == state.Transition(
        shop.now, new.value, "test"
    )


def test_the_table_is_whole() -> None:
    assert set(LEGAL) == set(OrderState)
    assert {(old, new) for old in LEGAL for new in LEGAL[old]} == ARROWS


def test_an_order_that_is_not_there_is_not_moved(world: World) -> None:
    with pytest.raises(IllegalMove, match="no order 7"):
        world.run(lambda db: state.move(db, 7, OrderState.FAILED, why="", now_ms=0))


@pytest.mark.parametrize("statement", ["UPDATE transition SET state = 'X'", "DELETE FROM orders"])
def test_what_happened_is_not_rewritten(shop: World, statement: str) -> None:
    shop.order()
    with pytest.raises(IntegrityError):
        shop.sql(statement)


# --- the table of retries -----------------------------------------------------------------


def test_every_reason_has_a_rule() -> None:
    assert set(RULES) == set(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_rule_makes_sense(reason: Reason) -> None:
    rule = RULES[reason]
    assert (rule.chip is ChipFate.REST) == (rule.rest_seconds > 0)
    if rule.order is OrderFate.FAIL:
        assert rule.chip is ChipFate.KEEP and not rule.delay_seconds
    # An order that comes back at once must go elsewhere, wait, or be free of blame.
    at_once = rule.order is OrderFate.RETRY and not rule.delay_seconds
    assert not at_once or not rule.same_chip or reason is Reason.DAEMON_STOPPED


# --- decided: not done --------------------------------------------------------------------


@pytest.mark.parametrize("undecided", [False, True])
@pytest.mark.parametrize("reason", list(Reason))
def test_not_done_follows_its_rule(shop: World, reason: Reason, undecided: bool) -> None:
    rule = RULES[reason]
    claimed = shop.sent(CARD)
    if undecided:
        shop.suspend(claimed.attempt_id)
    shop.wait(3)
    order = shop.decide(claimed.attempt_id, done=False, reason=reason)
    attempt = shop.attempt(claimed.attempt_id)
    assert (attempt.outcome, attempt.reason, attempt.closed_at) == ("NOT_DONE", reason, shop.now)
    assert shop.phase(f"attempt:{claimed.attempt_id}:cost") == "void"
    assert shop.stock(CARD).held == 0 and shop.stock(CARD).posted == 500_000
    told = shop.run(lambda db: messages.of_order(db, order.id))
    assert order.reason == reason
    if rule.order is OrderFate.RETRY:
        assert order.state == "QUEUED" and told == []
        assert order.not_before == shop.now + rule.delay_seconds * 1000
        assert shop.phase(f"order:{order.id}:price") == "open"
    else:
        assert order.state == "FAILED" and order.finished_at == shop.now
        assert shop.phase(f"order:{order.id}:price") == "void"
        assert shop.deposit().available == 1_000_000
        words = shipped().wordings[f"reason_{reason.lower()}"].texts["id"]
        assert len(told) == 1 and f"GAGAL ({words})" in told[0].text
    chip = shop.the_chip(CARD)
    expected = {"KEEP": "ACTIVE", "REST": "RESTING", "REST_TODAY": "RESTING", "OUT": "OUT"}
    assert chip.state == expected[rule.chip]
    until = {
        "REST": shop.now + rule.rest_seconds * 1000,
        "REST_TODAY": shop.day_ends,
    }.get(rule.chip)
    assert chip.rest_until == until
    assert chip.stock_exact == int(not undecided and not rule.doubt_stock)
    shop.clean()


@pytest.mark.parametrize("reason", [r for r in Reason if RULES[r].order is OrderFate.RETRY])
def test_after_its_time_an_order_is_refunded_instead(shop: World, reason: Reason) -> None:
    claimed = shop.sent(CARD)
    shop.now = claimed.order.expires_at
    order = shop.decide(claimed.attempt_id, done=False, reason=reason)
    assert order.state == "FAILED"
    assert shop.deposit().available == 1_000_000
    shop.clean()


def test_without_a_reason_it_was_proved_not_done(shop: World) -> None:
    claimed = shop.sent(CARD)
    assert shop.decide(claimed.attempt_id, done=False).reason == Reason.PROVED_NOT_DONE
    shop.clean()


def test_a_chip_that_fails_again_and_again_rests_longer_and_longer(shop: World) -> None:
    rests = []
    for digit in range(7):
        claimed = shop.sent(CARD, f"S5.08120000001{digit}", limit_seconds=1)
        shop.wait(2)
        shop.decide(claimed.attempt_id, done=False, reason=Reason.NO_REPLY)
        until = shop.the_chip(CARD).rest_until
        assert until is not None
        rests.append((until - shop.now) // 1000)
        shop.now = until
    assert rests == [30, 60, 120, 240, 480, 480, 480]
    claimed = shop.sent(CARD, "S5.081200000018")
    shop.decide(claimed.attempt_id, done=True, figure=494_875)
    assert shop.the_chip(CARD).failures == 0


# --- decided: done ------------------------------------------------------------------------


@pytest.mark.parametrize("undecided", [False, True])
@pytest.mark.parametrize("number", ["SN1", None])
def test_done_posts_both_and_tells_the_agent(
    shop: World, undecided: bool, number: str | None
) -> None:
    claimed = shop.sent(CARD)
    if undecided:
        assert shop.suspend(claimed.attempt_id).state == "UNKNOWN"
    order = shop.decide(claimed.attempt_id, done=True, number=number, figure=489_850)
    assert (order.state, order.serial_number, order.reason) == ("SUCCEEDED", number, None)
    assert order == shop.get(order)
    assert shop.phase(f"order:{order.id}:price") == "post"
    assert shop.phase(f"attempt:{claimed.attempt_id}:cost") == "post"
    assert shop.deposit().posted == 989_500 and shop.deposit().held == 0
    assert shop.stock(CARD).posted == 489_850 and shop.stock(CARD).held == 0
    (told,) = shop.run(lambda db: messages.of_order(db, order.id))
    assert told.text == (
        f"Transaksi S10 ke 081200000012 BERHASIL. SN: {number or '-'}. Harga: 10.500."
        f" Saldo: 989.500. Trx#{order.id}"
    )
    (found,) = shop.run(lambda db: of_attempt(db, claimed.attempt_id))
    assert (found.kind, found.verdict) == ("reply", "DONE")
    assert shop.the_chip(CARD).stock_exact == 1
    shop.clean()


@pytest.mark.parametrize(("figure", "exact"), [(489_850, 1), (489_849, 0), (None, 0)])
def test_after_a_sale_the_chip_sells_on_only_if_its_stock_is_as_we_think(
    shop: World, figure: int | None, exact: int
) -> None:
    claimed = shop.sent(CARD)
    shop.decide(claimed.attempt_id, done=True, figure=figure)
    assert shop.the_chip(CARD).stock_exact == exact
    shop.clean()


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_a_second_decision_changes_nothing(shop: World, first: bool, second: bool) -> None:
    claimed = shop.sent(CARD)
    shop.decide(claimed.attempt_id, done=first, reason=None if first else Reason.NO_REPLY)
    before = shop.contents()
    with pytest.raises(NotOpen):
        shop.decide(claimed.attempt_id, done=second)
    with pytest.raises(NotOpen):
        shop.suspend(claimed.attempt_id)
    assert shop.contents() == before


def test_a_closed_attempt_does_not_suspend_the_one_that_came_after_it(shop: World) -> None:
    first = shop.sent(CARD)
    shop.decide(first.attempt_id, done=False, reason=Reason.MODEM_LOST)
    shop.wait(2)
    (second,) = shop.claim(CARD)
    shop.commit(second.attempt_id)
    with pytest.raises(NotOpen):
        shop.suspend(first.attempt_id)
    assert shop.get(second.order).state == "SENDING"


def test_done_before_the_point_of_no_return_is_not_believed(shop: World) -> None:
    shop.order()
    (claimed,) = shop.claim(CARD)
    before = shop.contents()
    with pytest.raises(IntegrityError):
        shop.decide(claimed.attempt_id, done=True)
    with pytest.raises(NotOpen):
        shop.suspend(claimed.attempt_id)
    assert shop.contents() == before


def test_the_point_of_no_return_is_passed_once_and_never_when_closed(shop: World) -> None:
    claimed = shop.sent(CARD)
    at = shop.attempt(claimed.attempt_id).committed_at
    shop.wait(1)
    with pytest.raises(NotOpen):
        shop.commit(claimed.attempt_id)
    assert shop.attempt(claimed.attempt_id).committed_at == at
    shop.order("S5.081200000013")
    (other,) = shop.claim(shop.chip(2))
    shop.decide(other.attempt_id, done=False, reason=Reason.DECIDED_BY_ADMIN)
    with pytest.raises(NotOpen):
        shop.commit(other.attempt_id)


def test_a_decision_the_ledger_does_not_share_is_rolled_back(shop: World) -> None:
    claimed = shop.sent(CARD)
    hold = f"attempt:{claimed.attempt_id}:cost"
    shop.run(lambda db: journal.void(db, hold, now_ms=shop.now))
    before = shop.contents()
    with pytest.raises(LedgerRefused, match="pulsarack audit"):
        shop.decide(claimed.attempt_id, done=True)
    assert shop.contents() == before


def test_suspended_everything_stays_held(shop: World) -> None:
    claimed = shop.sent(CARD)
    order = shop.suspend(claimed.attempt_id)
    assert order.state == "UNKNOWN"
    assert (shop.attempt(claimed.attempt_id).reason, order.finished_at) == ("NO_REPLY", None)
    assert shop.deposit().held == 10_500 and shop.stock(CARD).held == 10_150
    assert shop.the_chip(CARD).stock_exact == 0
    assert shop.run(lambda db: messages.of_order(db, order.id)) == []
    with pytest.raises(IllegalMove):
        shop.suspend(claimed.attempt_id)
    shop.clean()


def test_an_admins_word_makes_the_stock_doubtful(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.suspend(claimed.attempt_id)
    proof = outcome.Evidence(EvidenceKind.ADMIN, VerdictKind.DONE, "phoned", Rule.ADMIN, "admin1")
    shop.run(
        lambda db: contradiction.decide_by_admin(
            db,
            claimed.order.id,
            outcome.Decision(True, None, "phoned", proof),
            now_ms=shop.now,
            day_ends_at=shop.day_ends,
        )
    )
    assert shop.get(claimed.order).state == "SUCCEEDED"
    assert shop.the_chip(CARD).stock_exact == 0
    shop.clean()


# --- without an attempt -------------------------------------------------------------------


def test_orders_whose_time_is_over_are_refunded_and_told_once(shop: World) -> None:
    under_way = shop.sent(CARD, "S5.081200000013")
    over, later = shop.order(), shop.order("S5.081200000012", limit_seconds=700)
    shop.now = over.expires_at - 1
    assert shop.run(lambda db: outcome.expire(db, now_ms=shop.now)) == []
    shop.now += 1
    (failed,) = shop.run(lambda db: outcome.expire(db, now_ms=shop.now))
    assert (failed.id, failed.state, failed.reason) == (over.id, "FAILED", "EXPIRED")
    assert shop.run(lambda db: outcome.expire(db, now_ms=shop.now)) == []
    assert len(shop.run(lambda db: messages.of_order(db, over.id))) == 1
    assert shop.phase(f"order:{over.id}:price") == "void"
    assert shop.get(later).state == "QUEUED"
    assert shop.get(under_way.order).state == "SENDING"
    shop.clean()


def test_only_a_queued_order_is_cancelled(shop: World) -> None:
    claimed = shop.sent(CARD)
    for step in (lambda: None, lambda: shop.suspend(claimed.attempt_id)):
        step()
        before = shop.contents()
        with pytest.raises(IllegalMove):
            shop.run(lambda db: outcome.cancel(db, claimed.order.id, now_ms=shop.now))
        assert shop.contents() == before
    shop.decide(claimed.attempt_id, done=False)
    order = shop.run(lambda db: outcome.cancel(db, claimed.order.id, now_ms=shop.now))
    assert (order.state, order.reason) == ("CANCELLED", "CANCELLED")
    (told,) = shop.run(lambda db: messages.of_order(db, order.id))
    assert "DIBATALKAN" in told.text
    with pytest.raises(IllegalMove):
        shop.run(lambda db: outcome.cancel(db, claimed.order.id, now_ms=shop.now))
    assert shop.deposit().available == 1_000_000
    shop.clean()


def test_a_message_waits_until_it_is_delivered(shop: World) -> None:
    order = shop.order()
    shop.run(lambda db: outcome.cancel(db, order.id, now_ms=shop.now))
    (waiting,) = shop.run(lambda db: messages.waiting(db, "A1"))
    assert waiting.order_id == order.id
    assert shop.run(lambda db: messages.waiting(db, None)) == [waiting]
    for agent in (None, "A1"):
        assert shop.run(lambda db, a=agent: messages.waiting(db, a, after=1)) == []
    assert shop.run(lambda db: messages.waiting(db, "A2")) == []
    shop.run(lambda db: messages.hand_out(db, [waiting]))
    for at in (shop.now, shop.now + 9):
        assert shop.run(lambda db, t=at: messages.delivered(db, waiting.id, now_ms=t))
    assert not shop.run(lambda db: messages.delivered(db, 99, now_ms=shop.now))
    (kept,) = shop.run(lambda db: messages.of_order(db, order.id))
    assert (kept.delivered_at, kept.tries) == (shop.now, 1)
    assert shop.run(lambda db: messages.waiting(db, None)) == []


def test_what_was_said_is_kept_in_order(shop: World) -> None:
    claimed = shop.sent(CARD)
    said = [
        attempts.Exchange(1, "out", "ussd", "*777*081200000012*10*****#", None),
        attempts.Exchange(2, "in", "ussd", "Isi ulang berhasil", 2),
    ]
    more = [attempts.Exchange(3, "in", "ussd", f"screen {number}", None) for number in range(3)]
    for some in ([], said, more[:1], more[1:]):
        shop.run(lambda db, some=some: attempts.record_exchange(db, claimed.attempt_id, *some))  # type: ignore[misc]
    assert shop.run(lambda db: attempts.exchanges(db, claimed.attempt_id)) == said + more
    assert retry.RULES[Reason.NO_REPLY].rest_seconds == 30
