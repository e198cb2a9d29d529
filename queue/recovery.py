"""What a starting daemon does with attempts that an earlier one left open.

Without `committed_at` the step that moves money cannot have left: provably not done,
the order is queued again. With it nobody knows: the order becomes UNKNOWN and its
chip is asked when it is there. An attempt that was UNKNOWN stays so.
"""

from dataclasses import dataclass, field

from peewee import Database

from pulsarack.queue import attempts, orders, outcome
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.errors import NotOpen
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.outcome import Decision
from pulsarack.queue.state import OrderState
from pulsarack.ussd.outcome import Reason


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many orders were queued again, how many are undecided, and which these are."""

    queued_again: int
    undecided: int
    orders: tuple[int, ...] = field(default=(), compare=False)


def recover(db: Database, *, now_ms: int, day_ends_at: int) -> Recovered:
    """Bring every open attempt into a state that this daemon can go on from."""
    opened = attempts.every_open(db)
    again = sum(
        _bring_on(db, attempt, Reason.DAEMON_STOPPED, now_ms=now_ms, day_ends_at=day_ends_at)
        for attempt in opened
    )
    return Recovered(again, len(opened) - again, tuple(one.order_id for one in opened))


def recover_chip(db: Database, iccid: str, *, now_ms: int, day_ends_at: int) -> int | None:
    """The same for the one chip whose worker has ended; the order that this changed.

    Nobody but an admin can decide an order whose chip does not come back, and he only one
    that is not left as being sent.
    """
    attempt = attempts.open_on_chip(db, iccid)
    if attempt is None or orders.get(db, attempt.order_id).state != OrderState.SENDING:
        return None
    _bring_on(db, attempt, Reason.MODEM_LOST, now_ms=now_ms, day_ends_at=day_ends_at)
    return attempt.order_id


def _bring_on(
    db: Database, attempt: Attempt, reason: Reason, *, now_ms: int, day_ends_at: int
) -> bool:
    """Queue an order again whose attempt sent nothing; otherwise it is undecided."""
    if attempt.committed_at is None:
        release(db, attempt.id, reason, now_ms=now_ms, day_ends_at=day_ends_at)
        return True
    if orders.get(db, attempt.order_id).state == OrderState.SENDING:
        why = "sending broke off after the point of no return"
        outcome.suspend(db, attempt.id, reason=reason, why=why, now_ms=now_ms)
    return False


def release(
    db: Database,
    attempt_id: int,
    reason: Reason,
    *,
    unbegun: bool = False,
    now_ms: int,
    day_ends_at: int,
) -> None:
    """Close an attempt of which nothing was sent: it was never committed, or (`unbegun`) whoever
    was to send it says so.

    Raises NotOpen if it is closed, or committed and nobody says so: then only evidence decides.
    """
    committed = attempts.get(db, attempt_id).committed_at is not None
    if committed and not unbegun:
        raise NotOpen(f"attempt {attempt_id} has passed its point of no return")
    why = "ended before anything was sent" if committed else "ended before the point of no return"
    rule = Rule.NOT_SENT if committed else Rule.NEVER_COMMITTED
    found = Evidence(EvidenceKind.RECOVERY, VerdictKind.NOT_DONE, why, rule=rule)
    outcome.decide(
        db,
        attempt_id,
        Decision(done=False, reason=reason, why=why, evidence=found, answered=committed),
        now_ms=now_ms,
        day_ends_at=day_ends_at,
    )
