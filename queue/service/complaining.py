"""Complaints: tied to an order, which the agent names by its number or by ours."""

from peewee import Database

from pulsarack.queue import archive, complaints, orders
from pulsarack.queue.order_text.commands import Complain
from pulsarack.queue.service import look, queries, refusals
from pulsarack.queue.service.asked import Answer, Asked
from pulsarack.queue.validation import Refusal, any_destination

_LAST_ID = 2**63 - 1


def complain(db: Database, command: Complain, asked: Asked) -> Answer:
    """Write a complaint down."""
    found = _about(db, command.about, asked)
    if isinstance(found, Answer):
        return found
    opened = complaints.open(
        db,
        asked.agent.code,
        found.id,
        command.words,
        channel=asked.channel,
        now_ms=asked.received_at,
    )
    facts = look.facts(db, found, asked)
    if isinstance(opened, Refusal):
        return refusals.answer(opened, **facts)
    key = "complaint_again" if opened.repeated else "complaint_opened"
    return Answer(key, {**facts, "number": str(opened.complaint.id)})


def _about(db: Database, typed: str, asked: Asked) -> look.Known | Answer:
    """The order that is meant: of that number, or the newest to that destination."""
    said = typed.strip().removeprefix("#")
    if said.isascii() and said.isdigit() and isinstance(any_destination(said), Refusal):
        order = _find(db, int(said)) if int(said) <= _LAST_ID else None
        if order is None or order.agent != asked.agent.code:
            return Answer("order_not_found", {"destination": f"#{said[:20]}"})
        return order
    return queries.newest_to(db, said, asked)


def _find(db: Database, order_id: int) -> look.Known | None:
    return orders.find(db, order_id) or archive.find(db, order_id)
