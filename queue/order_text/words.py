"""The table of the words that begin agents' texts (words.toml), read and checked.

A word stands for one or more commands, each with its forms; a form is a list of fields with the
name of the command's argument they fill and their kind (fields.py). Other words for the same
commands, and words that shall mean nothing here, are put over the shipped table.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from pulsarack.queue.order_text import commands


@dataclass(frozen=True, slots=True)
class FieldOfForm:
    """One field: the command's argument it fills, and what kind of text it is."""

    argument: str
    kind: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What one word can mean: a command, what is fixed in it, and its forms."""

    makes: type[Any]
    fixed: tuple[tuple[str, Any], ...]
    forms: tuple[tuple[FieldOfForm, ...], ...]
    repeats: bool


@dataclass(frozen=True, slots=True)
class WordTable:
    """All words, in upper case."""

    meanings: Mapping[str, tuple[Entry, ...]]
    order: frozenset[str]
    again_before: frozenset[str]
    again_behind: frozenset[str]
    names: Mapping[str, Mapping[str, str]]

    def knows(self, word: str) -> bool:
        """Whether a text may begin with that word."""
        return word in self.meanings or word in self.order or word in self.again_before

    def shown(self, word: str, form: Sequence[FieldOfForm], language: str) -> str:
        """A form as it is written, e.g. ``T.ID.NOMINAL.PIN``."""
        names = self.names[language]
        kinds = [("pin", "pin") if each.kind == "pins" else (each.kind,) for each in form]
        shown = [names[kind] for group in kinds for kind in group]
        end = () if any(each.kind == "pins" for each in form) else (names["pin"],)
        return ".".join((word, *shown, *end))


def with_aliases(table: WordTable, aliases: Mapping[str, str]) -> WordTable:
    """The table with other words: alias to a word that is there, or to "" to mean nothing.

    Raises ValueError, with what to write instead, for an alias of a word that is not there.
    """
    for alias, stands_for in aliases.items():
        table = _with_alias(table, alias.upper(), stands_for.upper())
    return table


def _with_alias(table: WordTable, alias: str, word: str) -> WordTable:
    if word and not table.knows(word) and word not in table.again_behind:
        raise ValueError(f'there is no word {word!r}; take one of the table, or "" for none')

    def moved(words: frozenset[str]) -> frozenset[str]:
        return words | {alias} if word in words else words - {alias}

    meanings = {known: entries for known, entries in table.meanings.items() if known != alias}
    if word in table.meanings:
        meanings[alias] = table.meanings[word]
    return replace(
        table,
        meanings=meanings,
        order=moved(table.order),
        again_before=moved(table.again_before),
        again_behind=moved(table.again_behind),
    )


@cache
def shipped() -> WordTable:
    """The table that comes along."""
    place = resources.files("pulsarack.queue") / "order_text" / "words.toml"
    raw = tomllib.loads(place.read_text("utf-8"))
    meanings: dict[str, tuple[Entry, ...]] = {}
    for row in raw["command"]:
        entry = _entry(row)
        for word in (*row["id"], *row["en"]):
            meanings[word] = (*meanings.get(word, ()), entry)
    return WordTable(
        meanings,
        frozenset((*raw["order"]["id"], *raw["order"]["en"])),
        frozenset(raw["again"]["before"]),
        frozenset(raw["again"]["behind"]),
        raw["names"],
    )


def _entry(row: Mapping[str, Any]) -> Entry:
    fixed = tuple(row.get("with", {}).items())
    if row["makes"] == "SetMarkup" and ("amount", False) in fixed:
        # TOML has no word for nothing: the amount is not there, a price is.
        fixed = (("amount", None),)
    forms = tuple(tuple(map(_field, filter(None, form.split(".")))) for form in row["forms"])
    return Entry(getattr(commands, row["makes"]), fixed, forms, row.get("repeats", False))


def _field(text: str) -> FieldOfForm:
    argument, _, kind = text.partition(":")
    return FieldOfForm(argument, kind or argument)
