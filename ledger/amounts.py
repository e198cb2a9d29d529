"""Amounts: whole numbers of an asset's minor unit, and nothing else.

SQLite and the libraries above it turn 10.7, "12" and True into integers without a
word. Money is checked here instead, once, before it reaches a statement.
"""

from pulsarack.ledger.errors import AmountRangeError, AmountTypeError

AMOUNT_MAX = 2**63 - 1
"""The largest amount, and the largest sum of one side of an account (64-bit column)."""


def check_amount(value: object) -> int:
    """The amount itself if it is an int in 1..AMOUNT_MAX; otherwise raises."""
    if type(value) is not int:  # bool is a subclass of int: isinstance would let it in
        raise AmountTypeError("amount", value)
    if not 0 < value <= AMOUNT_MAX:
        raise AmountRangeError("amount", value)
    return value


def check_time(now_ms: object) -> int:
    """A wall time in milliseconds UTC, not before 1970; otherwise raises."""
    if type(now_ms) is not int:
        raise AmountTypeError("now_ms", now_ms)
    if not 0 <= now_ms <= AMOUNT_MAX:
        raise AmountRangeError("now_ms", now_ms)
    return now_ms
