"""How undecided orders were decided, in a few figures; and late proofs that people must see."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import Database

from pulsarack.queue import clock_steps, contradiction, decisions
from pulsarack.queue.decisions import Figures, Spell
from pulsarack.queue.errors import NotOpen
from pulsarack.queue.evidence import EvidenceKind, of_attempt
from pulsarack.queue.texts import Meaning
from tests.queue.world import World, iccid, success

CARD = iccid(1)


def undecided(world: World, to: str, card: str = CARD) -> int:
    """An order that nobody knows the end of; its attempt."""
    world.sql("UPDATE chip SET stock_exact = 1 WHERE iccid = ?", card)
    claimed = world.sent(card, f"S10.{to}")
    world.suspend(claimed.attempt_id)
    return claimed.attempt_id


def every_spell(db: Database) -> list[Spell]:
    return decisions.spells(db, None)


# --- figures ------------------------------------------------------------------------------


def test_each_spell_has_its_length_and_what_ended_it(shop: World) -> None:
    for seconds, (kind, done) in enumerate(
        [
            (EvidenceKind.LATE_SMS, True),
            (EvidenceKind.STOCK, False),
            (EvidenceKind.HISTORY, True),
            (EvidenceKind.ADMIN, False),
        ],
        start=10,
    ):
        attempt = undecided(shop, f"0812000000{seconds}")
        shop.wait(seconds)
        # Past its time, so that what was not done fails instead of being tried again.
        shop.sql("UPDATE orders SET expires_at = ?", shop.now)
        shop.decide(attempt, done=done, kind=kind, number=f"SN{seconds}" if done else None)
    undecided(shop, "081200000020")
    shop.text(CARD, success("SN10"))
    assert shop.run(every_spell) == [
        Spell(1, 10_000, "late_sms"),
        Spell(2, 11_000, "stock"),
        Spell(3, 12_000, "history"),
        Spell(4, 13_000, "admin"),
        Spell(5, None, None),
    ]


def test_an_order_that_was_tried_again_has_a_spell_each_time(shop: World) -> None:
    first = undecided(shop, "081200000012")
    shop.wait(60)
    shop.decide(first, done=False, kind=EvidenceKind.STOCK)
    shop.wait(120)
    shop.sql("UPDATE orders SET not_before = 0")
    shop.chip(2)
    (again,) = shop.claim(iccid(2))
    shop.commit(again.attempt_id)
    shop.suspend(again.attempt_id)
    shop.wait(5)
    shop.text(iccid(2), success("SN1"))
    found = shop.run(every_spell)
    assert found == [Spell(1, 60_000, "stock"), Spell(1, 5_000, "late_sms")]
    assert decisions.summary(found).orders == 1


@pytest.mark.parametrize("step", [-3_600_000, 3_600_000])
def test_a_step_of_the_clock_is_no_part_of_a_length(shop: World, step: int) -> None:
    attempt = undecided(shop, "081200000012")
    shop.wait(30)
    shop.now += step
    shop.run(lambda db: clock_steps.follow(db, step, now_ms=shop.now))
    shop.wait(12)
    shop.decide(attempt, done=True, number="SN1", kind=EvidenceKind.STOCK)
    assert shop.run(every_spell) == [Spell(1, 42_000, "stock")]


def test_only_the_newest_spells_are_asked_for(shop: World) -> None:
    for number in range(3):
        undecided(shop, f"08120000001{number}")
        shop.sql(
            "UPDATE attempt SET closed_at = ?, outcome = 'DONE' WHERE closed_at IS NULL", shop.now
        )
    assert [one.order_id for one in shop.run(lambda db: decisions.spells(db, 2))] == [2, 3]
    assert len(shop.run(every_spell)) == 3


def test_no_spells_have_no_figures() -> None:
    assert decisions.summary([]) == Figures(0, 0, {}, None, None)


def test_the_figures_of_some_spells() -> None:
    found = [Spell(n, n * 1000, "stock") for n in range(1, 101)] + [Spell(100, None, None)]
    assert decisions.summary(found) == Figures(100, 1, {"stock": 100}, 50_000, 95_000)


@given(st.lists(st.integers(-5, 1000), min_size=1, max_size=50))
def test_a_rank_is_one_of_the_lengths_and_in_order(lengths: list[int]) -> None:
    figures = decisions.summary([Spell(n, one, "stock") for n, one in enumerate(lengths)])
    clamped = sorted(max(0, one) for one in lengths)
    assert figures.median_ms in clamped and figures.p95_ms in clamped
    assert figures.median_ms <= figures.p95_ms
    assert sum(one <= figures.p95_ms for one in clamped) * 100 >= 95 * len(clamped)


# --- late proofs --------------------------------------------------------------------------


def refuted(world: World) -> int:
    """A failed order, refunded and told, that a text says was done; its attempt."""
    claimed = world.sent(CARD, limit_seconds=1)
    world.suspend(claimed.attempt_id)
    world.wait(2)
    world.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    assert world.get(claimed.order).state == "FAILED"
    assert world.text(CARD, success("SN1")).meaning is Meaning.CONTRADICTION
    return claimed.attempt_id


def acknowledge(world: World, order_id: int) -> None:
    world.run(
        lambda db: contradiction.acknowledge(
            db, order_id, because="the agent paid again", who="admin1", now_ms=world.now
        )
    )


def test_a_failed_order_that_was_done_is_listed_and_nothing_moves(shop: World) -> None:
    attempt = refuted(shop)
    (order,) = shop.run(contradiction.refuted)
    assert order.id == shop.attempt(attempt).order_id
    assert shop.run(contradiction.undecided) == []
    assert shop.deposit().available == 1_000_000
    assert [rule for rule, _ in shop.findings()] == ["P4"]


def test_a_person_s_word_takes_it_from_the_list_once(shop: World) -> None:
    attempt = refuted(shop)
    money = shop.contents()["transfer"]
    acknowledge(shop, 1)
    word = shop.run(lambda db: of_attempt(db, attempt))[-1]
    assert (word.kind, word.verdict, word.rule) == ("admin", "NONE", "acknowledged")
    assert (word.decided_by, word.detail) == ("admin1", "the agent paid again")
    assert shop.run(contradiction.refuted) == []
    assert shop.contents()["transfer"] == money
    assert shop.get(1).state == "FAILED"
    shop.clean()
    with pytest.raises(NotOpen, match="no late proof"):
        acknowledge(shop, 1)


def failed_simply(world: World) -> None:
    claimed = world.sent(CARD, limit_seconds=1)
    world.wait(2)
    world.decide(claimed.attempt_id, done=False, answered=False)


def standing_still(world: World) -> None:
    claimed = world.sent(CARD)
    world.suspend(claimed.attempt_id)
    world.decide(claimed.attempt_id, done=False, kind=EvidenceKind.STOCK, answered=False)
    world.differ(CARD, 100)
    world.text(CARD, success("SN1"))


@pytest.mark.parametrize("make", [failed_simply, standing_still])
def test_other_orders_are_not_acknowledged(shop: World, make: Callable[[World], None]) -> None:
    make(shop)
    before = shop.contents()
    with pytest.raises(NotOpen):
        acknowledge(shop, 1)
    assert shop.contents() == before
    assert shop.run(contradiction.refuted) == []
