"""What a bank knows and two admins wanted, held against the deposits that came of it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

Row = tuple[Any, ...]


class BankBooks:
    """What the bank knows and the admins wanted, held against what the daemon made of it."""

    def __init__(self, rows: Callable[..., list[Row]], find: Callable[[str, str], None]) -> None:
        self._rows = rows
        self.find = find
        self._book: Counter[tuple[str, int, str]] = Counter()
        self._whose: dict[tuple[str, int, str], str] = {}
        self._proposed: dict[tuple[str, str], int] = {}

    def paid(self, row: tuple[str, int, str], times: int, pays: str | None) -> None:
        """The bank has such a row; `pays`: whose ticket it is."""
        self._book[row] += times
        if pays is not None:
            self._whose[row] = pays

    def proposed(self, agent: str, key: str, amount: int) -> None:
        """An admin is about to propose that."""
        self._proposed[agent, key] = amount

    def deposited(self) -> Counter[str]:
        """What came into (or out of) deposits by now, by the bank's book and the admins' word."""
        found: Counter[str] = Counter()
        for row, times in self._stored().items():
            if times > self._book[row]:
                self.find("P3", f"{row} is stored {times} times, at the bank {self._book[row]}")
            if row in self._whose:
                found[self._whose[row]] += row[1]
        for agent, key in self._rows(
            "SELECT agent, key FROM credit_request WHERE state = 'CONFIRMED'"
        ):
            found[agent] += self._proposed[agent, key]
        return found

    def quiet(self) -> None:
        """Check what must hold at the end: all that the bank has was stored."""
        if (stored := self._stored()) != self._book:
            self.find("P1", f"of the bank's rows {self._book} only {stored} are stored")
        alone = self._rows("SELECT id FROM credit_request WHERE decided_uid = uid")
        if alone:
            self.find("P3", f"one admin alone decided {alone}")

    def _stored(self) -> Counter[tuple[str, int, str]]:
        return Counter(
            {
                (day, amount, description): times
                for day, amount, description, times in self._rows(
                    "SELECT day, amount, description, count(*) FROM bank_row"
                    " WHERE description GLOB 'payment *' GROUP BY day, amount, description"
                )
            }
        )
