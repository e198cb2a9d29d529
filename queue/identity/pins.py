"""Agents' PINs as rows: the hash, and the tries, which are counted before they are compared.

A try is committed as a wrong one first and forgiven when the PIN was right. So a daemon that
is killed in between gives nobody a free try: what ended unseen stays counted. After
TRIES_MOST in a row none is compared any more, until an admin unlocks the PIN or a new one is
set. Of an agent without a PIN tries are counted too, so that they cost the same.

Here are rows and rules; hashing, and who waits for whom, is daemon/identity/pin_check.py.
"""

import itertools
import random
import re
from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.identity import events
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.rows import columns, execute, select_one, touched, tuples
from pulsarack.queue.validation import Refusal, RefusalCode

TRIES_MOST = 3
RANDOM_DIGITS = 6
MASTER_DIGITS = 16
_PIN = re.compile(r"[0-9]{4,8}", re.ASCII)
_REMEDY = "choose 4 to 8 digits that are no row, no pattern and no year"


@dataclass(frozen=True, slots=True)
class PinRow:
    """The row of an agent; `hash` None: no PIN was set. `set_at`: milliseconds UTC."""

    agent: str
    hash: str | None
    tries: int
    set_at: int | None

    @property
    def locked(self) -> bool:
        """Whether no try is compared any more."""
        return self.hash is not None and self.tries >= TRIES_MOST


@dataclass(frozen=True, slots=True)
class Begun:
    """A try that is counted. `hash`: what to compare with; `last`: if wrong, the PIN is locked."""

    hash: str | None
    last: bool


def check_new(
    new: HiddenPin, old: HiddenPin | None = None, *, brought_along: bool = False
) -> Refusal | None:
    """What is wrong with a new PIN, if anything is.

    `brought_along`: the agent has used it at another server, so it may be a simple one.
    """
    digits = new.reveal()
    if not _PIN.fullmatch(digits):
        return _weak("a PIN has 4 to 8 digits")
    if brought_along:
        return None
    if new == old:
        return _weak("the new PIN is the old one")
    if _trivial(digits):
        return _weak("that PIN is among the first that a thief would try")
    return None


def _weak(what: str) -> Refusal:
    return Refusal(RefusalCode.WEAK_PIN, what, _REMEDY)


def _trivial(digits: str) -> bool:
    """One step repeated (1111, 1234, 9753), a part repeated (1212, 123123), doubles, a mirror,
    a year."""
    steps = {(int(b) - int(a)) % 10 for a, b in itertools.pairwise(digits)}
    part = digits in (digits + digits)[1:-1]
    doubles = digits[::2] == digits[1::2]
    year = len(digits) == 4 and digits[:2] in ("19", "20")
    return len(steps) == 1 or part or doubles or digits == digits[::-1] or year


def random_pin(rng: random.Random) -> HiddenPin:
    """Six digits, of which nobody would guess these first."""
    while True:
        pin = HiddenPin("".join(str(rng.randrange(10)) for _ in range(RANDOM_DIGITS)))
        if check_new(pin) is None:
            return pin


def state(db: Database, agent: str) -> PinRow | None:
    """How an agent's PIN stands; None: it was neither set nor tried."""
    return select_one(
        db, PinRow, f"SELECT {columns(PinRow)} FROM agent_pin WHERE agent = ?", (agent,)
    )


def begin(db: Database, agent: str) -> Begun | None:
    """Count a try that is about to be compared; None, and nothing counted: the PIN is locked."""
    found = state(db, agent)
    if found is not None and found.locked:
        return None
    execute(
        db,
        "INSERT INTO agent_pin (agent, tries) SELECT code, 1 FROM agent WHERE code = ?"
        " ON CONFLICT (agent) DO UPDATE SET tries = tries + 1",
        (agent,),
    )
    if found is None or found.hash is None:
        return Begun(None, last=False)
    return Begun(found.hash, last=found.tries + 1 >= TRIES_MOST)


def was_right(db: Database, agent: str, hashed: str, fresher: str | None = None) -> bool:
    """The try was right: all are forgiven. False: the PIN has been set anew meanwhile.

    `fresher`: the same PIN's hash by the newest key and cost, kept from now on.
    """
    return touched(
        db,
        "UPDATE agent_pin SET tries = 0, hash = coalesce(?, hash) WHERE agent = ? AND hash = ?",
        (fresher, agent, hashed),
    )


def was_wrong(db: Database, agent: str, begun: Begun, *, now_ms: int) -> None:
    """The try was wrong, as it was counted; the last one is written down."""
    if begun.last:
        events.note(db, agent, "PIN_LOCKED", "", by=agent, now_ms=now_ms)


def put(db: Database, agent: str, hashed: str, *, by: str, now_ms: int) -> bool:
    """Give an agent a PIN and forgive all tries; False if there is no such agent."""
    there = touched(
        db,
        "INSERT INTO agent_pin (agent, hash, set_at) SELECT code, ?2, ?3 FROM agent WHERE code = ?1"
        " ON CONFLICT (agent) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at,"
        " tries = 0",
        (agent, hashed, now_ms),
    )
    if there:
        events.note(db, agent, "PIN_SET", "", by=by, now_ms=now_ms)
    return there


def unlock(db: Database, agent: str, *, by: str, now_ms: int) -> bool:
    """Forgive an agent's tries; False if there is nothing to forgive."""
    sql = "UPDATE agent_pin SET tries = 0 WHERE agent = ? AND tries > 0 AND hash IS NOT NULL"
    found = touched(db, sql, (agent,))
    if found:
        events.note(db, agent, "PIN_UNLOCKED", "", by=by, now_ms=now_ms)
    return found


def masters(db: Database) -> dict[str, int]:
    """How many PINs were hashed with each master key."""
    sql = "SELECT substr(hash, 1, ?), count(*) FROM agent_pin WHERE hash IS NOT NULL GROUP BY 1"
    return dict(tuples(db, sql, (MASTER_DIGITS,)))


def forget(db: Database, master: str, *, by: str, now_ms: int) -> int:
    """Take away the PINs that were hashed with a master key which is lost; how many."""
    lost = tuples(
        db, "SELECT agent FROM agent_pin WHERE substr(hash, 1, ?) = ?", (MASTER_DIGITS, master)
    )
    for (agent,) in lost:
        sql = "UPDATE agent_pin SET hash = NULL, set_at = NULL, tries = 0 WHERE agent = ?"
        execute(db, sql, (agent,))
        events.note(db, agent, "PIN_LOST", "", by=by, now_ms=now_ms)
    return len(lost)
