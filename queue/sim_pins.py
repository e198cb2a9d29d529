"""Tries of SIM PINs: noted before they are made, so that no card is ever tried a third time.

Three wrong tries block a card. Before a card is open its modem may tell the card's number,
how many tries are left, both, or neither. Of a refused try the card is remembered if its
number was told, and else the modem. Then

- neither that card nor that modem is tried again;
- where the tries that are left were told, with less than two of them nobody tries;
- where the card's number was not told, or the tries were not, this may be a card that was
  refused under another name: in another modem, or before its number was told. One such
  refusal leaves room for one more try, two leave none. A modem that tells no number is not
  believed in its count alone: it may tell the same one for ever.

A note is taken back when the card opens, or by an admin who has corrected the PIN.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.rows import columns, execute, scalar, select, touched

REFUSALS_MAX = 2
TRY_MS_MOST = 120_000
"""No try takes so long: of what is still on its way the end was seen, but could not be noted."""


@dataclass(frozen=True, slots=True)
class PinTry:
    """A PIN that was entered and not seen to open its card; `card`: `key` is its ICCID."""

    key: str
    card: int
    refused: int
    at: int


def every(db: Database) -> list[PinTry]:
    """All of them, oldest first."""
    return select(db, PinTry, f"SELECT {columns(PinTry)} FROM sim_pin_try ORDER BY at, key")


def begin(db: Database, key: str, *, card: bool, tries_told: bool, now_ms: int) -> bool:
    """Note a try that is about to be made; False, and nothing noted, if it must not be.

    `card`: the key is the number of the card. What is on its way elsewhere is another card.
    """
    if scalar(db, "SELECT count(*) FROM sim_pin_try WHERE key = ?", (key,)):
        return False
    if not (card and tries_told) and _may_be_this(db, card, now_ms) >= REFUSALS_MAX:
        return False
    execute(
        db,
        "INSERT INTO sim_pin_try (key, card, refused, at) VALUES (?, ?, 0, ?)",
        (key, int(card), now_ms),
    )
    return True


def refused(db: Database, key: str) -> None:
    """The card was refused, or nobody saw how it ended."""
    execute(db, "UPDATE sim_pin_try SET refused = 1 WHERE key = ?", (key,))


def none_is_on_its_way(db: Database) -> None:
    """At the start: whatever an earlier daemon did not see the end of counts as refused."""
    execute(db, "UPDATE sim_pin_try SET refused = 1 WHERE refused = 0")


def opened(db: Database, key: str) -> None:
    """The card opened: its try was good."""
    execute(db, "DELETE FROM sim_pin_try WHERE key = ?", (key,))


def allow(db: Database, key: str) -> bool:
    """An admin says that the PIN on file may be tried again; False if nothing was noted."""
    return touched(db, "DELETE FROM sim_pin_try WHERE key = ?", (key,))


def _may_be_this(db: Database, card: bool, now_ms: int) -> int:
    """How many refusals may have been of this card; one under another's number was not."""
    ended = "SELECT count(*) FROM sim_pin_try WHERE (refused = 1 OR at < ?)"
    if card:
        ended += " AND card = 0"
    return int(scalar(db, ended, (now_ms - TRY_MS_MOST,)))
