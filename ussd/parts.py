"""Texts that come in parts, marked 1/2 and 2/2 by the operator itself.

(The parts of a concatenated SMS are the modem's matter; here each part is a text of
its own.) Parts of one sender are held until all are there, in any order; a part that
comes twice counts once. Two messages of the same length whose parts cross cannot be
told apart: then no parts are joined for a while, since a reference lost is better
than one given to another order. Whoever waits too long gets what is there, marked
incomplete.
"""

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

Source = TypeVar("Source")

_FORGET_AFTER_WAITS = 10
# As reply.TEXT_LIMIT: what an admin's expression is tried on.
_LONGEST_PART = 1000


@dataclass(frozen=True, slots=True)
class PartOfText:
    """One part: its number from 1, of how many, and the text without the mark."""

    number: int
    of: int
    body: str


@dataclass(frozen=True, slots=True)
class PartMark:
    """How an operator marks parts.

    between: what stands between two parts when they are joined.
    """

    expression: re.Pattern[str]
    between: str
    wait_seconds: float

    def read(self, text: str) -> PartOfText | None:
        """Return the part a text is, or None if it is a whole."""
        match = self.expression.match(text.lstrip()) if len(text) <= _LONGEST_PART else None
        if match is None:
            return None
        number, of = int(match["part"]), int(match["parts"])
        return PartOfText(number, of, text.lstrip()[match.end() :]) if number <= of else None


@dataclass(frozen=True, slots=True)
class JoinedText(Generic[Source]):
    """A text as the operator meant it. complete: no part is missing.

    sources: what the caller gave with each part, in the order of the parts.
    """

    sender: str
    text: str
    complete: bool
    sources: tuple[Source, ...] = ()


@dataclass(slots=True)
class _Held(Generic[Source]):
    parts: dict[int, tuple[str, Source | None]]
    give_up_at: float


_Key = tuple[str, int]


class Joiner(Generic[Source]):
    """Holds the parts that came so far. Times are monotonic seconds, given from outside.

    With each text the caller may give its source (the message on the SIM, say), to
    learn what became of it.
    """

    def __init__(self, mark: PartMark | None) -> None:
        self._mark = mark
        self._held: dict[_Key, _Held[Source]] = {}
        self._apart_until: dict[_Key, float] = {}
        self._seen_until: dict[tuple[_Key, int, str], float] = {}

    def add(
        self, text: str, sender: str, now: float, source: Source | None = None
    ) -> list[JoinedText[Source]]:
        """Take a text in and return those that are whole now, joined."""
        part = self._mark.read(text) if self._mark is not None else None
        if self._mark is None or part is None:
            return [_joined(sender, [(text, source)], "", complete=True)]
        key = (sender, part.of)
        self._forget(now)
        fingerprint = (key, part.number, part.body)
        if fingerprint in self._seen_until:
            return []
        self._seen_until[fingerprint] = now + _FORGET_AFTER_WAITS * self._mark.wait_seconds
        alone = _joined(sender, [(part.body, source)], "", complete=False)
        if now < self._apart_until.get(key, now):
            return [alone]
        held = self._held.setdefault(key, _Held({}, now + self._mark.wait_seconds))
        if part.number in held.parts:
            self._apart_until[key] = now + self._mark.wait_seconds
            return [self._release(key), alone]
        held.parts[part.number] = (part.body, source)
        return [self._release(key)] if len(held.parts) == part.of else []

    def overdue(self, now: float) -> list[JoinedText[Source]]:
        """Return what has waited long enough, marked incomplete."""
        late = [key for key, held in self._held.items() if held.give_up_at <= now]
        return [self._release(key) for key in late]

    def holds(self, source: Source) -> bool:
        """Tell whether the part with this source waits for others."""
        return any(
            given is not None and given == source
            for held in self._held.values()
            for _, given in held.parts.values()
        )

    def _release(self, key: _Key) -> JoinedText[Source]:
        held = self._held.pop(key)
        sender, of = key
        between = self._mark.between if self._mark is not None else ""
        parts = [held.parts[number] for number in sorted(held.parts)]
        return _joined(sender, parts, between, complete=len(parts) == of)

    def _forget(self, now: float) -> None:
        self._seen_until = {one: until for one, until in self._seen_until.items() if until > now}
        self._apart_until = {one: until for one, until in self._apart_until.items() if until > now}


def _joined(
    sender: str, parts: list[tuple[str, Source | None]], between: str, *, complete: bool
) -> JoinedText[Source]:
    text = between.join(body for body, _ in parts)
    sources = tuple(source for _, source in parts if source is not None)
    return JoinedText(sender, text, complete, sources)
