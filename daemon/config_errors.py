"""Turns what the validator found in a configuration into lines a technician can act on.

All problems of a file come at once, each with its place (`port[2].baud`, counted from 1,
and the line where the file shows it), what was given, what is allowed, and for a
misspelt key the nearest one that exists. The value behind an unknown key is never
repeated: it may be a secret that was put into the wrong file.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulsarack.daemon.errors import DaemonError

# A place inside the file as the validator names it: keys, and list positions from 0.
Location = tuple[int | str, ...]

# Python refuses to write out numbers of thousands of digits, and nobody would read them.
_SHOWN_BITS = 128

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\"' -]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=")


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where, what, and the way out."""

    place: str
    message: str
    remedy: str
    line: int | None = None


class ConfigErrors(DaemonError):
    """The configuration cannot be used; it lists every problem, not only the first."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("\n".join(self.lines()))

    def lines(self) -> tuple[str, ...]:
        """One line a problem, without the secrets that may stand in the file."""
        return tuple(_shown(self.path, problem) for problem in self.problems)


def _shown(path: Path, problem: Problem) -> str:
    where = f"{path}:{problem.line}" if problem.line else str(path)
    place = f"{problem.place}: " if problem.place else ""
    return f"{where}: {place}{problem.message}; {problem.remedy}"


def place_of(location: Location) -> str:
    """`("port", 0, "baud")` as people count: `port[1].baud`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


def line_of(text: str, location: Location) -> int | None:
    """The line where a place stands, or the nearest table around it; None if not found.

    It looks at headers and keys only. A multi-line string that imitates one can fool it,
    which costs a wrong hint and nothing else.
    """
    best: int | None = None
    best_depth = 0
    counts: dict[str, int] = {}
    table: Location = ()
    for number, line in enumerate(text.splitlines(), start=1):
        here = table
        if header := _HEADER.match(line):
            here = table = _table(header, counts)
        elif key := _KEY.match(line):
            here = (*table, key[1])
        else:
            continue
        if len(here) > best_depth and here == location[: len(here)]:
            best, best_depth = number, len(here)
    return best


def _table(header: "re.Match[str]", counts: dict[str, int]) -> Location:
    names = [name.strip().strip("\"'") for name in header[2].split(".")]
    if header[1] == "[":
        return tuple(names)
    key = ".".join(names)
    counts[key] = counts.get(key, -1) + 1
    return (*names, counts[key])


def problems_of(
    found: Sequence[Mapping[str, Any]],
    keys_at: Mapping[Location, Sequence[str]],
    text: str,
) -> list[Problem]:
    """The validator's findings as problems.

    `found` is pydantic's `ValidationError.errors()`. `keys_at` holds the known keys of a
    table, by its location with the list positions left out.
    """
    return [_problem(error, keys_at, text) for error in found]


def _problem(
    error: Mapping[str, Any], keys_at: Mapping[Location, Sequence[str]], text: str
) -> Problem:
    location: Location = tuple(error["loc"])
    kind = str(error["type"])
    line = line_of(text, location)
    place = place_of(location)
    if kind == "extra_forbidden":
        table = tuple(part for part in location[:-1] if isinstance(part, str))
        message, remedy = _unknown_key(str(location[-1]), keys_at.get(table, ()))
        return Problem(place, message, remedy, line)
    if kind == "missing":
        return Problem(place, "is missing", f"add the line: {location[-1]} = ...", line)
    given = error.get("input")
    message = (
        f"{_as_toml(given)} was given" if _is_plain(given) else f"a {_kind_of(given)} was given"
    )
    return Problem(place, message, _allowed(kind, error), line)


def _unknown_key(key: str, known: Sequence[str]) -> tuple[str, str]:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if near:
        return "there is no such key", f"did you mean {near[0]}?"
    return "there is no such key", f"remove it (known here: {', '.join(known)})"


_WANTED = {
    "int_type": "write a whole number without quotes",
    "float_type": "write a number without quotes",
    "string_type": "write a text in quotes",
    "path_type": "write a path in quotes",
    "tuple_type": "write it as [[table]] sections",
    "model_type": "write it as a [section]",
    "finite_number": "write an ordinary number",
}


def _allowed(kind: str, error: Mapping[str, Any]) -> str:
    context = error.get("ctx") or {}
    if kind == "literal_error":
        return f"allowed are {context['expected']}"
    if kind == "value_error":
        return str(context.get("error", error["msg"]))
    for bound, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most")):
        if bound in context:
            return f"it must be {words} {context[bound]}"
    return _WANTED.get(kind, str(error["msg"]))


def _as_toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _is_plain(value: object) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= _SHOWN_BITS
    return isinstance(value, float) or (isinstance(value, str) and len(value) <= 80)


def _kind_of(value: object) -> str:
    names = {int: "huge number", str: "long text", dict: "table", list: "list"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "value")
