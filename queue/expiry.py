"""Until when cards are valid (masa aktif), as a person read it off the operator."""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.rows import columns, execute, scalar, select


@dataclass(frozen=True, slots=True)
class Expiring:
    """A chip in service and the last day on which it is valid, as "2026-11-22"."""

    iccid: str
    name: str
    operator: str | None
    expires_on: str


def put(db: Database, iccid: str, expires_on: str | None, *, who: str, now_ms: int) -> None:
    """Note until when a chip is valid; None: nobody knows any more. The chip must be there."""
    if expires_on is None:
        execute(db, "DELETE FROM chip_expiry WHERE chip = ?", (iccid,))
        return
    execute(
        db,
        "INSERT OR REPLACE INTO chip_expiry (chip, expires_on, noted_at, who) VALUES (?, ?, ?, ?)",
        (iccid, expires_on, now_ms, who),
    )


def of(db: Database, iccid: str) -> str | None:
    """Until when a chip is valid, if somebody said so."""
    found = scalar(db, "SELECT expires_on FROM chip_expiry WHERE chip = ?", (iccid,))
    return None if found is None else str(found)


def until(db: Database, day: str) -> list[Expiring]:
    """The chips in service that are valid until that day or less, the first to expire first."""
    return select(
        db,
        Expiring,
        f"SELECT {columns(Expiring)} FROM chip_expiry CROSS JOIN chip ON iccid = chip"
        " WHERE expires_on <= ? AND (state = 'ACTIVE' OR state = 'RESTING')"
        " ORDER BY expires_on, iccid",
        (day,),
    )
