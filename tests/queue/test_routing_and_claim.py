"""Which chip takes which order, and that a claim is on disk before anything else."""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import IntegrityError

from pulsarack.queue import chips
from pulsarack.queue.claim import LOOK_AHEAD
from pulsarack.queue.facts import Limits
from pulsarack.queue.products import Product, put
from pulsarack.queue.routing import (
    HOUR_MS,
    ChipFacts,
    OrderFacts,
    can_take,
    first_able,
    judge,
    ranked,
    route,
)
from pulsarack.ussd.outcome import Reason
from tests.queue.world import HOUR, World, iccid

NOW = 10 * HOUR_MS
ORDER = OrderFacts("telkomsel", 10_150)
ABLE = ChipFacts(
    iccid="A",
    name="a",
    operator="telkomsel",
    state="ACTIVE",
    why="",
    present=True,
    busy="",
    stock_exact=True,
    stock_posted=10_150,
    stock_available=10_150,
    reserve=0,
    pause_seconds=10,
    per_hour=5,
    per_day=9,
    sold_hour=4,
    sold_today=8,
    last_claimed_at=NOW - 10_000,
)

UNABLE = [
    ({"operator": "xl"}, "sells xl, not telkomsel"),
    ({"operator": ""}, "sells nothing, not telkomsel"),
    ({"state": "RESTING", "why": "NO_REPLY"}, "resting: NO_REPLY"),
    ({"state": "OUT", "why": "CHIP_BARRED"}, "out: CHIP_BARRED"),
    ({"state": "NEW"}, "new"),
    ({"present": False}, "not plugged in, or its modem is not ready"),
    ({"busy": "selling order 7"}, "busy: selling order 7"),
    ({"stock_exact": False}, "its stock has to be read first"),
    ({"stock_available": 10_149}, "stock 10149 less cost 10150 is below reserve 0"),
    ({"reserve": 1}, "stock 10150 less cost 10150 is below reserve 1"),
    ({"last_claimed_at": NOW - 9_999}, "pauses 1 s more"),
    ({"last_claimed_at": NOW}, "pauses 10 s more"),
    ({"sold_hour": 5}, "rests: 5 of 5 an hour sold"),
    ({"per_hour": 0, "sold_hour": 0}, "rests: 0 of 0 an hour sold"),
    ({"sold_today": 9}, "rests: 9 of 9 a day sold"),
    ({"avoid_until": NOW + 1}, "this order failed on it a moment ago"),
]


@pytest.mark.parametrize(("change", "reason"), UNABLE)
def test_each_rule_says_why(change: dict[str, Any], reason: str) -> None:
    chip = ABLE._replace(**change)
    assert judge(ORDER, chip, NOW).reasons == (reason,)
    assert not can_take(ORDER, chip, NOW)
    assert route(ORDER, [chip], NOW).winner is None


def test_a_chip_on_every_limit_may_sell() -> None:
    assert judge(ORDER, ABLE._replace(avoid_until=NOW), NOW).reasons == ()
    assert can_take(ORDER, ABLE._replace(avoid_until=NOW), NOW)
    assert route(ORDER, [ABLE], NOW).winner == "A"
    assert route(ORDER, [], NOW).winner is None


def test_a_contested_order_goes_to_nobody() -> None:
    found = route(ORDER._replace(contested=True), [ABLE], NOW)
    assert found.winner is None
    assert "under way" in found.verdicts[0].reasons[0]


def test_all_reasons_are_told() -> None:
    bad = ABLE._replace(operator="xl", present=False, busy="x", stock_exact=False)
    assert len(judge(ORDER, bad, NOW).reasons) == 4


PREFERRED = [
    ({"sold_today": 1}, {"sold_today": 2}, "A"),
    ({"sold_today": 2}, {"sold_today": 1}, "B"),
    ({"last_claimed_at": 1}, {"last_claimed_at": 2}, "A"),
    ({"last_claimed_at": 2}, {"last_claimed_at": None}, "B"),
    ({}, {}, "A"),
]


