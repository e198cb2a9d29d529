"""Steps of the clock: the time of day is set while orders wait and chips rest.

A deadline in the database is a time of day. When the clock is set, every deadline that
still counts moves along in the transaction that notes the step, so that a wait keeps its
length: nothing stands still for the hour that the clock went back, and nothing expires
because it went ahead. What is over keeps the time it was given. Whoever looks back over a
length of time ("texts of the last 30 minutes", "sold in the last hour") asks here how the
times stored before a step are to be read.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from peewee import Database

from pulsarack.queue import retry
from pulsarack.queue.retry import ChipFate
from pulsarack.queue.rows import execute, scalar, tuples

# How far the clock of a service centre may be from ours.
CLOCKS_DIFFER_MS = 300 * 1000
# So long a network may take to bring a text once more.
_TEXT_AGAIN_MS = 24 * 3600 * 1000
# How many of an operator's newest texts tell whether the clocks agree, and how far back
# they are looked for among all: this is asked with every text that comes.
_TEXTS = 20
_TEXTS_OF_ALL = 1000
# One text may have been delayed by its network; so many are a clock that is wrong.
_TEXTS_THAT_ACCUSE = 3
# Clocks are corrected a little all the time; no wait is hurt by that.
SMALL_MS = 2000
# Whoever looks back needs the newest step or two, and there is one for every long stop.
_STEPS_AT_ONCE = 4
_STEPS = "SELECT id, at, step, last_attempt FROM clock_step WHERE id < ? ORDER BY id DESC LIMIT ?"
# Steps with the same newest attempt may lie before the time asked for; to count them, too, can
# only lower what is answered.
_SET_BACK = "SELECT coalesce(sum(step), 0) FROM clock_step WHERE step < 0 AND last_attempt >= ?"
# A rest until midnight ends at midnight, by whatever clock.
_UNTIL_MIDNIGHT = tuple(
    reason.value for reason, rule in retry.RULES.items() if rule.chip is ChipFate.REST_TODAY
)


class Era(NamedTuple):
    """The attempts between two steps; `offset_ms` turns their times into today's.

    `began_at`: when, by today's clock, the step came with which it began; the oldest has 0.
    """

    after_attempt: int
    offset_ms: int
    began_at: int


def follow(db: Database, step_ms: int, *, now_ms: int) -> None:
    """Note that the clock was set by so much, and move the deadlines that still count.

    `now_ms` is the time by the clock as it is now. Everything written before must bear the
    time of the clock as it was.
    """
    _note(db, step_ms, now_ms=now_ms)
    # One by one: each has an index of its own, and together they would be looked for in all.
    for of_them in ("state = 'QUEUED'", "state IN ('SENDING', 'UNKNOWN')"):
        execute(
            db,
            "UPDATE orders SET expires_at = expires_at + ?, not_before = not_before + ?"
            f" WHERE {of_them}",
            (step_ms, step_ms),
        )
    # Since when a text waits decides when it is too old, or goes another way.
    execute(
        db,
        "UPDATE outgoing SET created_at = created_at + ?, not_before = not_before + ?"
        " WHERE state = 'WAITING'",
        (step_ms, step_ms),
    )
    marks = ", ".join("?" for _ in _UNTIL_MIDNIGHT)
    execute(
        db,
        "UPDATE chip SET rest_until = rest_until + ?"
        f" WHERE rest_until IS NOT NULL AND why NOT IN ({marks})",
        (step_ms, *_UNTIL_MIDNIGHT),
    )


def _note(db: Database, step_ms: int, *, now_ms: int) -> None:
    execute(
        db,
        "INSERT INTO clock_step (at, step, last_transition, last_attempt, last_sms) SELECT ?, ?,"
        " (SELECT coalesce(max(id), 0) FROM transition),"
        " (SELECT coalesce(max(id), 0) FROM attempt), (SELECT coalesce(max(id), 0) FROM sms)",
        (now_ms, step_ms),
    )


def follow_since_stop(db: Database, *, now_ms: int) -> int:
    """At start: follow a clock that was set back while nobody looked; by how much, or 0.

    It shows by what was written last and is still to come. A clock that was set ahead looks
    like a long stop, and what is too late after a long stop is too late; but what texts said
    of our clock before it counts no longer.
    """
    newest = newest_entry(db)
    if newest is None:
        return 0
    if newest - now_ms > SMALL_MS:
        follow(db, now_ms - newest, now_ms=now_ms)
        return now_ms - newest
    if now_ms - newest > CLOCKS_DIFFER_MS:
        _note(db, 0, now_ms=now_ms)  # a long stop, or a clock set ahead: texts will tell
    return 0


def newest_entry(db: Database) -> int | None:
    """When something was last written by the clock as it was set last; None if nothing ever was."""
    newest = scalar(
        db,
        "SELECT at FROM transition WHERE id > (SELECT coalesce(max(last_transition), 0)"
        " FROM clock_step) ORDER BY id DESC LIMIT 1",
    )
    if newest is None:
        newest = scalar(db, "SELECT at FROM clock_step ORDER BY id DESC LIMIT 1")
    return None if newest is None else int(newest)


def eras(db: Database, *, back_to_ms: int) -> list[Era]:
    """How stored times are to be read back to a time of today's clock, newest era first."""
    found: list[Era] = []
    offset, before = 0, 2**63 - 1
    while rows := tuples(db, _STEPS, (before, _STEPS_AT_ONCE)):
        for _id, at, step, last_attempt in rows:
            if at + offset < back_to_ms:
                return [*found, Era(last_attempt, offset, at + offset)]
            if step:  # a stop that set nothing ends no era
                found.append(Era(last_attempt, offset, at + offset))
            offset += step
        before = rows[-1][0]
    return [*found, Era(0, offset, 0)]


