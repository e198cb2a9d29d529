"""The clock is set while orders wait, chips rest and texts are owed: waits keep their length."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import Database, IntegrityError

from pulsarack.queue import chips, clock_steps, evidence, facts, outcome, texts
from pulsarack.queue.evidence import EvidenceKind
from pulsarack.queue.facts import Limits
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, Text
from pulsarack.queue.rows import scalar
from pulsarack.queue.texts import IncomingText, Meaning, ReadText, Received, TextKind, Window
from pulsarack.ussd.outcome import Reason
from tests.queue.world import HOUR, LATE_MS, LIMIT_SECONDS, TO, World, iccid, success

CARD = iccid(1)
STEPS = [-HOUR, HOUR, -24 * HOUR, 40 * 365 * 24 * HOUR]


def step(world: World, by_ms: int) -> None:
    """Somebody sets the clock, and the daemon follows."""
    world.now += by_ms
    world.run(lambda db: clock_steps.follow(db, by_ms, now_ms=world.now))


def expired(world: World) -> list[int]:
    return [order.id for order in world.run(lambda db: outcome.expire(db, now_ms=world.now))]


def carried(world: World, day_started_at: int) -> facts.Sales:
    """What the chip carried."""

    def job(db: Database) -> facts.Sales:
        at = facts.moment(db, now_ms=world.now, day_started_at=day_started_at)
        return facts.standing(db, CARD, at).sales

    return world.run(job)


@pytest.mark.parametrize("by_ms", STEPS)
def test_an_order_keeps_its_time(shop: World, by_ms: int) -> None:
    order = shop.order()
    shop.wait(LIMIT_SECONDS - 10)
    step(shop, by_ms)
    assert expired(shop) == []
    shop.wait(9)
    assert expired(shop) == []
    shop.wait(1)
    assert expired(shop) == [order.id]
    shop.clean()


@pytest.mark.parametrize("by_ms", STEPS)
def test_a_delayed_order_and_a_resting_chip_come_back_in_time(shop: World, by_ms: int) -> None:
    claimed = shop.sent(CARD)
    shop.decide(claimed.attempt_id, done=False, reason=Reason.OPERATOR_BUSY)  # both wait 15 s
    step(shop, by_ms)
    shop.wait(14)
    assert shop.claim(CARD) == []
    shop.wait(1)
    assert len(shop.claim(CARD)) == 1
    shop.clean()


@pytest.mark.parametrize("by_ms", [0, *STEPS])
def test_an_answer_is_owed_for_its_time(shop: World, by_ms: int) -> None:
    """An order that its stock proved done; its own answer may still come."""
    claimed = shop.sent(CARD)
    shop.decide(claimed.attempt_id, done=True, kind=EvidenceKind.STOCK, answered=False)

    def owed(number: str | None = None, to: str = TO) -> bool:
        def job(db: Database) -> bool:
            order = ("telkomsel", to, 10)
            late = {"now_ms": shop.now, "late_ms": LATE_MS}
            return bool(evidence.doubts(db, CARD, *order, serial_number=number, **late).owed)

        def look(db: Database) -> bool:
            at = facts.moment(db, now_ms=shop.now, day_started_at=shop.day_starts, late_ms=LATE_MS)
            return facts.standing(db, CARD, at, late_ms=LATE_MS).reply_owed

        found = shop.run(job)
        assert to != TO or found == shop.run(look)  # whatever it is asked for
        return found

    shop.wait(100)
    if by_ms:
        step(shop, by_ms)
    shop.wait(LATE_MS // 1000 - 100)
    assert (owed(), owed("SN2"), owed(to="6281200000099")) == (True, True, False)
    shop.wait(1)
    # What was written by a clock that was set back looks new for so much longer.
    assert owed() == (by_ms < 0)


def test_an_undecided_order_that_is_queued_again_has_the_rest_of_its_time(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.suspend(claimed.attempt_id)
    shop.wait(60)
    step(shop, HOUR)
    again = shop.decide(claimed.attempt_id, done=False, reason=Reason.PROVED_NOT_DONE)
    assert again.state == "QUEUED"
    assert again.expires_at - shop.now == (LIMIT_SECONDS - 60) * 1000


@pytest.mark.parametrize("by_ms", STEPS)
def test_a_text_that_waits_keeps_its_time(shop: World, by_ms: int) -> None:
    text = Text("sms", "6281200000012", Kind.RESULT, "BERHASIL", agent=None)
    shop.run(lambda db: outgoing.put(db, text, now_ms=shop.now))
    shop.run(lambda db: outgoing.try_again(db, 1, "busy", pause_ms=5_000, now_ms=shop.now))
    step(shop, by_ms)

    def seen(after_ms: int) -> tuple[int, int]:
        """How many texts are due, and how many are a minute old."""
        now = shop.now + after_ms
        minute = {"answers_before": now - 60_000, "results_before": now - 60_000}
        return shop.run(
            lambda db: (
                sum(at <= now for _, at in outgoing.waiting(db, "sms", limit=9)),
                len(outgoing.overdue(db, "sms", limit=9, **minute)),
            )
        )

    assert [seen(ms) for ms in (4_999, 5_000, 60_000, 60_001)] == [(0, 0), (1, 0), (1, 0), (1, 1)]


def test_a_rest_until_midnight_ends_at_midnight(shop: World) -> None:
    claimed = shop.sent(CARD)
    shop.decide(claimed.attempt_id, done=False, reason=Reason.LIMIT_REACHED)
    step(shop, HOUR)
    assert shop.the_chip(CARD).rest_until == shop.day_ends


@pytest.mark.parametrize("by_ms", STEPS)
def test_a_pause_and_the_limits_of_an_hour_keep_their_length(shop: World, by_ms: int) -> None:
    limits = Limits(pause_seconds=30, per_hour=2)
    for number in (12, 13):
        shop.wait(30)
        shop.order(f"S10.0812000000{number}")
        (claimed,) = shop.claim(CARD, limits=limits)
        shop.commit(claimed.attempt_id)
        shop.decide(
            claimed.attempt_id,
            done=True,
            number=f"SN{number}",
            figure=500_000 - 10_150 * (number - 11),
        )
    shop.wait(10)
    step(shop, by_ms)
    shop.day_starts += by_ms
    sold = carried(shop, shop.day_starts)
    assert (sold.hour, sold.today, shop.now - (sold.last_claimed_at or 0)) == (2, 2, 10_000)
    shop.order("S10.081200000014", limit_seconds=3 * 3600)
    shop.wait(3600 - 41)
    assert shop.claim(CARD, limits=limits) == []
    shop.wait(1)
    assert len(shop.claim(CARD, limits=limits)) == 1
    shop.clean()


@pytest.mark.parametrize("pause", [0, 3, 7200])
@pytest.mark.parametrize("by_ms", [*STEPS, -30 * HOUR, -365 * 24 * HOUR])
def test_a_chip_that_sold_days_ago_sells_at_once(shop: World, by_ms: int, pause: int) -> None:
    claimed = shop.sent(CARD)
    shop.decide(claimed.attempt_id, done=True, number="SN1", figure=500_000 - 10_150)
    shop.wait(3 * 24 * 3600)
    step(shop, by_ms)
    shop.day_starts, shop.day_ends = shop.now - 6 * HOUR, shop.now + 18 * HOUR
    shop.order("S10.081200000013")
    assert len(shop.claim(CARD, limits=Limits(pause_seconds=pause))) == 1


@pytest.mark.parametrize("by_ms", STEPS)
def test_an_order_avoids_a_chip_no_longer_than_the_rule_says(shop: World, by_ms: int) -> None:
    claimed = shop.sent(CARD)
    shop.decide(claimed.attempt_id, done=False, reason=Reason.MODEM_REFUSED)
    shop.run(lambda db: chips.enable(db, CARD))
    shop.run(lambda db: chips.trust_stock(db, CARD))
    step(shop, by_ms)
    shop.wait(121)
    assert len(shop.claim(CARD)) == 1


# --- what is still owed -------------------------------------------------------------------


def test_a_late_text_is_still_owed_when_the_clock_was_set_ahead(shop: World) -> None:
    """Otherwise it would be taken for the next order's."""
    first = shop.sent(CARD)
    shop.suspend(first.attempt_id)
    shop.decide(first.attempt_id, done=True, answered=False)  # by its stock: its text is to come
    shop.wait(60)
    step(shop, HOUR)
    shop.run(lambda db: chips.trust_stock(db, CARD))
    shop.sent(CARD, "S10.2.081200000012")
    assert shop.text(CARD, success("SN1")).meaning is Meaning.AMBIGUOUS
    shop.clean()


