"""Evidence: what was found out about an attempt, kept for ever, each text used once.

Each finding names the rule by which it was reached and what the rule was applied to: the
text, the query and its answer, the stock figures. So a decision can be checked years
later, and what was looked at and proved nothing is there as well (verdict NONE).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from peewee import Database

from pulsarack.queue import clock_steps
from pulsarack.queue.rows import columns, execute, scalar, select, tuples


class EvidenceKind(StrEnum):
    """Where it comes from."""

    REPLY = "reply"
    LATE_SMS = "late_sms"
    STOCK = "stock"
    HISTORY = "history"
    ADMIN = "admin"
    RECOVERY = "recovery"


class Rule(StrEnum):
    """By which rule it was reached."""

    UNRECORDED = "unrecorded"  # written before rules were kept
    # What the operator said.
    REPLY_IN_DIALOGUE = "reply_in_dialogue"  # the answer to the order itself
    TEXT_NAMES_ORDER = "text_names_order"  # a text whose fields fit this order's attempts only
    TEXT_AWAITED = "text_awaited"  # a text that names no number, when only this could be meant
    REPEAT_REFUSED = "repeat_refused"  # "just done", said of a later attempt
    # What never left.
    NOT_SENT = "not_sent"  # whoever was to send it says that it did not leave
    NEVER_COMMITTED = "never_committed"  # recovery found no committed_at
    # What the operator's books show.
    STOCK_FELL_BY_COST = "stock_fell_by_cost"
    STOCK_UNCHANGED_TWICE = "stock_unchanged_twice"  # on readings after the settling time
    NEWEST_HISTORY_LINE = "newest_history_line"
    # What proved nothing.
    STOCK_UNCHANGED_SO_FAR = "stock_unchanged_so_far"  # the operator may still book it
    STOCK_NOT_KNOWN_BEFORE = "stock_not_known_before"  # nothing to compare it with
    STOCK_FITS_NEITHER = "stock_fits_neither"  # something else moved it, or may have
    HISTORY_SAYS_NOTHING = "history_says_nothing"
    HISTORY_AGAINST_STOCK = "history_against_stock"  # the list says done, the stock does not
    # What a person said, and what followed.
    ADMIN = "admin"
    CONTRADICTION_SETTLED = "contradiction_settled"  # "done" of what was held for not done
    ACKNOWLEDGED = "acknowledged"  # a person saw to a proof that came too late
    REVERSED = "reversed"


class QueryKind(StrEnum):
    """What an operator can be asked about an attempt."""

    STOCK = "stock"
    HISTORY = "history"


class VerdictKind(StrEnum):
    """What it proves; NONE: looked at, and it proved nothing."""

    DONE = "DONE"
    NOT_DONE = "NOT_DONE"
    NONE = "NONE"


class StockFigures(NamedTuple):
    """What a rule about the stock was applied to; rupiah, and ids of `stock_reading`.

    `before`: when the attempt was claimed, None if it was not surely known. `expected`: what
    the verdict demands of the last reading.
    """

    before: int | None
    expected: int | None
    first_reading_id: int | None
    last_reading_id: int | None


NO_FIGURES = StockFigures(None, None, None, None)


class Evidence(NamedTuple):
    """One finding about an attempt, and what it was reached by.

    `matched` names the fields of a text that agreed with the order; `answer` is what a query
    heard, secrets masked. Only rows from before rules were kept have none.
    """

    kind: EvidenceKind
    verdict: VerdictKind
    detail: str
    rule: Rule
    decided_by: str = ""
    sms_id: int | None = None
    matched: tuple[str, ...] = ()
    query: QueryKind | None = None
    answer: str | None = None
    figures: StockFigures = NO_FIGURES


@dataclass(frozen=True, slots=True)
class Finding:
    """A stored piece of evidence."""

    at: int
    kind: str
    verdict: str
    detail: str
    decided_by: str
    sms_id: int | None
    rule: str
    matched: str
    query: str | None
    answer: str | None
    stock_before: int | None
    stock_expected: int | None
    first_reading_id: int | None
    last_reading_id: int | None


def contradicted(order_id: str) -> str:
    """SQL: whether something says "done" of an order that was proved not done and is to go again.

    Such an order goes nowhere, neither to a chip nor to its refund, until a person has
    looked: whichever of the two proofs is wrong, acting on it would move money twice.
    """
    return (
        "EXISTS (SELECT 1 FROM attempt AS earlier"
        " JOIN evidence ON evidence.attempt_id = earlier.id"
        f" WHERE earlier.order_id = {order_id} AND earlier.outcome = 'NOT_DONE'"
        " AND evidence.verdict = 'DONE')"
    )


def stands_still(orders: str) -> str:
    """SQL: whether an order, of the table of that name, goes nowhere until a person has looked.

    One that is contradicted, or that was open in a backup which was put back: what was done
    with it after the backup was made is not known (restored.py).
    """
    return f"({orders}.reason IS 'RESTORED' OR {contradicted(f'{orders}.id')})"


def to_destination(condition: str) -> str:
    """SQL: the orders to a number (the first parameter) that meet a condition, as a subquery.

    In two parts, since two partial indexes know an order's number: one those that came to
    nothing, the other all the rest. A condition on the operator has a plus: no index by operator
    shall be taken instead, since half of all orders may be his.
    """
    return (
        f"(SELECT * FROM orders WHERE destination = ?1 AND state NOT IN ('FAILED', 'CANCELLED')"
        f" AND {condition} UNION ALL SELECT * FROM orders WHERE destination = ?1"
        f" AND state IN ('FAILED', 'CANCELLED') AND {condition})"
    )


_RECORD = (
    f"INSERT INTO evidence (attempt_id, {columns(Finding)})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def record(db: Database, attempt_id: int, found: Evidence, *, now_ms: int) -> None:
    """Keep a finding."""
    execute(
        db,
        _RECORD,
        (
            attempt_id,
            now_ms,
            found.kind,
            found.verdict,
            found.detail,
            found.decided_by,
            found.sms_id,
            found.rule,
            ",".join(found.matched),
            found.query,
            found.answer,
            *found.figures,
        ),
    )


def of_attempt(db: Database, attempt_id: int) -> list[Finding]:
    """What was found about an attempt, in order."""
    return select(
        db,
        Finding,
        f"SELECT {columns(Finding)} FROM evidence WHERE attempt_id = ? ORDER BY id",
        (attempt_id,),
    )


_NUMBERED = (
    "SELECT id FROM orders WHERE operator = ?1 AND serial_number = ?2 UNION ALL"
    " SELECT id FROM past_order WHERE operator = ?1 AND serial_number = ?2 LIMIT 1"
)


def serial_number_known(db: Database, operator: str, serial_number: str) -> int | None:
    """The order that carries this serial number already."""
    found = scalar(db, _NUMBERED, (operator, serial_number))
    return None if found is None else int(found)


def unnamed_success(db: Database, operator: str, destination: str, denomination: int) -> bool:
    """Whether an equal order was done, or is said to be, whose serial number nobody knows.

    Then a serial number that no order carries may be that order's, and proves nothing new.
    """
    found = scalar(
        db,
        f"SELECT 1 FROM {to_destination('+operator = ?2 AND denomination = ?3')} AS o"
        " WHERE serial_number IS NULL"
        f" AND (state IN ('SUCCEEDED', 'REVERSED') OR {contradicted('o.id')})"
        " UNION ALL SELECT 1 FROM past_order WHERE operator = ?2 AND destination = ?1"
        " AND denomination = ?3 AND said_done AND serial_number IS NULL LIMIT 1",
        (destination, operator, denomination),
    )
    return found is not None


class Doubts(NamedTuple):
    """Why a success may be the answer to an earlier order, which is known to be done.

    `numbered`: the order that carries its serial number already. `owed`: its chip sold the same
    not long ago and never got the operator's answer to it. What proved that done was the stock; its
    own answer may still come, and look like the answer to the next equal order, unless the two
    name different serial numbers.
    """

    numbered: int | None
    owed: int


_OWED = (
    "SELECT 1 FROM attempt AS a JOIN orders AS o ON o.id = a.order_id WHERE a.chip = ?3"
    " AND a.outcome = 'DONE' AND a.answered = 0 AND a.closed_at >= ?4"
    " AND o.destination = ?5 AND o.denomination = ?6"
    " AND (o.serial_number IS NULL OR ?2 IS NULL)"
)
_DOUBTS = f"SELECT ({_NUMBERED}), EXISTS ({_OWED}), {clock_steps.is_set_since('?4')}"


def doubts(
    db: Database,
    iccid: str,
    operator: str,
    destination: str,
    denomination: int,
    *,
    serial_number: str | None,
    now_ms: int,
    late_ms: int,
) -> Doubts:
    """What speaks against a success of a chip; answers of an operator are so late at most."""

    def ask(since_ms: int) -> tuple[Any, ...]:
        about = (operator, serial_number or None, iccid, since_ms, destination, denomination)
        return tuples(db, _DOUBTS, about)[0]

    *found, is_set = ask(now_ms - late_ms)
    if is_set:
        *found, _ = ask(clock_steps.stored_since(db, now_ms=now_ms, length_ms=late_ms))
    return Doubts(*found)


_SERIAL_NUMBERS = (
    "SELECT serial_number"
    f" FROM {to_destination('+operator = ?2 AND serial_number IS NOT NULL')}"
    # With UNION SQLite would merge in the order of the numbers, and read them all for that.
    " UNION ALL SELECT serial_number FROM past_order"
    " WHERE operator = ?2 AND destination = ?1 AND serial_number IS NOT NULL"
)


def serial_numbers(db: Database, operator: str, destination: str) -> frozenset[str]:
    """The serial numbers that orders to this destination carry: they prove nothing new."""
    rows = tuples(db, _SERIAL_NUMBERS, (destination, operator))
    return frozenset([number for (number,) in rows])


_REPEATED_DAYS = 7
"""Longer than an answer is late, or shown again by a modem or a session that went on."""
# The day stands in the index of those that did not come to nothing, so that of them only younger
# ones are read: a customer of years has hundreds, from all over the file. Few come to nothing. None
# of these is in an archive yet (daemon/config.py).
_RECENT = "SELECT serial_number FROM " + to_destination(
    f"local_day >= date(?3, '-{_REPEATED_DAYS} days')"
    " AND +operator = ?2 AND serial_number IS NOT NULL"
)


def recent_serial_numbers(
    db: Database, operator: str, destination: str, local_day: str
) -> frozenset[str]:
    """Those of the last days before a day (ISO 8601): answers that may still come again.

    A success with an older one is found out when it is to be decided (`doubts`), as is a failure
    (`serial_number_known`); these are what the dialogue itself can tell from an answer to its own.
    """
    rows = tuples(db, _RECENT, (destination, operator, local_day))
    return frozenset([number for (number,) in rows])
