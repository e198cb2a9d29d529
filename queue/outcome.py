"""What an order becomes when an attempt is decided: settle, refund, try again, or wait.

Everything that follows from a decision is one transaction: the attempt closed, its
evidence kept, both holds posted or voided, the order moved, the agent's message
written, and on a success what its uplines earn booked. An attempt that somebody else
closed first raises NotOpen and nothing is changed.
"""

from typing import NamedTuple

from peewee import Database

from pulsarack.ledger import journal
from pulsarack.ledger.journal import Result
from pulsarack.queue import attempts, chips, evidence, messages, orders, retry, state, suspicion
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.errors import IllegalMove, LedgerRefused
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.network import commissions
from pulsarack.queue.orders import Order
from pulsarack.queue.retry import ChipFate, OrderFate
from pulsarack.queue.routing import MS
from pulsarack.queue.rows import execute, scalar, tuples
from pulsarack.queue.state import OrderState
from pulsarack.ussd.outcome import Reason


class Decision(NamedTuple):
    """What was proved of an attempt, and by what."""

    done: bool
    reason: Reason | None
    why: str
    evidence: Evidence
    serial_number: str | None = None
    stock_after: int | None = None
    # By a text of its own, or there was nothing to answer: no other answer is still to come.
    answered: bool = False


def decide(
    db: Database, attempt_id: int, decision: Decision, *, now_ms: int, day_ends_at: int
) -> Order:
    """Apply a proof to an open attempt and its order; returns the order as it is now."""
    attempts.close(
        db,
        attempt_id,
        done=decision.done,
        reason=decision.reason.value if decision.reason else None,
        why=decision.why,
        stock_after=decision.stock_after,
        answered=decision.answered,
        now_ms=now_ms,
    )
    evidence.record(db, attempt_id, decision.evidence, now_ms=now_ms)
    if decision.done:
        return settle(db, attempt_id, decision, now_ms)
    attempt = attempts.owner(db, attempt_id)
    _not_done(db, attempt.order_id, attempt_id, attempt.chip, decision, now_ms, day_ends_at)
    return orders.get(db, attempt.order_id)


def take_back(db: Database, attempt: Attempt, *, why: str, now_ms: int) -> None:
    """Give up an attempt that sent nothing and queue its order again, whatever its time."""
    attempts.close(
        db,
        attempt.id,
        done=False,
        reason=Reason.PROVED_NOT_DONE.value,
        why=why,
        stock_after=None,
        answered=False,
        now_ms=now_ms,
    )
    nothing_sent = Evidence(
        EvidenceKind.RECOVERY, VerdictKind.NOT_DONE, why, rule=Rule.NEVER_COMMITTED
    )
    evidence.record(db, attempt.id, nothing_sent, now_ms=now_ms)
    _void(db, attempts.cost_hold(attempt.id), now_ms)
    state.move(db, attempt.order_id, OrderState.QUEUED, why=why, now_ms=now_ms)


def suspend(db: Database, attempt_id: int, *, reason: Reason, why: str, now_ms: int) -> Order:
    """Nobody knows whether it happened: the order becomes UNKNOWN, everything stays held."""
    attempt = attempts.get(db, attempt_id)
    attempts.leave_undecided(db, attempt_id, reason=reason.value, why=why)
    chips.doubt_stock(db, attempt.chip)
    state.move(db, attempt.order_id, OrderState.UNKNOWN, why=why, now_ms=now_ms)
    return orders.get(db, attempt.order_id)


def expire(db: Database, *, now_ms: int, limit: int = 200) -> list[Order]:
    """Fail and refund the queued orders whose time is over."""
    rows = tuples(
        db,
        "SELECT id FROM orders WHERE state = 'QUEUED' AND expires_at <= ?"
        f" AND NOT {evidence.stands_still('orders')} ORDER BY expires_at LIMIT ?",
        (now_ms, limit),
    )
    for (order_id,) in rows:
        refund(db, order_id, Reason.EXPIRED, "no way was found in its time", now_ms)
    return [orders.get(db, order_id) for (order_id,) in rows]


def cancel(db: Database, order_id: int, *, now_ms: int) -> Order:
    """Cancel an order that no chip holds and nothing is said to have done.

    Raises IllegalMove otherwise.
    """
    stands = f"SELECT {evidence.stands_still('orders')} FROM orders WHERE id = ?"
    if scalar(db, stands, (order_id,)):
        raise IllegalMove(f"order {order_id} waits for: pulsarack order resolve {order_id}")
    state.move(db, order_id, OrderState.CANCELLED, why="cancelled", now_ms=now_ms)
    _finish(db, order_id, Reason.CANCELLED)
    _void(db, orders.price_hold(order_id), now_ms)
    messages.write_final(db, orders.get(db, order_id), now_ms=now_ms)
    return orders.get(db, order_id)


