"""How what nobody knew was decided: by which kind of evidence, and how soon.

A spell is the time for which one order was UNKNOWN; an order that was tried again can
have several. It ends with the transition that the evidence made. Steps of the clock in
between are taken out, so that a length is a length.

The figures of a running server are of its newest spells (`SHOWN`): they say how it goes
now, and cost the same after years.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.rows import columns, select

SHOWN = 200
"""Spells in the figures of `status`, the newest: days of a bad rack, months of a good one."""


@dataclass(frozen=True, slots=True)
class Spell:
    """One time that an order was UNKNOWN; `lasted_ms` and `kind` are None while it lasts."""

    order_id: int
    lasted_ms: int | None
    kind: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All spells in a few figures. `by`: how many each kind of evidence decided."""

    orders: int
    open: int
    by: Mapping[str, int]
    median_ms: int | None
    p95_ms: int | None


# The index of these rows is by their state, and so by their id: the newest are its end.
_SPELLS = f"""
WITH began AS (SELECT t.id, t.order_id, t.at, (SELECT min(n.id) FROM transition AS n
        WHERE n.order_id = t.order_id AND n.id > t.id) AS ended
    FROM (SELECT id, order_id, at FROM transition WHERE state = 'UNKNOWN'
        ORDER BY id DESC LIMIT ?) AS t)
SELECT {columns(Spell)} FROM (SELECT b.id, b.order_id, n.at - b.at - coalesce((SELECT sum(step)
        FROM clock_step WHERE last_transition >= b.id AND last_transition < n.id), 0)
        AS lasted_ms,
    (SELECT e.kind FROM attempt AS a JOIN evidence AS e ON e.attempt_id = a.id
        WHERE a.order_id = b.order_id AND a.closed_at = n.at AND e.at = n.at
        AND e.verdict = a.outcome ORDER BY e.id LIMIT 1) AS kind
    FROM began AS b LEFT JOIN transition AS n ON n.id = b.ended) ORDER BY id
"""


def spells(db: Database, newest: int | None) -> list[Spell]:
    """The newest times that an order was UNKNOWN, in order; None: every one."""
    return select(db, Spell, _SPELLS, [-1 if newest is None else newest])


def summary(found: Sequence[Spell]) -> Figures:
    """The figures of these spells."""
    lasted = sorted(max(0, one.lasted_ms) for one in found if one.lasted_ms is not None)
    decided = [one for one in found if one.lasted_ms is not None]
    return Figures(
        orders=len({one.order_id for one in found}),
        open=len(found) - len(decided),
        by=dict(sorted(Counter(one.kind or "other" for one in decided).items())),
        median_ms=_rank(lasted, 50),
        p95_ms=_rank(lasted, 95),
    )


def _rank(ordered: Sequence[int], percent: int) -> int | None:
    """The nearest rank: the least value that so many of a hundred do not exceed."""
    if not ordered:
        return None
    return ordered[(len(ordered) * percent + 99) // 100 - 1]