@pytest.mark.parametrize(("first", "second", "winner"), PREFERRED)
def test_the_least_loaded_wins_then_the_longest_idle_then_the_lower_iccid(
    first: dict[str, Any], second: dict[str, Any], winner: str
) -> None:
    mine, other = ABLE._replace(**first), ABLE._replace(iccid="B", **second)
    assert route(ORDER, [mine, other], NOW).winner == winner
    assert route(ORDER, [other, mine], NOW).winner == winner


FACTS = st.builds(
    ChipFacts,
    iccid=st.uuids().map(str),
    name=st.just("n"),
    operator=st.sampled_from(["telkomsel", "xl"]),
    state=st.sampled_from(["ACTIVE", "ACTIVE", "ACTIVE", "OUT"]),
    why=st.just(""),
    present=st.booleans(),
    busy=st.sampled_from(["", "", "x"]),
    stock_exact=st.booleans(),
    stock_posted=st.integers(0, 40_000),
    stock_available=st.integers(0, 40_000),
    reserve=st.integers(0, 20_000),
    pause_seconds=st.integers(0, 5),
    per_hour=st.none() | st.integers(0, 3),
    per_day=st.none() | st.integers(0, 3),
    sold_hour=st.integers(0, 3),
    sold_today=st.integers(0, 3),
    last_claimed_at=st.none() | st.integers(NOW - 6000, NOW),
    avoid_until=st.none() | st.integers(NOW - 1, NOW + 1),
)


@given(
    st.lists(FACTS, max_size=6, unique_by=lambda c: c.iccid),
    st.dictionaries(st.integers(0, 5), st.integers(NOW - 1, NOW + 1)),
    st.integers(0, 3),
)
def test_who_has_ranked_the_chips_chooses_the_same(
    chips: list[ChipFacts], avoided: dict[int, int], further: int
) -> None:
    bare = [chip._replace(avoid_until=None) for chip in chips]
    until = {bare[n].iccid: at for n, at in avoided.items() if n < len(bare)}
    whole = route(ORDER, [c._replace(avoid_until=until.get(c.iccid)) for c in bare], NOW)
    found = first_able(ORDER, ranked(bare), until, NOW, further=further)
    assert found.winner == whole.winner
    assert set(found.verdicts) <= set(whole.verdicts)
    able = [one.iccid for one in found.verdicts if not one.reasons]
    assert able[:1] == [whole.winner][: len(able)]


