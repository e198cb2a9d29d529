"""What goes out over the channels: each text a row, tried until it is there or cannot be.

    WAITING --> SENT --> DELIVERED
       |  ^------'  (a report says that it did not arrive)
       +--> DELIVERED
       +--> EXPIRED   its time is over, nobody knows that it arrived
       +--> REFUSED   this address can never be reached over this channel

A try is counted before it is made. A result that is EXPIRED or REFUSED goes on by SMS, if its
agent has a number and it did not come that way already; an answer is dropped, since who asked
can ask again. A result counts as told when it has left for good (SENT), and no more if a report
says that it did not arrive. Delivery is at least once: a try of which nobody knows whether it
left is made again, with the same id.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from peewee import Database

from pulsarack.queue.rows import (
    columns,
    execute,
    insert_new,
    scalar,
    select,
    select_one,
    tuples,
)

SMS = "sms"
WHY_LIMIT = 200
_FIRST_PAUSE_MS = 5_000
_LONGEST_PAUSE_MS = 900_000


class Kind(StrEnum):
    """What a text is."""

    ANSWER = "answer"  # to what somebody wrote
    RESULT = "result"  # of an order
    BUYER = "buyer"  # the same, for who bought


class State(StrEnum):
    """Where a text stands."""

    WAITING = "WAITING"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    EXPIRED = "EXPIRED"
    REFUSED = "REFUSED"


class Outgoing(NamedTuple):
    """A row. Times are milliseconds UTC."""

    id: int
    channel: str
    address: str
    sender: str
    agent: str | None
    kind: str
    text: str
    inbound_id: int | None
    order_id: int | None
    message_id: int | None
    created_at: int
    not_before: int
    tries: int
    state: str
    provider_id: str | None
    why: str
    finished_at: int | None


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be sent. `message_id`: the final result that it carries."""

    channel: str
    address: str
    kind: Kind
    text: str
    agent: str | None
    sender: str = ""
    inbound_id: int | None = None
    order_id: int | None = None
    message_id: int | None = None


_SELECT = f"SELECT {columns(Outgoing)} FROM outgoing"
_SELECT_BEGUN = _SELECT.replace(" tries,", " tries + 1,")  # as it is once the try is counted
# A success that was reversed is told before its reversal, whatever way either takes.
_ITS_TURN = (
    "NOT EXISTS (SELECT 1 FROM outgoing AS earlier WHERE earlier.order_id = text.order_id"
    " AND earlier.kind = text.kind AND earlier.state = 'WAITING'"
    " AND earlier.message_id < text.message_id)"
)


def put(db: Database, text: Text, *, now_ms: int) -> int | None:
    """Write a text down to be sent; None if this result is on its way there already."""
    return insert_new(
        db,
        "INSERT INTO outgoing (channel, address, sender, agent, kind, text, inbound_id, order_id,"
        " message_id, created_at, not_before, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'WAITING') ON CONFLICT DO NOTHING",
        (
            text.channel,
            text.address,
            text.sender,
            text.agent,
            text.kind.value,
            text.text,
            text.inbound_id,
            text.order_id,
            text.message_id,
            now_ms,
            now_ms,
        ),
    )


def waiting(db: Database, channel: str, *, limit: int) -> list[tuple[int, int]]:
    """What waits on a channel and may be tried before all else: ids, each with the time from which
    on it is due. The first of them; one that is due may be under way."""
    rows = tuples(
        db,
        "SELECT id, not_before FROM outgoing AS text WHERE channel = ? AND state = 'WAITING'"
        f" AND {_ITS_TURN} ORDER BY not_before, id LIMIT ?",
        (channel, limit),
    )
    return [(row[0], row[1]) for row in rows]


def begin(db: Database, outgoing_id: int, *, now_ms: int) -> Outgoing | None:
    """Count a try before it is made; the text, None if it is not due any more."""
    row = select_one(
        db,
        Outgoing,
        f"{_SELECT_BEGUN} AS text WHERE id = ? AND state = 'WAITING' AND not_before <= ?"
        f" AND {_ITS_TURN}",
        (outgoing_id, now_ms),
    )
    if row is not None:
        execute(db, "UPDATE outgoing SET tries = tries + 1 WHERE id = ?", (outgoing_id,))
    return row


def arrived(
    db: Database,
    outgoing_id: int,
    state: State,
    provider_id: str | None,
    *,
    result: bool = True,
    now_ms: int,
) -> None:
    """It has left (SENT) or is there (DELIVERED). `result`: whether it may carry one."""
    execute(
        db,
        "UPDATE outgoing SET state = ?, provider_id = coalesce(?, provider_id), why = '',"
        " finished_at = ? WHERE id = ? AND state <> 'DELIVERED'",
        (state.value, provider_id, now_ms, outgoing_id),
    )
    if result:
        _told(db, outgoing_id, now_ms)


