"""What was learnt about models of modems: the USSD encoding that each takes.

The rows are few, since the modems' side bounds them; what they mean is known there.
"""

from peewee import Database

from pulsarack.queue.rows import execute, tuples


def encodings(db: Database) -> list[tuple[str, str]]:
    """Kind (model and firmware) and encoding, the oldest first."""
    found = tuples(db, "SELECT kind, encoding FROM learned_encoding ORDER BY learnt_at, kind")
    return [(kind, encoding) for kind, encoding in found]


def note(db: Database, kind: str, encoding: str | None, *, now_ms: int) -> None:
    """Keep what is known of a kind now; None: nothing is any more."""
    if encoding is None:
        execute(db, "DELETE FROM learned_encoding WHERE kind = ?", (kind,))
        return
    execute(
        db,
        "INSERT INTO learned_encoding (kind, encoding, learnt_at) VALUES (?, ?, ?)"
        " ON CONFLICT (kind) DO UPDATE"
        " SET encoding = excluded.encoding, learnt_at = excluded.learnt_at",
        (kind, encoding, now_ms),
    )
