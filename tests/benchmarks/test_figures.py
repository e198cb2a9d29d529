"""The arithmetic of the figures, and how they look in a table and in JSON."""

import json

import pytest

from benchmarks.figures import Figure, Goal, Reference, as_json, percentile, summary
from benchmarks.table import number, table

QUICK = Figure(
    "rack",
    "daemon CPU, 8 modems",
    "ms/top-up",
    (1.25, 1.0, 2.0),
    Reference("a bare loop", (0.5, 0.25, 1.0)),
    Goal(1.5),
    "all threads",
)
SLOW = Figure("rack", "occupancy", "", (0.5,), goal=Goal(0.98, at_least=True))


def test_the_spread() -> None:
    spread = summary([3.0, 1.0, 2.0, 10.0])
    assert (spread.least, spread.median, spread.most, spread.rounds) == (1.0, 2.5, 10.0, 4)
    with pytest.raises(ValueError, match="at least one round"):
        summary([])


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.505, 51), (0.99, 99), (1.0, 100)]
)
def test_percentiles_are_values_that_were_seen(share: float, expected: int) -> None:
    assert percentile(range(100, 0, -1), share) == expected


def test_a_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        percentile([], 0.5)


def test_goals_hold_at_their_limit() -> None:
    assert [Goal(1.5).met(value) for value in (1.0, 1.5, 1.6)] == [True, True, False]
    assert [Goal(1.5, at_least=True).met(value) for value in (1.0, 1.5, 1.6)] == [False, True, True]


def test_a_figure_beside_its_reference() -> None:
    assert QUICK.times_reference() == 2.5
    assert QUICK.met() is True
    assert SLOW.times_reference() is None
    assert SLOW.met() is False
    idle = Figure("rack", "x", "", (1.0,), Reference("nothing", (0.0,)))
    assert idle.times_reference() is None
    assert idle.met() is None


def test_json_holds_every_round_and_what_follows() -> None:
    row = json.loads(json.dumps(as_json(QUICK)))
    assert row == {
        "bench": "rack",
        "name": "daemon CPU, 8 modems",
        "unit": "ms/top-up",
        "rounds": [1.25, 1.0, 2.0],
        "min": 1.0,
        "median": 1.25,
        "max": 2.0,
        "note": "all threads",
        "reference": {
            "name": "a bare loop",
            "rounds": [0.5, 0.25, 1.0],
            "min": 0.25,
            "median": 0.5,
            "max": 1.0,
        },
        "times_reference": 2.5,
        "goal": {"limit": 1.5, "at_least": False},
        "goal_met": True,
    }
    assert not {"reference", "times_reference"} & as_json(SLOW).keys()


def test_the_table() -> None:
    assert table([QUICK, SLOW]).splitlines() == [
        "bench  figure                  min  median    max  unit       reference   times  goal",
        "-----  --------------------  -----  ------  -----  ---------  ---------  ------  -------  "
        "------",
        "rack   daemon CPU, 8 modems   1.00    1.25   2.00  ms/top-up      0.500  2.50 x  <= 1.5   "
        "met",
        "rack   occupancy             0.500   0.500  0.500                                >= 0.98  "
        "missed",
        "",
        "rack: all threads",
        "rack: the reference of daemon CPU is a bare loop",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.0194, "0.019"),
        (-0.5, "-0.500"),
        (0.98765, "0.988"),
        (1.0, "1.00"),
        (12.34, "12.3"),
        (99.96, "100.0"),
        (123.4, "123"),
        (2512.3, "2512"),
    ],
)
def test_numbers_say_about_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown
