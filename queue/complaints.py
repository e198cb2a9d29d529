"""Complaints of agents, each about one order: an admin answers, and the agent is told.

    OPEN ----> ANSWERED ----> CLOSED
      +-------------------------^

An order has one live complaint at most. While it is open the same agent's words about the order
are the same complaint; after the answer they are another one, and the answered one is closed.
Nothing here changes the order: what an admin finds out he does to it (`order reverse`, ...).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from peewee import Database

from pulsarack.queue import archive, orders
from pulsarack.queue.errors import IllegalMove
from pulsarack.queue.rows import columns, insert, scalar, select, select_one, touched
from pulsarack.queue.validation import Refusal, RefusalCode

LONGEST_WORDS: Final = 500


class ComplaintState(StrEnum):
    """Where a complaint stands."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"


LEGAL: dict[ComplaintState, frozenset[ComplaintState]] = {
    ComplaintState.OPEN: frozenset({ComplaintState.ANSWERED, ComplaintState.CLOSED}),
    ComplaintState.ANSWERED: frozenset({ComplaintState.CLOSED}),
    ComplaintState.CLOSED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One complaint, and what was answered."""

    id: int
    order_id: int
    agent: str
    words: str
    channel: str
    opened_at: int
    state: str
    answer: str
    answered_by: str
    answered_at: int | None
    closed_at: int | None


@dataclass(frozen=True, slots=True)
class Opened:
    """The complaint, and whether it was open already."""

    complaint: Complaint
    repeated: bool


_SELECT = f"SELECT {columns(Complaint)} FROM complaint"


def open(
    db: Database, agent: str, order_id: int, words: str, *, channel: str, now_ms: int
) -> Opened | Refusal:
    """Note that an agent complains about an order of its own, archived ones included."""
    order = orders.find(db, order_id) or archive.find(db, order_id)
    if order is None or order.agent != agent:
        # The same words for an order of somebody else's.
        return Refusal(
            RefusalCode.NOT_FOUND, f"there is no order {order_id}", "name the number it went to"
        )
    live = of_order(db, order_id)
    if live is not None and live.state == ComplaintState.OPEN:
        return Opened(live, repeated=True)
    if live is not None:
        _move(db, live.id, ComplaintState.CLOSED, now_ms=now_ms)
    complaint_id = insert(
        db,
        "INSERT INTO complaint (order_id, agent, words, channel, opened_at, state)"
        " VALUES (?, ?, ?, ?, ?, 'OPEN')",
        (order_id, agent, words[:LONGEST_WORDS], channel, now_ms),
    )
    return Opened(get(db, complaint_id), repeated=False)


def answer(
    db: Database, complaint_id: int, *, words: str, who: str, close: bool, now_ms: int
) -> Complaint | Refusal:
    """Answer an open complaint; `close`: and that is the last word.

    The caller tells the agent: complaint's `agent`, `channel`, `order_id` and `answer`.
    """
    complaint = find(db, complaint_id)
    if complaint is None:
        remedy = "see: pulsarack complaint list"
        return Refusal(RefusalCode.NOT_FOUND, f"there is no complaint {complaint_id}", remedy)
    if complaint.state != ComplaintState.OPEN:
        return Refusal(
            RefusalCode.NOT_OPEN, f"complaint {complaint_id} is {complaint.state}", "leave it so"
        )
    if not words.strip():
        return Refusal(RefusalCode.NO_REASON, "the answer is empty", "say what was found out")
    new = ComplaintState.CLOSED if close else ComplaintState.ANSWERED
    _move(db, complaint_id, new, now_ms=now_ms, words=words[:LONGEST_WORDS], who=who)
    return get(db, complaint_id)


def of_order(db: Database, order_id: int) -> Complaint | None:
    """The live complaint about an order."""
    return select_one(
        db, Complaint, f"{_SELECT} WHERE order_id = ? AND state <> 'CLOSED'", (order_id,)
    )


def find(db: Database, complaint_id: int) -> Complaint | None:
    """One complaint."""
    return select_one(db, Complaint, f"{_SELECT} WHERE id = ?", (complaint_id,))


def get(db: Database, complaint_id: int) -> Complaint:
    """A complaint that is there."""
    found = find(db, complaint_id)
    assert found is not None, f"complaint {complaint_id} is not there"
    return found


def listed(db: Database, *, open_only: bool, limit: int) -> list[Complaint]:
    """The newest complaints, or those that wait for an answer."""
    where = "WHERE state = 'OPEN' " if open_only else ""
    return select(db, Complaint, f"{_SELECT} {where}ORDER BY id DESC LIMIT ?", (limit,))


def waiting(db: Database) -> int:
    """How many complaints wait for an answer."""
    return int(scalar(db, "SELECT count(*) FROM complaint WHERE state = 'OPEN'"))


def _move(
    db: Database,
    complaint_id: int,
    new: ComplaintState,
    *,
    now_ms: int,
    words: str | None = None,
    who: str = "",
) -> None:
    allowed = ", ".join(f"'{old}'" for old, news in LEGAL.items() if new in news)
    answered = None if words is None else now_ms
    closed = now_ms if new is ComplaintState.CLOSED else None
    if not touched(
        db,
        "UPDATE complaint SET state = ?, answer = coalesce(?, answer),"
        " answered_by = iif(? = '', answered_by, ?), answered_at = coalesce(?, answered_at),"
        f" closed_at = ? WHERE id = ? AND state IN ({allowed})",
        (new.value, words, who, who, answered, closed, complaint_id),
    ):
        raise IllegalMove(f"complaint {complaint_id} cannot become {new.value}")
