"""What technicians call the slots, and what they did that others may ask about."""

from typing import NamedTuple

from peewee import Database

from pulsarack.queue.rows import columns, execute, insert, scalar, select, tuples


class Act(NamedTuple):
    """A dangerous thing that was done to a modem by hand; milliseconds UTC."""

    id: int
    at: int
    slot: str
    chip: str | None
    act: str
    who: str
    because: str


def names(db: Database) -> dict[str, str]:
    """The names of the slots that have one."""
    return dict(tuples(db, "SELECT slot, name FROM slot_name"))


def name_slot(db: Database, slot: str, name: str, *, before: str) -> bool:
    """Call a slot so, which was called `before`; False if another one is called so.

    The chip that was last seen there is found by the new name, too.
    """
    other = scalar(db, "SELECT slot FROM slot_name WHERE name = ? AND slot != ?", (name, slot))
    if other is not None:
        return False
    execute(
        db,
        "INSERT INTO slot_name (slot, name) VALUES (?, ?)"
        " ON CONFLICT (slot) DO UPDATE SET name = excluded.name",
        (slot, name),
    )
    execute(db, "UPDATE chip SET slot = ? WHERE slot = ?", (name, before))
    return True


def note(
    db: Database,
    slot: str,
    chip: str | None,
    act: str,
    *,
    who: str,
    because: str,
    now_ms: int,
) -> int:
    """Record what is about to be done; its id."""
    return insert(
        db,
        "INSERT INTO technician_act (at, slot, chip, act, who, because) VALUES (?, ?, ?, ?, ?, ?)",
        (now_ms, slot, chip, act, who, because),
    )


def acts(db: Database, limit: int) -> list[Act]:
    """The newest of them."""
    return select(
        db, Act, f"SELECT {columns(Act)} FROM technician_act ORDER BY id DESC LIMIT ?", (limit,)
    )