def try_again(db: Database, outgoing_id: int, why: str, *, pause_ms: int, now_ms: int) -> None:
    """It has not left, or nobody knows: once more, later."""
    execute(
        db,
        "UPDATE outgoing SET not_before = ?, why = ? WHERE id = ? AND state = 'WAITING'",
        (now_ms + pause_ms, why[:WHY_LIMIT], outgoing_id),
    )


def pause_ms(tries: int) -> int:
    """How long to wait after so many tries: twice as long each time, to a quarter of an hour."""
    doublings = min(max(tries - 1, 0), 10)
    return min(_FIRST_PAUSE_MS << doublings, _LONGEST_PAUSE_MS)


def give_up(db: Database, outgoing_id: int, state: State, why: str, *, now_ms: int) -> bool:
    """It is too old (EXPIRED) or cannot arrive (REFUSED); True if it goes on by SMS."""
    row = find(db, outgoing_id)
    if row is None or row.state != State.WAITING:
        return False
    execute(
        db,
        "UPDATE outgoing SET state = ?, why = ?, finished_at = ? WHERE id = ?",
        (state.value, why[:WHY_LIMIT], now_ms, outgoing_id),
    )
    return _by_sms(db, row, now_ms)


def reported(
    db: Database,
    channel: str,
    provider_id: str,
    *,
    delivered: bool,
    why: str,
    now_ms: int,
) -> int | None:
    """A report about a text that was sent: it is there, or it is tried again.

    The text's id; None if the report is about none of ours, or says what is known.
    """
    row = select_one(
        db,
        Outgoing,
        f"{_SELECT} WHERE channel = ? AND provider_id = ? AND state = 'SENT' LIMIT 1",
        (channel, provider_id),
    )
    if row is None:
        return None
    if delivered:
        arrived(db, row.id, State.DELIVERED, None, now_ms=now_ms)
        return row.id
    execute(
        db,
        "UPDATE outgoing SET state = 'WAITING', finished_at = NULL, provider_id = NULL, why = ?,"
        " not_before = ? WHERE id = ?",
        (why[:WHY_LIMIT], now_ms + pause_ms(row.tries), row.id),
    )
    if row.kind == Kind.RESULT:
        execute(db, "UPDATE message SET delivered_at = NULL WHERE id = ?", (row.message_id,))
    return row.id


def overdue(
    db: Database, channel: str, *, answers_before: int, results_before: int, limit: int
) -> list[Outgoing]:
    """Texts that wait since before those times and are too old by now."""
    return select(
        db,
        Outgoing,
        f"{_SELECT} WHERE channel = ? AND state = 'WAITING' AND created_at < ?"
        " AND (kind = 'answer' OR created_at < ?) ORDER BY created_at LIMIT ?",
        (channel, max(answers_before, results_before), results_before, limit),
    )


def find(db: Database, outgoing_id: int) -> Outgoing | None:
    """The row of that id."""
    return select_one(db, Outgoing, f"{_SELECT} WHERE id = ?", (outgoing_id,))


def listed(db: Database, *, waiting: bool, limit: int = 50) -> list[Outgoing]:
    """The newest texts; or those that wait, by channel, what is due first."""
    if waiting:
        waits = "WHERE state = 'WAITING' ORDER BY channel, not_before, id"
        return select(db, Outgoing, f"{_SELECT} {waits} LIMIT ?", (limit,))
    return select(db, Outgoing, f"{_SELECT} ORDER BY id DESC LIMIT ?", (limit,))


def count_waiting(db: Database) -> dict[str, int]:
    """How many texts wait, by channel."""
    rows = select(
        db,
        _Count,
        "SELECT channel, count(*) AS number FROM outgoing WHERE state = 'WAITING' GROUP BY channel",
    )
    return {row.channel: row.number for row in rows}


@dataclass(frozen=True, slots=True)
class _Count:
    channel: str
    number: int


def _told(db: Database, outgoing_id: int, now_ms: int) -> None:
    """The agent has the result that this text carried."""
    execute(
        db,
        "UPDATE message SET delivered_at = coalesce(delivered_at, ?) WHERE id ="
        " (SELECT message_id FROM outgoing WHERE id = ? AND kind = 'result')",
        (now_ms, outgoing_id),
    )


def _by_sms(db: Database, row: Outgoing, now_ms: int) -> bool:
    if row.kind != Kind.RESULT or row.channel == SMS or row.agent is None:
        return False
    number = scalar(
        db,
        "SELECT address FROM sender WHERE channel = 'sms' AND agent = ? ORDER BY bound_at LIMIT 1",
        (row.agent,),
    )
    if number is None:
        return False
    text = Text(
        channel=SMS,
        address=str(number),
        kind=Kind.RESULT,
        text=row.text,
        agent=row.agent,
        order_id=row.order_id,
        message_id=row.message_id,
    )
    return put(db, text, now_ms=now_ms) is not None
