"""A chip that goes on claims by itself what it would be given if it stood idle."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import Database

from pulsarack.queue import attempts, chips, claim
from pulsarack.queue.claim import Claim, IdleChip, Known
from pulsarack.queue.facts import Limits, Presence
from pulsarack.ussd.outcome import Reason
from tests.queue.world import LATE_MS, World, iccid

AGENTS = ("A1", "B1", "C1")
CARD = iccid(1)

Given = tuple[list[Claim], list[tuple[Any, ...]], dict[str, str]]
"""What was claimed, how that stands in the database, and whose turn it was."""


def given_back(world: World, after: str, take: Callable[[Database, Known], list[Claim]]) -> Given:
    """What would be claimed; nothing is."""

    def job(db: Database) -> Given:
        known = Known(turns={"telkomsel": after})
        with db.atomic() as savepoint:
            found = take(db, known)
            written = [tuple(attempts.get(db, one.attempt_id)) for one in found]
            savepoint.rollback()
        return found, written, known.turns

    return world.run(job)


def standing_idle(world: World, after: str, limits: Limits) -> Given:
    def take(db: Database, known: Known) -> list[Claim]:
        idle = {CARD: an_idle_chip(limits)}
        return claim.claim_ready(db, idle, known, now_ms=world.now, day_started_at=world.day_starts)

    return given_back(world, after, take)


def going_on(world: World, after: str, limits: Limits) -> Given:
    def take(db: Database, known: Known) -> list[Claim]:
        chip = chips.find(db, CARD)
        assert chip is not None
        found = claim.claim_for(
            db,
            chip,
            an_idle_chip(limits),
            known,
            now_ms=world.now,
            day_started_at=world.day_starts,
        )
        return [] if found is None else [found]

    return given_back(world, after, take)


def an_idle_chip(limits: Limits) -> IdleChip:
    return IdleChip(Presence("1-1", "imei", limits=limits), "telkomsel", "hash", LATE_MS)


def stand(world: World, order_id: int, how: str) -> None:
    """Let an order wait, in one of the ways in which it may."""
    if how == "later":
        world.sql("UPDATE orders SET not_before = ? WHERE id = ?", world.now + 1, order_id)
    elif how == "restored":
        world.sql("UPDATE orders SET reason = 'RESTORED' WHERE id = ?", order_id)
    elif how.startswith("failed"):
        world.sql(
            "INSERT INTO attempt (order_id, number, chip, slot, modem, recipe, claimed_at,"
            " closed_at, outcome, reason) VALUES (?, 1, ?, '', '', 'hash', ?, ?, 'NOT_DONE', ?)",
            *(order_id, CARD if how == "failed here" else iccid(2), world.now - 9, world.now - 9),
            Reason.UNEXPECTED_SCREEN.value,
        )


WAYS = ("now", "now", "now", "later", "restored", "failed here", "failed elsewhere")


@settings(max_examples=150, deadline=None)
@given(
    sent=st.lists(
        st.tuples(
            st.sampled_from(AGENTS),
            st.sampled_from(("S5", "S10", "S100")),
            st.integers(0, 3),
            st.sampled_from(WAYS),
        ),
        max_size=12,
    ),
    after=st.sampled_from(("", *AGENTS, "zz")),
    stock=st.sampled_from((5_000, 12_000, 500_000)),
    limits=st.builds(
        Limits,
        pause_seconds=st.sampled_from((0, 0, 60)),
        per_hour=st.none() | st.integers(0, 1),
        reserve=st.sampled_from((0, 0, 3_000)),
    ),
    under_way=st.booleans(),
)
def test_both_ways_claim_the_same(
    new_world: Callable[[], World],
    sent: list[tuple[str, str, int, str]],
    after: str,
    stock: int,
    limits: Limits,
    under_way: bool,
) -> None:
    world = new_world()
    for code in AGENTS:
        world.agent(code, deposit=5_000_000)
    world.chip(1, stock)
    other = world.chip(2)
    if under_way:
        world.sent(other, "S5.99.081200000000")
    for place, (agent, text, number, how) in enumerate(sent, start=1):
        one = world.order(f"{text}.{place}.0812000000{number:02d}", agent=agent)
        stand(world, one.id, how)
    alone, idle = going_on(world, after, limits), standing_idle(world, after, limits)
    assert alone == idle
    world.close()


def test_what_is_not_for_the_chip_is_passed_by(world: World) -> None:
    for code in AGENTS:
        world.agent(code)
    world.chip(1, 20_000)
    world.order("S100.081200000012", agent="A1")
    cheap = world.order("S10.081200000013", agent="B1")
    (found,), _, turns = going_on(world, "", Limits())
    assert found.order.id == cheap.id
    assert turns == {"telkomsel": "B1"}


def test_a_chip_that_may_not_sell_claims_nothing(world: World) -> None:
    world.agent()
    world.chip(1)
    world.order()
    world.run(lambda db: chips.doubt_stock(db, CARD))
    assert going_on(world, "", Limits()) == ([], [], {"telkomsel": ""})
