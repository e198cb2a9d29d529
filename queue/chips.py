"""Chips: the dealer SIMs that hold stock, keyed by ICCID wherever they are plugged.

    NEW ----> ACTIVE <----> RESTING
                 |              |
                 +----> OUT <---+      (only an admin brings a chip back from OUT)

NEW: seen, not ours to use until an admin adopts it. RESTING: comes back by itself
at `rest_until`, or by an admin when that is not set. OUT: something about the
chip itself is wrong (wrong PIN, barred).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from peewee import Database

from pulsarack.ledger import accounts, journal
from pulsarack.queue.rows import columns, execute, select, select_one, touched


class ChipState(StrEnum):
    """Whether a chip may sell."""

    NEW = "NEW"
    ACTIVE = "ACTIVE"
    RESTING = "RESTING"
    OUT = "OUT"


class Chip(NamedTuple):
    """A row of the chip table; money figures of a chip are in the ledger."""

    iccid: str
    name: str
    state: str
    why: str
    rest_until: int | None
    operator: str | None
    recipe: str | None
    msisdn: str | None
    reserve: int
    pause_seconds: int | None
    per_hour: int | None
    per_day: int | None
    stock_exact: int
    failures: int
    slot: str | None
    modem: str | None
    seen_at: int
    adopted_at: int | None
    receives: int | None = None  # orders from agents; None: as the configuration says
    answers: int | None = None


@dataclass(frozen=True, slots=True)
class Adoption:
    """What an admin says about a chip. None: as before, or as the recipe says."""

    operator: str
    recipe: str
    name: str | None = None
    msisdn: str | None = None
    reserve: int | None = None
    pause_seconds: int | None = None
    per_hour: int | None = None
    per_day: int | None = None


def find(db: Database, iccid: str) -> Chip | None:
    """The chip of that ICCID."""
    return select_one(db, Chip, f"SELECT {columns(Chip)} FROM chip WHERE iccid = ?", (iccid,))


def every(db: Database) -> list[Chip]:
    """All chips, in the order of their slots as last seen."""
    return select(db, Chip, f"SELECT {columns(Chip)} FROM chip ORDER BY slot, iccid")


def seen(db: Database, iccid: str, slot: str, modem: str, *, now_ms: int) -> Chip:
    """Note where a chip is plugged; a chip never seen before becomes NEW."""
    execute(
        db,
        "INSERT INTO chip (iccid, name, state, slot, modem, seen_at) VALUES (?, ?, 'NEW', ?, ?, ?)"
        " ON CONFLICT (iccid) DO UPDATE"
        " SET slot = excluded.slot, modem = excluded.modem, seen_at = excluded.seen_at",
        (iccid, iccid[-6:], slot, modem, now_ms),
    )
    chip = find(db, iccid)
    assert chip is not None
    return chip


def adopt(db: Database, iccid: str, adoption: Adoption, *, now_ms: int) -> None:
    """Take a chip into service, or change what was said at its adoption.

    A chip may be adopted before it is plugged in. Its stock account starts empty;
    the first stock reading opens the balance.
    """
    old = find(db, iccid)
    name = adoption.name or (old.name if old else iccid[-6:])
    execute(
        db,
        "INSERT INTO chip (iccid, name, state, why, operator, recipe, msisdn, reserve,"
        " pause_seconds, per_hour, per_day, seen_at, adopted_at)"
        " VALUES (?, ?, 'ACTIVE', '', ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (iccid) DO UPDATE SET name = excluded.name,"
        " state = CASE state WHEN 'NEW' THEN 'ACTIVE' ELSE state END,"
        " operator = excluded.operator, recipe = excluded.recipe,"
        " msisdn = coalesce(excluded.msisdn, msisdn), reserve = coalesce(?, reserve),"
        " pause_seconds = coalesce(excluded.pause_seconds, pause_seconds),"
        " per_hour = coalesce(excluded.per_hour, per_hour),"
        " per_day = coalesce(excluded.per_day, per_day),"
        " adopted_at = coalesce(adopted_at, excluded.adopted_at)",
        (
            iccid,
            name,
            adoption.operator,
            adoption.recipe,
            adoption.msisdn,
            adoption.reserve or 0,
            adoption.pause_seconds,
            adoption.per_hour,
            adoption.per_day,
            now_ms,
            now_ms,
            adoption.reserve,
        ),
    )
    journal.open_account(db, accounts.chip(iccid), limited=True, now_ms=now_ms)


def rest(db: Database, iccid: str, *, until_ms: int | None, why: str) -> None:
    """Let a chip rest until a time, or (None) until an admin enables it.

    A chip that is OUT stays OUT, and a rest never shortens a longer one.
    """
    execute(
        db,
        "UPDATE chip SET state = 'RESTING', why = ?, rest_until = ?"
        " WHERE iccid = ? AND (state = 'ACTIVE' OR"
        " (state = 'RESTING' AND rest_until IS NOT NULL AND (? IS NULL OR rest_until < ?)))",
        (why, until_ms, iccid, until_ms, until_ms),
    )


def take_out(db: Database, iccid: str, *, why: str) -> None:
    """Take a chip out of service until an admin enables it."""
    execute(
        db,
        "UPDATE chip SET state = 'OUT', why = ?, rest_until = NULL"
        " WHERE iccid = ? AND state != 'NEW'",
        (why, iccid),
    )


def enable(db: Database, iccid: str) -> bool:
    """Bring a resting chip, or one that was taken out, back into service.

    Its stock is read again before it sells. False: not known, or never adopted.
    """
    return touched(
        db,
        "UPDATE chip SET state = 'ACTIVE', why = '', rest_until = NULL, failures = 0,"
        " stock_exact = 0 WHERE iccid = ? AND state != 'NEW'",
        (iccid,),
    )


def wake_if_rested(db: Database, iccid: str, *, now_ms: int) -> Chip | None:
    """The chip of that ICCID, its rest ended if its time has come."""
    chip = find(db, iccid)
    if chip is None or chip.state != ChipState.RESTING:
        return chip
    execute(
        db,
        "UPDATE chip SET state = 'ACTIVE', why = '', rest_until = NULL"
        " WHERE iccid = ? AND state = 'RESTING' AND rest_until <= ?",
        (iccid, now_ms),
    )
    return find(db, iccid)


def set_channel(db: Database, iccid: str, *, receives: bool | None, answers: bool | None) -> bool:
    """Say whether a chip takes agents' texts, and whether it sends texts to them.

    None: as the configuration says. False: not known, or never adopted.
    """
    return touched(
        db,
        "UPDATE chip SET receives = ?, answers = ? WHERE iccid = ? AND state != 'NEW'",
        (_flag(receives), _flag(answers), iccid),
    )


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def doubt_stock(db: Database, iccid: str) -> None:
    """Note that the ledger's stock may differ from the operator's: read it before selling."""
    execute(db, "UPDATE chip SET stock_exact = 0 WHERE iccid = ?", (iccid,))


def trust_stock(db: Database, iccid: str) -> None:
    """Note that the ledger's stock is the operator's own figure."""
    execute(db, "UPDATE chip SET stock_exact = 1 WHERE iccid = ? AND stock_exact = 0", (iccid,))