# A delivery: by which chip, how often that one failed before, whether uplines earn, the order.
_DELIVERY = (
    "SELECT a.chip, c.failures, EXISTS (SELECT 1 FROM order_commission WHERE order_id = o.id),"
    f" {', '.join(f'o.{column}' for column in Order._fields)} FROM attempt AS a"
    " JOIN orders AS o ON o.id = a.order_id JOIN chip AS c ON c.iccid = a.chip WHERE a.id = ?"
)


def settle(db: Database, attempt_id: int, decision: Decision, now_ms: int) -> Order:
    """Post both holds and tell the agent; the attempt is closed as done already."""
    ((iccid, failures, earned, *row),) = tuples(db, _DELIVERY, (attempt_id,))
    order = Order(*row)
    _post(db, attempts.cost_hold(attempt_id), orders.price_hold(order.id), now_ms=now_ms)
    if earned:
        commissions.settle(db, order.id, now_ms=now_ms)
    if failures:
        execute(db, "UPDATE chip SET failures = 0 WHERE iccid = ?", (iccid,))
    # A text may have told the number before, and an admin tells none.
    number = decision.serial_number
    number = order.serial_number if number is None else number
    state.succeed(db, order.id, serial_number=number, why=decision.why, now_ms=now_ms)
    settled = order._replace(
        state=OrderState.SUCCEEDED.value, finished_at=now_ms, serial_number=number, reason=None
    )
    messages.write_final(db, settled, now_ms=now_ms)
    return settled


def _not_done(
    db: Database,
    order_id: int,
    attempt_id: int,
    iccid: str,
    decision: Decision,
    now_ms: int,
    day_ends_at: int,
) -> None:
    _void(db, attempts.cost_hold(attempt_id), now_ms)
    reason = decision.reason or Reason.PROVED_NOT_DONE
    rule = retry.RULES[reason]
    _apply_to_chip(db, iccid, reason, rule, now_ms, day_ends_at)
    order = orders.get(db, order_id)
    if reason is Reason.REPEATED_TOO_SOON:
        suspicion.suspect_repeat(db, attempts.get(db, attempt_id), now_ms=now_ms)
    contradicted = bool(scalar(db, f"SELECT {evidence.contradicted('?')}", (order_id,)))
    # That this attempt came to nothing says nothing of those which a lost database knew.
    restored = order.reason == Reason.RESTORED and not _said_by_person(decision)
    stands = contradicted or restored
    if stands or (rule.order is OrderFate.RETRY and now_ms < order.expires_at):
        shown = Reason.RESTORED if restored else Reason.CONTRADICTED if contradicted else reason
        state.move(db, order_id, OrderState.QUEUED, why=decision.why, now_ms=now_ms)
        execute(
            db,
            "UPDATE orders SET not_before = ?, reason = ? WHERE id = ?",
            (now_ms + rule.delay_seconds * MS, shown.value, order_id),
        )
        return
    refund(db, order_id, reason, decision.why, now_ms)


def _said_by_person(decision: Decision) -> bool:
    return decision.evidence.kind is EvidenceKind.ADMIN


def _apply_to_chip(
    db: Database, iccid: str, reason: Reason, rule: retry.Rule, now_ms: int, day_ends_at: int
) -> None:
    if rule.doubt_stock:
        chips.doubt_stock(db, iccid)
    if rule.chip is ChipFate.REST:
        execute(db, "UPDATE chip SET failures = failures + 1 WHERE iccid = ?", (iccid,))
        chip = chips.find(db, iccid)
        # Failing again and again: each time twice the rest, up to 16 times.
        factor = 1 << min(chip.failures - 1, 4) if chip and chip.failures else 1
        until = now_ms + rule.rest_seconds * factor * MS
        chips.rest(db, iccid, until_ms=until, why=reason.value)
    elif rule.chip is ChipFate.REST_TODAY:
        chips.rest(db, iccid, until_ms=day_ends_at, why=reason.value)
    elif rule.chip is ChipFate.OUT:
        chips.take_out(db, iccid, why=reason.value)


def refund(db: Database, order_id: int, reason: Reason, why: str, now_ms: int) -> None:
    """Fail an order, give the price back and tell the agent."""
    state.move(db, order_id, OrderState.FAILED, why=why, now_ms=now_ms)
    _finish(db, order_id, reason)
    _void(db, orders.price_hold(order_id), now_ms)
    messages.write_final(db, orders.get(db, order_id), now_ms=now_ms)


def _finish(db: Database, order_id: int, reason: Reason) -> None:
    execute(db, "UPDATE orders SET reason = ? WHERE id = ?", (reason.value, order_id))


def _post(db: Database, *hold_ids: str, now_ms: int) -> None:
    _must(journal.post(db, *hold_ids, now_ms=now_ms), " and ".join(hold_ids))


def _void(db: Database, hold_id: str, now_ms: int) -> None:
    _must(journal.void(db, hold_id, now_ms=now_ms), hold_id)


def _must(result: Result, holds: str) -> None:
    # The attempt and the order were open a statement ago, so their holds are too.
    if result is not Result.OK:
        raise LedgerRefused(f"hold {holds}: {result}; run: pulsarack audit")
