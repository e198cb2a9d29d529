"""When something says "done" of an attempt that was proved not done.

The operator booked later than its recipe's settling time, or an admin erred. If the
order has not been tried past a point of no return again, the new proof is booked as
an attempt of its own on the same chip, and the order succeeds. Otherwise, and where
the proof is weaker than the operator's own words, the order stands still (see
`evidence.stands_still`) until an admin decides it. So does an order that was open in a backup
which was put back (restored.py); the admin then says by which chip it was delivered.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.ledger.journal import Result
from pulsarack.queue import attempts, chips, evidence, orders, outcome, state, stock
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.claim import hold_cost
from pulsarack.queue.errors import LedgerRefused, NotOpen
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.orders import Order
from pulsarack.queue.outcome import Decision
from pulsarack.queue.rows import columns, execute, insert, scalar, select, tuples
from pulsarack.queue.state import OrderState
from pulsarack.ussd.outcome import Reason


def stands_still(db: Database, order_id: int) -> bool:
    """Whether an order waits for an admin: its proofs contradict each other, or are lost."""
    found = scalar(
        db,
        "SELECT 1 FROM orders WHERE id = ? AND state = 'QUEUED'"
        f" AND {evidence.stands_still('orders')}",
        (order_id,),
    )
    return found is not None


def undecided(db: Database) -> list[Order]:
    """The orders whose end nobody knows, oldest first: UNKNOWN ones, and those that stand still."""
    chosen = f"SELECT {columns(Order)} FROM orders WHERE"
    unknown = f"{chosen} state IN ('SENDING', 'UNKNOWN') AND state = 'UNKNOWN'"
    standing = f"{chosen} state = 'QUEUED' AND {evidence.stands_still('orders')}"
    # Two statements, each with an index of its own, whose condition it repeats; as one that
    # also sorts they would be looked for among all orders.
    found = [*select(db, Order, unknown), *select(db, Order, standing)]
    return sorted(found, key=lambda order: order.id)


def refuted(db: Database) -> list[Order]:
    """The failed orders, refunded and told, that a text says were done, oldest first.

    Nothing moves by itself: the agent has his money and the customer his airtime. An order
    leaves the list when a person has said what came of it (`acknowledge`).
    """
    return select(
        db,
        Order,
        f"SELECT {columns(Order)} FROM orders WHERE state = 'FAILED' AND id IN"
        f" ({REFUTED_ORDERS}) ORDER BY id",
    )


def acknowledge(db: Database, order_id: int, *, because: str, who: str, now_ms: int) -> Order:
    """Note what a person did about a failed order that was done; no money moves.

    Raises NotOpen, and changes nothing, if there is nothing to note.
    """
    order = orders.get(db, order_id)
    rows = tuples(db, f"{_REFUTED} AND a.order_id = ?", (order_id,))
    if order.state != OrderState.FAILED or not rows:
        raise NotOpen(f"order {order_id} is {order.state}, and no late proof against it is open")
    word = Evidence(
        EvidenceKind.ADMIN, VerdictKind.NONE, because, decided_by=who, rule=Rule.ACKNOWLEDGED
    )
    for (attempt_id,) in rows:
        evidence.record(db, attempt_id, word, now_ms=now_ms)
        # The operator may take it back: see `reversal.may_come_back`.
        attempts.forget_stock_before(db, attempts.get(db, attempt_id).chip)
    return order


# The attempts held for not done that a text calls done, and no person has looked since: from
# the texts (CROSS JOIN keeps that order), since they are few.
_REFUTED = (
    "SELECT DISTINCT a.id FROM sms AS s CROSS JOIN attempt AS a ON a.id = s.attempt_id"
    " CROSS JOIN evidence AS e ON e.attempt_id = a.id AND e.verdict = 'DONE'"
    " WHERE s.meaning = 'CONTRADICTION' AND a.outcome = 'NOT_DONE'"
    " AND NOT EXISTS (SELECT 1 FROM evidence AS later WHERE later.attempt_id = a.id"
    " AND later.kind = 'admin' AND later.id > e.id)"
)
REFUTED_ORDERS = f"SELECT order_id FROM attempt WHERE id IN ({_REFUTED})"
"""SQL: the orders of these attempts."""


def note(db: Database, order_id: int) -> None:
    """Show on an order that stands still why it does."""
    execute(
        db,
        "UPDATE orders SET reason = ? WHERE id = ? AND state = 'QUEUED'",
        (Reason.CONTRADICTED.value, order_id),
    )


def settle(db: Database, owner: Attempt, decision: Decision, *, now_ms: int) -> int | None:
    """Book a late proof that `owner` was done; the id of the attempt that carries it.

    A fall of the stock that the order can lie in is its cost, booked before it was known.
    None, and nothing changed, if the order is finished, is being sent past its point of no
    return, or neither the chip's stock in the ledger nor such a fall covers the cost and no
    person says that it was done all the same.
    """
    order, by_person = orders.get(db, owner.order_id), decision.evidence.kind is EvidenceKind.ADMIN
    if not by_person and stock.lacking(db, owner.chip, order.cost, order_id=order.id):
        return None
    if not _bring_back(db, order, now_ms=now_ms):
        return None
    where = _Where(owner.chip, owner.slot, owner.modem, owner.recipe, now_ms)
    booked = decision.evidence._replace(rule=Rule.CONTRADICTION_SETTLED)
    return _book(db, order, where, decision._replace(evidence=booked), now_ms)


def _book(db: Database, order: Order, where: "_Where", decision: Decision, now_ms: int) -> int:
    """Book a queued order as delivered by a chip; the id of the attempt that carries it."""
    stock.take_back_discrepancy(
        db,
        where.chip,
        order.cost,
        order_id=order.id,
        why=decision.why,
        who=decision.evidence.decided_by,
        now_ms=now_ms,
    )
    attempt_id = _insert(db, order.id, where, decision, closed_at=now_ms)
    state.move(db, order.id, OrderState.SENDING, why="a late proof is booked", now_ms=now_ms)
    held = hold_cost(db, order, attempt_id, where.chip, memo="cost, proved late", now_ms=now_ms)
    if held is not Result.OK:
        raise LedgerRefused(f"the cost of order {order.id} could not be held: {held}")
    evidence.record(db, attempt_id, decision.evidence, now_ms=now_ms)
    outcome.settle(db, attempt_id, decision, now_ms)
    # A person may have explained the fall as something else: the next reading tells.
    chips.doubt_stock(db, where.chip)
    attempts.forget_stock_before(db, where.chip)
    return attempt_id


def decide_by_admin(
    db: Database,
    order_id: int,
    decision: Decision,
    *,
    chip: str | None = None,
    now_ms: int,
    day_ends_at: int,
) -> Order:
    """Apply a person's word to an order that is undecided, or stands still.

    `chip`: the ICCID of the one that delivered an order of a backup, if not its last one did.
    Raises NotOpen, and changes nothing, if evidence decided it first or nobody need decide, or
    if that chip cannot have done it.
    """
    order = orders.get(db, order_id)
    if order.state == OrderState.UNKNOWN:
        (attempt,) = [one for one in attempts.of_order(db, order_id) if one.closed_at is None]
        chips.doubt_stock(db, attempt.chip)
        if not decision.done or chip in (None, attempt.chip):
            return outcome.decide(db, attempt.id, decision, now_ms=now_ms, day_ends_at=day_ends_at)
        _by_another_chip(db, order, attempt, decision, now_ms=now_ms, day_ends_at=day_ends_at)
    if not stands_still(db, order_id):
        raise NotOpen(f"order {order_id} is {order.state}; only undecided orders are resolved")
    doubtful = _contradicted_attempt(db, order_id)
    if not decision.done:
        if doubtful is not None:
            evidence.record(db, doubtful.id, decision.evidence, now_ms=now_ms)
        outcome.refund(db, order_id, Reason.DECIDED_BY_ADMIN, decision.why, now_ms)
    elif doubtful is None:
        _book(db, order, _where_restored(db, order, chip), decision, now_ms)
    elif settle(db, doubtful, decision, now_ms=now_ms) is None:
        raise NotOpen(f"order {order_id} is being sent again; wait for its end")
    return orders.get(db, order_id)


def _by_another_chip(
    db: Database, order: Order, attempt: Attempt, said: Decision, *, now_ms: int, day_ends_at: int
) -> None:
    """Close the attempt that a backup knows: a later one, which it does not, delivered it."""
    if order.reason != Reason.RESTORED:
        raise NotOpen(f"order {order.id} was sent by chip {attempt.chip} and by no other")
    why = f"another chip delivered it: {said.why}"
    # Not as a person's word that it was not delivered: then its price would be given back.
    lost = Evidence(
        EvidenceKind.RECOVERY,
        VerdictKind.NOT_DONE,
        why,
        decided_by=said.evidence.decided_by,
        rule=Rule.ADMIN,
    )
    closed = Decision(False, Reason.RESTORED, why, lost)
    outcome.decide(db, attempt.id, closed, now_ms=now_ms, day_ends_at=day_ends_at)


@dataclass(frozen=True, slots=True)
class _Where:
    """What an attempt that is written afterwards says of its place, and since when it was made."""

    chip: str
    slot: str
    modem: str
    recipe: str
    since: int


def _where_restored(db: Database, order: Order, iccid: str | None) -> _Where:
    """Where an order was delivered by a person's word: by that chip, else by its last one."""
    tried = attempts.of_order(db, order.id)
    if tried and iccid in (None, tried[-1].chip):
        last = tried[-1]
        return _Where(last.chip, last.slot, last.modem, last.recipe, order.received_at)
    if iccid is None:
        raise NotOpen(
            f"order {order.id} was not sent yet in the backup: name the chip, --chip ICCID"
        )
    found = tuples(
        db,
        "SELECT c.iccid, coalesce(c.slot, ''), coalesce(c.modem, ''), v.hash FROM chip AS c"
        " JOIN recipe_version AS v ON v.name = c.recipe WHERE c.iccid = ? AND c.operator = ?"
        " ORDER BY v.first_used_at DESC LIMIT 1",
        (iccid, order.operator),
    )
    if not found:
        raise NotOpen(f"chip {iccid} never sold for {order.operator}, as far as is known here")
    ((chip, slot, modem, recipe),) = found
    return _Where(chip, slot, modem, recipe, order.received_at)


