"""What agents type: the same for the same seed, and refused exactly where it says so."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsarack.daemon.demo.workload import AGENTS, Shop, Typed, draw, kill_points
from pulsarack.queue import prefixes, request
from pulsarack.queue.request import Request
from pulsarack.queue.validation import Refusal, normalise_destination

SHOPS = [
    Shop("telkomsel", ("S5", "S10", "S20", "S25", "S50", "S100"), 3, ("00", "01")),
    Shop("indosat", ("I5", "I10"), 1, ("00", "01")),
    Shop("xl", ("X5",), 1, ()),
    Shop("tri", ("T5", "T10"), 1, ("7",)),
]
OPERATOR_OF = {code: shop.operator for shop in SHOPS for code in shop.codes}


def judge(typed: Typed) -> str | Request:
    """What the queue's own readers say, as far as they need no database."""
    wanted = request.parse(typed.text)
    if isinstance(wanted, Refusal):
        return wanted.code.value
    destination = normalise_destination(wanted.destination)
    if isinstance(destination, Refusal):
        return destination.code.value
    if wanted.product not in OPERATOR_OF:
        return "UNKNOWN_PRODUCT"
    known = {f"62{p[1:]}": who for who, ps in prefixes.SHIPPED.items() for p in ps}
    if known.get(destination[:5]) != OPERATOR_OF[wanted.product]:
        return "WRONG_OPERATOR"
    return Request(wanted.product, destination, wanted.repeat_index)


@given(st.integers(0, 2**32), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_texts_are_accepted_or_refused_as_they_say(seed: int, count: int) -> None:
    typed = draw(Random(seed), count, SHOPS)
    orders = [one for one in typed if one.refusal is None]
    mistakes = [one for one in typed if one.refusal is not None]
    assert len(orders) == count
    assert len(mistakes) == max(3, count // 20)
    assert [judge(one) for one in mistakes] == [one.refusal for one in mistakes]
    wanted = [judge(one) for one in orders]
    assert all(isinstance(one, Request) for one in wanted)
    keys = [(one.agent, each) for one, each in zip(orders, wanted, strict=True)]
    assert len(set(keys)) == count, "two orders with one natural key"
    assert len({one.client_reference for one in typed}) == len(typed)
    assert {one.agent for one in typed} <= AGENTS.keys()


def test_the_same_seed_draws_the_same() -> None:
    assert draw(Random(5), 50, SHOPS) == draw(Random(5), 50, SHOPS)
    assert draw(Random(5), 50, SHOPS) != draw(Random(6), 50, SHOPS)


def test_a_day_has_a_bit_of_everything() -> None:
    typed = draw(Random(1), 1000, SHOPS)
    requests = [one for one in map(judge, typed) if isinstance(one, Request)]
    operators = Counter(OPERATOR_OF[one.product] for one in requests)
    assert operators["telkomsel"] > operators["indosat"] > 50
    assert 5 < sum(one.repeat_index == 2 for one in requests) < 100
    bad = [one for one in requests if OPERATOR_OF[one.product] in ("telkomsel", "indosat")]
    assert 5 < sum(one.destination.endswith(("00", "01")) for one in bad) < 100
    assert len({one.refusal for one in typed}) == 5


def test_a_second_top_up_follows_the_first() -> None:
    typed = [one for one in draw(Random(2), 500, SHOPS) if one.refusal is None]
    seen: set[tuple[str, str]] = set()
    for one in typed:
        *head, number = one.text.split(".")
        if len(head) == 2:
            assert (one.agent, f"{head[0]}.{number}") in seen
        seen.add((one.agent, one.text))


@pytest.mark.parametrize("count", [1, 2, 10, 120])
def test_kills_come_in_order_while_there_is_something_to_do(count: int) -> None:
    points = kill_points(Random(3), 5, count)
    counts = [point.count for point in points]
    assert len(points) == 5
    assert counts == sorted(counts)
    assert all(1 <= each <= max(1, count * 4 // 5) for each in counts)
    assert {point.what for point in points} <= {"accepted", "finished"}
