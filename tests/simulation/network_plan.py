"""The tree of agents that some seeds draw: how it is grown, and how it changes while orders run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

# Residues of seeds that have a tree: none of those that others know by their number.
EVERY, RESIDUE = 7, 5
LEVELS = ("gold", "silver")
MARKUPS = (0, 25, 100, 250)
OVER_COST = (0, 50, 300)


@dataclass(frozen=True)
class Act:
    """What the admin does at a time; `said` are the arguments of the call."""

    at: float
    name: str
    said: tuple[tuple[str, Any], ...]


def draw(
    seed: int, agents: Sequence[str], products: Sequence[tuple[str, int]], seconds: float
) -> tuple[Act, ...]:
    """All that happens to the network of a seed: nothing in most. `products`: code and cost."""
    if seed % EVERY != RESIDUE:
        return ()
    rng = Random(f"network/{seed}")
    acts = list(_grown(rng, agents, products))
    for number in range(rng.randrange(4, 24)):
        name, said = _changed(rng, agents, products, f"x{number}")
        acts.append(Act(rng.uniform(0, seconds), name, tuple(said.items())))
    return tuple(sorted(acts, key=lambda one: one.at))


def _grown(
    rng: Random, agents: Sequence[str], products: Sequence[tuple[str, int]]
) -> Iterator[Act]:
    """The tree at the beginning: each but the first below one of those before, nearly always."""
    for number, agent in enumerate(agents):
        if number and rng.random() < 0.85:
            upline = agents[rng.randrange(number)]
            yield Act(0.0, "agent.move", (("code", agent), ("upline", upline)))
        if rng.random() < 0.8:
            rule = {"upline": agent, "amount": rng.choice(MARKUPS)}
            yield Act(0.0, "markup.set", tuple(rule.items()))
    for level in LEVELS:
        for product, cost in rng.sample(list(products), 3):
            priced = {"level": level, "product": product, "price": cost + rng.choice(OVER_COST)}
            yield Act(0.0, "price.set", tuple(priced.items()))


def _changed(
    rng: Random, agents: Sequence[str], products: Sequence[tuple[str, int]], key: str
) -> tuple[str, dict[str, Any]]:
    one, other = rng.choice(agents), rng.choice((None, *agents))
    product, cost = rng.choice(list(products))
    kinds = ("markup.set", "agent.move", "agent.level", "price.set", "agent.active", "exchange")
    kind = rng.choices(kinds, (6, 3, 2, 2, 2, 6))[0]
    if kind == "markup.set":
        of = rng.choice((None, product))
        return kind, {
            "upline": one,
            "downline": other,
            "product": of,
            "amount": rng.choice(MARKUPS),
        }
    if kind == "agent.move":
        return kind, {"code": one, "upline": other}
    if kind == "agent.level":
        return kind, {"code": one, "level": rng.choice(("", *LEVELS))}
    if kind == "price.set":
        price = cost + rng.choice(OVER_COST)
        return kind, {"level": rng.choice(LEVELS), "product": product, "price": price}
    if kind == "agent.active":
        return kind, {"code": one, "active": rng.random() < 0.6}
    return "commission.exchange", {"agent": one, "amount": rng.choice((None, 10, 500)), "id": key}