@given(st.lists(FACTS, max_size=6, unique_by=lambda c: c.iccid), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_chips(
    facts: list[ChipFacts], rng: random.Random
) -> None:
    shuffled = list(facts)
    rng.shuffle(shuffled)
    found = route(ORDER, facts, NOW)
    assert route(ORDER, shuffled, NOW).winner == found.winner
    winner = {chip.iccid: chip for chip in facts}.get(found.winner or "")
    able = [verdict.iccid for verdict in found.verdicts if not verdict.reasons]
    assert (winner is None) == (not able)
    if winner is not None:
        assert winner.iccid in able
        assert winner.stock_available - ORDER.cost >= winner.reserve


@given(st.integers(1, 12))
@settings(deadline=None)
def test_equal_chips_carry_equal_loads(count: int) -> None:
    rack = {
        str(n): ABLE._replace(
            iccid=str(n),
            stock_available=10**9,
            per_hour=None,
            per_day=None,
            pause_seconds=0,
            sold_today=0,
            last_claimed_at=None,
        )
        for n in range(count)
    }
    for at in range(100):
        winner = route(ORDER, rack.values(), NOW + at).winner
        assert winner is not None
        chip = rack[winner]
        rack[winner] = chip._replace(sold_today=chip.sold_today + 1, last_claimed_at=NOW + at)
    loads = [chip.sold_today for chip in rack.values()]
    assert max(loads) - min(loads) <= 1
    assert max(loads) <= max(1.2 * 100 / count, 100 / count + 1)


# --- claims -------------------------------------------------------------------------------


def test_a_claim_is_written_with_its_cost_held(shop: World) -> None:
    order = shop.order()
    (claimed,) = shop.claim(iccid(1))
    attempt = shop.attempt(claimed.attempt_id)
    assert (claimed.order.id, claimed.number, claimed.chip) == (order.id, 1, iccid(1))
    assert (attempt.order_id, attempt.number, attempt.committed_at) == (order.id, 1, None)
    assert (attempt.slot, attempt.modem, attempt.recipe) == ("1-1", "imei", "hash")
    assert attempt.stock_before == 500_000
    assert json.loads(attempt.routing)[0]["won"] is True
    assert shop.get(order).state == "SENDING"
    assert shop.stock(iccid(1)).held == 10_150
    assert shop.phase(f"attempt:{claimed.attempt_id}:cost") == "open"
    shop.clean()


@pytest.mark.parametrize("at_once", [False, True])
def test_a_claim_that_is_sent_at_once_is_its_point_of_no_return(shop: World, at_once: bool) -> None:
    shop.order()
    (claimed,) = shop.claim(iccid(1), at_once=at_once)
    attempt = shop.attempt(claimed.attempt_id)
    assert claimed.committed == at_once
    assert attempt.committed_at == (attempt.claimed_at if at_once else None)
    shop.clean()


def test_nothing_to_do_claims_nothing(shop: World) -> None:
    assert shop.claim(iccid(1)) == []
    shop.order()
    assert shop.claim() == []
    assert shop.claim(iccid(9)) == []  # a chip nobody knows


def test_an_open_attempt_keeps_its_chip_and_its_order(shop: World) -> None:
    other = shop.chip(2)
    first = shop.sent(iccid(1))
    shop.order("S10.081200000013")
    assert shop.claim(iccid(1)) == []
    shop.suspend(first.attempt_id)
    shop.wait(3600)
    assert shop.claim(iccid(1)) == []
    again = "INSERT INTO attempt (order_id, number, chip, slot, modem, recipe, claimed_at)"
    with pytest.raises(IntegrityError):
        shop.sql(f"{again} VALUES (?, 2, ?, '', '', 'hash', 0)", first.order.id, other)
    with pytest.raises(IntegrityError):
        shop.sql(f"{again} VALUES (2, 1, ?, '', '', 'hash', 0)", iccid(1))
    shop.clean()


def test_no_two_equal_orders_are_under_way_on_an_operator(shop: World) -> None:
    second_chip = shop.chip(2)
    first = shop.order("S10.081200000012")
    equal = shop.order("S10.2.081200000012")
    other = shop.order("S5.081200000012")
    claims = shop.claim(iccid(1), second_chip)
    assert {c.order.id for c in claims} == {first.id, other.id}
    mine = next(c for c in claims if c.order.id == first.id)
    free = next(c for c in claims if c.order.id == other.id)
    shop.commit(mine.attempt_id)
    shop.commit(free.attempt_id)
    shop.decide(free.attempt_id, done=True, figure=494_875)
    assert shop.claim(free.chip) == []
    shop.suspend(mine.attempt_id)
    assert shop.claim(free.chip) == []
    shop.decide(mine.attempt_id, done=False, reason=Reason.WRONG_NUMBER)
    assert [c.order.id for c in shop.claim(free.chip)] == [equal.id]
    shop.clean()


def test_however_many_contested_orders_wait_those_behind_them_go(shop: World) -> None:
    stuck = shop.sent(iccid(1))
    shop.suspend(stuck.attempt_id)
    for number in range(2, 4 + LOOK_AHEAD):
        shop.order(f"S10.{number}.081200000012")
    last = shop.order("S10.081200000013")
    assert [c.order.id for c in shop.claim(shop.chip(2))] == [last.id]


def test_however_many_dear_orders_wait_the_cheap_ones_go(shop: World) -> None:
    poor = shop.chip(2, 20_000)
    for number in range(LOOK_AHEAD + 1):
        shop.order(f"S100.0812000001{number:02d}")
    cheap = shop.order()
    assert [c.order.id for c in shop.claim(poor)] == [cheap.id]


def test_an_order_avoids_a_chip_that_failed_it(shop: World) -> None:
    shop.order()
    (first,) = shop.claim(iccid(1))
    shop.decide(first.attempt_id, done=False, reason=Reason.UNEXPECTED_SCREEN)
    shop.run(lambda db: chips.enable(db, iccid(1)))
    shop.run(lambda db: chips.trust_stock(db, iccid(1)))
    shop.wait(10)
    assert shop.claim(iccid(1)) == []
    other = shop.order("S5.081200000013")
    assert [c.order.id for c in shop.claim(iccid(1))] == [other.id]
    second = shop.chip(2)
    (again,) = shop.claim(second)
    assert (again.order.id, again.number) == (first.order.id, 2)


def test_a_failed_chip_is_tried_again_after_a_while(shop: World) -> None:
    shop.order()
    (first,) = shop.claim(iccid(1))
    shop.decide(first.attempt_id, done=False, reason=Reason.NO_NETWORK)
    shop.wait(119)
    assert shop.claim(iccid(1)) == []
    shop.wait(1)
    assert len(shop.claim(iccid(1))) == 1


def test_an_order_waits_its_delay_and_no_longer_than_its_time(shop: World) -> None:
    order = shop.order()
    (first,) = shop.claim(iccid(1))
    shop.decide(first.attempt_id, done=False, reason=Reason.OPERATOR_BUSY)
    shop.now = shop.get(order).not_before - 1
    assert shop.claim(iccid(1)) == []
    shop.now += 1
    assert len(shop.claim(iccid(1))) == 1
    late = shop.order("S5.081200000013")
    shop.now = late.expires_at
    assert shop.claim(shop.chip(2)) == []


def sold(world: World, card: str, digit: int) -> bool:
    """Try to sell one more, at once."""
    world.order(f"S5.08120000{digit:04d}")
    claims = world.claim(card)
    for one in claims:
        world.commit(one.attempt_id)
        figure = world.stock(card).posted - 5_125
        world.decide(one.attempt_id, done=True, figure=figure, number=f"SN{digit}")
    return bool(claims)


def test_pacing_and_caps(shop: World) -> None:
    card = shop.chip(2, pause_seconds=10, per_hour=2, per_day=3)
    assert sold(shop, card, 1)
    shop.wait(9)
    assert not sold(shop, card, 2)
    shop.wait(1)
    assert sold(shop, card, 3)
    shop.wait(10)
    assert not sold(shop, card, 4)  # two in this hour
    shop.now += HOUR
    assert sold(shop, card, 5)
    shop.now += 2 * HOUR
    assert not sold(shop, card, 6)  # three today
    shop.day_starts, shop.day_ends = shop.now, shop.now + 24 * HOUR
    assert sold(shop, card, 7)


def test_a_chips_own_limits_go_before_the_recipes(shop: World) -> None:
    theirs = Limits(pause_seconds=0, per_hour=0, per_day=0)
    shop.order()
    assert shop.claim(iccid(1), limits=theirs) == []
    own = shop.chip(2, per_hour=5, per_day=5)
    assert len(shop.claim(own, limits=theirs)) == 1


def test_what_was_sold_in_the_last_hour_is_shown_without_a_limit(shop: World) -> None:
    card = shop.chip(2, per_hour=5)
    for number, one in enumerate((iccid(1), card, iccid(1)), start=1):
        assert sold(shop, one, number)
    order = shop.order()
    assert [(chip.sold_hour, chip.sold_today) for chip in shop.judged(order, [card])] == [
        (2, 2),
        (1, 1),
    ]
    shop.now += HOUR
    assert [(chip.sold_hour, chip.sold_today) for chip in shop.judged(order, [card])] == [
        (0, 2),
        (0, 1),
    ]


@pytest.mark.usefixtures("each_job_runs_once")
def test_an_hour_that_no_limit_asks_for_is_not_counted(shop: World) -> None:
    """Counted in steps of the database's machine: a busy chip has thousands of attempts a day."""
    shop.order()
    of_today = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO attempt (order_id, number, chip, slot, modem, recipe, claimed_at,"
        " committed_at, closed_at, outcome, answered)"
        " SELECT 1, 1000 + i, ?, '', '', 'hash', ?, 1, 2, 'DONE', 1 FROM n"
    )
    shop.sql(of_today, iccid(1), shop.now)

    def steps(limits: Limits) -> int:
        counted = []
        connection = shop.store._db.connection()  # type: ignore[no-untyped-call]
        connection.set_progress_handler(lambda: bool(counted.append(1)), 10)  # type: ignore[func-returns-value]
        try:
            assert shop.claim(iccid(1), limits=limits) == []
        finally:
            connection.set_progress_handler(None)
        return len(counted)

    without, with_it = steps(Limits(per_day=1)), steps(Limits(per_day=1, per_hour=1))
    assert without < 0.6 * with_it


def test_attempts_proved_undone_do_not_count_against_the_caps(shop: World) -> None:
    card = shop.chip(2, per_hour=1, per_day=1)
    shop.order()
    (first,) = shop.claim(card)
    shop.decide(first.attempt_id, done=False, reason=Reason.MODEM_LOST)
    shop.wait(2)
    assert len(shop.claim(card)) == 1


def test_a_chip_is_never_taken_below_its_reserve(shop: World) -> None:
    card = shop.chip(2, 30_000, reserve=9_700)
    for digit in range(8):
        shop.wait(1)
        sold(shop, card, digit)
        assert shop.stock(card).posted >= 9_700
    assert shop.stock(card).posted == 30_000 - 3 * 5_125


def test_a_chip_whose_stock_is_in_doubt_does_not_sell(shop: World) -> None:
    unread = shop.chip(2, None)
    shop.run(lambda db: chips.doubt_stock(db, iccid(1)))
    shop.order()
    assert shop.claim(iccid(1), unread) == []


def test_a_hundred_orders_are_spread_over_the_rack(new_world: Callable[[], World]) -> None:
    world = new_world()
    world.agent(deposit=10_000_000)
    cards = [world.chip(number, 5_000_000) for number in range(1, 6)]
    for number in range(100):
        world.order(f"S10.08120000{number:04d}")
        world.wait(1)
        (one,) = world.claim(*cards)
        world.commit(one.attempt_id)
        figure = world.stock(one.chip).posted - 10_150
        world.decide(one.attempt_id, done=True, number=f"SN{number}", figure=figure)
    loads = Counter(chip for (chip,) in world.sql("SELECT chip FROM attempt"))
    assert max(loads.values()) <= 1.2 * 100 / len(cards)
    world.clean()
    world.close()


def test_operators_are_claimed_apart(shop: World) -> None:
    tri = Product("T5", "tri", "Tri 5", 5, 5_600, 5_125, None, 1)
    shop.run(lambda db: put(db, tri))
    theirs = shop.chip(2, operator="tri", recipe="tri")
    shop.order()
    shop.order("T5.089500000012")
    claims = {c.chip: c.order.operator for c in shop.claim(theirs, iccid(1))}
    assert claims == {iccid(1): "telkomsel", theirs: "tri"}
    shop.clean()


def test_the_facts_of_the_rack_say_who_is_there(shop: World) -> None:
    shop.chip(2)
    order = shop.order()
    there, away = shop.judged(order, [iccid(1)])
    assert (there.present, away.present) == (True, False)
    assert there.stock_available == 500_000
