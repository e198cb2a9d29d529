"""A dealer as the operator knows it: stock, PIN, the day's count, the last transactions.

The stock is true at once; what a query shows may lag behind (an operator that books late), so the
two figures are asked for separately.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

WRONG_PINS_UNTIL_BARRED = 3
HISTORY_LENGTH = 5


@dataclass(frozen=True)
class HistoryLine:
    """One past transaction, as the operator's menu lists it. at and shown_from: Unix seconds."""

    at: float
    destination: str
    denomination: int
    serial_number: str | None
    shown_from: float


@dataclass(frozen=True)
class Lag:
    """A debit that queries do not show before `shown_from`."""

    amount: int
    shown_from: float


class Dealer:
    """One chip's account with its operator. Money is rupiah."""

    def __init__(
        self, iccid: str, msisdn: str, chip_pin: str, stock: int, per_day: int = 1000
    ) -> None:
        self.iccid = iccid
        self.msisdn = msisdn
        self.stock = stock
        self.per_day = per_day
        self.barred = False
        self._chip_pin = chip_pin
        self._wrong_pins = 0
        self._day = ""
        self._done_today = 0
        self._history: deque[HistoryLine] = deque(maxlen=HISTORY_LENGTH)
        self._lags: list[Lag] = []

    def pin_is(self, chip_pin: str) -> bool:
        """Check a PIN; the third wrong one in a row bars the chip."""
        if chip_pin == self._chip_pin:
            self._wrong_pins = 0
            return True
        self._wrong_pins += 1
        self.barred = self.barred or self._wrong_pins >= WRONG_PINS_UNTIL_BARRED
        return False

    def change_pin(self, chip_pin: str) -> None:
        """Another PIN from now on; wrong ones are counted anew."""
        self._chip_pin = chip_pin
        self._wrong_pins = 0

    def unbar(self) -> None:
        """Let the chip sell again; wrong PINs are counted anew."""
        self.barred = False
        self._wrong_pins = 0

    def done_on(self, day: str) -> int:
        """How many top-ups were done on a local day ('2026-11-22')."""
        return self._done_today if day == self._day else 0

    def debit(self, cost: int, day: str, lag: Lag | None) -> None:
        """Take the cost of a done top-up out of the stock, and count it."""
        self._done_today = self.done_on(day) + 1
        self._day = day
        self.stock -= cost
        if lag is not None:
            self._lags.append(lag)

    def shown_stock(self, now: float) -> int:
        """The stock a query at `now` shows."""
        self._lags = [lag for lag in self._lags if lag.shown_from > now]
        return self.stock + sum(lag.amount for lag in self._lags)

    def remember(self, line: HistoryLine) -> None:
        """Put a transaction into the history."""
        self._history.append(line)

    def history(self, now: float) -> Sequence[HistoryLine]:
        """The last transactions a query at `now` lists, newest first."""
        return [line for line in reversed(self._history) if line.shown_from <= now]
