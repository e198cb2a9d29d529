"""What a text of the operator means.

Every pattern of the channel is tried on the whole text; the order of patterns never
decides. If all that match say the same thing, that is the reply. If they say
different things, or a value cannot be read, there is no reply: the text goes to the
inbox of the unparsed, and `explain` tells why. Nothing is ever guessed.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pulsarack.ussd.errors import Unreadable
from pulsarack.ussd.fields import Fields, HistoryEntry
from pulsarack.ussd.kinds import Channel, ReplyKind
from pulsarack.ussd.macros import flatten
from pulsarack.ussd.outcome import Reason
from pulsarack.ussd.pattern import Pattern

if TYPE_CHECKING:
    from pulsarack.ussd.recipe import Recipe

__all__ = [
    "TEXT_LIMIT",
    "Channel",
    "Explanation",
    "HistoryEntry",
    "PatternMatch",
    "Reply",
    "ReplyKind",
    "classify",
    "disagreement",
    "explain",
]

# Characters. The longest USSD screen has 182 (23.038 section 6.1.2.2: 160 octets of
# septets); six joined SMS have 918. Longer texts are no answers to a top-up.
TEXT_LIMIT = 1000


class Reply(NamedTuple):
    """A text understood.

    pattern: the name of the (first) pattern that matched. destination: E.164 digits.
    amount: face value; cost: what the operator took; stock: what is left; minor
    units. entries: of a history, newest first. part: (number, of how many), if the
    text is one part of several.
    """

    kind: ReplyKind
    pattern: str
    reason: Reason | None = None
    destination: str | None = None
    amount: int | None = None
    cost: int | None = None
    stock: int | None = None
    serial_number: str | None = None
    entries: tuple[HistoryEntry, ...] = ()
    part: tuple[int, int] | None = None


class PatternMatch(NamedTuple):
    """A pattern that matches a text. trouble: a value that cannot be read; then no fields."""

    pattern: Pattern
    fields: Fields | None
    trouble: str


class Explanation(NamedTuple):
    """Why a text was read as it was. why: empty if there is a reply.

    matches: of all patterns of the channel, those that match.
    """

    text: str
    channel: Channel
    part: tuple[int, int] | None
    matches: tuple[PatternMatch, ...]
    reply: Reply | None
    why: str


def classify(recipe: "Recipe", text: str, channel: Channel) -> Reply | None:
    """Return what the text means, or None if that is not certain."""
    return explain(recipe, text, channel).reply


def explain(recipe: "Recipe", text: str, channel: Channel) -> Explanation:
    """Try every pattern of the channel on the text and say what came of it."""
    if len(text) > TEXT_LIMIT:
        why = f"the text is longer than {TEXT_LIMIT} characters"
        return Explanation(text, channel, None, (), None, why)
    body, part = text, None
    if recipe.parts is not None:
        mark = recipe.parts.read(text)
        if mark is not None:
            body, part = mark.body, (mark.number, mark.of)
    flat = flatten(body)
    matches = []
    for pattern in recipe.patterns_of[channel]:
        if (match := pattern.expression.search(flat)) is not None:
            matches.append(_read(recipe, pattern, match, flat))
    reply, why = _agree(matches, part)
    return Explanation(text, channel, part, tuple(matches), reply, why)


def disagreement(reply: Reply, destination: str | None, amount: int | None) -> str | None:
    """Return how a reply speaks of another order than this one; None if it does not.

    destination: E.164 digits, amount: face value in minor units. Silence is no
    disagreement, except that a success must name its destination.
    """
    if reply.destination is None and reply.kind is ReplyKind.SUCCESS:
        return "it names no destination"
    if reply.destination not in (None, destination):
        return f"it is about {reply.destination}"
    if reply.amount not in (None, amount):
        return f"it is about the amount {reply.amount}"
    return None


def _read(recipe: "Recipe", pattern: Pattern, match: re.Match[str], flat: str) -> PatternMatch:
    try:
        return PatternMatch(pattern, pattern.read(match, flat, recipe.reader), "")
    except Unreadable as error:
        return PatternMatch(pattern, None, str(error))


def _agree(
    matched: Sequence[PatternMatch], part: tuple[int, int] | None
) -> tuple[Reply | None, str]:
    if not matched:
        return None, "no pattern matches"
    for one in matched:
        if one.fields is None:
            return None, f'pattern "{one.pattern.name}" matches, but {one.trouble}'
    if len(matched) == 1:
        return _reply(matched[0].pattern, matched[0].fields or Fields(), part), ""
    if len({one.pattern.meaning for one in matched}) > 1:
        names = ", ".join(f'"{one.pattern.name}" ({one.pattern.kind})' for one in matched)
        return None, f"patterns of different meaning match: {names}"
    stated: dict[str, object] = {}
    for one in matched:
        for name, value in (one.fields or Fields()).stated().items():
            if stated.setdefault(name, value) != value:
                return None, f'pattern "{one.pattern.name}" reads another {name} than the others'
    first = matched[0].pattern
    together = Fields(**stated)  # type: ignore[arg-type]  # names and values come from Fields
    return _reply(first, together, part), ""


def _reply(pattern: Pattern, fields: Fields, part: tuple[int, int] | None) -> Reply:
    return Reply(
        kind=pattern.kind,
        pattern=pattern.name,
        reason=pattern.reason,
        destination=fields.destination,
        amount=fields.amount,
        cost=fields.cost,
        stock=fields.stock,
        serial_number=fields.serial_number,
        entries=fields.entries,
        part=part,
    )
