"""A chip's stock against the books, and what stock and history prove."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ledger import accounts
from pulsarack.queue import attempts, chips, evidence, stock
from pulsarack.queue.chips import Adoption
from pulsarack.queue.evidence import VerdictKind
from pulsarack.queue.resolution import HistoryLine, StockReading, judge_history, judge_stock
from pulsarack.queue.stock import Comparison
from tests.queue.world import TO, World, iccid, stock_in

CARD = iccid(1)


def compare(world: World, figure: int, card: str = CARD) -> Comparison:
    return world.run(lambda db: stock.compare(db, card, figure, now_ms=world.now))


def discrepancy(world: World, figure: int) -> int:
    return world.run(lambda db: stock.book_discrepancy(db, CARD, figure, now_ms=world.now))


# --- readings -----------------------------------------------------------------------------


@pytest.mark.parametrize("figure", [0, 1, 500_000])
def test_the_first_reading_opens_the_balance(world: World, figure: int) -> None:
    world.chip(stock_figure=None)
    assert world.the_chip(CARD).stock_exact == 0
    assert compare(world, figure) is Comparison.OPENED
    assert world.stock(CARD).posted == figure
    assert world.money(accounts.OPENING).posted == figure
    assert world.the_chip(CARD).stock_exact == 1
    assert compare(world, figure) is Comparison.EQUAL
    world.clean()


def test_stock_that_came_before_the_first_reading_is_in_it(world: World) -> None:
    world.chip(stock_figure=None)
    world.text(CARD, stock_in(300_000))
    assert compare(world, 200_000) is Comparison.OPENED
    assert world.stock(CARD).posted == 200_000
    assert world.money(accounts.OPENING).posted == -100_000
    world.clean()


@pytest.mark.parametrize("figure", [0, 499_999, 500_001, 900_000])
def test_a_difference_is_not_believed_at_once_and_then_recorded(shop: World, figure: int) -> None:
    shop.run(lambda db: chips.doubt_stock(db, CARD))
    assert compare(shop, figure) is Comparison.DIFFERENT
    assert shop.stock(CARD).posted == 500_000
    assert shop.the_chip(CARD).stock_exact == 0
    assert discrepancy(shop, figure) == figure - 500_000
    assert shop.stock(CARD).posted == figure
    assert shop.money(accounts.DISCREPANCY).posted == 500_000 - figure
    assert shop.the_chip(CARD).stock_exact == 1
    assert compare(shop, figure) is Comparison.EQUAL
    readings = shop.run(lambda db: stock.readings(db, CARD))
    assert [(r.stock, r.source) for r in readings][:3] == [(figure, "query")] * 3
    shop.clean()


def test_discrepancies_one_after_the_other_are_each_booked(shop: World) -> None:
    assert [discrepancy(shop, figure) for figure in (1, 2, 2, 900_000, 0)] == [
        -499_999,
        1,
        0,
        899_998,
        -900_000,
    ]
    shop.clean()


def test_while_an_attempt_is_open_a_reading_is_evidence_only(shop: World) -> None:
    claimed = shop.sent(CARD)
    for _ in range(2):
        assert compare(shop, 489_850) is Comparison.BUSY
        assert discrepancy(shop, 489_850) == 0
        assert shop.stock(CARD).posted == 500_000
        shop.suspend(claimed.attempt_id) if shop.get(claimed.order).state == "SENDING" else None
    assert shop.the_chip(CARD).stock_exact == 0
    shop.decide(claimed.attempt_id, done=True, figure=489_850)
    assert compare(shop, 489_850) is Comparison.EQUAL
    shop.clean()


def test_a_claim_with_the_stock_in_doubt_knows_no_stock_before(shop: World) -> None:
    claimed = shop.sent(CARD)
    assert shop.attempt(claimed.attempt_id).stock_before == 500_000
    shop.run(lambda db: attempts.forget_stock_before(db, CARD))
    assert shop.attempt(claimed.attempt_id).stock_before is None


# --- chips --------------------------------------------------------------------------------


def test_a_chip_is_new_until_it_is_adopted(world: World) -> None:
    seen = world.run(lambda db: chips.seen(db, CARD, "1-1", "imei", now_ms=1))
    assert (seen.state, seen.name) == ("NEW", CARD[-6:])
    assert not world.run(lambda db: chips.enable(db, CARD))
    world.run(lambda db: chips.take_out(db, CARD, why="x"))
    world.run(lambda db: chips.rest(db, CARD, until_ms=None, why="x"))
    assert world.the_chip(CARD).state == "NEW"
    adoption = Adoption("telkomsel", "telkomsel", reserve=5)
    world.run(lambda db: chips.adopt(db, CARD, adoption, now_ms=2))
    chip = world.run(lambda db: chips.seen(db, CARD, "1-2", "other", now_ms=3))
    assert (chip.state, chip.slot, chip.modem, chip.reserve) == ("ACTIVE", "1-2", "other", 5)
    assert world.stock(CARD).posted == 0


def test_a_second_adoption_changes_words_but_not_the_state(shop: World) -> None:
    shop.run(lambda db: chips.take_out(db, CARD, why="barred"))
    adoption = Adoption("telkomsel", "other", name="new")
    shop.run(lambda db: chips.adopt(db, CARD, adoption, now_ms=9))
    chip = shop.the_chip(CARD)
    assert (chip.state, chip.why, chip.recipe, chip.name) == ("OUT", "barred", "other", "new")
    assert shop.stock(CARD).posted == 500_000


# What a chip is, then a rest until; and what it is afterwards.
RESTS = [
    (("ACTIVE", None), 100, ("RESTING", 100)),
    (("ACTIVE", None), None, ("RESTING", None)),
    (("RESTING", 50), 100, ("RESTING", 100)),
    (("RESTING", 100), 50, ("RESTING", 100)),
    (("RESTING", 100), None, ("RESTING", None)),
    (("RESTING", None), 100, ("RESTING", None)),
    (("OUT", None), 100, ("OUT", None)),
]


@pytest.mark.parametrize(("before", "until", "after"), RESTS)
def test_a_rest_is_never_shortened(
    shop: World,
    before: tuple[str, int | None],
    until: int | None,
    after: tuple[str, int | None],
) -> None:
    shop.sql("UPDATE chip SET state = ?, rest_until = ?", *before)
    shop.run(lambda db: chips.rest(db, CARD, until_ms=until, why="y"))
    chip = shop.the_chip(CARD)
    assert (chip.state, chip.rest_until) == after


def test_a_rest_ends_by_itself_and_out_only_by_an_admin(shop: World) -> None:
    shop.run(lambda db: chips.rest(db, CARD, until_ms=100, why="y"))
    shop.run(lambda db: chips.wake_if_rested(db, CARD, now_ms=99))
    assert shop.the_chip(CARD).state == "RESTING"
    shop.run(lambda db: chips.wake_if_rested(db, CARD, now_ms=100))
    assert (shop.the_chip(CARD).state, shop.the_chip(CARD).stock_exact) == ("ACTIVE", 1)
    shop.run(lambda db: chips.take_out(db, CARD, why="barred"))
    shop.run(lambda db: chips.wake_if_rested(db, CARD, now_ms=10**15))
    assert shop.the_chip(CARD).state == "OUT"
    assert shop.run(lambda db: chips.enable(db, CARD))
    assert (shop.the_chip(CARD).state, shop.the_chip(CARD).stock_exact) == ("ACTIVE", 0)


# --- what stock proves --------------------------------------------------------------------

SETTLING = 60
COMMITTED = 1000
COST = 10
DONE, NOT_DONE, NONE = VerdictKind.DONE, VerdictKind.NOT_DONE, VerdictKind.NONE

# Readings as (at, stock, ledger), whether the stock was known before, and the verdict.
READINGS: list[tuple[list[tuple[int, int, int]], bool, VerdictKind]] = [
    ([], True, NONE),
    ([(1001, 90, 100)], True, DONE),  # fallen by the cost: at once
    ([(1001, 90, 100)], False, NONE),  # but from what?
    ([(1060, 100, 100), (1120, 100, 100)], True, NOT_DONE),
    ([(1060, 100, 100), (1120, 100, 100)], False, NONE),
    ([(1060, 100, 100)], True, NONE),  # once
    ([(1059, 100, 100), (1120, 100, 100)], True, NONE),  # one of them too early
    ([(1060, 100, 100), (1119, 100, 100)], True, NONE),  # too near each other
    ([(1001, 100, 100), (1060, 100, 100), (1119, 100, 100)], True, NONE),
    ([(1060, 100, 100), (1090, 100, 100), (1120, 100, 100)], True, NOT_DONE),
    ([(1060, 100, 100), (1090, 95, 100), (1120, 100, 100)], True, NONE),  # it moved in between
    ([(1060, 100, 100), (1120, 90, 100)], True, DONE),  # booked late
    ([(1060, 100, 100), (1120, 91, 100)], True, NONE),  # another amount
    ([(1060, 100, 100), (1120, 80, 100)], True, NONE),  # twice the cost
    ([(1060, 100, 100), (1120, 110, 100)], True, NONE),
    ([(1060, 100, 100), (1120, 600, 600)], True, NOT_DONE),  # stock came in between, accounted for
    ([(1060, 100, 100), (1120, 590, 600)], True, DONE),
    ([(1060, 100, 100), (1120, 600, 100)], True, NONE),  # came, but no text said so
    ([(1060, 600, 600), (1120, 100, 600)], True, NONE),  # the text came, the stock did not yet
]


@pytest.mark.parametrize(("readings", "known", "verdict"), READINGS)
def test_what_stock_proves(
    readings: list[tuple[int, int, int]], known: bool, verdict: VerdictKind
) -> None:
    found = judge_stock(
        [StockReading(*one) for one in readings],
        cost=COST,
        began_at=COMMITTED,
        settling_ms=SETTLING,
        known_before=known,
        may_come_back=False,
    )
    assert found is verdict


@given(
    st.lists(
        st.builds(
            StockReading, at=st.integers(900, 1300), stock=st.integers(85, 105), ledger=st.just(100)
        ),
        max_size=6,
    ).map(lambda found: sorted(found, key=lambda one: one.at)),
    st.booleans(),
    st.booleans(),
)
def test_not_done_is_never_said_lightly(
    readings: list[StockReading], known: bool, owed: bool
) -> None:
    found = judge_stock(
        readings,
        cost=COST,
        began_at=COMMITTED,
        settling_ms=SETTLING,
        known_before=known,
        may_come_back=owed,
    )
    if found is DONE:
        assert known and readings[-1].stock == 90
    if found is NOT_DONE:
        settled = [one for one in readings if one.at >= COMMITTED + SETTLING and one.stock == 100]
        assert known and not owed and settled[-1] is readings[-1]
        assert settled[-1].at - settled[0].at >= SETTLING


# --- what history proves ------------------------------------------------------------------


def line(number: str | None, to: str = TO, amount: int = 10_000, ok: bool = True) -> HistoryLine:
    return HistoryLine(to, amount, ok, number)


HISTORIES: list[tuple[list[HistoryLine], str | None]] = [
    ([], None),
    ([line("NEW")], "NEW"),
    ([line("NEW"), line("OLD")], "NEW"),
    ([line("OLD")], None),
    ([line(None)], None),
    ([line("NEW", ok=False)], None),
    ([line("NEW", to="6281200000013")], None),
    ([line("NEW", amount=5_000)], None),
    ([line("NEW"), line("OLDER")], "NEW"),  # only the newest can be the attempt
    ([line(None), line("NEW")], None),
    ([line("X", ok=False), line("NEW"), line("Y", to="6281200000013")], None),
]


@pytest.mark.parametrize(("lines", "number"), HISTORIES)
def test_what_history_proves(lines: list[HistoryLine], number: str | None) -> None:
    found = judge_history(
        lines, destination=TO, amount=10_000, known_serial_numbers=frozenset({"OLD"})
    )
    assert (found.serial_number if found else None) == number


def test_the_serial_numbers_that_are_spent(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.decide(claimed.attempt_id, done=True, number="SN1")
    order = claimed.order.id
    assert shop.run(lambda db: evidence.serial_numbers(db, "telkomsel", TO)) == {"SN1"}
    assert shop.run(lambda db: evidence.serial_numbers(db, "xl", TO)) == set()
    assert shop.run(lambda db: evidence.serial_numbers(db, "telkomsel", TO + "3")) == set()
    assert shop.run(lambda db: evidence.serial_number_known(db, "telkomsel", "SN1")) == order
    assert shop.run(lambda db: evidence.serial_number_known(db, "tri", "SN1")) is None
