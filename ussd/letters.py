"""The letters that a text must hold for a pattern to match it.

Every text is tried with all patterns of its channel, and most of them have no chance. To look
for letters that the author wrote out costs a tenth of a search, so that comes first.
"""

from pulsarack.ussd.tokens import TokenKind, tokens

# Escapes that take what follows for a number or a name of a sign.
_LONG_ESCAPES = ("\\x", "\\u", "\\U", "\\N")


def held_letters(pattern: str) -> str:
    """Return the longest run of letters that every match holds, small ones; "" if none is sure.

    What stands in a group may be one way of several, and what is repeated may be left out.
    """
    pieces = tokens(pattern)
    longest, run, depth = "", "", 0
    for piece, following in zip(pieces, [*pieces[1:], None], strict=False):
        if piece.text in _LONG_ESCAPES or (piece.kind is TokenKind.ALTERNATIVE and depth == 0):
            return ""
        depth += (piece.kind is TokenKind.OPEN) - (piece.kind is TokenKind.CLOSE)
        repeated = following is not None and following.kind is TokenKind.QUANTIFIER
        written_out = piece.kind is TokenKind.LITERAL and depth == 0 and not repeated
        if written_out and piece.text.isascii() and piece.text.isalpha():
            run += piece.text.lower()
            longest = max(longest, run, key=len)
        else:
            run = ""
    return longest
