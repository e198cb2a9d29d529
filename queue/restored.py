"""What a database is made to say of itself before it is put back from a backup.

Between the backup's moment and now the trade went on, and nobody here knows how. An order that
waited then may have been delivered since, one that was being sent as well, and one that was
undecided may have been tried again. So nothing of what was open goes anywhere by itself any
more:

- An order that was QUEUED stands still (`evidence.stands_still`): it is not sent, does not
  expire and cannot be cancelled, until a person says what became of it.
- One that was SENDING is UNKNOWN, whether or not it had passed its point of no return by then.
- The stock of a chip before an attempt is forgotten, since other orders ran on it: no figure
  of its stock proves anything of an open order. What the operator says of it in words (a text or
  the list of last transactions, with number, amount and a serial number that no order carries)
  still proves that it was done; and nothing but a person that it was not.
- The stock of every chip is read before it sells again. What went out since becomes a
  discrepancy, as any difference does.

Orders that were accepted since are not known at all. Their numbers, and those of their results,
were told to agents and must not be given to others: numbering goes on far behind them. And an
order that is sent again, with a reference that is not known here, would be sold again: so no
agent may order until a person has compared the lists (`reopen`).
"""

from dataclasses import dataclass
from typing import Final

from peewee import Database

from pulsarack.ledger.sql import changed
from pulsarack.queue import attempts, orders, outcome
from pulsarack.queue.rows import execute, scalar, tuples
from pulsarack.queue.state import OrderState
from pulsarack.ussd.outcome import Reason

BY: Final = "(restore)"
"""Who stopped the agents, as their rows have it: no agent's code has brackets."""
LEFT_OUT: Final = 1_000_000
"""Numbers that are not given any more: more than a rack sells between two backups."""

MOST_TOLD: Final = 10**12
"""Numbers from here on were never given: who says so is damaged."""

# What is told outside, to agents and their programs, or stands in the lists of people here.
_NUMBERED = (
    *("orders", "message", "outgoing", "ticket", "credit_request", "complaint"),
    *("bank_row", "discrepancy", "balance_transfer"),
)
_NAMES = ", ".join(f"'{name}'" for name in _NUMBERED)


@dataclass(frozen=True, slots=True)
class Held:
    """What stands still: orders that waited, orders on their way; and agents that may not order."""

    waiting: int
    undecided: int
    agents: int


def hold_back(
    db: Database, *, why: str, hold_agents: bool, now_ms: int, told_up_to: int = 0
) -> Held:
    """Make all this of a database that is about to be put back. One transaction.

    `told_up_to`: the greatest number that is known to have been given since (`numbers_given`),
    perhaps by a database that was put back before this one.
    """
    for attempt in attempts.every_open(db):
        if orders.get(db, attempt.order_id).state == OrderState.SENDING:
            _may_have_left(db, attempt.id)
            outcome.suspend(db, attempt.id, reason=Reason.RESTORED, why=why, now_ms=now_ms)
    execute(db, "UPDATE attempt SET stock_before = NULL WHERE closed_at IS NULL")
    execute(db, "UPDATE chip SET stock_exact = 0")
    mark = "UPDATE orders SET reason = ? WHERE state = ?"
    waiting = changed(db, mark, Reason.RESTORED.value, OrderState.QUEUED.value)
    undecided = changed(db, mark, Reason.RESTORED.value, OrderState.UNKNOWN.value)
    for table in _NUMBERED:
        _leave_numbers_out(db, table, told_up_to)
    if hold_agents:
        execute(db, "UPDATE agent SET active = 0, stopped_by = ? WHERE active = 1", (BY,))
    # A backup of the time after a restore has them held already.
    return Held(waiting, undecided, len(held_agents(db)))


def numbers_given(db: Database) -> int:
    """The greatest number that a database has given to what is told outside."""
    # A damaged one may say anything.
    found = f"SELECT max(seq) FROM sqlite_sequence WHERE name IN ({_NAMES}) AND seq < {MOST_TOLD}"
    return int(scalar(db, found) or 0)


def reopen(db: Database) -> list[str]:
    """Let the agents order again that `hold_back` stopped; their codes."""
    codes = held_agents(db)
    execute(
        db,
        "UPDATE agent SET active = 1, stopped_by = '' WHERE active = 0 AND stopped_by = ?",
        (BY,),
    )
    return codes


def held_agents(db: Database) -> list[str]:
    """Which agents may not order since a backup was put back."""
    rows = tuples(
        db, "SELECT code FROM agent WHERE active = 0 AND stopped_by = ? ORDER BY code", (BY,)
    )
    return [code for (code,) in rows]


def _may_have_left(db: Database, attempt_id: int) -> None:
    # Not later than it can have been: a text that came soon after must fit.
    execute(
        db,
        "UPDATE attempt SET committed_at = claimed_at WHERE id = ? AND committed_at IS NULL",
        (attempt_id,),
    )


def _leave_numbers_out(db: Database, table: str, told_up_to: int) -> None:
    known = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    last = max(int(scalar(db, known, (table,)) or 0), told_up_to)
    # Rounded up, so that people see at a glance which orders are of the time after.
    free = (last // LEFT_OUT + 2) * LEFT_OUT
    if not changed(db, "UPDATE sqlite_sequence SET seq = ? WHERE name = ?", free, table):
        execute(db, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, free))