def before_set_back(db: Database, *, now_ms: int) -> list[tuple[int, int]]:
    """When a text that comes now may have come before, if the clock was set back since.

    After when and until when, by the clock of then, for each era; [] if it was not set back.
    """
    since = now_ms - _TEXT_AGAIN_MS
    offsets = [era.offset_ms for era in eras(db, back_to_ms=since)]
    return [(since - offset, now_ms - offset) for offset in offsets if offset < 0]


def lowest_since(db: Database, at: int, attempt_id: int) -> int:
    """The lowest time that an attempt can bear that came after one, and after a time it bears."""
    back = scalar(db, _SET_BACK, (attempt_id,))
    return at + int(back)


def stored_since(db: Database, *, now_ms: int, length_ms: int) -> int:
    """The lowest time that a row of the last so many milliseconds can bear."""
    since = now_ms - length_ms
    return lowest_in(eras(db, back_to_ms=since), since)


def lowest_in(known: Sequence[Era], since: int) -> int:
    """The lowest time that a row since then can bear, by eras that reach back as far or farther."""
    offsets = [known[0].offset_ms]
    for later, era in itertools.pairwise(known):
        if later.began_at < since:
            break
        offsets.append(era.offset_ms)
    return since - max(offsets)


def is_set_since(since: str) -> str:
    """SQL: whether the clock was set since a time by today's clock.

    If it was not, a time since then is stored as it was, and `stored_since` need not be asked.
    """
    # By the key, and seen to be: what reads a table without one is asked for its reason. Stops that
    # set nothing are passed by, but only if there was one since: else none of them is read.
    newest = "SELECT at FROM clock_step WHERE id > 0{} ORDER BY id DESC LIMIT 1"
    at, set_at = newest.format(""), newest.format(" AND step <> 0")
    return f"CASE WHEN ({at}) >= {since} THEN coalesce(({set_at}) >= {since}, 0) ELSE 0 END"


def service_centre_agrees(db: Database, iccid: str) -> bool:
    """Whether our clock is that of the chip's service centre, as its operator's texts tell.

    A text takes seconds. If every one since our clock was set took many minutes, or came
    before it was sent, then one of the two clocks is wrong, and none of its texts is to be
    placed in time by ours. Each operator is judged by itself: the clock of one says nothing
    about another's.
    """
    took = _took(db, scalar(db, "SELECT operator FROM chip WHERE iccid = ?", (iccid,)))
    return not took or any(took_ms <= CLOCKS_DIFFER_MS for took_ms in took)


def operators_that_differ(db: Database) -> list[str]:
    """The operators whose newest texts all bear another time than ours, if there are some."""
    rows = tuples(db, "SELECT DISTINCT operator FROM chip WHERE operator NOT NULL ORDER BY 1")
    return [
        operator
        for (operator,) in rows
        if len(took := _took(db, operator)) >= _TEXTS_THAT_ACCUSE and min(took) > CLOCKS_DIFFER_MS
    ]


def _took(db: Database, operator: str | None) -> list[int]:
    """By how much the times of an operator's newest texts since the last step are not ours."""
    rows = tuples(
        db,
        "SELECT abs(took) FROM (SELECT chip, received_at - sent_at AS took FROM sms"
        " WHERE sent_at IS NOT NULL AND id > coalesce((SELECT last_sms FROM clock_step"
        " ORDER BY id DESC LIMIT 1), 0) ORDER BY id DESC LIMIT ?)"
        " WHERE chip IN (SELECT iccid FROM chip WHERE operator IS ?) LIMIT ?",
        (_TEXTS_OF_ALL, operator, _TEXTS),
    )
    return [took for (took,) in rows]
