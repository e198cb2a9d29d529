"""Senders: which agent writes from which address of which channel.

An address belongs to one agent at most. `find` tells nothing apart that a stranger must not
tell apart: an address of nobody, one that is no address, and one of an agent who is off are
all None. Who may bind is for the caller to judge: an admin, an agent who has shown his PIN
from an address of his, or his upline.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from peewee import Database

from pulsarack.queue import agents
from pulsarack.queue.identity import events
from pulsarack.queue.identity.addresses import normal_address
from pulsarack.queue.rows import execute, scalar, select, select_one, touched
from pulsarack.queue.validation import Refusal, RefusalCode

SENDERS_MOST = 50
"""Of one agent; a shop has a few telephones and a program or two."""
_COLUMNS = "s.channel, s.address, s.agent, s.bound_at, s.bound_by"


@dataclass(frozen=True, slots=True)
class Sender:
    """An address that is an agent's; `bound_at` milliseconds UTC, `bound_by` who said so."""

    channel: str
    address: str
    agent: str
    bound_at: int
    bound_by: str


def find(db: Database, channel: str, address: str) -> Sender | None:
    """Whose address this is, as the channel gives it; None for every kind of stranger."""
    known = normal_address(channel, address)
    if isinstance(known, Refusal):
        return None
    return select_one(
        db,
        Sender,
        f"SELECT {_COLUMNS} FROM sender AS s JOIN agent AS a ON a.code = s.agent"
        " WHERE s.channel = ? AND s.address = ? AND a.active = 1",
        (channel, known),
    )


def find_any(db: Database, channel: str, addresses: Iterable[str]) -> Sender | None:
    """Whose these addresses of one writer are; None, too, if they are those of two agents."""
    found = [sender for one in addresses if (sender := find(db, channel, one)) is not None]
    return found[0] if len({sender.agent for sender in found}) == 1 else None


def bind(
    db: Database, channel: str, typed: str, agent: str, *, by: str, now_ms: int
) -> Sender | Refusal:
    """Let an agent order from an address; the same again changes nothing."""
    address = normal_address(channel, typed)
    if isinstance(address, Refusal):
        return address
    if agents.find(db, agent) is None:
        return agents.unknown(agent)
    bound = bound_to(db, channel, address)
    if bound is not None:
        return bound if bound.agent == agent else _taken()
    if scalar(db, "SELECT count(*) FROM sender WHERE agent = ?", (agent,)) >= SENDERS_MOST:
        what = f"the agent has {SENDERS_MOST} addresses already"
        return Refusal(RefusalCode.TOO_MANY_SENDERS, what, "take one away first")
    execute(
        db,
        "INSERT INTO sender (channel, address, agent, bound_at, bound_by) VALUES (?, ?, ?, ?, ?)",
        (channel, address, agent, now_ms, by),
    )
    events.note(db, agent, "SENDER_BOUND", f"{channel} {address}", by=by, now_ms=now_ms)
    return Sender(channel, address, agent, now_ms, by)


def unbind(
    db: Database, channel: str, typed: str, *, by: str, now_ms: int, agent: str | None = None
) -> bool | Refusal:
    """Let nobody order from an address any more; False if it is not bound (to that agent)."""
    address = normal_address(channel, typed)
    if isinstance(address, Refusal):
        return address
    bound = bound_to(db, channel, address)
    if bound is None or agent not in (None, bound.agent):
        return False
    touched(db, "DELETE FROM sender WHERE channel = ? AND address = ?", (channel, address))
    events.note(db, bound.agent, "SENDER_UNBOUND", f"{channel} {address}", by=by, now_ms=now_ms)
    return True


def bound_to(db: Database, channel: str, address: str) -> Sender | None:
    """The row of an address in its normal form, also if its agent is off."""
    return select_one(
        db,
        Sender,
        f"SELECT {_COLUMNS} FROM sender AS s WHERE s.channel = ? AND s.address = ?",
        (channel, address),
    )


def of_agent(db: Database, agent: str) -> list[Sender]:
    """An agent's addresses."""
    return select(
        db,
        Sender,
        f"SELECT {_COLUMNS} FROM sender AS s WHERE s.agent = ? ORDER BY s.channel, s.address",
        (agent,),
    )


def every(db: Database) -> list[Sender]:
    """All of them, by agent."""
    return select(
        db,
        Sender,
        f"SELECT {_COLUMNS} FROM sender AS s ORDER BY s.agent, s.channel, s.address",
    )


def _taken() -> Refusal:
    # Not whose: the agent who tries must not learn it, and the admin's list says it.
    return Refusal(
        RefusalCode.SENDER_TAKEN,
        "this address cannot be added",
        "it may be in use already; ask the server's admin",
    )
