"""The editable table of wordings: what an operator changed, over what is shipped.

A template is checked when it is set, by what the program hands to it and by how many SMS parts
it takes with usual values; so what stands in the table can be used. Should a row not fit all
the same (a later version knows other variables, another program wrote it) it is left aside,
and `unusable` tells it.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.rows import columns, execute, select, select_one, touched
from pulsarack.queue.wordings import template
from pulsarack.queue.wordings.shipped import LANGUAGES, Wording, shipped
from pulsarack.queue.wordings.template import MOST_PARTS, Unfit


@dataclass(frozen=True, slots=True)
class Edited:
    """A wording that somebody changed."""

    key: str
    language: str
    template: str
    parts: int
    changed_at: int
    who: str


_SELECT = f"SELECT {columns(Edited)} FROM wording"
_FIND = f"{_SELECT} WHERE key = ? AND language = ?"


def find(db: Database, key: str, language: str) -> Edited | None:
    """What was set for a wording, if anything was."""
    return select_one(db, Edited, _FIND, (key, language))


def every(db: Database) -> list[Edited]:
    """All that was set."""
    return select(db, Edited, f"{_SELECT} ORDER BY key, language")


def put(
    db: Database, key: str, language: str, text: str, *, parts: int, who: str, now_ms: int
) -> Unfit | None:
    """Set a wording; what is wrong with it, in which case nothing changes."""
    wording = known(key, language)
    if isinstance(wording, Unfit):
        return wording
    if not 1 <= parts <= MOST_PARTS:
        return Unfit(f"{parts} parts", f"allow 1 to {MOST_PARTS}")
    unfit = template.check(wording, text, most_parts=parts)
    if unfit is not None:
        return unfit
    execute(
        db,
        "INSERT INTO wording (key, language, template, parts, changed_at, who)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key, language) DO UPDATE"
        " SET template = excluded.template, parts = excluded.parts,"
        " changed_at = excluded.changed_at, who = excluded.who",
        (key, language, template.canonical(text), parts, now_ms, who),
    )
    return None


def reset(db: Database, key: str, language: str) -> bool:
    """Back to what is shipped; False if it is that already."""
    return touched(db, "DELETE FROM wording WHERE key = ? AND language = ?", (key, language))


def known(key: str, language: str) -> Wording | Unfit:
    """The wording of a key, or why there is none."""
    wording = shipped().wordings.get(key)
    if wording is None:
        return Unfit(f"there is no wording '{key[:40]}'", "see: pulsarack wording list")
    if language not in LANGUAGES:
        return Unfit(f"there is no language '{language[:10]}'", f"one of {', '.join(LANGUAGES)}")
    return wording


def unusable(db: Database) -> list[tuple[Edited, Unfit]]:
    """What was set and cannot be used: the shipped wording stands in for it."""
    found = []
    for edited in every(db):
        wording = known(edited.key, edited.language)
        unfit = (
            wording
            if isinstance(wording, Unfit)
            else template.check(wording, edited.template, most_parts=MOST_PARTS)
        )
        if unfit is not None:
            found.append((edited, unfit))
    return found
