"""What users of the machine did over the socket: rows that are only added, each sealed.

A row's seal is the SHA-256 of the row and of the seal before it, so that a row which was changed,
taken out or put in by hand breaks the chain there; the audit recomputes it. Ids have no gaps, since
a transaction that is undone gives its id back, and SQLite remembers the last one: rows that are
missing at the end show as well. Who can write the file can make a whole chain anew; that it is
another one show the seals in the journal's lines (`admin.acted`).

An act of one transaction is one row in that transaction: DONE. An act on something else (a modem,
a file) is a row before it, BEGUN, and a row behind it. What was refused changed nothing.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from peewee import Database

from pulsarack.queue.rows import columns, insert, scalar, select, tuples

FIRST_SEAL: Final = "0" * 64
_AT_ONCE = 1000


class ActOutcome(StrEnum):
    """What became of it."""

    BEGUN = "BEGUN"
    DONE = "DONE"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Act:
    """Who did what; `arguments` is JSON without secrets, `begun` the row that this one ends."""

    at: int
    uid: int
    login: str
    role: str
    call: str
    subject: str
    arguments: str
    outcome: str
    code: str = ""
    reason: str = ""
    begun: int | None = None


@dataclass(frozen=True, slots=True)
class ActRow:
    """One of them as it is kept."""

    id: int
    at: int
    uid: int
    login: str
    role: str
    call: str
    subject: str
    arguments: str
    outcome: str
    code: str
    reason: str
    begun: int | None
    seal: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Where it was written down."""

    id: int
    seal: str


_COLUMNS = columns(Act)
_MARKS = ", ".join("?" * len(_COLUMNS.split(",")))
_SELECT = f"SELECT {columns(ActRow)} FROM admin_act AS a"
# One that has its end is told by that.
_TOLD = "NOT EXISTS (SELECT 1 FROM admin_act AS e WHERE e.begun = a.id)"


def note(db: Database, act: Act) -> Noted:
    """Write an act down, in the transaction of what it does if there is one."""
    before = scalar(db, "SELECT seal FROM admin_act ORDER BY id DESC LIMIT 1")
    sealed = seal_of(before or FIRST_SEAL, act)
    row_id = insert(
        db,
        f"INSERT INTO admin_act ({_COLUMNS}, seal) VALUES ({_MARKS}, ?)",
        (*_values(act), sealed),
    )
    return Noted(row_id, sealed)


def seal_of(before: str, act: Act | ActRow) -> str:
    """The seal of a row that comes after the one with the seal `before`."""
    text = json.dumps([before, *_values(act)], separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def listed(
    db: Database, *, login: str | None, call: str | None, since: int, limit: int
) -> list[ActRow]:
    """The newest since a moment (milliseconds UTC), of one login and one call if they are named."""
    wanted = {"login": login, "call": call}
    given = [(name, value) for name, value in wanted.items() if value is not None]
    where = "".join(f"a.{name} = ? AND " for name, _ in given)
    return select(
        db,
        ActRow,
        f"{_SELECT} WHERE {where}a.at >= ? AND {_TOLD} ORDER BY a.at DESC, a.id DESC LIMIT ?",
        (*(value for _, value in given), since, limit),
    )


def _values(act: Act | ActRow) -> tuple[object, ...]:
    return (
        act.at, act.uid, act.login, act.role, act.call, act.subject, act.arguments,
        act.outcome, act.code, act.reason, act.begun,
    )  # fmt: skip


# --- what must hold ----------------------------------------------------------------------------

Problem = tuple[str, str]
"""Which row, and what is wrong with it."""

_BEGINNINGS = (
    "SELECT e.id, e.call || ' of uid ' || e.uid || ' ends row ' || b.id || ': ' || b.call"
    " || ' of uid ' || b.uid || ', ' || b.outcome FROM admin_act AS e"
    " JOIN admin_act AS b ON b.id = e.begun"
    " WHERE b.outcome <> 'BEGUN' OR b.uid <> e.uid OR b.call <> e.call"
)
_DECISIONS = ("order.resolve", "order.reverse", "order.acknowledge")
# What moves money or decides an order on somebody's word: the calls that do that, and what was
# done, as (what it was, the call's subject, who by the kernel's word if that is kept).
_ON_SOMEBODYS_WORD: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (
        ("credit.confirm",),
        "SELECT 'credit ' || c.id, CAST(c.id AS TEXT), c.decided_uid FROM credit_request AS c"
        " JOIN transfer AS t ON t.id = 'credit_request:' || c.id"
        " WHERE t.sequence > (SELECT max(last_sequence) FROM admin_act_start)",
    ),
    (
        ("bank.assign",),
        "SELECT 'bank row ' || r.id, CAST(r.id AS TEXT), r.uid FROM bank_row AS r"
        " JOIN transfer AS t ON t.id = 'bank_row:' || r.id WHERE r.state = 'ASSIGNED'"
        " AND t.sequence > (SELECT max(last_sequence) FROM admin_act_start)",
    ),
    (
        _DECISIONS,
        "SELECT 'order ' || a.order_id || ', evidence ' || e.id, CAST(a.order_id AS TEXT), NULL"
        " FROM evidence AS e JOIN attempt AS a ON a.id = e.attempt_id WHERE e.kind = 'admin'"
        " AND e.id > (SELECT max(last_evidence) FROM admin_act_start)",
    ),
)


def problems(db: Database) -> Iterator[Problem]:
    """What is wrong with the rows themselves."""
    yield from _broken_chain(db)
    for row_id, detail in tuples(db, _BEGINNINGS):
        yield f"admin act {row_id}", f"it ends an act that it does not belong to: {detail}"


def unrecorded(db: Database) -> Iterator[Problem]:
    """What somebody's word did, and no row says who called for it."""
    for calls, sql in _ON_SOMEBODYS_WORD:
        done = _who_did(db, calls)
        for what, subject, uid in tuples(db, sql):
            if uid is not None and uid not in done.get(subject, set()):
                yield what, f"no act of uid {uid} is recorded that did it ({calls[0]})"
            elif subject not in done:
                yield what, f"no act is recorded that did it ({', '.join(calls)})"


def _who_did(db: Database, calls: tuple[str, ...]) -> dict[str, set[int]]:
    marks = ", ".join("?" * len(calls))
    found: dict[str, set[int]] = {}
    rows = tuples(
        db,
        f"SELECT subject, uid FROM admin_act WHERE call IN ({marks}) AND outcome = 'DONE'",
        calls,
    )
    for subject, uid in rows:
        found.setdefault(subject, set()).add(uid)
    return found


def _broken_chain(db: Database) -> Iterator[Problem]:
    last, before = 0, FIRST_SEAL
    for row in in_order(db):
        if row.id != last + 1:
            gone = f"{last + 1}" if row.id == last + 2 else f"{last + 1} to {row.id - 1}"
            yield f"admin act {row.id}", f"before it row {gone} is missing"
        elif row.seal != seal_of(before, row):
            yield f"admin act {row.id}", "its seal is not that of the row: it was changed by hand"
        last, before = row.id, row.seal
    given = scalar(db, "SELECT seq FROM sqlite_sequence WHERE name = 'admin_act'") or 0
    if given > last:
        yield f"admin act {given}", f"it is missing, the last that is there is {last}"


def in_order(db: Database) -> Iterator[ActRow]:
    """All of them, oldest first."""
    after = 0
    while rows := select(
        db, ActRow, f"{_SELECT} WHERE a.id > ? ORDER BY a.id LIMIT ?", (after, _AT_ONCE)
    ):
        yield from rows
        after = rows[-1].id
