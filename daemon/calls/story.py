"""The story of an order as rows: states, attempts, what was said, evidence, money."""

import json
from dataclasses import asdict
from typing import Any

from peewee import Database

from pulsarack.ledger import journal
from pulsarack.queue import (
    attempts,
    evidence,
    messages,
    orders,
    recipe_versions,
    state,
    stock,
    texts,
)
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.evidence import Finding
from pulsarack.queue.orders import Order
from pulsarack.queue.validation import show_destination


def order_row(db: Database, order: Order) -> dict[str, Any]:
    """One order as the socket shows it."""
    return row_with(order, orders.attempt_summary(db, order.id))


def row_with(order: Order, summary: orders.AttemptSummary) -> dict[str, Any]:
    """The same, where it is known how it was tried."""
    return {
        "id": order.id,
        "state": order.state,
        "agent": order.agent,
        "product": order.product,
        "destination": show_destination(order.destination),
        "price": order.price,
        "cost": order.cost,
        "repeat_index": order.repeat_index,
        "client_reference": order.client_reference,
        "channel": order.channel,
        "reason": order.reason,
        "serial_number": order.serial_number,
        "chip": summary.chip,
        "received_at": order.received_at,
        "finished_at": order.finished_at,
        "text": order.text,
    }


def story(db: Database, order_id: int) -> dict[str, Any] | None:
    """Everything that is known of an order; None if there is no such order."""
    order = orders.find(db, order_id)
    if order is None:
        return None
    return {
        "order": order_row(db, order),
        "history": [asdict(line) for line in state.history(db, order_id)],
        "attempts": [attempt_row(db, one) for one in attempts.of_order(db, order_id)],
        "transfers": [
            {
                "id": entry.id,
                "phase": entry.phase,
                "debit": entry.debit,
                "credit": entry.credit,
                "amount": entry.amount,
                "asset": entry.asset,
                "at": entry.at,
                "memo": entry.memo,
            }
            for entry in journal.by_reference(db, orders.reference(order_id))
        ],
        "messages": [
            {
                "id": one.id,
                "state": one.state,
                "at": one.created_at,
                "text": one.text,
                "delivered_at": one.delivered_at,
                "tries": one.tries,
            }
            for one in messages.of_order(db, order_id)
        ],
    }


def attempt_row(db: Database, attempt: Attempt) -> dict[str, Any]:
    """One attempt with all that was said and found."""
    return {
        "id": attempt.id,
        "number": attempt.number,
        "chip": attempt.chip,
        "slot": attempt.slot,
        "modem": attempt.modem,
        "recipe": recipe_versions.name_of(db, attempt.recipe),
        "claimed_at": attempt.claimed_at,
        "committed_at": attempt.committed_at,
        "closed_at": attempt.closed_at,
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "why": attempt.why,
        "stock_before": attempt.stock_before,
        "stock_after": attempt.stock_after,
        "routing": json.loads(attempt.routing),
        "exchanges": [line._asdict() for line in attempts.exchanges(db, attempt.id)],
        "evidence": [finding_row(db, one) for one in evidence.of_attempt(db, attempt.id)],
        "readings": [
            {"at": one.at, "stock": one.stock, "ledger": one.ledger, "source": one.source}
            for one in stock.readings_during(db, attempt)
        ],
    }


def finding_row(db: Database, found: Finding) -> dict[str, Any]:
    """A finding, and what its rule was applied to: the text, the query, the stock figures."""
    return {
        "at": found.at,
        "kind": found.kind,
        "verdict": found.verdict,
        "rule": found.rule,
        "detail": found.detail,
        "by": found.decided_by,
        "matched": found.matched.split(",") if found.matched else [],
        "text": _text_row(db, found),
        "query": found.query,
        "answer": found.answer,
        "stock": _stock_row(db, found),
    }


def _text_row(db: Database, found: Finding) -> dict[str, Any] | None:
    kept = None if found.sms_id is None else texts.sms(db, found.sms_id)
    return None if kept is None else asdict(kept)


def _stock_row(db: Database, found: Finding) -> dict[str, Any] | None:
    ids = [one for one in (found.first_reading_id, found.last_reading_id) if one is not None]
    if not ids:
        return None
    read = [one for one in (stock.reading(db, reading_id) for reading_id in ids) if one]
    return {
        "before": found.stock_before,
        "expected": found.stock_expected,
        "readings": [{"at": one.at, "stock": one.stock, "ledger": one.ledger} for one in read],
    }


def evidence_rows(db: Database, order_id: int) -> list[dict[str, Any]]:
    """What was found about an order, attempt by attempt; why it is not known comes first."""
    rows: list[dict[str, Any]] = []
    for attempt in attempts.of_order(db, order_id):
        if attempt.closed_at is None:
            rows.append({"at": attempt.committed_at, "kind": "why", "detail": attempt.why})
        for found in evidence.of_attempt(db, attempt.id):
            row = finding_row(db, found)
            rows.append({**row, "detail": f"{found.verdict}: {found.detail}"})
    return rows
