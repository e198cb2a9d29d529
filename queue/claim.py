"""Claiming: the oldest orders meet the idle chips, in one transaction.

For every operator with an idle chip the oldest queued orders are routed one by one;
a claim writes the attempt and holds the chip's stock before any byte is sent. The
ledger and two unique indexes have the last word: a chip without stock, or one that
holds an open attempt, cannot be claimed whatever routing believed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from peewee import Database

from pulsarack.ledger import accounts, books, journal
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.queue import attempts, chips, facts, orders, state
from pulsarack.queue.chips import ChipState
from pulsarack.queue.errors import ClaimLost
from pulsarack.queue.facts import Presence
from pulsarack.queue.orders import Order
from pulsarack.queue.routing import ChipFacts, OrderFacts, Route, judge, route
from pulsarack.queue.rows import scalar
from pulsarack.queue.state import OrderState

# How many orders of an operator are looked at for each idle chip: enough to pass by
# those that no idle chip may take, few enough to cost nothing when thousands wait.
LOOK_AHEAD = 8
_REASONS_KEPT = 16


@dataclass(frozen=True, slots=True)
class Claim:
    """An order on its way: what the chip's worker needs."""

    order: Order
    attempt_id: int
    number: int
    chip: str


@dataclass(frozen=True, slots=True)
class IdleChip:
    """A chip that could start at once."""

    presence: Presence
    operator: str
    recipe_hash: str


def claim_ready(
    db: Database, idle: Mapping[str, IdleChip], *, now_ms: int, day_started_at: int
) -> list[Claim]:
    """Give the idle chips the oldest orders they may take. One transaction."""
    wanted = orders.operators_waiting(db, now_ms=now_ms)
    idle = {iccid: chip for iccid, chip in idle.items() if chip.operator in wanted}
    if not idle:
        return []  # the usual case of an idle rack: no facts are gathered for nothing
    free = _free_chips(db, idle, now_ms=now_ms, day_started_at=day_started_at)
    claims = []
    for operator in sorted({chip.operator for chip in free.values()}):
        mine = {iccid: chip for iccid, chip in free.items() if chip.operator == operator}
        waiting = orders.queued(
            db,
            operator,
            affordable=max(chip.stock_available - chip.reserve for chip in mine.values()),
            now_ms=now_ms,
            limit=LOOK_AHEAD * len(mine),
        )
        for order in waiting:
            if not mine:
                break
            claimed = _try(db, order, mine, idle, now_ms)
            if claimed is not None:
                claims.append(claimed)
                del mine[claimed.chip]
    return claims


def _free_chips(
    db: Database, idle: Mapping[str, IdleChip], *, now_ms: int, day_started_at: int
) -> dict[str, ChipFacts]:
    chips.wake_rested(db, now_ms=now_ms)
    free = {}
    for iccid, ready in sorted(idle.items()):
        chip = chips.find(db, iccid)
        if chip is None or not (chip.state == ChipState.ACTIVE and chip.stock_exact):
            continue
        if attempts.open_on_chip(db, iccid) is not None:
            continue
        found = facts.of_chip(
            db, chip, ready.presence, now_ms=now_ms, day_started_at=day_started_at
        )
        # A chip that no order could take now must not draw orders to look at.
        if not judge(OrderFacts(found.operator, cost=0), found, now_ms).reasons:
            free[iccid] = found
    return free


def _try(
    db: Database,
    order: Order,
    free: Mapping[str, ChipFacts],
    idle: Mapping[str, IdleChip],
    now_ms: int,
) -> Claim | None:
    wanted = facts.of_order(
        db,
        operator=order.operator,
        destination=order.destination,
        denomination=order.denomination,
        cost=order.cost,
    )
    avoided = facts.avoided(db, order.id)
    offered = [replace(chip, avoid_until=avoided.get(iccid)) for iccid, chip in free.items()]
    found = route(wanted, offered, now_ms)
    if found.winner is None:
        return None
    return _claim(db, order, found, free[found.winner], idle[found.winner], now_ms)


def _claim(
    db: Database, order: Order, found: Route, chip: ChipFacts, idle: IdleChip, now_ms: int
) -> Claim:
    state.move(db, order.id, OrderState.SENDING, why=f"claimed by chip {chip.name}", now_ms=now_ms)
    number = 1 + int(
        scalar(db, "SELECT count(*) FROM attempt WHERE order_id = ?", (order.id,)) or 0
    )
    before = books.balance(db, accounts.chip(chip.iccid))
    attempt_id = scalar(
        db,
        "INSERT INTO attempt (order_id, number, chip, slot, modem, recipe, claimed_at,"
        " stock_before, routing) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            order.id,
            number,
            chip.iccid,
            idle.presence.slot,
            idle.presence.modem,
            idle.recipe_hash,
            now_ms,
            before.posted if before and chip.stock_exact else None,
            explain(found),
        ),
    )
    memo = f"cost, attempt {number}"
    held = hold_cost(db, order, attempt_id, chip.iccid, memo=memo, now_ms=now_ms)
    if held is not Result.OK:
        raise ClaimLost(f"order {order.id}: the stock of chip {chip.name} refused it: {held}")
    return Claim(order, attempt_id, number, chip.iccid)


def hold_cost(
    db: Database, order: Order, attempt_id: int, iccid: str, *, memo: str, now_ms: int
) -> Result:
    """Hold an order's cost in the stock of the chip that tries it."""
    return journal.hold(
        db,
        Transfer(
            id=attempts.cost_hold(attempt_id),
            debit=accounts.AIRTIME,
            credit=accounts.chip(iccid),
            amount=order.cost,
            reference=orders.reference(order.id),
            memo=memo,
        ),
        now_ms=now_ms,
    )


def explain(found: Route) -> str:
    """Why the winner won, as JSON to keep with the attempt; the verdicts are capped."""
    return json.dumps(
        [
            {
                "chip": verdict.name,
                "load": verdict.load,
                "won": verdict.iccid == found.winner,
                "reasons": list(verdict.reasons),
            }
            for verdict in sorted(found.verdicts, key=lambda v: v.iccid != found.winner)
        ][:_REASONS_KEPT]
    )
