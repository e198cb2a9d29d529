"""Discrepancies: each a row with its span, open until somebody says what it was."""

import pytest
from peewee import IntegrityError

from pulsarack.ledger import accounts
from pulsarack.queue import contradiction, discrepancies, evidence, stock
from pulsarack.queue.claim import Claim
from pulsarack.queue.discrepancies import DECISIONS, ClearingKind, Discrepancy
from pulsarack.queue.errors import WrongKind
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.outcome import Decision
from pulsarack.queue.stock import Comparison
from pulsarack.queue.texts import Meaning
from pulsarack.ussd.outcome import Reason
from tests.queue.world import HOUR, World, iccid, success

CARD = iccid(1)


def found(world: World, discrepancy_id: int) -> Discrepancy:
    """The discrepancy as it is now."""
    one = world.run(lambda db: discrepancies.find(db, discrepancy_id))
    assert one is not None
    return one


def span(world: World, one: Discrepancy) -> list[int]:
    """The ids of the orders it can lie in."""
    return [order.id for order in world.run(lambda db: discrepancies.span_orders(db, one))]


def sell(world: World, to: str, figure: int | None = None) -> int:
    """One sale on the chip; a figure makes its stock exact again."""
    claimed = world.sent(CARD, f"S10.{to}")
    world.decide(claimed.attempt_id, done=True, number=f"SN{to}", figure=figure)
    return claimed.order.id


# --- what is recorded ---------------------------------------------------------------------


def test_a_difference_is_a_row_with_both_figures(shop: World) -> None:
    opened = shop.now
    shop.wait(60)
    one = shop.differ(CARD, 499_000)
    assert (one.chip, one.at, one.difference) == (CARD, shop.now, -1_000)
    assert (one.stock, one.ledger, one.since, one.rest) == (499_000, 500_000, opened, -1_000)
    assert (one.orders, one.first_order, one.last_order) == (0, None, None)
    ((amount,),) = shop.sql("SELECT amount FROM transfer WHERE id = ?", one.transfer_id)
    assert amount == 1_000
    shop.clean()


def test_the_span_begins_after_the_last_exact_reading(shop: World) -> None:
    sell(shop, "081200000011", figure=489_850)
    ids = [sell_unread(shop, f"08120000002{n}") for n in range(3)]
    one = shop.differ(CARD, 400_000)
    assert (one.orders, one.first_order, one.last_order) == (3, ids[0], ids[-1])
    assert span(shop, one) == ids
    shop.clean()


def sell_unread(world: World, to: str) -> int:
    """A sale whose reply names no stock; the chip sells on all the same."""
    world.sql("UPDATE chip SET stock_exact = 1 WHERE iccid = ?", CARD)
    return sell(world, to)


def test_orders_of_other_chips_and_what_never_left_are_not_in_the_span(shop: World) -> None:
    other = shop.chip(2)
    elsewhere = shop.sent(other, "S10.081200000021")
    shop.decide(elsewhere.attempt_id, done=True, number="SN1")
    shop.order("S10.081200000022")
    shop.claim(CARD)
    shop.recover()
    assert span(shop, shop.differ(CARD, 400_000)) == []


def test_an_order_proved_not_done_by_the_stock_may_have_been_booked_late(shop: World) -> None:
    """The stock was found exact since, and yet it is the order that took it."""
    claimed = shop.sent(CARD)
    shop.suspend(claimed.attempt_id)
    shop.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    shop.run(lambda db: stock.compare(db, CARD, 500_000, now_ms=shop.now))
    shop.wait(HOUR // 1000)
    one = shop.differ(CARD, 489_850)
    assert one.since is not None and span(shop, one) == [claimed.order.id]


@pytest.mark.parametrize(
    ("kind", "answered", "seconds"),
    [(EvidenceKind.REPLY, True, 60), (EvidenceKind.STOCK, False, 25 * 3600)],
)
def test_a_refusal_in_words_and_what_is_long_past_are_out(
    shop: World, kind: EvidenceKind, answered: bool, seconds: int
) -> None:
    claimed = shop.sent(CARD)
    reason = Reason.WRONG_NUMBER
    shop.decide(claimed.attempt_id, done=False, kind=kind, reason=reason, answered=answered)
    shop.run(lambda db: stock.compare(db, CARD, 500_000, now_ms=shop.now))
    shop.wait(seconds)
    assert span(shop, shop.differ(CARD, 489_850)) == []


def test_a_clock_that_went_back_loses_no_order(shop: World) -> None:
    order_id = sell(shop, "081200000021")
    shop.now -= 5 * HOUR
    assert span(shop, shop.differ(CARD, 400_000)) == [order_id]


def test_a_reading_while_an_order_runs_is_not_exact(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.suspend(claimed.attempt_id)
    shop.run(lambda db: stock.compare(db, CARD, 500_000, now_ms=shop.now))
    shop.decide(claimed.attempt_id, done=True, number="SN1")
    assert span(shop, shop.differ(CARD, 400_000)) == [claimed.order.id]


# --- what it was --------------------------------------------------------------------------

# Stock found, what was decided, the account, and what that account then holds.
DECIDED = [
    (499_000, None, "loss", accounts.STOCK_LOSS, 1_000),
    (501_000, None, "gain", accounts.STOCK_GAIN, 1_000),
    (499_000, ClearingKind.LOSS, "loss", accounts.STOCK_LOSS, 1_000),
    (501_000, ClearingKind.GAIN, "gain", accounts.STOCK_GAIN, 1_000),
    (501_000, ClearingKind.STOCK_IN, "stock-in", "asset:supplier:telkomsel", -1_000),
    (499_000, ClearingKind.STOCK_IN, "stock-in", "asset:supplier:telkomsel", 1_000),
    (499_000, ClearingKind.DELIVERY, "delivery", accounts.AIRTIME, 1_000),
    (501_000, ClearingKind.OPENING, "opening", accounts.OPENING, 501_000),
]


@pytest.mark.parametrize(("figure", "kind", "name", "account", "holds"), DECIDED)
def test_a_decision_moves_the_rest_to_where_it_belongs(
    shop: World, figure: int, kind: ClearingKind | None, name: str, account: str, holds: int
) -> None:
    one = shop.differ(CARD, figure)
    made = shop.clear(one.id, kind, because="counted by hand")
    assert not made.repeated
    kept = made.clearing
    assert (kept.kind, kept.account, kept.amount) == (name, account, one.difference)
    assert (kept.why, kept.who, kept.at) == ("counted by hand", "admin1", shop.now)
    assert shop.money(account).posted == holds
    assert shop.money(accounts.DISCREPANCY).posted == 0
    assert shop.stock(CARD).posted == figure
    assert found(shop, one.id).rest == 0
    assert shop.run(lambda db: discrepancies.clearings(db, one.id)) == [kept]
    shop.clean()


def test_every_decision_is_tried() -> None:
    assert {name for _, _, name, *_ in DECIDED} == {kind.value for kind in DECISIONS}


@pytest.mark.parametrize(
    ("figure", "kind", "words"),
    [
        (499_000, ClearingKind.GAIN, "1000 of stock is missing: that is no gain"),
        (501_000, ClearingKind.LOSS, "1000 of stock is too much: that is no loss"),
        (501_000, ClearingKind.DELIVERY, "1000 of stock is too much: that is no delivery"),
    ],
)
def test_a_decision_against_the_sign_is_refused(
    shop: World, figure: int, kind: ClearingKind, words: str
) -> None:
    one = shop.differ(CARD, figure)
    before = shop.contents()
    with pytest.raises(WrongKind, match=words):
        shop.clear(one.id, kind)
    assert shop.contents() == before


def test_what_is_decided_stays_so(shop: World) -> None:
    one = shop.differ(CARD, 499_000)
    first = shop.clear(one.id, ClearingKind.DELIVERY)
    before = shop.contents()
    again = shop.clear(one.id, ClearingKind.LOSS, because="no, lost")
    assert again.repeated and again.clearing == first.clearing
    assert shop.contents() == before


def test_only_what_is_open_is_listed_unless_all_is_asked_for(shop: World) -> None:
    shop.chip(2)
    first, second = shop.differ(CARD, 499_000), shop.differ(iccid(2), 500_500)
    shop.clear(first.id)

    def ids(**wanted: object) -> list[int]:
        rows = shop.run(lambda db: discrepancies.listed(db, **wanted))  # type: ignore[arg-type]
        return [one.id for one in rows]

    assert ids() == [second.id]
    assert ids(cleared=True) == [second.id, first.id]
    assert ids(cleared=True, chip=CARD) == [first.id]
    assert ids(chip=CARD) == []
    assert ids(cleared=True, limit=1) == [second.id]


@pytest.mark.parametrize("table", ["discrepancy", "discrepancy_order", "discrepancy_clearing"])
def test_the_record_is_append_only(shop: World, table: str) -> None:
    sell(shop, "081200000021")
    shop.clear(shop.differ(CARD, 400_000).id)
    for statement in (f"UPDATE {table} SET rowid = rowid", f"DELETE FROM {table}"):
        if table == "discrepancy_order":
            statement = statement.replace("rowid", "order_id")
        with pytest.raises(IntegrityError, match="append-only"):
            shop.sql(statement)


def test_a_person_decides_once(shop: World) -> None:
    one = shop.differ(CARD, 499_000)
    made = shop.clear(one.id)
    with pytest.raises(IntegrityError):
        shop.run(lambda db: discrepancies.note_clearing(db, one.id, made.clearing))


# --- an order that took it ----------------------------------------------------------------


def held_for_not_done(world: World) -> Claim:
    """An order whose stock says that it was not done; it is to go again."""
    claimed = world.sent(CARD)
    world.suspend(claimed.attempt_id)
    world.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    assert world.get(claimed.order).state == "QUEUED"
    return claimed


def proved_late(world: World, *, left: int, explained: bool = False) -> int:
    """An order held for not done whose text comes when the fall was booked; its id."""
    claimed = held_for_not_done(world)
    one = world.differ(CARD, left)
    if explained:
        world.clear(one.id)
    world.text(CARD, success("SN1"))
    return claimed.order.id


def doubted(world: World, claimed: Claim) -> int:
    """Something weaker than a text says "done" of it: the order waits for a person."""
    doubt = Evidence(EvidenceKind.REPLY, VerdictKind.DONE, "just done", Rule.REPEAT_REFUSED)
    world.run(lambda db: evidence.record(db, claimed.attempt_id, doubt, now_ms=world.now))
    return claimed.order.id


def say_done(world: World, order_id: int) -> None:
    word = Evidence(EvidenceKind.ADMIN, VerdictKind.DONE, "the text says so", Rule.ADMIN, "admin1")
    decision = Decision(done=True, reason=None, why="an admin", evidence=word)
    world.run(
        lambda db: contradiction.decide_by_admin(
            db, order_id, decision, now_ms=world.now, day_ends_at=world.day_ends
        )
    )


def in_the_books(world: World, figure: int) -> None:
    """The next reading finds nothing to book, and the audits nothing wrong."""
    again = world.run(lambda db: stock.compare(db, CARD, figure, now_ms=world.now))
    assert again is Comparison.EQUAL
    open_rests = sum(one.rest for one in world.run(discrepancies.listed))
    assert world.money(accounts.DISCREPANCY).posted == -open_rests
    world.clean()


@pytest.mark.parametrize("left", [489_850, 470_000, 100])
@pytest.mark.parametrize("by_person", [False, True])
def test_an_order_proved_late_takes_its_cost_out_of_the_fall_it_can_lie_in(
    shop: World, left: int, by_person: bool
) -> None:
    """Otherwise the cost is booked twice, and the next reading finds as much too much."""
    if by_person:
        claimed = held_for_not_done(shop)
        shop.differ(CARD, left)
        order_id = doubted(shop, claimed)
        say_done(shop, order_id)
    else:
        order_id = proved_late(shop, left=left)
    assert shop.get(order_id).state == "SUCCEEDED"
    one = found(shop, 1)
    assert (one.difference, one.rest) == (left - 500_000, left - 489_850)
    (part,) = shop.run(lambda db: discrepancies.clearings(db, one.id))
    assert (part.kind, part.amount) == ("order", -10_150)
    assert part.who == ("admin1" if by_person else "")
    assert part.why.startswith(f"order {order_id}: ")
    in_the_books(shop, left)
    made = shop.clear(one.id)
    assert made.repeated == (left == 489_850)
    assert made.clearing.amount == (left - 489_850 or -10_150)
    assert found(shop, one.id).rest == 0
    in_the_books(shop, left)


def test_the_newest_fall_that_can_be_the_order_is_taken(shop: World) -> None:
    claimed = held_for_not_done(shop)
    for left in (480_000, 469_000, 465_000):
        shop.differ(CARD, left)
    say_done(shop, doubted(shop, claimed))
    assert [found(shop, n).rest for n in (1, 2, 3)] == [-20_000, -850, -4_000]
    in_the_books(shop, 465_000)


def test_a_fall_that_is_less_than_the_cost_was_something_else(shop: World) -> None:
    """It stays open as what it is, and the order is booked as every order is."""
    proved_late(shop, left=497_000)
    assert found(shop, 1).rest == -3_000
    assert shop.run(lambda db: discrepancies.clearings(db, 1)) == []
    in_the_books(shop, 497_000 - 10_150)


@pytest.mark.parametrize("by_person", [False, True])
def test_a_fall_from_before_the_order_stays_open_while_the_stock_covers_it(
    shop: World, by_person: bool
) -> None:
    shop.differ(CARD, 489_850)
    claimed = held_for_not_done(shop)
    if by_person:
        say_done(shop, doubted(shop, claimed))
    else:
        shop.text(CARD, success("SN1"))
    assert shop.get(claimed.order).state == "SUCCEEDED"
    assert found(shop, 1).rest == -10_150
    in_the_books(shop, 489_850 - 10_150)


def test_a_person_may_take_from_falls_of_before_what_the_stock_does_not_cover(shop: World) -> None:
    shop.differ(CARD, 12_000)
    claimed = held_for_not_done(shop)
    shop.clear(shop.differ(CARD, 2_000).id)
    shop.text(CARD, success("SN1"))
    assert shop.get(claimed.order).state == "QUEUED"
    assert found(shop, 1).rest == -488_000
    say_done(shop, claimed.order.id)
    assert (found(shop, 1).rest, found(shop, 2).rest) == (-488_000 + 8_150, 0)
    in_the_books(shop, 0)


def test_two_orders_share_a_fall_and_take_no_more_than_there_is(shop: World) -> None:
    """Each fall goes once; the second order's own text finds only what the first has left."""
    first = held_for_not_done(shop)
    shop.sql("UPDATE orders SET not_before = not_before + 3600000")
    shop.run(lambda db: stock.compare(db, CARD, 500_000, now_ms=shop.now))
    second = shop.sent(CARD, "S5.081200000013")
    shop.suspend(second.attempt_id)
    shop.decide(second.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    one = shop.differ(CARD, 500_000 - 16_000)
    assert span(shop, one) == [first.order.id, second.order.id]
    shop.text(CARD, success("SN1"))
    assert found(shop, one.id).rest == -16_000 + 10_150
    shop.text(CARD, success("SN1"))
    assert found(shop, one.id).rest == -16_000 + 10_150
    shop.text(CARD, success("SN2", to="6281200000013", amount=5_000))
    assert found(shop, one.id).rest == -16_000 + 10_150 + 5_125
    assert [shop.get(one.order).state for one in (first, second)] == ["SUCCEEDED"] * 2
    in_the_books(shop, 500_000 - 16_000)


def test_a_fall_is_left_alone_while_its_order_may_be_delivered_elsewhere(shop: World) -> None:
    """Past its point of no return on another chip, the order may yet be that chip's."""
    claimed = held_for_not_done(shop)
    one = shop.differ(CARD, 489_850)
    shop.wait(60)
    (second,) = shop.claim(shop.chip(2))
    shop.commit(second.attempt_id)
    assert shop.text(CARD, success("SN1")).meaning is Meaning.CONTRADICTION
    assert found(shop, one.id).rest == -10_150
    shop.decide(second.attempt_id, done=False, reason=Reason.OPERATOR_BUSY)
    say_done(shop, claimed.order.id)
    assert found(shop, one.id).rest == 0
    assert shop.stock(iccid(2)).posted == 500_000
    in_the_books(shop, 489_850)


def test_an_order_that_runs_meanwhile_is_not_decided_by_the_stock(shop: World) -> None:
    """What was taken back and booked may yet be another's: its stock is no longer known."""
    held_for_not_done(shop)
    shop.sql("UPDATE orders SET not_before = not_before + 3600000")
    shop.differ(CARD, 489_850)
    running = shop.sent(CARD, "S10.081200000013")
    assert shop.attempt(running.attempt_id).stock_before == 489_850
    assert shop.text(CARD, success("SN1")).meaning is Meaning.PROOF
    assert shop.attempt(running.attempt_id).stock_before is None
    assert shop.stock(CARD).posted == 489_850
    shop.clean()


def test_what_was_explained_wrongly_comes_back_as_a_discrepancy_of_its_order(shop: World) -> None:
    order_id = proved_late(shop, left=100, explained=True)
    assert shop.get(order_id).state == "QUEUED"
    say_done(shop, order_id)
    (one,) = shop.run(discrepancies.listed)
    assert (one.difference, one.stock, one.ledger) == (10_050, None, None)
    assert span(shop, one) == [order_id]
    shop.clean()
    shop.clear(one.id, ClearingKind.LOSS)
    assert shop.money(accounts.STOCK_LOSS).posted == 499_900 - 10_050
    shop.clean()


def test_a_fall_that_was_explained_comes_back_as_a_rise_that_can_be_a_gain(shop: World) -> None:
    """Called a delivery before, its cost is booked twice; the gain makes up for it."""
    claimed = held_for_not_done(shop)
    shop.clear(shop.differ(CARD, 489_850).id, ClearingKind.DELIVERY)
    shop.text(CARD, success("SN1"))
    assert shop.get(claimed.order).state == "SUCCEEDED"
    shop.clear(shop.differ(CARD, 489_850).id, ClearingKind.GAIN)
    spent = shop.money(accounts.AIRTIME).posted - shop.money(accounts.STOCK_GAIN).posted
    assert spent == 10_150
    in_the_books(shop, 489_850)


def test_a_span_tells_what_was_said_of_its_orders(shop: World) -> None:
    claimed = shop.sent(CARD, limit_seconds=1)
    shop.suspend(claimed.attempt_id)
    shop.wait(2)
    shop.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    shop.text(CARD, success("SN1"))
    one = shop.differ(CARD, 489_850)
    (order,) = shop.run(lambda db: discrepancies.span_orders(db, one))
    assert (order.id, order.state, order.outcome) == (claimed.order.id, "FAILED", "NOT_DONE")
    assert (order.cost, order.said_done) == (10_150, 1)
    # So that a copy of that text is not taken for the next order's.
    known = shop.run(lambda db: evidence.serial_number_known(db, "telkomsel", "SN1"))
    assert known == claimed.order.id