def stamped(world: World, number: str, sent_at: int) -> Received:
    """A success text with the time at which the service centre took it."""
    incoming = IncomingText(CARD, f"f{number}", "M-KIOS", f"text {number}", sent_at)
    window = Window(LATE_MS, world.now, world.day_ends)
    return world.run(lambda db: texts.receive(db, incoming, success(number), "telkomsel", window))


def silent_then_open(world: World, *, stepped: bool) -> int:
    """An attempt proved not done by its stock, and the second one of its order, under way."""
    first = world.sent(CARD)
    world.suspend(first.attempt_id)
    world.wait(400)
    world.decide(first.attempt_id, done=False, reason=Reason.PROVED_NOT_DONE, answered=False)
    world.run(lambda db: chips.trust_stock(db, CARD))
    world.wait(30)
    if stepped:
        step(world, HOUR)  # the clock is wrong now, the service centre's is not
    (again,) = world.claim(CARD)
    world.commit(again.attempt_id)
    world.wait(1)
    return again.attempt_id


def test_a_text_is_placed_in_time_while_the_clocks_agree(shop: World) -> None:
    stamped(shop, "SN0", shop.now)
    sent_at = shop.now + 1000
    silent_then_open(shop, stepped=False)
    assert stamped(shop, "SN1", sent_at).meaning is Meaning.CONTRADICTION


