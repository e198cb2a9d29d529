"""Taking typed fields out of a TOML table, collecting every mistake on the way.

Each getter returns something usable even when the field is wrong, so that one reading
finds all mistakes; ``finish`` gives them, unknown keys included.
"""

import re
import warnings
from enum import Enum
from typing import Any, TypeVar

Choice = TypeVar("Choice", bound=Enum)
SECONDS_MAX = 600.0

_PATTERN = r"(?s:.{1,200})"
_NOTHING = re.compile(r"(?!)()")


class Fields:
    """One table and the fields that were asked of it."""

    def __init__(self, table: dict[str, Any], place: str, problems: list[str] | None = None):
        self._table = table
        self._place = place
        self._asked: set[str] = set()
        self._children: list[Fields] = []
        self.problems: list[str] = [] if problems is None else problems

    def finish(self) -> list[str]:
        """Every mistake, after the last field was asked for."""
        for key in self._table.keys() - self._asked:
            known = ", ".join(sorted(self._asked))
            self._wrong(key, f"unknown key; known here: {known}")
        for child in self._children:
            child.finish()
        return self.problems

    def table(self, key: str) -> "Fields":
        """A table below this one; a missing one is empty."""
        return self._child(self._get(key, dict, {}), key)

    def tables(self, key: str) -> list["Fields"]:
        """An array of tables."""
        rows = self._get(key, list, [])
        found = []
        for place, row in enumerate(rows, 1):
            if isinstance(row, dict):
                found.append(self._child(row, f"{key} {place}"))
            else:
                self._wrong(key, f"entry {place} must be a table")
        return found

    def text(self, key: str, pattern: str, default: str | None = None) -> str:
        """A string of a given form; required without a default."""
        if key not in self._table and default is None:
            self._asked.add(key)
            self._wrong(key, "is missing")
            return ""
        value: str = self._get(key, str, default)
        if value != default and not re.fullmatch(pattern, value):
            self._wrong(key, f"{_shown(value)} does not have the form {pattern}")
        return value

    def texts(self, key: str, pattern: str) -> tuple[str, ...]:
        """A list of strings of a given form."""
        values = self._get(key, list, [])
        for value in values:
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                self._wrong(key, f"{_shown(value)} does not have the form {pattern}")
        return tuple(value for value in values if isinstance(value, str))

    def patterns(self, key: str) -> tuple[re.Pattern[str], ...]:
        """A list of regular expressions, case ignored."""
        values = self.texts(key, pattern=_PATTERN)
        return tuple(one for value in values if (one := self._compiled(key, value)) is not None)

    def counter(self, key: str) -> re.Pattern[str]:
        """A regular expression whose only group finds a number; required."""
        found = self._compiled(key, self.text(key, pattern=_PATTERN))
        if found is not None and found.groups == 1:
            return found
        if found is not None and found.pattern:
            self._wrong(key, f"{found.pattern!r} must have one group in round brackets")
        return _NOTHING

    def choices(self, key: str, kind: type[Choice]) -> tuple[Choice, ...]:
        """A list, not empty, of an enum's values."""
        found = []
        for value in self._get(key, list, []):
            try:
                found.append(kind(value))
            except ValueError:
                allowed = ", ".join(str(member.value) for member in kind)
                self._wrong(key, f"{_shown(value)} is not one of {allowed}")
        if not found:
            self._wrong(key, "must name at least one")
        return tuple(found)

    def flag(self, key: str, default: bool = False) -> bool:
        """true or false."""
        return bool(self._get(key, bool, default))

    def number(self, key: str, low: int, high: int, default: int) -> int:
        """A whole number within bounds."""
        value: int = self._get(key, int, default)
        if not low <= value <= high:
            self._wrong(key, f"{_shown(value)} is not within {low} and {high}")
            return default
        return value

    def seconds(self, key: str, default: float) -> float:
        """A duration in seconds, positive."""
        value = self._get(key, (int, float), default)
        if not 0 < value <= SECONDS_MAX:
            self._wrong(key, f"{_shown(value)} is not within 0 and {SECONDS_MAX:g} seconds")
            return default
        return float(value)

    def _compiled(self, key: str, value: str) -> re.Pattern[str] | None:
        try:
            with warnings.catch_warnings():
                # What Python will read otherwise one day ("possible nested set") is a fault.
                warnings.simplefilter("error")
                return re.compile(value, re.IGNORECASE)
        except (re.error, OverflowError, RecursionError, Warning) as error:
            self._wrong(key, f"{value!r} is not a regular expression: {error}")
            return None

    def _child(self, table: dict[str, Any], key: str) -> "Fields":
        child = Fields(table, f"{self._place}: {key}", self.problems)
        self._children.append(child)
        return child

    def _get(self, key: str, kind: type | tuple[type, ...], default: Any) -> Any:
        self._asked.add(key)
        value = self._table.get(key, default)
        is_bool = isinstance(value, bool)
        if not isinstance(value, kind) or (is_bool and kind is not bool):
            self._wrong(key, f"{_shown(value)} has the wrong type")
            return default
        return value

    def _wrong(self, key: str, what: str) -> None:
        self.problems.append(f"{self._place}: {key}: {what}")


def _shown(value: object) -> str:
    """A value as it is shown: Python does not write out numbers of thousands of digits."""
    try:
        return repr(value)[:200]
    except ValueError:
        return "a huge number"
