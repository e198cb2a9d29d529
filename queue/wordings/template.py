"""A template: text with variables in brackets, `Saldo [saldo]`, read once and then filled.

A value is written by the kind of its variable: amounts as Indonesians write them, lists as
long as there is room. Values are never read as templates, whatever stands in them. A variable
that has nothing to say leaves no double space behind. Filling raises `Unfilled` if a value is
not there or not of its kind; whoever renders takes the shipped wording then.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pulsarack.queue.wordings import parts
from pulsarack.queue.wordings.shipped import Kind, Value, Variable, Wording, shipped

LONGEST: Final = 480
MOST_PARTS: Final = 3
CUT: Final = "..."
_VALUE_LONGEST: Final = 500
_VARIABLE = re.compile(r"\[([A-Za-z0-9_]+)\]|\{([A-Za-z0-9_]+)\}")
_BRACKET = re.compile(r"[\[\]{}]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_SPACES = re.compile(r" {2,}")


class Unfilled(Exception):
    """A template cannot be filled: a value is missing, or is not what its variable is."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a template is not taken, and what to do."""

    message: str
    remedy: str


def pieces(template: str) -> tuple[str | Variable, ...]:
    """Text and variables, in order. Raises Unfilled at a name that no variable has."""
    known = shipped()
    found: list[str | Variable] = []
    at = 0
    for match in _VARIABLE.finditer(template):
        name = known.names.get((match[1] or match[2]).lower())
        if name is None:
            raise Unfilled(f"{match[0]} is no variable")
        found += [template[at : match.start()], known.variables[name]]
        at = match.end()
    return (*found, template[at:])


def canonical(template: str) -> str:
    """The template with its variables as the trade writes them: `{balance}` is `[saldo]`."""
    return "".join(one if isinstance(one, str) else f"[{one.trade}]" for one in pieces(template))


class _Form(NamedTuple):
    """A template read for being filled.

    `text` has %s in place of each of the `variables`. `lists` are the places of those that are
    lists; `plain`: all of it is in the GSM alphabet.
    """

    text: str
    variables: tuple[Variable, ...]
    lists: tuple[int, ...]
    plain: bool


@functools.lru_cache(maxsize=1024)
def _form(template: str) -> _Form:
    found = pieces(template)
    variables = tuple(one for one in found if not isinstance(one, str))
    return _Form(
        "".join(one.replace("%", "%%") if isinstance(one, str) else "%s" for one in found),
        variables,
        tuple(place for place, one in enumerate(variables) if one.kind is Kind.LIST),
        parts.septets(template) is not None,
    )


def fill(template: str, variables: Mapping[str, Value], room: int | None) -> str:
    """The text. `room`: how much it may take, for lists to be cut at; None is no limit."""
    form = _form(template)
    texts = [_written(one, _value(one, variables)) for one in form.variables]
    for place in form.lists:  # the rest is what leaves them their room
        left = None if room is None else room - parts.size(_joined(form, texts))
        texts[place] = _listed(form.variables[place], variables, left, plain=form.plain)
    return _SPACES.sub(" ", _joined(form, texts)).strip()


def _joined(form: _Form, texts: Sequence[str]) -> str:
    """All of it, as cheap as the template."""
    text = form.text % tuple(texts)
    return parts.plain(text) if form.plain else text


def example(wording: Wording, template: str, room: int | None) -> str:
    """The text with usual values."""
    known = shipped().variables
    return fill(template, {name: known[name].example for name in wording.variables}, room)


def check(wording: Wording, template: str, *, most_parts: int = 1) -> Unfit | None:
    """What is wrong with a template for that wording, if anything is."""
    if not template.strip() or len(template) > LONGEST:
        return Unfit(f"a text has 1 to {LONGEST} characters", "write a shorter text")
    if control := _CONTROL.search(template):
        return Unfit(f"the text has a control character, {control[0]!r}", "write it without")
    allowed = ", ".join(f"[{shipped().variables[name].trade}]" for name in wording.variables)
    for match in _VARIABLE.finditer(template):
        name = shipped().names.get((match[1] or match[2]).lower())
        if name not in wording.variables:
            return Unfit(
                f"{match[0]} is no variable of {wording.key}", f"it has: {allowed or 'none'}"
            )
    if _BRACKET.search(_VARIABLE.sub("", template)):
        return Unfit("a bracket stands alone", "write variables as [saldo]")
    return _too_long(wording, template, most_parts)


def _too_long(wording: Wording, template: str, most_parts: int) -> Unfit | None:
    gsm = parts.septets(canonical(template)) is not None
    text = example(wording, template, parts.room(most_parts, gsm=gsm))
    needs = parts.needed(text)
    if needs <= most_parts:
        return None
    why = "" if gsm else ", since it has characters that are not in the GSM alphabet"
    return Unfit(
        f"with usual values the text takes {needs} SMS parts{why}",
        f"write a shorter one, or allow more with --parts (up to {MOST_PARTS})",
    )


def _written(piece: Variable, value: Value) -> str:
    kind = piece.kind
    if kind is Kind.TEXT:
        if isinstance(value, str):
            return _clean(value)
        raise Unfilled(f"[{piece.trade}] is not a text")
    if kind is Kind.LIST:
        return ""  # as yet
    if isinstance(value, int):
        return rupiah(value) if kind is Kind.RUPIAH else str(value)
    raise Unfilled(f"[{piece.trade}] is not a number")


def _listed(
    piece: Variable, variables: Mapping[str, Value], room: int | None, *, plain: bool
) -> str:
    value = _value(piece, variables)
    if isinstance(value, str | int):
        raise Unfilled(f"[{piece.trade}] is not a list")
    items = [parts.plain(one) if plain else one for one in map(_clean, value) if one]
    whole = ", ".join(items)
    if room is None or parts.size(whole) <= room:
        return whole
    return _cut(items, room - parts.size(CUT))


def _cut(items: Sequence[str], room: int) -> str:
    """As many as there is room for; of the first at least what fits."""
    text = ""
    for item in items:
        longer = f"{text}, {item}" if text else item
        if parts.size(longer) > room:
            break
        text = longer
    while not text and items and room > 0:
        text, room = items[0][:room], room - 1
        if parts.size(text) > room + 1:
            text = ""
    return text + CUT


def _value(variable: Variable, variables: Mapping[str, Value]) -> Value:
    value = variables.get(variable.name)
    if value is None:
        value = variables.get(variable.trade)
    if value is None:
        raise Unfilled(f"there is no value for [{variable.trade}]")
    return value


def _clean(text: str) -> str:
    """A value from outside: one line, and not endless."""
    cut = text if len(text) <= _VALUE_LONGEST else text[: _VALUE_LONGEST - len(CUT)] + CUT
    return " ".join(cut.split())


def rupiah(amount: int) -> str:
    """An amount as it is written in Indonesia: 1.234.567."""
    return f"{amount:,}".replace(",", ".")
