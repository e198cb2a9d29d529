"""Command lines as a modem reads them: 'ATE0+CMEE=1;+CSCS="GSM"' (V.250 5.2, 5.4).

Basic commands are a letter and digits and need no separator; extended ones begin with + or the
mark of a maker and end at a semicolon outside quotes or at the end of the line.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

EXTENDED = "+^#!$"


class Form(Enum):
    """The four forms of an extended command (V.250 5.4.3); basic commands are always DO."""

    DO = ""
    READ = "?"
    TEST = "=?"
    SET = "="


@dataclass(frozen=True)
class Command:
    """One command of a line. arguments: as written, quotes removed; None where left out."""

    name: str
    form: Form = Form.DO
    arguments: tuple[str | None, ...] = ()
    number: int = 0

    def text(self, place: int) -> str | None:
        """An argument as text, None if it is not there."""
        return self.arguments[place] if place < len(self.arguments) else None

    def whole(self, place: int, default: int | None = None) -> int | None:
        """An argument as a number; the default if left out, None if it is no number."""
        value = self.text(place)
        if value is None:
            return default
        return int(value) if value.isascii() and value.isdecimal() else None


@lru_cache(maxsize=512)
def parse_line(line: str) -> tuple[Command, ...] | None:
    """The commands of a line after its AT, or None if the line cannot be read.

    A modem hears the same few lines all day, so what they mean is kept.
    """
    commands: list[Command] = []
    rest = line.strip()
    while rest:
        if rest[0] in EXTENDED:
            command, rest = _take_extended(rest)
        elif rest[0] in "dD":
            command, rest = Command("D", arguments=(rest[1:],)), ""
        else:
            command, rest = _take_basic(rest)
        if command is None:
            return None
        commands.append(command)
        rest = rest.lstrip(" ;")
    return tuple(commands)


def _take_basic(rest: str) -> tuple[Command | None, str]:
    prefix, rest = (rest[0], rest[1:]) if rest[0] == "&" else ("", rest)
    if not rest[:1].isalpha():
        return None, ""
    name, rest = prefix + rest[0].upper(), rest[1:]
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    rest = rest[len(digits) :]
    if name == "S":
        # S registers are accepted and forgotten.
        rest = rest.lstrip("=?0123456789")
    return Command(name, number=int(digits or "0")), rest


def _take_extended(rest: str) -> tuple[Command | None, str]:
    end = _end_of_command(rest)
    written, rest = rest[:end], rest[end + 1 :]
    name, equals, tail = written.partition("=")
    if not equals:
        name, asked, nothing = written.partition("?")
        form = Form.READ if asked else Form.DO
        return (None if nothing.strip() else Command(name.strip().upper(), form)), rest
    if tail.strip() == "?":
        return Command(name.strip().upper(), Form.TEST), rest
    return Command(name.strip().upper(), Form.SET, split_arguments(tail)), rest


def _end_of_command(text: str) -> int:
    quoted = False
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            return place
    return len(text)


def split_arguments(text: str) -> tuple[str | None, ...]:
    """Arguments at commas outside quotes; quotes removed, None for an empty place."""
    pieces, quoted = [""], False
    for character in text:
        if character == '"':
            quoted = not quoted
            pieces[-1] += character
        elif character == "," and not quoted:
            pieces.append("")
        else:
            pieces[-1] += character
    return tuple(_unquoted(piece.strip()) for piece in pieces)


def _unquoted(piece: str) -> str | None:
    if len(piece) >= 2 and piece[0] == piece[-1] == '"':
        return piece[1:-1]
    return piece or None
