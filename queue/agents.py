"""Agents and their deposits.

Agents form a tree: who orders below an upline pays what it adds to the price, and the upline
earns that (network/). An agent that is off orders nothing and is told so; those below it may
still order, and what they pay more is still its own: they are not its fault, and their prices
do not change by it.

A deposit is what we owe the agent: `liability:agent:<code>`, limited, so that
nobody can order more than is there. How it is raised is in `deposits/`.
"""

from typing import NamedTuple

from peewee import Database

from pulsarack.ledger import accounts, journal
from pulsarack.queue.rows import columns, execute, scalar, select, select_one, tuples
from pulsarack.queue.validation import Refusal, RefusalCode

# Money that came in without a bank.
CASH = accounts.bank("cash")


class Agent(NamedTuple):
    """Somebody who orders against a deposit."""

    code: str
    name: str
    active: int
    created_at: int
    upline: str | None
    level: str  # of prices; "" is none
    language: str  # of what it is told: "id" or "en"
    town: str
    number: str  # its telephone as E.164 digits, as it was registered; "" is none
    stopped_by: str  # the upline that turned it off; "" if an admin did, or nobody


def add(
    db: Database,
    code: str,
    name: str,
    *,
    now_ms: int,
    upline: str | None = None,
    level: str = "",
    language: str = "id",
    town: str = "",
    number: str = "",
) -> bool:
    """Open an agent with an empty deposit; False if the code is taken. The upline must be there."""
    if scalar(db, "SELECT 1 FROM agent WHERE code = ?", (code,)) is not None:
        return False
    execute(
        db,
        "INSERT INTO agent (code, name, created_at, upline, level, language, town, number)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (code, name, now_ms, upline, level, language, town, number),
    )
    journal.open_account(db, accounts.agent(code), limited=True, now_ms=now_ms)
    if upline is not None:
        open_commission(db, upline, now_ms=now_ms)
    return True


def open_commission(db: Database, upline: str, *, now_ms: int) -> None:
    """Open the account of what an upline earns, if it is not there.

    It is not limited: what was drawn already is taken back as well when an order is reversed.
    """
    journal.open_account(db, accounts.commission(upline), now_ms=now_ms)


def rename(db: Database, code: str, name: str) -> None:
    """Call an agent otherwise."""
    execute(db, "UPDATE agent SET name = ? WHERE code = ?", (name, code))


def put_language(db: Database, code: str, language: str) -> None:
    """Talk to an agent in another language: "id" or "en"."""
    execute(db, "UPDATE agent SET language = ? WHERE code = ?", (language, code))


def put_active(db: Database, code: str, active: bool, *, by: str = "") -> None:
    """Let an agent order, or no more; `by` is the upline that says so, "" is an admin."""
    stopped_by = "" if active else by
    statement = "UPDATE agent SET active = ?, stopped_by = ? WHERE code = ?"
    execute(db, statement, (int(active), stopped_by, code))


def find(db: Database, code: str) -> Agent | None:
    """The agent of that code."""
    return select_one(db, Agent, f"SELECT {columns(Agent)} FROM agent WHERE code = ?", (code,))


class Depositor(NamedTuple):
    """An agent and what its deposit has left, rupiah."""

    agent: Agent
    available: int


_DEPOSITOR = (
    "SELECT (SELECT credits_posted - debits_posted - debits_held FROM account WHERE code = ?),"
    f" {columns(Agent)} FROM agent WHERE code = ?"
)


def depositor(db: Database, code: str) -> Depositor | None:
    """The agent of that code, and its deposit."""
    for available, *row in tuples(db, _DEPOSITOR, (accounts.agent(code), code)):
        return Depositor(Agent(*row), available or 0)
    return None


def every(db: Database) -> list[Agent]:
    """All agents, by code."""
    return select(db, Agent, f"SELECT {columns(Agent)} FROM agent ORDER BY code")


def unknown(code: str) -> Refusal:
    """There is no such agent, or it may not do business."""
    return Refusal(
        RefusalCode.UNKNOWN_AGENT,
        f"there is no agent '{code[:32]}'",
        "an admin adds one with: pulsarack agent new CODE NAME",
    )
