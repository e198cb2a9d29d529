"""The wordings that come with the program: `shipped.toml` as values, read once.

A wording is a template in two languages and the variables that whoever uses it hands in. A
variable has the trade's name, as it stands in the templates that operators bring with them,
and an English one for the code; a template may use either.
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final

LANGUAGES: Final = ("id", "en")


class Kind(StrEnum):
    """How a variable is written."""

    RUPIAH = "rupiah"  # 1.234.567
    NUMBER = "number"
    TEXT = "text"
    LIST = "list"  # as many as there is room for


Value = str | int | list[str] | tuple[str, ...]
Values = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Variable:
    """What can stand in a template: `[trade]` or `[name]`. `example` is a usual value."""

    name: str
    trade: str
    kind: Kind
    example: Value
    meaning: str


@dataclass(frozen=True, slots=True)
class Wording:
    """One answer: when it is given, what may stand in it, and how it is shipped."""

    key: str
    when: str
    variables: tuple[str, ...]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shipped:
    """All of it: variables by name, the names by which a template may call them, wordings."""

    variables: Mapping[str, Variable]
    names: Mapping[str, str]
    wordings: Mapping[str, Wording]


@functools.cache
def shipped() -> Shipped:
    """What came with the program."""
    file = files("pulsarack.queue") / "wordings" / "shipped.toml"
    return read(tomllib.loads(file.read_text(encoding="utf-8")))


def read(source: Mapping[str, Any]) -> Shipped:
    """The file's contents as values."""
    variables = {
        name: Variable(name, row["trade"], Kind(row["kind"]), row["example"], row["meaning"])
        for name, row in source["variables"].items()
    }
    names = {name: name for name in variables}
    names |= {one.trade: one.name for one in variables.values()}
    wordings = {
        key: Wording(
            key,
            row["when"],
            tuple(names[name] for name in row["with"]),
            {language: row[language] for language in LANGUAGES},
        )
        for key, row in source["wordings"].items()
    }
    return Shipped(variables, names, wordings)
