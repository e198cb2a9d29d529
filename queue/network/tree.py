"""The tree of agents: who is above whom, and how it changes.

An agent has one upline or none; there are as many levels as people make. Uplines register new
downlines and let them order or not; only an admin moves an agent, and never below itself: the
code says so in words, and a trigger sees to it whoever writes.

What an admin turned off no upline turns on again.
"""

import re

from peewee import Database

from pulsarack.queue import agents
from pulsarack.queue.agents import Agent
from pulsarack.queue.network import markups
from pulsarack.queue.rows import columns, execute, scalar, select, tuples
from pulsarack.queue.validation import Refusal, RefusalCode, normalise_destination

PREFIX = "AG"
NAME_LIMIT = 100
_DIGITS = 4
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_AGENT = ", ".join(f"a.{name}" for name in columns(Agent).split(", "))

# The uplines of ?1, nearest first.
_ABOVE = """
WITH RECURSIVE above (code, distance) AS (
    SELECT upline, 1 FROM agent WHERE code = ?1 AND upline IS NOT NULL
    UNION ALL SELECT a.upline, above.distance + 1 FROM above
        JOIN agent AS a ON a.code = above.code WHERE a.upline IS NOT NULL
)
"""


def uplines(db: Database, code: str) -> list[Agent]:
    """All that are above an agent: its own upline first, the top of the tree last."""
    statement = (
        f"{_ABOVE} SELECT {_AGENT} FROM above JOIN agent AS a ON a.code = above.code"
        " ORDER BY above.distance"
    )
    return select(db, Agent, statement, (code,))


def downlines(db: Database, code: str) -> list[Agent]:
    """Those right below an agent, by code."""
    statement = f"SELECT {columns(Agent)} FROM agent WHERE upline = ? ORDER BY code"
    return select(db, Agent, statement, (code,))


def is_below(db: Database, code: str, upline: str) -> bool:
    """Whether an agent is below another, at any depth; none is below itself."""
    return scalar(db, f"{_ABOVE} SELECT 1 FROM above WHERE code = ?2", (code, upline)) is not None


def whole(db: Database, code: str | None = None) -> list[tuple[int, Agent]]:
    """An agent (None: all that are below nobody) and all below, each with its depth, as a tree
    is drawn: who is below an agent follows it, by code."""
    # The queue of a recursive query gives the deepest first: so children follow their parent.
    statement = (
        f"WITH RECURSIVE below (depth, {columns(Agent)}) AS ("
        f" SELECT 0, {columns(Agent)} FROM agent WHERE CASE WHEN ?1 IS NULL THEN upline IS NULL"
        " ELSE code = ?1 END"
        f" UNION ALL SELECT below.depth + 1, {_AGENT} FROM below"
        " JOIN agent AS a ON a.upline = below.code ORDER BY 1 DESC, 2)"
        f" SELECT depth, {columns(Agent)} FROM below"
    )
    return [(row[0], Agent(*row[1:])) for row in tuples(db, statement, (code,))]


def register(
    db: Database,
    upline: Agent,
    *,
    name: str,
    town: str,
    number: str,
    markup: int | None,
    now_ms: int,
    prefix: str = PREFIX,
) -> Agent | Refusal:
    """Open an agent right below another, under the next free code, with an empty deposit.

    It has the level and the language of its upline, and pays `markup` more than the upline's
    other rules say, if one is given. `number`: its telephone as people type it, "" is none.
    """
    said = name.strip()
    if not 1 <= len(said) <= NAME_LIMIT or len(town) > NAME_LIMIT or _CONTROL.search(said + town):
        return Refusal(
            RefusalCode.BAD_NAME,
            f"a name has 1 to {NAME_LIMIT} characters in one line, and so has a town",
            "write a shorter one",
        )
    telephone = normalise_destination(number) if number else ""
    if isinstance(telephone, Refusal):
        return telephone
    if markup is not None and (refusal := markups.check(markup)) is not None:
        return refusal
    code = _free_code(db, prefix)
    added = agents.add(
        db,
        code,
        said,
        now_ms=now_ms,
        upline=upline.code,
        level=upline.level,
        language=upline.language,
        town=town.strip(),
        number=telephone,
    )
    assert added, "the code was free a statement ago"
    if markup is not None:
        set_ = markups.put(db, upline, markup, downline=code)
        assert not isinstance(set_, Refusal), set_
    return _get(db, code)


def move(db: Database, code: str, upline: str | None, *, now_ms: int) -> Agent | Refusal:
    """Put an agent, and with it all below it, below another or (None) below nobody.

    What its upline of before added for it in particular is forgotten.
    """
    agent = agents.find(db, code)
    if agent is None or (upline is not None and agents.find(db, upline) is None):
        return agents.unknown(code if agent is None else str(upline))
    if upline is not None and (upline == code or is_below(db, upline, code)):
        return Refusal(
            RefusalCode.CYCLE,
            f"{upline} is {code} itself" if upline == code else f"{upline} is below {code}",
            "name an upline that is not below it",
        )
    if upline == agent.upline:
        return agent
    if agent.upline is not None:
        execute(db, "DELETE FROM markup WHERE upline = ? AND downline = ?", (agent.upline, code))
    if upline is not None:
        agents.open_commission(db, upline, now_ms=now_ms)
    execute(db, "UPDATE agent SET upline = ? WHERE code = ?", (upline, code))
    return _get(db, code)


def set_active(db: Database, upline: Agent, code: str, active: bool) -> Agent | Refusal:
    """Let an agent below another order, or no more, by that upline's word."""
    agent = agents.find(db, code)
    if agent is None or not is_below(db, code, upline.code):
        return not_a_downline(code)
    may_wake = bool(agent.active) or _may_wake(db, upline, agent)
    if active and not may_wake:
        return Refusal(
            RefusalCode.STOPPED,
            f"{code} was turned off by somebody above you",
            "ask the admin",
        )
    # Who turns off what one below him had turned off already is the one who may turn it on.
    if bool(agent.active) != active or (not active and may_wake):
        agents.put_active(db, code, active, by=upline.code)
    return _get(db, code)


def not_a_downline(code: str) -> Refusal:
    """The refusal of whoever is not below the one that asks; it tells not whether it exists."""
    return Refusal(
        RefusalCode.NOT_A_DOWNLINE,
        f"'{code[:40]}' is not below you",
        "check the code in your list of downlines",
    )


def _may_wake(db: Database, upline: Agent, agent: Agent) -> bool:
    """Who turned an agent off may turn it on, and so may who is above that one."""
    by = agent.stopped_by
    return by == upline.code or (by != "" and is_below(db, by, upline.code))


def _free_code(db: Database, prefix: str) -> str:
    """The prefix and one more than the greatest number that stands behind it."""
    # ':' follows '9': what is between begins with a digit behind the prefix.
    last = scalar(
        db,
        "SELECT max(CAST(substr(code, ?2) AS INTEGER)) FROM agent WHERE code >= ?1 || '0'"
        " AND code < ?1 || ':' AND substr(code, ?2) NOT GLOB '*[^0-9]*' AND length(code) < ?2 + 9",
        (prefix, len(prefix) + 1),
    )
    return f"{prefix}{(last or 0) + 1:0{_DIGITS}d}"


def _get(db: Database, code: str) -> Agent:
    agent = agents.find(db, code)
    assert agent is not None, code
    return agent
