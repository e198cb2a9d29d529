"""A text cut at its separators, with what stood between the pieces.

Nothing is lost: each piece knows its place, and what was between two pieces is kept, because
``1234#2`` and ``1234 2`` differ in nothing else. A text is cleaned first, of characters that
cannot be seen (a telephone's keyboard puts them in, and a code that holds one is known by nobody).
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_INVISIBLE = frozenset({"Cc", "Cf", "Mn", "Me"})
_SPACES = frozenset({"Zs", "Zl", "Zp"})
_UNSTORABLE = frozenset({"Cs", "Co", "Cn"})


def cleaned(text: str) -> str:
    """The text in visible characters, all spaces alike; the ends of its lines are kept."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_cleaned, text))


def _cleaned(character: str) -> str:
    if character in "\n\r\t\v\f":
        return "\n" if character == "\n" else " "
    category = unicodedata.category(character)
    if category in _INVISIBLE:
        return ""
    if category in _SPACES:
        return " "
    return "\ufffd" if category in _UNSTORABLE else character


@dataclass(frozen=True, slots=True)
class Piece:
    """One field as it was typed, where it stands, and the separators before it."""

    text: str
    start: int
    end: int
    gap: str


@dataclass(frozen=True, slots=True)
class Pieces:
    """A whole text; `tail` is what follows the last piece."""

    raw: str
    all: tuple[Piece, ...]
    tail: str

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, position: int) -> Piece:
        return self.all[position]

    def between(self, first: int, end: int) -> str:
        """The text from one piece to before another, separators and all."""
        return self.raw[self.all[first].start : self.all[end - 1].end]

    def gap(self, position: int) -> str:
        """The separators before a piece, or after the last one."""
        return self.all[position].gap if position < len(self.all) else self.tail


def cut(text: str, separators: str) -> Pieces:
    """Cut a cleaned text; a piece holds no separator, no line end and no space at its ends."""
    found = []
    last = 0
    for match in _pattern(separators).finditer(text):
        found.append(Piece(match[0], match.start(), match.end(), text[last : match.start()]))
        last = match.end()
    return Pieces(text, tuple(found), text[last:])


@lru_cache(maxsize=16)
def _pattern(separators: str) -> re.Pattern[str]:
    outside = re.escape(separators + "\n")
    edge = f"[^{outside}\\s]"
    # Where a space separates nothing, it may stand inside of a piece.
    return re.compile(f"{edge}+" if " " in separators else f"{edge}(?:[^{outside}]*{edge})?")
