"""Tries of SIM PINs: noted before they are made, so that no card is ever tried a third time.

Three wrong tries block a card. A modem may tell the card's number and how many tries are
left before the card is open, one of them, or neither:

- number told: the card itself is remembered, wherever it goes;
- only the tries told: the modem is remembered, and a card that moves on is protected by its
  own count (the last try is never ours);
- neither: a blind try. The modem is remembered, and since the refused card may have moved
  to another, all blind trying ends with the second refusal, until an admin has said so.

A note is taken back when the card opens, or by an admin who has corrected the PIN.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.rows import execute, scalar, select, touched

BLIND_REFUSALS_MAX = 2


@dataclass(frozen=True, slots=True)
class PinTry:
    """A PIN that was entered and not seen to open its card."""

    key: str
    blind: int
    at: int


def every(db: Database) -> list[PinTry]:
    """All of them, oldest first."""
    return select(db, PinTry, "SELECT key, blind, at FROM sim_pin_try ORDER BY at, key")


def begin(db: Database, key: str, *, blind: bool, now_ms: int) -> bool:
    """Note a try that is about to be made; False, and nothing noted, if it must not be."""
    if scalar(db, "SELECT count(*) FROM sim_pin_try WHERE key = ?", (key,)):
        return False
    blind_ones = scalar(db, "SELECT count(*) FROM sim_pin_try WHERE blind = 1")
    if blind and blind_ones >= BLIND_REFUSALS_MAX:
        return False
    execute(
        db,
        "INSERT INTO sim_pin_try (key, blind, at) VALUES (?, ?, ?)",
        (key, int(blind), now_ms),
    )
    return True


def opened(db: Database, key: str) -> None:
    """The card opened: its try was good."""
    execute(db, "DELETE FROM sim_pin_try WHERE key = ?", (key,))


def allow(db: Database, key: str) -> bool:
    """An admin says that the PIN on file may be tried again; False if nothing was noted."""
    return touched(db, "DELETE FROM sim_pin_try WHERE key = ?", (key,))
