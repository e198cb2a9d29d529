"""The pieces of a pattern as its author wrote it.

A pattern is a regular expression with macros. Two readers need its pieces: macros.py
makes the real expression of them, guard.py refuses what could run away.
"""

import re
from dataclasses import dataclass
from enum import Enum


class TokenKind(Enum):
    """What a piece of a pattern is."""

    ESCAPE = "escape"
    CHARACTER_CLASS = "character_class"
    OPEN = "open"
    CLOSE = "close"
    MACRO = "macro"
    QUANTIFIER = "quantifier"
    ALTERNATIVE = "alternative"
    SPACE = "space"
    LITERAL = "literal"


@dataclass(frozen=True, slots=True)
class Token:
    """One piece; the texts of all pieces together are the pattern again."""

    kind: TokenKind
    text: str


# A macro is a name in braces; {3} and {2,5} are quantifiers.
_TOKEN = re.compile(
    r"""
      (?P<escape>\\.)
    | (?P<character_class>\[\^?\]?(?:\\.|[^\]\\])*\])
    | (?P<open>\((?:\?(?:[:=!>\#]|<[=!]|P<\w*>|P=\w*|\(\w*\)|[a-zA-Z-]+[:)]?))?)
    | (?P<close>\))
    | (?P<macro>\{[A-Za-z_][A-Za-z_0-9]*\})
    | (?P<quantifier>(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\}|\{,[0-9]+\})[?+]?)
    | (?P<alternative>\|)
    | (?P<space>\s+)
    | (?P<literal>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(pattern: str) -> list[Token]:
    """Split a pattern into its pieces."""
    return [
        Token(TokenKind(match.lastgroup), match[0])
        for match in _TOKEN.finditer(pattern)
        if match.lastgroup is not None
    ]
