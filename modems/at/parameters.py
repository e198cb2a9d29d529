"""The parameters of an information response: one grammar for all that modems answer.

V.250 5.4 and 27.007 4 know numbers, quoted strings, lists in parentheses (of values and of
ranges, as test commands answer) and parameters that are left out. Modems add blanks where
they like, forget a quote at either end, close a parenthesis too many or too early, and
leave words unquoted. So nothing here fails: what was damaged is read as far as it goes,
and says so by ``whole``.

A quote ends a string only before a comma, a closing parenthesis or the end, since texts
and names hold quotes of their own.
"""

import re
from dataclasses import dataclass

# Test commands nest twice; what nests deeper is read as if it did not.
DEPTH_MAX = 4
VALUES_MAX = 1024

_QUOTE_ENDS = re.compile(r'"(?=\s*(?:[,)]|$))')
_WORD_ENDS = re.compile(r"[,()]")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_HEX = re.compile(r"[0-9A-Fa-f]{1,16}")
_RANGE = re.compile(r"([0-9]{1,9})\s*-\s*([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Value:
    """One parameter.

    text     what it says, without quotes; empty if it was left out or is a list
    quoted   it stood in quotes, even if empty ones
    whole    False if its closing quote is missing
    members  of a list in parentheses; None if it is none
    """

    text: str = ""
    quoted: bool = False
    whole: bool = True
    members: "tuple[Value, ...] | None" = None

    @property
    def number(self) -> int | None:
        """A decimal number; None if it is none."""
        return int(self.text) if _NUMBER.fullmatch(self.text) else None

    @property
    def hexadecimal(self) -> int | None:
        """A hexadecimal number, as +CREG gives areas and cells; None if it is none."""
        if not self.whole or not _HEX.fullmatch(self.text):
            return None
        return int(self.text, 16)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The numbers a test command allows, as first and last; what descends is left out."""
        found: list[tuple[int, int]] = []
        for member in (self,) if self.members is None else self.members:
            ends = _RANGE.fullmatch(member.text)
            if ends is not None:
                span = int(ends[1]), int(ends[2])
            elif member.number is not None:
                span = member.number, member.number
            else:
                continue
            if span[0] <= span[1]:
                found.append(span)
        return tuple(found)

    @property
    def words(self) -> tuple[str, ...]:
        """The texts of a list, or of the lone value that some modems give instead of one."""
        members = (self,) if self.members is None else self.members
        return tuple(member.text for member in members if member.text)

    def allows(self, number: int) -> bool:
        """Whether a number is among those that a test command names."""
        return any(first <= number <= last for first, last in self.spans)


MISSING = Value()


def behind(line: str, *prefixes: str) -> str | None:
    """What stands behind one of the prefixes, such as ``+CREG:``; None if none is there."""
    for prefix in prefixes:
        if line.startswith(prefix):
            return line[len(prefix) :].strip()
    return None


def parse(text: str) -> tuple[Value, ...]:
    """The parameters of a response, its prefix taken off."""
    return _Reader(text).values(0)


def at(values: tuple[Value, ...], place: int) -> Value:
    """The parameter at a place, or the missing one."""
    return values[place] if 0 <= place < len(values) else MISSING


class _Reader:
    """Walks through a text once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._count = 0

    def values(self, depth: int) -> tuple[Value, ...]:
        """Values up to the end of the list, of the text, or of what is bearable."""
        found: list[Value] = []
        due = False  # a comma was the last thing seen
        while self._count < VALUES_MAX:
            self._skip_blanks()
            char = self._text[self._at : self._at + 1]
            if char == ",":
                self._at += 1
                if due or not found:
                    found.append(MISSING)
                due = True
            elif char == ")" and depth == 0:
                self._at += 1  # one too many
            elif char in ("", ")"):
                break
            else:
                found.append(self._value(char, depth))
                due = False
            self._count += 1
        self._at += 1
        return (*found, MISSING) if due else tuple(found)

    def _value(self, char: str, depth: int) -> Value:
        if char == '"':
            return self._string()
        if char == "(":
            self._at += 1
            if depth < DEPTH_MAX:
                return Value(members=self.values(depth + 1))
            return MISSING
        return self._word()

    def _string(self) -> Value:
        start = self._at + 1
        end = _QUOTE_ENDS.search(self._text, start)
        if end is None:
            self._at = len(self._text)
            return Value(self._text[start:], quoted=True, whole=False)
        self._at = end.end()
        return Value(self._text[start : end.start()], quoted=True)

    def _word(self) -> Value:
        end = _WORD_ENDS.search(self._text, self._at)
        stop = len(self._text) if end is None else end.start()
        word = self._text[self._at : stop].strip()
        self._at = stop
        bare = word.strip('"')
        return Value(bare, quoted=bare != word)

    def _skip_blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
