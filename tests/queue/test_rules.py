"""Every decision names its rule, and what the rule was applied to."""

from dataclasses import replace

import pytest
from peewee import Database, IntegrityError

from pulsarack.queue import contradiction, evidence, resolution, stock, texts
from pulsarack.queue.evidence import (
    NO_FIGURES,
    Evidence,
    EvidenceKind,
    Finding,
    QueryKind,
    Rule,
    StockFigures,
    VerdictKind,
)
from pulsarack.queue.resolution import StockReading
from pulsarack.ussd.outcome import Reason
from tests.queue.world import TO, World, failure, iccid, success

CARD = iccid(1)


def findings(world: World, attempt_id: int) -> list[Finding]:
    return world.run(lambda db: evidence.of_attempt(db, attempt_id))


def test_a_text_that_names_its_order_tells_what_agreed(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.text(CARD, success("SN1"), "Isi ulang berhasil")
    (found,) = findings(shop, claimed.attempt_id)
    assert (found.rule, found.matched) == (
        "text_names_order",
        "destination,amount,serial_number",
    )
    assert found.sms_id is not None
    kept = shop.run(lambda db: texts.sms(db, found.sms_id or 0))
    assert kept is not None and kept.text == "Isi ulang berhasil"
    assert (kept.sender, kept.received_at, kept.meaning) == ("M-KIOS", shop.now, "PROOF")


@pytest.mark.parametrize(("to", "rule"), [(None, "text_awaited"), (TO, "text_names_order")])
def test_a_failure_may_name_nothing(shop: World, to: str | None, rule: str) -> None:
    claimed = shop.sent(CARD)
    shop.text(CARD, failure(Reason.WRONG_NUMBER, to))
    assert [one.rule for one in findings(shop, claimed.attempt_id)] == [rule]


def test_a_late_proof_that_is_booked_says_so(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.suspend(claimed.attempt_id)
    shop.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    received = shop.text(CARD, success("SN1"))
    assert received.attempt_id is not None
    assert [one.rule for one in findings(shop, received.attempt_id)] == ["contradiction_settled"]


def test_what_was_never_committed_says_so(shop: World) -> None:
    shop.order()
    (claimed,) = shop.claim(CARD)
    shop.recover()
    assert [one.rule for one in findings(shop, claimed.attempt_id)] == ["never_committed"]


TWICE = [(60, 100, 100), (120, 100, 100)]
# Readings, whether the stock was known before and as much may come back, and the rule.
RULES = [
    ([(1, 90, 100)], True, False, VerdictKind.DONE, Rule.STOCK_FELL_BY_COST),
    ([(1, 90, 100)], True, True, VerdictKind.DONE, Rule.STOCK_FELL_BY_COST),
    (TWICE, True, False, VerdictKind.NOT_DONE, Rule.STOCK_UNCHANGED_TWICE),
    (TWICE, True, True, VerdictKind.NONE, Rule.STOCK_FITS_NEITHER),
    (TWICE, False, True, VerdictKind.NONE, Rule.STOCK_NOT_KNOWN_BEFORE),
    ([(60, 100, 100)], True, False, VerdictKind.NONE, Rule.STOCK_UNCHANGED_SO_FAR),
    ([(60, 91, 100)], True, False, VerdictKind.NONE, Rule.STOCK_FITS_NEITHER),
    ([(60, 91, 100)], True, True, VerdictKind.NONE, Rule.STOCK_FITS_NEITHER),
    ([(60, 90, 100)], False, False, VerdictKind.NONE, Rule.STOCK_NOT_KNOWN_BEFORE),
]


@pytest.mark.parametrize(("readings", "known", "owed", "verdict", "rule"), RULES)
def test_the_rule_of_a_stock_verdict(
    readings: list[tuple[int, int, int]],
    known: bool,
    owed: bool,
    verdict: VerdictKind,
    rule: Rule,
) -> None:
    read = [StockReading(*one) for one in readings]
    judged = resolution.judge_stock(
        read, cost=10, began_at=0, settling_ms=60, known_before=known, may_come_back=owed
    )
    assert judged is verdict
    found = resolution.stock_rule(judged, read[-1], known_before=known, may_come_back=owed)
    assert found is rule


def test_the_first_of_the_readings_that_stayed() -> None:
    read = [StockReading(at, 100, 100, at) for at in (10, 59, 60, 90, 120)]
    assert resolution.first_unchanged(read, 60).at == 60
    moved = [*read[:3], replace(read[3], stock=99), read[4]]
    assert resolution.first_unchanged(moved, 60).at == 120


def test_the_figures_and_the_query_are_kept(shop: World) -> None:
    claimed = shop.sent(CARD)

    def job(db: Database) -> None:
        read = [stock.note_reading(db, CARD, 1, "query", now_ms=shop.now) for _ in range(2)]
        figures = StockFigures(500_000, 489_850, read[0], read[1])
        found = Evidence(
            EvidenceKind.STOCK,
            VerdictKind.NONE,
            "looked",
            rule=Rule.STOCK_FITS_NEITHER,
            query=QueryKind.STOCK,
            answer="Sisa stok Rp 1",
            figures=figures,
        )
        evidence.record(db, claimed.attempt_id, found, now_ms=shop.now)

    shop.run(job)
    (found,) = findings(shop, claimed.attempt_id)
    assert (found.query, found.answer) == ("stock", "Sisa stok Rp 1")
    assert (found.stock_before, found.stock_expected) == (500_000, 489_850)
    read = [shop.run(lambda db, i=i: stock.reading(db, i or 0)) for i in (
        found.first_reading_id, found.last_reading_id)]  # fmt: skip
    assert [one and one.stock for one in read] == [1, 1]


def test_what_proves_nothing_contradicts_nothing(shop: World) -> None:
    """Neither while it is open, nor when it was proved not done and goes again."""
    claimed = shop.sent(CARD)
    shop.suspend(claimed.attempt_id)
    for rule in Rule:
        none = Evidence(EvidenceKind.STOCK, VerdictKind.NONE, "looked", rule=rule)
        shop.run(lambda db, e=none: evidence.record(db, claimed.attempt_id, e, now_ms=shop.now))
    shop.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    assert not shop.run(lambda db: contradiction.stands_still(db, claimed.order.id))
    shop.wait(60)
    assert len(shop.claim(shop.chip(2))) == 1
    shop.clean()


def test_the_database_knows_every_rule_and_no_other(shop: World) -> None:
    claimed = shop.sent(CARD)
    for rule in Rule:
        one = Evidence(EvidenceKind.STOCK, VerdictKind.NONE, "x", rule=rule, figures=NO_FIGURES)
        shop.run(lambda db, e=one: evidence.record(db, claimed.attempt_id, e, now_ms=shop.now))
    with pytest.raises(IntegrityError):
        shop.sql(
            "INSERT INTO evidence (attempt_id, at, kind, verdict, detail, rule)"
            " VALUES (?, 0, 'stock', 'NONE', 'x', 'guess')",
            claimed.attempt_id,
        )


def test_the_readings_of_an_attempt_are_those_of_its_time(shop: World) -> None:
    def read(figure: int) -> None:
        shop.run(lambda db: stock.note_reading(db, CARD, figure, "query", now_ms=shop.now))

    shop.wait(1)
    claimed = shop.sent(CARD)
    for figure in (1, 2):
        shop.wait(1)
        read(figure)
    shop.decide(claimed.attempt_id, done=True, number="SN1")
    shop.wait(1)
    read(3)
    attempt = shop.attempt(claimed.attempt_id)
    found = shop.run(lambda db: stock.readings_during(db, attempt))
    assert [one.stock for one in found] == [1, 2]
