"""What was done about an agent's PIN, addresses and accounts, and by whom; never a secret."""

from typing import Literal, NamedTuple

from peewee import Database

from pulsarack.queue.rows import columns, execute, select

What = Literal[
    "PIN_SET",
    "PIN_LOCKED",
    "PIN_UNLOCKED",
    "PIN_LOST",
    "SENDER_BOUND",
    "SENDER_UNBOUND",
    "ACCOUNT_MADE",
    "ACCOUNT_ON",
    "ACCOUNT_OFF",
    "ACCOUNT_SECRET",
    "ACCOUNT_NETWORKS",
    "ACCOUNT_REPORT",
]


class Event(NamedTuple):
    """One of them; `about` is the address or the member, `at` milliseconds UTC."""

    id: int
    at: int
    agent: str
    what: str
    about: str
    by: str


def note(db: Database, agent: str, what: What, about: str, *, by: str, now_ms: int) -> None:
    """Write one down."""
    execute(
        db,
        "INSERT INTO identity_event (at, agent, what, about, by) VALUES (?, ?, ?, ?, ?)",
        (now_ms, agent, what, about, by),
    )


def of_agent(db: Database, agent: str, limit: int) -> list[Event]:
    """The newest of an agent."""
    return select(
        db,
        Event,
        f"SELECT {columns(Event)} FROM identity_event WHERE agent = ? ORDER BY id DESC LIMIT ?",
        (agent, limit),
    )