def _bring_back(db: Database, order: Order, *, now_ms: int) -> bool:
    """Make sure that the order is queued; an attempt that sent nothing is given up."""
    if order.state == OrderState.SENDING:
        opened = [one for one in attempts.of_order(db, order.id) if one.closed_at is None]
        if any(one.committed_at is not None for one in opened):
            return False
        for one in opened:
            outcome.take_back(db, one, why="an earlier attempt was done", now_ms=now_ms)
    return orders.get(db, order.id).state == OrderState.QUEUED


def _insert(
    db: Database, order_id: int, where: _Where, decision: Decision, *, closed_at: int
) -> int:
    return insert(
        db,
        "INSERT INTO attempt (order_id, number, chip, slot, modem, recipe, claimed_at,"
        " committed_at, closed_at, outcome, why, stock_after, answered)"
        " SELECT ?1, (SELECT coalesce(max(number), 0) + 1 FROM attempt WHERE order_id = ?1),"
        " ?2, ?3, ?4, ?5, ?6, ?6, ?7, 'DONE', ?8, ?9, ?10",
        (
            order_id,
            where.chip,
            where.slot,
            where.modem,
            where.recipe,
            where.since,
            closed_at,
            decision.why,
            decision.stock_after,
            int(decision.answered),
        ),
    )


def _contradicted_attempt(db: Database, order_id: int) -> Attempt | None:
    found = [
        one
        for one in attempts.of_order(db, order_id)
        if one.outcome == "NOT_DONE"
        and any(e.verdict == VerdictKind.DONE for e in evidence.of_attempt(db, one.id))
    ]
    return found[-1] if found else None