def test_a_text_is_not_placed_in_time_by_a_clock_that_is_wrong(shop: World) -> None:
    opened = silent_then_open(shop, stepped=True)
    found = stamped(shop, "SN1", shop.now - HOUR)
    assert (found.meaning, found.attempt_id) == (Meaning.PROOF, opened)
    shop.clean()


def stamped_elsewhere(world: World, card: str, took_ms: int) -> None:
    """A text that is about no order, on a chip of any operator."""
    key = f"e{len(world.sql('SELECT id FROM sms'))}"
    incoming = IncomingText(card, key, "INFO", key, world.now - took_ms)
    window = Window(LATE_MS, world.now, world.day_ends)
    operator = world.the_chip(card).operator or ""
    read = ReadText(TextKind.OTHER)
    world.run(lambda db: texts.receive(db, incoming, read, operator, window))


def test_one_service_centre_is_not_judged_by_another(shop: World) -> None:
    other = shop.chip(2, operator="xl", recipe="xl")
    stamped_elsewhere(shop, other, 0)
    claimed = shop.sent(CARD)
    found = stamped(shop, "SN1", shop.now - HOUR)
    assert (found.meaning, found.attempt_id) == (Meaning.PROOF, claimed.attempt_id)
    shop.clean()


def test_a_wrong_service_centre_leaves_the_others_their_word(shop: World) -> None:
    other = shop.chip(2, operator="xl", recipe="xl")
    stamped(shop, "SN0", shop.now)
    for _ in range(30):
        stamped_elsewhere(shop, other, HOUR)
    sent_at = shop.now + 1000
    silent_then_open(shop, stepped=False)
    assert stamped(shop, "SN1", sent_at).meaning is Meaning.CONTRADICTION
    assert shop.run(clock_steps.operators_that_differ) == ["xl"]


@pytest.mark.parametrize(("texts_of", "named"), [(2, []), (3, ["telkomsel"])])
def test_an_operator_is_named_when_enough_texts_tell(
    shop: World, texts_of: int, named: list[str]
) -> None:
    for _ in range(texts_of):
        stamped_elsewhere(shop, CARD, HOUR)
    assert shop.run(clock_steps.operators_that_differ) == named
    stamped_elsewhere(shop, CARD, 0)
    assert shop.run(clock_steps.operators_that_differ) == []


