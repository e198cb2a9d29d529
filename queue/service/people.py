"""Which other agents somebody may see and touch: those below him, and nobody else.

Whether a code exists elsewhere is not told: it is no downline, that is all.
"""

from peewee import Database

from pulsarack.queue import agents
from pulsarack.queue.agents import Agent
from pulsarack.queue.network import tree
from pulsarack.queue.service.asked import Answer, Asked
from pulsarack.queue.wordings.shipped import Value

_SHOWN = 32


def find(db: Database, typed: str) -> Agent | None:
    """The agent of a code as people type it."""
    code = typed.strip()
    return agents.find(db, code) or agents.find(db, code.upper())


def downline(db: Database, typed: str, asked: Asked) -> Agent | Answer:
    """Somebody below the one who asks, at any depth."""
    found = find(db, typed)
    if found is None or not tree.is_below(db, found.code, asked.agent.code):
        return Answer("not_a_downline", {"downline": typed.strip()[:_SHOWN]})
    return found


def named(agent: Agent) -> dict[str, Value]:
    """Another agent's code and name."""
    return {"downline": agent.code, "downline_name": agent.name}
