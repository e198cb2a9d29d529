"""Telling an agent something that he did not ask for: money that came, a complaint's answer.

It goes to one of his addresses, a telephone before all others, and lies in the outbox with the
transaction that it tells of.
"""

from collections.abc import Mapping
from typing import Final

from peewee import Database

from pulsarack.queue import agents
from pulsarack.queue.agents import Agent
from pulsarack.queue.complaints import Complaint
from pulsarack.queue.identity import senders
from pulsarack.queue.identity.senders import Sender
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, Text
from pulsarack.queue.service import look
from pulsarack.queue.service.asked import Asked
from pulsarack.queue.wordings import render
from pulsarack.queue.wordings.shipped import Value, Values

_ORDER: Final = ("sms", "whatsapp", "xmpp")


def tell(
    db: Database, agent: Agent, key: str, variables: Mapping[str, Value], *, now_ms: int
) -> None:
    """Write it down to be sent, if the agent has an address."""
    first = _first(db, agent.code)
    if first is not None:
        _write(db, agent, first, key, variables, now_ms=now_ms)


def warn(db: Database, asked: Asked, key: str, channel: str, address: str) -> None:
    """Tell an agent what was done in his name, if it was not done from his first address.

    Who has got hold of a PIN and one of the addresses cannot take the rest without a word.
    """
    here = (asked.channel, asked.sender)
    new = None if (channel, address) == here else (channel, address)
    first = _first(db, asked.agent.code, but=new)
    if first is None or (first.channel, first.address) == here:
        return
    what: Values = {"agent": asked.agent.code, "channel": channel, "number": address}
    _write(db, asked.agent, first, key, what, now_ms=asked.received_at)


def warn_of_removal(db: Database, asked: Asked, channel: str, address: str) -> None:
    """The same of an address that is about to be removed; before it is, so that it is told too."""
    known = senders.find(db, channel, address)
    first = _first(db, asked.agent.code)
    if known is None or known.agent != asked.agent.code or first is None:
        return
    if (first.channel, first.address) == (asked.channel, asked.sender):
        return
    what: Values = {"agent": known.agent, "channel": channel, "number": known.address}
    now_ms = asked.received_at
    _write(db, asked.agent, first, "notice_sender_removed", what, now_ms=now_ms)


def _first(db: Database, agent: str, but: tuple[str, str] | None = None) -> Sender | None:
    known = [one for one in senders.of_agent(db, agent) if (one.channel, one.address) != but]
    return min(known, key=lambda one: _ORDER.index(one.channel), default=None)


def _write(
    db: Database,
    agent: Agent,
    to: Sender,
    key: str,
    variables: Mapping[str, Value],
    *,
    now_ms: int,
) -> None:
    text = Text(
        channel=to.channel,
        address=to.address,
        kind=Kind.ANSWER,
        text=render.render(db, key, agent.language, variables),
        agent=agent.code,
    )
    outgoing.put(db, text, now_ms=now_ms)


def money_came(
    db: Database, code: str, amount: int, *, number: str = "-", bank: str = "-", now_ms: int
) -> None:
    """Tell an agent that his deposit was raised, or corrected downwards.

    `number` is the ticket's that was paid, if one was.
    """
    agent = agents.find(db, code)
    if agent is None:
        return
    variables: Values = {
        "amount": amount,
        "balance": look.balance(db, code),
        "number": number,
        "bank": bank.upper(),
    }
    tell(db, agent, "credited" if amount > 0 else "taken_back", variables, now_ms=now_ms)


def complaint_answered(db: Database, complaint: Complaint, *, now_ms: int) -> None:
    """Tell an agent what the shop found out about his complaint."""
    agent = agents.find(db, complaint.agent)
    if agent is None:
        return
    variables: Values = {
        "number": str(complaint.id),
        "order": complaint.order_id,
        "cause": complaint.answer,
    }
    tell(db, agent, "complaint_answered", variables, now_ms=now_ms)
