"""What one pattern took out of one text.

The named groups of a match are strings; here they become numbers and amounts. A
group that cannot be read makes the whole text unreadable: half a reading would look
like a full one further on.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from pulsarack.ussd.amounts import DENOMINATION_UNIT, read_amount
from pulsarack.ussd.errors import Unreadable
from pulsarack.ussd.numbering import Numbering


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the operator's list of last transactions.

    destination: E.164 digits. amount: face value in minor units.
    """

    destination: str
    amount: int
    serial_number: str | None
    succeeded: bool


class Fields(NamedTuple):
    """The values a text states; None where it states nothing.

    destination: E.164 digits. amount: face value (of a stock-in: what came in),
    cost: what the operator took from the stock, stock: what is left; all in minor
    units. entries: of a history, newest first.
    """

    destination: str | None = None
    amount: int | None = None
    cost: int | None = None
    stock: int | None = None
    serial_number: str | None = None
    entries: tuple[HistoryEntry, ...] = ()

    def stated(self) -> dict[str, object]:
        """Return only what the text states, by name."""
        values = self._asdict().items()
        return {name: value for name, value in values if value is not None and value != ()}


@dataclass(frozen=True, slots=True)
class FieldReader:
    """Turns the groups of a match into fields, by the rules of one recipe."""

    numbering: Numbering
    exponent: int

    def read(self, match: re.Match[str]) -> Fields:
        """Return the fields of a match; raise Unreadable if one cannot be read."""
        taken = match.groupdict()
        return Fields(
            destination=self._destination(taken.get("destination")),
            amount=self._face_value(taken),
            cost=self._money("cost", taken.get("cost")),
            stock=self._money("stock", taken.get("stock")),
            serial_number=self._serial_number(taken.get("serial_number")),
        )

    def read_entry(self, match: re.Match[str]) -> HistoryEntry:
        """Return one line of a history; raise Unreadable if it lacks a value."""
        line = self.read(match)
        if line.destination is None or line.amount is None:
            raise Unreadable(f'the entry "{match[0].strip()}" lacks a destination or an amount')
        succeeded = match.groupdict().get("succeeded") is not None
        return HistoryEntry(line.destination, line.amount, line.serial_number, succeeded)

    def _destination(self, text: str | None) -> str | None:
        if text is None:
            return None
        number = self.numbering.read(text)
        if number is None:
            raise Unreadable(f'"{text}" is not a mobile number of this country')
        return number

    def _serial_number(self, text: str | None) -> str | None:
        # With case ignored the letters K and S also match the signs U+212A and U+017F, which
        # look alike: two texts of one top-up would bear two references.
        if text is not None and not text.isascii():
            raise Unreadable(f'serial number "{text}" holds a sign that is not ASCII')
        return text

    def _money(self, name: str, text: str | None) -> int | None:
        if text is None:
            return None
        amount = read_amount(text, self.exponent)
        if amount is None:
            raise Unreadable(f'{name} "{text}" is not clearly an amount of this asset')
        return amount

    def _face_value(self, taken: dict[str, str | None]) -> int | None:
        amount = self._money("amount", taken.get("amount"))
        thousands = taken.get("denomination")
        if thousands is None:
            return amount
        count = read_amount(thousands)
        if count is None:
            raise Unreadable(f'denomination "{thousands}" is not clearly a number of thousands')
        face_value: int = count * DENOMINATION_UNIT * 10**self.exponent
        if amount not in (None, face_value):
            raise Unreadable(f'amount and denomination "{thousands}" contradict each other')
        return face_value
