"""What was measured: one figure is several rounds of one thing, beside its reference.

A figure without its spread says nothing about the machine it came from, and one without a
reference nothing about the program; so both are part of it, and of the JSON. A reference is
either measured in the same run, in rounds of its own, or a number that cannot be exceeded.
A goal is held against the median.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Summary:
    """The spread of some rounds."""

    least: float
    median: float
    most: float
    rounds: int


def summary(values: Sequence[float]) -> Summary:
    """The spread of at least one value."""
    if not values:
        raise ValueError("nothing was measured: a figure needs at least one round")
    return Summary(min(values), median(values), max(values), len(values))


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("nothing was measured: a percentile needs at least one value")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Goal:
    """What the median should be: no more than a limit, or no less."""

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value is on the right side of the limit."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:.4g}"


@dataclass(frozen=True, slots=True)
class Reference:
    """What a figure is held against, in the same unit."""

    name: str
    rounds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing, measured some times. `note` says what is counted, if the name does not."""

    bench: str
    name: str
    unit: str
    rounds: tuple[float, ...]
    reference: Reference | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def summary(self) -> Summary:
        """The spread."""
        return summary(self.rounds)

    def times_reference(self) -> float | None:
        """The median in medians of the reference; None if there is none, or it is 0."""
        if self.reference is None:
            return None
        beside = summary(self.reference.rounds).median
        return self.summary.median / beside if beside else None

    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        return None if self.goal is None else self.goal.met(self.summary.median)


def as_json(figure: Figure) -> dict[str, Any]:
    """A figure as it is written: its rounds, what follows from them, and the reference."""
    row: dict[str, Any] = {
        "bench": figure.bench,
        "name": figure.name,
        "unit": figure.unit,
        "rounds": list(figure.rounds),
        **_spread(figure.summary),
        "note": figure.note,
    }
    if figure.reference is not None:
        beside = summary(figure.reference.rounds)
        row["reference"] = {
            "name": figure.reference.name,
            "rounds": list(figure.reference.rounds),
            **_spread(beside),
        }
        row["times_reference"] = figure.times_reference()
    if figure.goal is not None:
        row["goal"] = {"limit": figure.goal.limit, "at_least": figure.goal.at_least}
        row["goal_met"] = figure.met()
    return row


def _spread(found: Summary) -> dict[str, float]:
    return {"min": found.least, "median": found.median, "max": found.most}
