"""Reads one TOML table and notes everything that is wrong with it.

A getter returns a value of the right type in any case, so that reading goes on and
all faults of a file come out at once; whoever asked must not use what was read if a
problem was noted. Keys nobody asked for are unknown keys.
"""

import math
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TypeGuard, TypeVar

from pulsarack.ussd.errors import Problems, did_you_mean

Word = TypeVar("Word", bound=StrEnum)

_SHOWN_BELOW = 10**20
# What the database can count, and far more than anything in a recipe needs.
_MOST = 10**18


class Table:
    """A table at a place of a file; every getter names one key of it."""

    def __init__(self, values: object, place: str, problems: Problems) -> None:
        self.place = place
        self.problems = problems
        self._asked: list[str] = []
        self._values: dict[str, object] = {}
        if isinstance(values, dict):
            self._values = values
        else:
            self.wrong(f"it is {_type_name(values)}, not a table", "write it as a table")

    def wrong(self, what: str, remedy: str, key: str = "") -> None:
        """Note a fault of this table, or of one key in it."""
        place = ".".join(part for part in (self.place, key) if part)
        self.problems.add(place, what, remedy)

    def has(self, key: str) -> bool:
        """Tell whether the key is there; asking makes it a known key."""
        self._asked.append(key)
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty; without a default the key is required."""
        value = self._take(key, default)
        if isinstance(value, str) and (value.strip() or value == default):
            return value
        if value is not None:
            self.wrong(f"{_type_name(value)} instead of a text", f'write {key} = "..."', key)
        return default or ""

    def text_like(self, key: str, form: "re.Pattern[str]", meaning: str) -> str:
        """Return a required text of one form; `meaning` tells the form in words."""
        value = self.text(key)
        if value and not form.fullmatch(value):
            self.wrong(f"{value[:40]!r} is not made of {meaning}", f"write {meaning} only", key)
        return value

    def number(
        self,
        key: str,
        default: float | None = None,
        *,
        least: float = 0,
        most: float = math.inf,
    ) -> float:
        """Return a number that is not below `least` and not above `most`."""
        value = self._take(key, default)
        if _is_finite(value):
            if least <= value <= most:
                return float(value)
            if value < least:
                self.wrong(f"{_short(value)} is too small", f"the least is {least:g}", key)
            else:
                self.wrong(f"{_short(value)} is too large", f"the most is {most:.0f}", key)
        elif value is not None:
            self.wrong(f"{_type_name(value)} instead of a number", f"write {key} = 30", key)
        return default or least

    def count(self, key: str, default: int | None = None, *, least: int = 0) -> int:
        """Return a whole number that is not below `least`."""
        value = self._take(key, default)
        if isinstance(value, int) and not isinstance(value, bool):
            if least <= value <= _MOST:
                return value
            if value < least:
                self.wrong(f"{_short(value)} is too small", f"the least is {least}", key)
            else:
                self.wrong(f"{_short(value)} is too large", f"the most is {_MOST}", key)
        elif value is not None:
            self.wrong(f"{_type_name(value)} instead of a whole number", f"write {key} = 30", key)
        return default or least

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self._take(key, default)
        if isinstance(value, bool):
            return value
        self.wrong(f"{_type_name(value)} instead of true or false", f"write {key} = true", key)
        return default

    def word(self, key: str, words: Sequence[Word], default: Word | None = None) -> Word:
        """Return one word of a closed set."""
        value = self._take(key, default)
        for word in words:
            if value == word.value:
                return word
        if value is not None:
            said = value[:80] if isinstance(value, str) else _type_name(value)
            remedy = did_you_mean(said, [word.value for word in words])
            self.wrong(f'"{said}" is not known here', remedy, key)
        return default if default is not None else words[0]

    def texts(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """Return a list of texts, none of them empty."""
        value = self._take(key, list(default))
        if isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value):
            return tuple(value)
        self.wrong("it is not a list of texts", f'write {key} = ["...", "..."]', key)
        return tuple(default)

    def tables(self, key: str, *, required: bool) -> list[object]:
        """Return a list of tables, unread."""
        value = self._take(key, None if required else [])
        if isinstance(value, list):
            if required and not value:
                self.wrong("the list is empty", "give at least one", key)
            return value
        if value is not None:
            self.wrong(f"{_type_name(value)} instead of a list of tables", "write a list", key)
        return []

    def table(self, key: str) -> "Table":
        """Return a table inside this one; it is required."""
        place = f"{self.place}.{key}" if self.place else key
        value = self._take(key, None)
        return Table({} if value is None else value, place, self.problems)

    def finish(self) -> None:
        """Note the keys nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                self.wrong(f'unknown key "{key}"', did_you_mean(key, self._asked))

    def _take(self, key: str, default: object) -> object:
        self._asked.append(key)
        if key in self._values:
            return self._values[key]
        if default is None:
            self.wrong(f'the key "{key}" is missing', f"add {key}")
        return default


def _is_finite(value: object) -> TypeGuard[float]:
    # A whole number may be too long to become a float; it is finite all the same.
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _short(value: float) -> str:
    return "a huge number" if abs(value) > _SHOWN_BELOW else str(value)


def _type_name(value: object) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", list: "a list"}
    if isinstance(value, str):
        return "a text" if value.strip() else "an empty text"
    if isinstance(value, dict):
        return "a table"
    return names.get(type(value), "a date or time")
