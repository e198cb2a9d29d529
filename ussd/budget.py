"""How many ways a pattern can take on one text, at most.

Python's `re` tries one way after the other, and a text comes from outside: whoever sends
it can make every way fail at its end. So the ways are counted before a pattern is ever
used: pieces behind each other multiply, choices add up, a repetition is a choice of how
often. The count is a bound, not a forecast; a text of WAYS_TEXT characters can begin the
search at each of them.
"""

from dataclasses import dataclass

from pulsarack.ussd.macros import ANY_LENGTH
from pulsarack.ussd.tokens import Token, TokenKind

# Two {any} and a few options; a text of a thousand characters is then done with in
# seconds at the very worst, and in microseconds when it is an operator's.
WAYS_LIMIT = 250_000
WAYS_TEXT = 1000

_ANY_WAYS = ANY_LENGTH + 1  # as many lengths, and none at all
# Whatever can be matched in two ways is over the limit long before it is repeated so often
# (2**18 > WAYS_LIMIT); what follows needs no counting.
_REPEATS_COUNTED = 64


@dataclass(slots=True)
class _Level:
    """A group being read: the ways of its finished alternatives, and of the present one."""

    finished: int = 0
    present: int = 1


def ways(pieces: list[Token]) -> int:
    """The most ways the pieces can be matched from one place of a text, up to the limit."""
    levels = [_Level()]
    for piece, following in zip(pieces, [*pieces[1:], None], strict=False):
        if piece.kind is TokenKind.OPEN:
            levels.append(_Level())
        elif piece.kind is TokenKind.ALTERNATIVE:
            level = levels[-1]
            level.finished, level.present = level.finished + level.present, 1
        elif piece.kind is not TokenKind.CLOSE:
            _follow(levels[-1], _ANY_WAYS if piece.text == "{any}" else 1, following)
        elif len(levels) > 1:
            closed = levels.pop()
            _follow(levels[-1], closed.finished + closed.present, following)
    count = 1
    for level in levels:
        count = _capped(count * (level.finished + level.present))
    return count


def _follow(level: _Level, inner: int, following: Token | None) -> None:
    """One more piece behind the others of its group, repeated if a quantifier follows it."""
    if following is not None and following.kind is TokenKind.QUANTIFIER:
        inner = _repeated(inner, following.text)
    level.present = _capped(level.present * inner)


def _repeated(inner: int, quantifier: str) -> int:
    least, most = bounds(quantifier)
    if len(quantifier) > 1 and quantifier.endswith("+"):
        return inner
    if inner == 1:
        return min(most, WAYS_TEXT) - min(least, WAYS_TEXT) + 1
    total, power = 0, _capped(inner ** min(least, _REPEATS_COUNTED))
    for _ in range(least, min(most, least + _REPEATS_COUNTED) + 1):
        total = _capped(total + power)
        power = _capped(power * inner)
    return total


def bounds(quantifier: str) -> tuple[int, int]:
    """How often a quantifier repeats: at least, and at most (a million for no end)."""
    core = quantifier[0] if quantifier[0] in "*+?" else quantifier.rstrip("?+")
    unbounded = 10**6
    if core in ("*", "+"):
        return 0, unbounded
    if core == "?":
        return 0, 1
    least, comma, most = core[1:-1].partition(",")
    lowest = int(least or 0)
    return lowest, (int(most) if most else unbounded) if comma else lowest


def _capped(count: int) -> int:
    return min(count, WAYS_LIMIT + 1)
