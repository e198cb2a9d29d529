"""What happens to agents' money in a life: every call about it once, and what the service asks."""

from random import Random
from typing import Any

from peewee import Database

from pulsarack.daemon.calendar import day_bounds
from pulsarack.daemon.config_deposits import ticket_terms
from pulsarack.queue import complaints
from pulsarack.queue.deposits import tickets, transfers
from pulsarack.queue.reports import lookup, recap, statement
from tests.daemon.world import OTHER_ADMIN, START_DAY, World

WORD = {"because": "seen", "who": "admin1"}
ZONE = "Asia/Jakarta"


async def pay(world: World) -> None:
    """Tickets, statements and credits."""
    await world.call("agent.new", code="M2", name="Dua")
    ticket = await world.call("ticket.new", agent="M2", amount=50_000)
    assert (await world.call("ticket.new", agent="M2", amount=50_000))["repeated"]
    other = await world.call("ticket.new", agent="M2", amount=60_000, bank="BANK")
    await world.call("ticket.cancel", id=other["id"], **WORD)
    rows = [
        {"day": ticket["first_day"], "amount": amount, "description": "x", "balance": 1}
        for amount in (ticket["amount"], other["amount"], -500, 7_000)
    ]
    await world.call("bank.import", bank="bank", rows=rows, check=True)
    await world.call("bank.import", bank="bank", rows=rows)
    await world.call("ticket.list", agent="M2")
    await world.call("ticket.list")
    await world.call("ticket.list", open=True)
    await world.call("ticket.show", id=ticket["id"])
    await world.call("bank.list")
    await world.call("bank.rows")
    await world.call("bank.rows", unmatched=True)
    for _ in range(2):
        await world.call("agent.credit", code="M2", amount=9, id="k", **WORD)
    await world.call("agent.credit", code="M2", amount=1, take_back=True, **WORD)
    await world.call("credit.list")
    await world.call_as(OTHER_ADMIN, "credit.confirm", id=1, who="admin2")
    await world.call("credit.refuse", id=2, **WORD)
    await world.call("credit.list", all=True)


async def ask(world: World) -> None:
    """What agents ask for, and admins answer."""
    await world.call("agent.statement", agent="A1")
    await world.call("agent.statement", agent="A1", day=START_DAY)
    await world.call("agent.recap", agent="A1")
    world.daemon.store.run_inline(lambda db: serve(world, db))
    await world.call("complaint.list")
    found = await world.call("complaint.list", all=True)
    newest = found["complaints"][0]["id"]
    await world.call("complaint.answer", id=newest, answer="it was delivered", who="admin1")


def serve(world: World, db: Database) -> None:
    """What the service does for an agent."""
    now_ms = world.clock.now_ms()
    begins_at, ends_at = day_bounds(now_ms, ZONE)
    terms = ticket_terms(world.daemon.context.config)
    asked: dict[str, Any] = {"bank": None, "rng": Random(1), "now_ms": now_ms, "terms": terms}
    assert isinstance(tickets.ask(db, "A1", 10_000, **asked), tickets.Given)
    when: dict[str, Any] = {"repeat_index": 1, "local_day": START_DAY, "now_ms": now_ms}
    for _ in range(2):
        transfers.send(db, "A1", "M2", 100, across=True, is_below=lambda *_: True, **when)
    transfers.pull_back(db, "A1", "M2", 50, is_below=lambda *_: True, **when)
    statement.newest(db, "A1", 5)
    statement.between(db, "A1", begins_at, ends_at, 5)
    recap.of_day(db, "A1", START_DAY, begins_at, ends_at)
    for destination in ("6281200000010", "6281200000099"):
        lookup.newest_to(db, "A1", destination)
        lookup.newest_to(db, "A1", destination, START_DAY)
    complaints.open(db, "A1", 1, "not received", channel="sms", now_ms=now_ms)
