"""What is remembered of a chip's day says the same as counting all of it anew."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import Database

from pulsarack.queue import chips, clock_steps, facts
from pulsarack.queue.carried import SETTLED_MS, Carried
from pulsarack.ussd.outcome import Reason
from tests.queue.world import HOUR, World, iccid

CARD, OTHER = iccid(1), iccid(2)


def sales(world: World, card: str, carried: Carried | None) -> facts.Sales:
    def job(db: Database) -> facts.Sales:
        at = facts.moment(db, now_ms=world.now, day_started_at=world.day_starts, carried=carried)
        return facts.standing(db, card, at).sales

    return world.run(job)


def step(world: World, by_ms: int) -> None:
    """Somebody sets the clock, and the daemon follows."""
    world.now += by_ms
    world.run(lambda db: clock_steps.follow(db, by_ms, now_ms=world.now))


def begin(world: World, card: str) -> int:
    """An attempt on its way."""
    world.wait(1)
    world.run(lambda db: chips.trust_stock(db, card))
    return world.sent(card, f"S10.0812{world.now // 1000 % 10**8:08d}").attempt_id


def end(world: World, attempt_id: int, *, done: bool) -> None:
    """It was done, or it came to nothing, and its order with it."""
    world.decide(attempt_id, done=done, reason=None if done else Reason.WRONG_NUMBER)


def test_a_day_is_counted_once(shop: World) -> None:
    carried = Carried()
    for _ in range(5):
        end(shop, begin(shop, CARD), done=True)
    assert sales(shop, CARD, carried).today == 5
    shop.wait(2 * SETTLED_MS // 1000)
    assert sales(shop, CARD, carried).today == 5
    # As if they were not there any more: whoever counted them again would miss them.
    remembered = carried.of(CARD, day_started_at=shop.day_starts, after_attempt=0)
    assert (remembered.number, remembered.until) == (5, shop.now - SETTLED_MS)
    end(shop, begin(shop, CARD), done=True)
    assert sales(shop, CARD, carried).today == 6
    assert sales(shop, CARD, None).today == 6


def test_what_has_not_settled_is_not_remembered(shop: World) -> None:
    """Its transaction may come to nothing, with all that the group wrote."""
    carried = Carried()
    sales(shop, CARD, carried)
    end(shop, begin(shop, CARD), done=True)
    sales(shop, CARD, carried)
    assert carried.of(CARD, day_started_at=shop.day_starts, after_attempt=0).number == 0


def test_each_is_counted_once_where_two_counts_meet(shop: World) -> None:
    carried = Carried()
    claimed_at = shop.now + 1000
    end(shop, begin(shop, CARD), done=True)
    for later in (SETTLED_MS, 3 * SETTLED_MS, 6 * SETTLED_MS):
        shop.now = claimed_at + later
        assert sales(shop, CARD, carried).today == 1


def test_a_day_that_comes_again_is_counted_anew(shop: World) -> None:
    """The clock went ahead, into a day of which something was counted, and was set back."""
    carried = Carried()
    end(shop, begin(shop, CARD), done=True)
    shop.wait(3600)
    assert sales(shop, CARD, carried).today == 1
    step(shop, -12 * HOUR)
    shop.wait(6 * 3600)  # nothing is asked on the day before
    for _ in range(2):
        end(shop, begin(shop, CARD), done=True)
    assert sales(shop, CARD, carried).today == sales(shop, CARD, None).today == 2


class Day:
    """A chip sells; another's attempt is open until somebody knows that it came to nothing."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.agent()
        for number in (1, 2):
            world.chip(number, stock_figure=2_000_000)
        self.open = begin(world, OTHER)

    def do(self, what: str, value: int) -> None:
        """One act."""
        world = self.world
        if what == "wait":
            world.wait(value)
        elif what == "sell":
            end(world, begin(world, CARD), done=bool(value))
        elif what == "fail late":
            end(world, self.open, done=False)
            self.open = begin(world, OTHER)
        elif what == "step":
            step(world, value)
        else:
            world.day_starts = world.now


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 400)),
        st.tuples(st.just("sell"), st.integers(0, 1)),
        st.tuples(st.just("fail late"), st.just(0)),
        st.tuples(st.just("step"), st.sampled_from([-HOUR, HOUR, -90_000, 24 * HOUR])),
        st.tuples(st.just("midnight"), st.just(0)),
    ),
    min_size=4,
    max_size=14,
)


@given(acts=ACTS)
@settings(max_examples=40, deadline=None)
def test_it_agrees_with_counting_all(
    new_world: Callable[[], World], acts: list[tuple[str, int]]
) -> None:
    day, carried = Day(new_world()), Carried()
    try:
        for what, value in acts:
            day.do(what, value)
            for card in (CARD, OTHER):
                assert sales(day.world, card, carried) == sales(day.world, card, None)
    finally:
        day.world.close()
