"""From the pattern an author writes to the expression that is run.

Macros stand for what every operator's text holds: a number, an amount, a reference.
White space is forgiving: the text is reduced to single spaces before it is matched
(see `flatten`), so any run of spaces and line breaks in the pattern matches any
other, and beside a punctuation mark the space may be missing. A macro never takes
half of a number: amounts and references are atomic groups with a border on both
sides, so that no backtracking can turn 490.000 into 490.
"""

import re
from collections.abc import Mapping, Sequence

from pulsarack.ussd.errors import PatternFault, did_you_mean
from pulsarack.ussd.tokens import Token, TokenKind, tokens

ANY_LENGTH = 200
MONEY_MACROS = ("amount", "cost", "stock")

_NUMBER_BORDER = r"(?<![0-9])(?<![0-9][.,])"
_NUMBER = r"(?>[0-9]+(?:[.,][0-9]+)*)"
_MSISDN = r"(?>\+?[0-9]{8,15})"
_WORD_END = r"(?!\w)"
_PUNCTUATION = frozenset(",.:;!\"'/-=") | {"\\" + sign for sign in ".,:;!()[]*#?+-/|\"'="}


def flatten(text: str) -> str:
    """Return the text with every run of white space made one space."""
    return " ".join(text.split())


def macro_table(
    currency_marks: Sequence[str], succeeded: Sequence[str] = (), failed: Sequence[str] = ()
) -> dict[str, str]:
    """Return the expression behind every macro.

    currency_marks: what may stand before an amount, as ["Rp", "P"].
    succeeded, failed: the words for a result in a history.
    """
    marks = "|".join(re.escape(mark) for mark in currency_marks)
    mark = rf"(?:(?:{marks})\.? ?)?" if marks else ""
    table = {
        name: rf" ?{mark}{_NUMBER_BORDER}(?P<{name}>{_NUMBER}){_WORD_END}" for name in MONEY_MACROS
    }
    table |= {
        "denomination": rf" ?{_NUMBER_BORDER}(?P<denomination>{_NUMBER}){_WORD_END}",
        "destination": rf" ?(?<![0-9+])(?P<destination>{_MSISDN}){_WORD_END}",
        "serial_number": r" ?(?=[A-Z/-]{0,20}[0-9])"
        rf"(?P<serial_number>(?>[0-9A-Z]+(?:[/-][0-9A-Z]+)*)){_WORD_END}",
        "msisdn": rf" ?(?<![0-9+]){_MSISDN}{_WORD_END}",
        "money": rf" ?{mark}{_NUMBER_BORDER}{_NUMBER}{_WORD_END}",
        "number": rf" ?{_NUMBER_BORDER}{_NUMBER}{_WORD_END}",
        "word": r"(?>\S{1,40})",
        "any": f".{{0,{ANY_LENGTH}}}?",
        "part": r"(?P<part>[1-9])",
        "parts": r"(?P<parts>[2-9])",
    }
    for name, words in (("succeeded", succeeded), ("failed", failed)):
        if words:
            table[name] = rf"\b(?P<{name}>{'|'.join(re.escape(word) for word in words)})\b"
    return table


def macros_in(pattern: str) -> set[str]:
    """Return the names of the macros a pattern uses."""
    return {token.text[1:-1] for token in tokens(pattern) if token.kind is TokenKind.MACRO}


def compile_pattern(pattern: str, table: Mapping[str, str]) -> re.Pattern[str]:
    """Return the expression of a pattern; raise PatternFault if there is none."""
    try:
        return re.compile(_expand(tokens(pattern), table), re.IGNORECASE)
    except (OverflowError, RecursionError) as error:
        raise PatternFault("it is too large to be run", "make it simpler") from error
    except re.error as error:
        if "redefinition of group" in str(error):
            raise PatternFault(
                "the same macro stands in it twice", "make two patterns, one for each wording"
            ) from error
        raise PatternFault(
            f"it is not a regular expression: {error}",
            "write a literal sign such as ( ) . * + ? with a backslash before it",
        ) from error


def _expand(pieces: Sequence[Token], table: Mapping[str, str]) -> str:
    made: list[str] = []
    for position, piece in enumerate(pieces):
        if piece.kind is TokenKind.MACRO:
            name = piece.text[1:-1]
            if name not in table:
                raise PatternFault(f'unknown macro "{{{name}}}"', did_you_mean(name, sorted(table)))
            made.append(f"(?:{table[name]})")
        elif piece.kind is TokenKind.SPACE:
            made.append(_space(pieces, position))
        else:
            made.append(piece.text)
    return "".join(made)


def _space(pieces: Sequence[Token], position: int) -> str:
    following = pieces[position + 1] if position + 1 < len(pieces) else None
    if following is not None and following.kind is TokenKind.QUANTIFIER:
        return r"\s"
    before = _neighbour(pieces[:position][::-1])
    after = _neighbour(pieces[position + 1 :])
    return r"\s*" if _PUNCTUATION & {before, after} else r"\s+"


def _neighbour(pieces: Sequence[Token]) -> str:
    """Return the first piece that is matched against the text, groups aside."""
    brackets = (TokenKind.OPEN, TokenKind.CLOSE)
    return next((piece.text for piece in pieces if piece.kind not in brackets), "")
