"""Agents and their deposits.

A deposit is what we owe the agent: `liability:agent:<code>`, limited, so that
nobody can order more than is there. How it is raised is in `deposits/`.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.ledger import accounts, journal
from pulsarack.queue.rows import columns, execute, scalar, select, select_one
from pulsarack.queue.validation import Refusal, RefusalCode

# Money that came in without a bank.
CASH = accounts.bank("cash")


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who orders against a deposit."""

    code: str
    name: str
    active: int
    created_at: int


def add(db: Database, code: str, name: str, *, now_ms: int) -> bool:
    """Open an agent with an empty deposit; False if the code is taken."""
    if scalar(db, "SELECT 1 FROM agent WHERE code = ?", (code,)) is not None:
        return False
    execute(db, "INSERT INTO agent (code, name, created_at) VALUES (?, ?, ?)", (code, name, now_ms))
    journal.open_account(db, accounts.agent(code), limited=True, now_ms=now_ms)
    return True


def find(db: Database, code: str) -> Agent | None:
    """The agent of that code."""
    return select_one(db, Agent, f"SELECT {columns(Agent)} FROM agent WHERE code = ?", (code,))


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
