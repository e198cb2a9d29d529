"""Expressions that could run for ever are refused before they ever run.

Python's `re` backtracks, and a text comes from outside. Four rules, all on the safe side:
no repeated group that itself holds a repetition or a choice, no back references, no groups
but plain ones, and not too many ways altogether (budget.py), which wide pieces ({any}, `.*`,
`[a-z]+`...) use up soonest. With the cap on the length of a text (reply.TEXT_LIMIT) one
match ends in time whatever the text. The check reads the pattern; it runs and times nothing.
"""

import re
from dataclasses import dataclass

from pulsarack.ussd.budget import WAYS_LIMIT, bounds, ways
from pulsarack.ussd.errors import PatternFault
from pulsarack.ussd.tokens import Token, TokenKind, tokens

PATTERN_LIMIT = 500

_MANY = 10
_SET_SIGNS = re.compile(r"\[|--|&&|~~|\|\|")
_PLAIN_GROUPS = ("(", "(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!")


@dataclass(slots=True)
class _Group:
    varies: bool = False


def refuse_runaway(pattern: str) -> None:
    """Raise PatternFault if the pattern could take very long on some text."""
    if len(pattern) > PATTERN_LIMIT:
        raise PatternFault(
            f"it is longer than {PATTERN_LIMIT} characters", "split it into several patterns"
        )
    pieces = tokens(pattern)
    for piece in pieces:
        _refuse_piece(piece)
    _refuse_nested(pieces)
    if ways(pieces) > WAYS_LIMIT:
        raise PatternFault(
            "some texts could be read in too many ways, and trying them would take for ever",
            "write more of the text out, give repetitions an end, as {1,20}, or use {word}",
        )


def _refuse_piece(piece: Token) -> None:
    if piece.kind is TokenKind.OPEN and piece.text not in _PLAIN_GROUPS:
        raise PatternFault(
            f'the group "{piece.text}" is not allowed',
            "take values out with macros; for a group without a name write (?: )",
        )
    inside = re.sub(r"\\.", "", piece.text[1:]) if piece.kind is TokenKind.CHARACTER_CLASS else ""
    if _SET_SIGNS.search(inside) or (piece.kind is TokenKind.LITERAL and piece.text == "["):
        raise PatternFault(
            f'the "[" of "{piece.text}" is not closed, or a sign in it is reserved',
            "write [ and doubled - & | ~ in a character class with a backslash",
        )
    if piece.kind is TokenKind.ESCAPE and piece.text[1] in "123456789":
        raise PatternFault("back references are not allowed", "write the text out again")


def _refuse_nested(pieces: list[Token]) -> None:
    groups = [_Group()]
    closed: _Group | None = None
    for piece in pieces:
        if piece.kind is TokenKind.QUANTIFIER:
            many = _most(piece.text) >= _MANY
            if many and closed is not None and closed.varies:
                raise PatternFault(
                    "a repeated group holds a repetition or a choice itself, "
                    "which can take for ever on some texts",
                    "write the repetition out, or use {any} or {word}",
                )
            groups[-1].varies = groups[-1].varies or many
        elif piece.kind in (TokenKind.ALTERNATIVE, TokenKind.MACRO):
            groups[-1].varies = True
        closed = None
        if piece.kind is TokenKind.OPEN:
            groups.append(_Group())
        elif piece.kind is TokenKind.CLOSE and len(groups) > 1:
            closed = groups.pop()
            groups[-1].varies = groups[-1].varies or closed.varies


def _most(quantifier: str) -> int:
    return bounds(quantifier)[1]
