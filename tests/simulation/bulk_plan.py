"""Requests of many orders that some seeds draw: of one agent, whose program sends them together.

Among what is right there are orders that come twice in one request, or in a later one again, a
reference that is used for something else, and what is no order at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.simulation.crashes import CrashPoint

# Residue of seeds in which an agent orders so: none of those that others know by their number.
EVERY, RESIDUE = 13, 9
AGENT = "grosir"
# The largest is more than is placed by one job of the store.
SIZES = (2, 3, 4, 6, 9, 9, 36)
# How often the daemon dies of a request, and after how many points at most.
DIES = 0.5
DEATHS = (
    (CrashPoint.AFTER_COMMIT, 2),
    (CrashPoint.AFTER_COMMIT, 2),
    (CrashPoint.BEFORE_COMMIT, 2),
    (CrashPoint.AWAIT, 60),
)
# What is no order.
BAD: tuple[Any, ...] = (
    {"text": "halo"},
    {"text": "Z5.081200000010"},
    {"text": "S5.12"},
    {"text": "S5.2.X5.081200000010"},
    {"text": "S5.081200000010", "client_reference": ""},
    {"text": "S5.081200000010", "client_reference": "x" * 65},
    {"text": "S5.081200000010", "price": 1},
    {"product": "S5", "destination": "081200000010", "repeat_index": 100},
    {},
    "S5.081200000010",
)


@dataclass(frozen=True)
class Good:
    """One order of a request. `reference` None: its natural key makes a repeat harmless."""

    product: str
    destination: str
    repeat_index: int
    reference: str | None


@dataclass(frozen=True)
class Bad:
    """What must be refused in its place; `said` are its arguments besides the agent."""

    said: Any


USED = Bad("a reference that is an order's, for something else")


@dataclass(frozen=True)
class Request:
    """One request at its time; `dies` is armed when it is sent first.

    `sent_again_after` the answer, if at all; then perhaps each of its orders `alone`.
    """

    at: float
    orders: tuple[Good | Bad, ...]
    dies: tuple[CrashPoint, int] | None
    sent_again_after: float | None
    alone: bool


def joined(seed: int, agents: tuple[str, ...]) -> tuple[str, ...]:
    """The agents of a seed, with the one who orders so if there is one."""
    return (*agents, AGENT) if seed % EVERY == RESIDUE else agents


def draw(
    seed: int, sold: Sequence[tuple[str, str]], endings: Sequence[str], seconds: float
) -> tuple[Request, ...]:
    """The requests of a seed, none in most. `sold`: products, each with the beginning of the
    numbers that it is sold to; `endings`: how those end."""
    if seed % EVERY != RESIDUE:
        return ()
    rng = Random(f"bulk/{seed}")
    known: list[Good] = []
    found = []
    for number in range(rng.randrange(3, 7)):
        orders = list(_orders(rng, sold, endings, f"b{number}", known))
        known += [one for one in orders if isinstance(one, Good)]
        point, most = rng.choice(DEATHS)
        found.append(
            Request(
                at=rng.uniform(0, seconds),
                orders=tuple(orders),
                dies=(point, 1 + rng.randrange(most)) if rng.random() < DIES else None,
                sent_again_after=rng.uniform(0, 400) if rng.random() < 0.5 else None,
                alone=rng.random() < 0.3,
            )
        )
    return tuple(found)


def _orders(
    rng: Random,
    sold: Sequence[tuple[str, str]],
    endings: Sequence[str],
    key: str,
    known: Sequence[Good],
) -> Iterator[Good | Bad]:
    mine: list[Good] = []
    for number in range(rng.choice(SIZES)):
        lot = rng.random()
        if lot < 0.1:
            yield Bad(rng.choice(BAD))
        elif lot < 0.15:
            yield USED
        elif lot < 0.25 and (before := [*known, *mine]):
            yield rng.choice(before)
        else:
            product, beginning = rng.choice(sold)
            reference = None if rng.random() < 0.3 else f"{key}-{number}"
            repeat = rng.choice((1, 1, 2, 3, 4, 5, 6))
            mine.append(Good(product, beginning + rng.choice(endings), repeat, reference))
            yield mine[-1]
