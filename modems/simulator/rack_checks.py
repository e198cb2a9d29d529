"""Reading a TOML table strictly: every value checked, every problem kept, nothing raised.

A reader goes on after a problem with a harmless stand-in, so that one pass finds all of them.
What was never asked for is a problem too: a misspelt key must not be silently ignored.
"""

from collections.abc import Mapping, Sequence

# More than anything in a rack is; larger numbers cannot be told from slips of the keys.
MOST = 10**15


def is_luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the rest (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


class Problems:
    """What was found wrong so far, each with its place."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, place: str, what: str) -> None:
        """Note one problem."""
        self.found.append(f"{place}: {what}")


class Table:
    """One TOML table with the name of its place in the file."""

    def __init__(self, content: Mapping[str, object], place: str, problems: Problems) -> None:
        self.content = content
        self.place = place
        self.problems = problems
        self._asked: set[str] = set()

    def problem(self, key: str, what: str) -> None:
        """Note a problem of one key."""
        self.problems.add(f"{self.place}.{key}", what)

    def nothing_else(self) -> None:
        """Note every key that nobody asked for."""
        for key in self.content:
            if key not in self._asked:
                self.problem(key, "is not known here; remove it or correct its spelling")

    def table(self, key: str) -> "Table":
        """A table inside this one; an empty one if it is missing."""
        value = self._value(key)
        if value is not None and not isinstance(value, Mapping):
            self.problem(key, "must be a table")
            value = None
        return Table(value or {}, f"{self.place}.{key}", self.problems)

    def tables(self, key: str) -> list["Table"]:
        """The tables of an array of tables."""
        value = self._value(key)
        if value is None:
            return []
        if not isinstance(value, Sequence) or not all(isinstance(one, Mapping) for one in value):
            self.problem(key, f"must be written as [[{key}]]")
            return []
        return [
            Table(one, f"{key}[{place}]", self.problems) for place, one in enumerate(value, start=1)
        ]

    def text(self, key: str) -> str:
        """A required string."""
        value = self._value(key)
        if isinstance(value, str) and value:
            return value
        self.problem(key, "must be a text and not empty")
        return ""

    def choice(self, key: str, among: Sequence[str]) -> str:
        """A required string out of a list."""
        value = self.text(key)
        if value and value not in among:
            self.problem(key, f"{value!r} is none of {', '.join(among)}")
            return ""
        return value

    def digits(self, key: str, least: int, most: int) -> str:
        """A required string of decimal digits, of a length from `least` to `most`."""
        value = self._value(key)
        if isinstance(value, str) and is_digits(value) and least <= len(value) <= most:
            return value
        length = str(least) if least == most else f"{least} to {most}"
        self.problem(key, f"must be a string of {length} digits")
        return ""

    def digit_strings(self, key: str) -> tuple[str, ...]:
        """A list of strings of digits; empty if missing."""
        value = self._value(key)
        if value is None:
            return ()
        if isinstance(value, list) and all(
            isinstance(one, str) and is_digits(one) for one in value
        ):
            return tuple(value)
        self.problem(key, 'must be a list of strings of digits, like ["00", "01"]')
        return ()

    def whole(self, key: str, default: int | None, least: int) -> int:
        """A whole number; required when there is no default."""
        value = self._value(key)
        if value is None and default is not None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST:
            return value
        self.problem(key, f"must be a whole number, {least} or more (but no more than {MOST})")
        return least

    def number(self, key: str, default: float, least: float, most: float | None = None) -> float:
        """A number between two bounds."""
        value = self._value(key)
        if value is None:
            return default
        fits = is_number(value) and float(value) >= least and (most is None or float(value) <= most)  # type: ignore[arg-type]  # is_number looked
        if fits:
            return float(value)  # type: ignore[arg-type]  # is_number looked
        self.problem(key, f"must be a number from {least}" + (f" to {most}" if most else ""))
        return default

    def span(self, key: str, default: tuple[float, float]) -> tuple[float, float]:
        """A pair [least, most] of seconds."""
        value = self._value(key)
        if value is None:
            return default
        if isinstance(value, list) and len(value) == 2 and all(is_number(one) for one in value):
            least, most = float(value[0]), float(value[1])
            if 0 <= least <= most:
                return least, most
        self.problem(key, "must be two numbers of seconds, [least, most]")
        return default

    def truth(self, key: str) -> bool | None:
        """true, false, or None if missing."""
        value = self._value(key)
        if value is None or isinstance(value, bool):
            return value
        self.problem(key, "must be true or false")
        return None

    def _value(self, key: str) -> object:
        self._asked.add(key)
        return self.content.get(key)


def is_digits(value: str) -> bool:
    """Whether a text is ASCII digits and nothing else."""
    return value.isascii() and value.isdecimal()


def is_number(value: object) -> bool:
    """Whether a TOML value is a number of sensible size (true and false are none)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST
