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
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, Text
from pulsarack.queue.service import look
from pulsarack.queue.wordings import render
from pulsarack.queue.wordings.shipped import Value, Values

_ORDER: Final = ("sms", "whatsapp", "xmpp")


def tell(
    db: Database, agent: Agent, key: str, variables: Mapping[str, Value], *, now_ms: int
) -> bool:
    """Write it down to be sent; False if the agent has no address."""
    known = sorted(senders.of_agent(db, agent.code), key=lambda one: _ORDER.index(one.channel))
    if not known:
        return False
    text = Text(
        channel=known[0].channel,
        address=known[0].address,
        kind=Kind.ANSWER,
        text=render.render(db, key, agent.language, variables),
        agent=agent.code,
    )
    return outgoing.put(db, text, now_ms=now_ms) is not None


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
    tell(db, agent, "credited" if amount > 0 else "deposit_corrected", variables, now_ms=now_ms)


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
