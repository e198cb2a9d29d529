"""Which recipe an attempt spoke by: its text is kept from the first use on, by its hash."""

from peewee import Database

from pulsarack.queue.rows import execute, scalar


def note(db: Database, content_hash: str, name: str, source: str, *, now_ms: int) -> None:
    """Keep a recipe's text; a hash that is known changes nothing."""
    execute(
        db,
        "INSERT INTO recipe_version (hash, name, source, first_used_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (hash) DO NOTHING",
        (content_hash, name, source, now_ms),
    )


def name_of(db: Database, content_hash: str) -> str:
    """The name of the recipe with that hash, or the hash itself."""
    found = scalar(db, "SELECT name FROM recipe_version WHERE hash = ?", (content_hash,))
    return str(found) if found is not None else content_hash
