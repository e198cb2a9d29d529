"""What one way to read a text comes to: its commands, its PIN, and why it may be read so.

Two drafts with the same commands and the same PIN mean the same, however they were found.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from pulsarack.queue.order_text.commands import Command, HiddenPin, PlaceOrder
from pulsarack.queue.order_text.masking import suspicious

# So many meanings of one text are kept, with a PIN and without; two are too many already.
MOST_MEANINGS = 4

Meaning = tuple[tuple[Command, ...], str | None, str | None]


@dataclass(frozen=True, slots=True)
class Draft:
    """One reading. `secrets` are the places of the text that hold one, `clear` those of numbers."""

    commands: tuple[Command, ...]
    pin: str | None
    reference: str | None
    why: tuple[str, ...]
    secrets: tuple[tuple[int, int], ...]
    clear: tuple[tuple[int, int], ...] = ()

    @property
    def meaning(self) -> Meaning:
        """What tells it from other readings."""
        return self.commands, self.pin, self.reference


def distinct(drafts: Iterable[Draft]) -> list[Draft]:
    """One draft of each meaning, the first ones found: a few with a PIN and a few without."""
    found: dict[Meaning, Draft] = {}
    counts = {False: 0, True: 0}
    for draft in drafts:
        has_pin = draft.pin is not None
        if draft.meaning not in found and counts[has_pin] < MOST_MEANINGS:
            counts[has_pin] += 1
            found[draft.meaning] = draft
    return list(found.values())


def told(draft: Draft) -> str:
    """The meaning in words, for who must choose; all that could be a PIN is hidden in it."""
    return suspicious(in_words(draft.commands, has_pin=draft.pin is not None))


def in_words(commands: Iterable[Command], *, has_pin: bool) -> str:
    """Commands as a line to read: ``S5 to 081200000012 (no. 2 of the day), a PIN``."""
    return ", ".join((*map(_told, commands), "a PIN" if has_pin else "no PIN"))


def _told(command: Command) -> str:
    if isinstance(command, PlaceOrder):
        return _order(command)
    values = {each.name: getattr(command, each.name) for each in fields(command)}
    shown = (f"{name} {_value(value)}" for name, value in values.items() if value is not None)
    return " ".join((_words(type(command).__name__), *shown))


def _order(order: PlaceOrder) -> str:
    what = order.product or f"denomination {order.denomination}"
    repeat = f" (no. {order.repeat_index} of the day)" if order.repeat_index > 1 else ""
    reply = f", told to {order.reply_number}" if order.reply_number else ""
    return f"{what} to {order.destination}{repeat}{reply}"


def _value(value: Any) -> str:
    return str(value) if isinstance(value, HiddenPin) else repr(value)


def _words(name: str) -> str:
    return "".join(_lowered(name)).strip()


def _lowered(name: str) -> Iterator[str]:
    for letter in name:
        yield f" {letter.lower()}" if letter.isupper() else letter
