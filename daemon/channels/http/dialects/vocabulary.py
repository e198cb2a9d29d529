"""What a dialect calls things: its codes and its texts, as data.

Each dialect has a TOML file here, in the tables `states` (how an order stands), `reasons` (why it
failed), `refusals` (why a request became no order) and `texts`. A file of the same name in the
configured folder replaces what it names, so that a server keeps the codes that its agents'
programs know. A text with a variable that there is not is refused at start, not when it is needed.

The words for reasons and refusals are shared by all dialects (reasons.toml).
"""

import functools
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from pulsarack.daemon import toml_text
from pulsarack.daemon.channels.http.refusals import HttpRefusal
from pulsarack.daemon.errors import DaemonError
from pulsarack.queue.state import OrderState
from pulsarack.queue.wordings import template

OTHER = "other"
TABLES = ("states", "reasons", "refusals", "texts", "request", "reply", "report")
# Of those whose values are templates.
_TEMPLATES = ("texts", "reply", "report")
# What texts may name; values that are not known are shown as "-".
VARIABLES = frozenset(
    (
        *("agent", "amount", "balance", "bank", "before", "code", "destination", "held", "id"),
        *("name", "number", "price", "product", "reason", "reference", "repeat_index"),
        *("serial_number", "success", "text"),
    )
)


class BadDialect(DaemonError):
    """A dialect's file cannot be used; names the file and what to write."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One dialect's."""

    name: str
    states: Mapping[str, str]
    reasons: Mapping[str, str]
    refusals: Mapping[str, str]
    texts: Mapping[str, str]
    words: Mapping[str, str] = field(repr=False)
    request: Mapping[str, str] = field(default_factory=dict)  # what a parameter is called there
    reply: Mapping[str, str] = field(default_factory=dict)  # the fields of an answer
    report: Mapping[str, str] = field(default_factory=dict)  # the parameters of a report

    def code_of(self, state: str, reason: str | None) -> str:
        """The code of an order that stands so."""
        if state == OrderState.FAILED and reason is not None and reason in self.reasons:
            return self.reasons[reason]
        return self.states[state]

    def refusal(self, code: str) -> str:
        """The code of a request that became no order."""
        return self.refusals.get(code, self.refusals[OTHER])

    def word(self, code: str | None) -> str:
        """A reason or a refusal in the words of the trade."""
        return self.words.get(code or "", self.words[OTHER])

    def of_refusal(self, refusal: HttpRefusal) -> str:
        """The queue's refusals in the words of the trade, the server's as they are."""
        return self.word(refusal.code) if refusal.refusal else refusal.message

    def text(self, name: str, values: Mapping[str, object]) -> str:
        """A text with its variables; what is not known is a dash."""
        return self.texts[name].format_map(_Known(values))

    def fields(self, table: Mapping[str, str], values: Mapping[str, object]) -> dict[str, str]:
        """The fields of an answer or a report."""
        return {name: shape.format_map(_Known(values)) for name, shape in table.items()}


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "-"


def load(name: str, folder: Path | None) -> Vocabulary:
    """A dialect's vocabulary, with what the operator's own file replaces; raises BadDialect."""
    tables = {table: dict(rows) for table, rows in _packaged(name).items()}
    words = dict(_packaged("reasons")["words"])
    if folder is not None:
        _replace(tables, folder / f"{name}.toml", TABLES)
        _replace({"words": words}, folder / "reasons.toml", ("words",))
    return Vocabulary(name, **tables, words=words)


def rupiah(amount: int | None) -> str:
    """As agents' texts have it; "-" if it is not known."""
    return "-" if amount is None else template.rupiah(amount)


@functools.cache
def _packaged(name: str) -> Mapping[str, Mapping[str, str]]:
    place = files("pulsarack.daemon.channels.http.dialects") / f"{name}.toml"
    found: dict[str, dict[str, str]] = tomllib.loads(place.read_text(encoding="utf-8"))
    return found


def _replace(tables: dict[str, dict[str, str]], path: Path, known: tuple[str, ...]) -> None:
    if not path.exists():
        return
    for table, rows in _read(path).items():
        if table not in known or not isinstance(rows, dict):
            remedy = f"the tables are: {', '.join(known)}"
            raise BadDialect(f"{path}: there is no table {table[:40]!r}", remedy)
        for key, value in rows.items():
            _check(path, table, key, value)
            tables[table][key] = value


def _read(path: Path) -> dict[str, Any]:
    try:
        text = toml_text.read(path)
        if found := toml_text.out_of_bounds(text):
            raise BadDialect(f"{path}: {found[1]}", found[2])
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadDialect(f"{path}: {error}", "put the TOML right there") from None
    except (OSError, ValueError, RecursionError):
        raise BadDialect(f"{path}: it cannot be read as TOML", "check the file") from None


def _check(path: Path, table: str, key: str, value: Any) -> None:
    if not isinstance(value, str) or len(value) > 500:
        raise BadDialect(f"{path}: {table}.{key[:40]} is no text", "write it in quotes")
    if table not in _TEMPLATES:
        return
    try:
        named = {name for _, name, form, _ in string.Formatter().parse(value) if name is not None}
    except ValueError as error:
        raise BadDialect(f"{path}: {table}.{key[:40]}: {error}", "write {{ for a brace") from None
    try:
        value.format_map(_Known(dict.fromkeys(VARIABLES, "x")))
    except (ValueError, LookupError, AttributeError) as error:
        # Here and not when an order is accepted and its answer is to be written.
        why = f"{path}: {table}.{key[:40]}: {str(error)[:80]}"
        if named <= VARIABLES:
            raise BadDialect(why, "write a variable as {name}, its form is text") from None
    if strange := sorted(named - VARIABLES):
        remedy = f"the variables are: {', '.join(sorted(VARIABLES))}"
        raise BadDialect(f"{path}: {table}.{key[:40]}: there is no {strange[0][:40]!r}", remedy)
