"""Telling an agent something that he did not ask for: money that came, a complaint's answer.

It goes to one of his addresses, a telephone before all others, and lies in the outbox with the
transaction that it tells of.
"""

from collections.abc import Mapping
from typing import Final

from peewee import Database

from pulsarack.queue.agents import Agent
from pulsarack.queue.identity import senders
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, Text
from pulsarack.queue.wordings import render
from pulsarack.queue.wordings.shipped import Value

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