def test_a_clock_set_ahead_during_a_stop_is_not_believed_by_old_texts(shop: World) -> None:
    before = shop.sent(CARD, "S10.081200000013")
    shop.decide(before.attempt_id, done=True, number="SN9")
    shop.run(lambda db: chips.trust_stock(db, CARD))
    stamped(shop, "SN0", shop.now)  # the clocks agreed once
    shop.now += HOUR  # nobody saw it; it looks like a long stop
    start(shop)
    opened = silent_then_open(shop, stepped=False)
    found = stamped(shop, "SN1", shop.now - HOUR)
    assert (found.meaning, found.attempt_id) == (Meaning.PROOF, opened)
    shop.clean()


# --- the daemon was not there -------------------------------------------------------------


def start(world: World) -> int:
    return world.run(lambda db: clock_steps.follow_since_stop(db, now_ms=world.now))


def test_a_clock_that_was_set_back_meanwhile_is_followed_once(shop: World) -> None:
    order = shop.order()
    shop.now -= HOUR
    assert start(shop) == -HOUR
    assert shop.get(order).expires_at - shop.now == LIMIT_SECONDS * 1000
    shop.wait(5)
    assert start(shop) == 0
    shop.now -= 2 * HOUR  # and again, with nothing written in between
    assert start(shop) == -2 * HOUR + 5000
    shop.wait(LIMIT_SECONDS)
    assert expired(shop) == [order.id]
    shop.clean()


def test_a_long_stop_and_a_small_correction_are_no_steps(shop: World) -> None:
    assert start(shop) == 0  # nothing was ever written
    order = shop.order()
    shop.now -= 1500
    assert start(shop) == 0
    shop.now += 24 * HOUR
    assert start(shop) == 0
    assert expired(shop) == [order.id]


def is_set_since(world: World, since_ms: int) -> bool:
    asked = f"SELECT {clock_steps.is_set_since('?1')}"
    return world.run(lambda db: scalar(db, asked, (since_ms,))) == 1


def test_a_long_stop_does_not_set_the_clock(shop: World) -> None:
    shop.order()
    assert not is_set_since(shop, 0)
    shop.wait(3600)
    since = shop.now - 600_000
    start(shop)
    assert not is_set_since(shop, since)
    step(shop, HOUR)
    assert is_set_since(shop, since + HOUR)
    shop.wait(900)
    start(shop)
    assert is_set_since(shop, shop.now - 1_000_000)
    assert not is_set_since(shop, shop.now - 800_000)


def test_steps_are_kept(shop: World) -> None:
    step(shop, HOUR)
    for statement in ("DELETE FROM clock_step", "UPDATE clock_step SET step = 1"):
        with pytest.raises(IntegrityError, match="append-only"):
            shop.sql(statement)


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 4000), st.just(0) | st.integers(-5 * HOUR, 5 * HOUR)), max_size=6
    ),
    ago=st.integers(1, 8000),
    length=st.integers(1, 8000),
)
def test_looking_back_never_misses_what_is_younger(
    new_world: Callable[[], World], steps: list[tuple[int, int]], ago: int, length: int
) -> None:
    """Whatever steps came since: an attempt of so long ago is found if that is not too long."""
    world = new_world()
    try:
        world.agent()
        world.chip()
        claimed = world.sent(CARD)
        passed = 0
        for seconds, by_ms in steps:
            seconds = min(seconds, ago - passed)
            world.wait(seconds)
            passed += seconds
            if by_ms:
                step(world, by_ms)
            else:
                start(world)  # after a stop; if it was long, it is noted as one that set nothing
        world.wait(ago - passed)
        since = world.run(
            lambda db: clock_steps.stored_since(db, now_ms=world.now, length_ms=length * 1000)
        )
        sold = carried(world, world.now - length * 1000)
        began = world.now - length * 1000
        assert is_set_since(world, began) or since == began
        for more in (0, HOUR, 400 * 24 * HOUR):
            known = world.run(
                lambda db, far=began - more: clock_steps.eras(db, back_to_ms=far)  # type: ignore[misc]
            )
            assert clock_steps.lowest_in(known, began) == since
        if ago <= length:
            assert world.attempt(claimed.attempt_id).claimed_at >= since
        assert sold.today == (ago <= length)
        assert sold.hour == (ago < 3600)
    finally:
        world.close()
