"""What of the post is let go: texts that ended long ago, and messages that nothing refers to.

An order keeps its own text, and its result is in its story, so no archive is needed. A message that
was let go would be taken anew if its channel still brought it, but by then it is far too old to
be carried out (`daemon/channels/front_desk.py`).
"""

from peewee import Database

from pulsarack.queue.rows import execute, tuples


def forget(db: Database, *, cut: int, limit: int) -> int:
    """Let go what ended before `cut` (milliseconds UTC), `limit` rows at most; how many."""
    ended = tuples(
        db,
        "SELECT id FROM outgoing WHERE finished_at IS NOT NULL AND finished_at < ? LIMIT ?",
        (cut, limit),
    )
    for (row_id,) in ended:
        execute(db, "DELETE FROM outgoing WHERE id = ?", (row_id,))
    taken = tuples(
        db,
        "SELECT id FROM inbound WHERE received_at < ? AND NOT EXISTS"
        " (SELECT 1 FROM outgoing WHERE inbound_id = inbound.id) LIMIT ?",
        (cut, limit - len(ended)),
    )
    for (row_id,) in taken:
        execute(db, "DELETE FROM inbound WHERE id = ?", (row_id,))
    return len(ended) + len(taken)
