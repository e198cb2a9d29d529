"""What a starting daemon does with attempts that an earlier one left open.

Without `committed_at` the step that moves money cannot have left: provably not done,
the order is queued again. With it nobody knows: the order becomes UNKNOWN and its
chip is asked when it is there. An attempt that was UNKNOWN stays so.
"""

from dataclasses import dataclass, field

from peewee import Database

from pulsarack.queue import attempts, orders, outcome
from pulsarack.queue.errors import NotOpen
from pulsarack.queue.evidence import Evidence, EvidenceKind, VerdictKind
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
    again = undecided = 0
    opened = attempts.every_open(db)
    for attempt in opened:
        if attempt.committed_at is None:
            release(
                db,
                attempt.id,
                Reason.DAEMON_STOPPED,
                now_ms=now_ms,
                day_ends_at=day_ends_at,
            )
            again += 1
            continue
        undecided += 1
        if orders.get(db, attempt.order_id).state == OrderState.SENDING:
            outcome.suspend(
                db,
                attempt.id,
                reason=Reason.DAEMON_STOPPED,
                why="the daemon ended after the point of no return",
                now_ms=now_ms,
            )
    return Recovered(again, undecided, tuple(attempt.order_id for attempt in opened))


def release(
    db: Database, attempt_id: int, reason: Reason, *, now_ms: int, day_ends_at: int
) -> None:
    """Close an attempt that was never committed: nothing can have been sent.

    Raises NotOpen if it was committed after all, or is closed: then only evidence decides.
    """
    if attempts.get(db, attempt_id).committed_at is not None:
        raise NotOpen(f"attempt {attempt_id} has passed its point of no return")
    why = "ended before the point of no return"
    outcome.decide(
        db,
        attempt_id,
        Decision(
            done=False,
            reason=reason,
            why=why,
            evidence=Evidence(EvidenceKind.RECOVERY, VerdictKind.NOT_DONE, why),
        ),
        now_ms=now_ms,
        day_ends_at=day_ends_at,
    )
