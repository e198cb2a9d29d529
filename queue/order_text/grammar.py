"""What a server accepts as an order text: the options of the grammar, and the codes it knows.

The shipped default takes every form that is seen in the trade and in which no two of them mean
different things; where servers contradict each other (the order of the PINs in GP, what a dot at
the end means) there is an option.
"""

import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Literal

from pulsarack.queue.order_text.words import WordTable, shipped

FieldOrder = Literal["product_first", "number_first"]
PinPlace = Literal["first", "middle", "last", "semicolon"]
Counter = Literal[
    "between", "after_number", "hash_suffix", "hash_prefix", "prefix_hash", "behind", "before"
]

SEPARATORS = " .*#,;-/"
FIELD_ORDERS: tuple[FieldOrder, ...] = ("product_first", "number_first")
PIN_PLACES: tuple[PinPlace, ...] = ("first", "middle", "last", "semicolon")
COUNTERS: tuple[Counter, ...] = (
    "between",
    "after_number",
    "hash_suffix",
    "hash_prefix",
    "prefix_hash",
    "behind",
    "before",
)
DENOMINATIONS = (
    *(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 75, 80, 90),
    *(100, 125, 150, 175, 200, 250, 300, 400, 500, 1000),
)


@dataclass(frozen=True, slots=True)
class Grammar:
    """How texts are read; docs/order-texts.md explains every option with examples.

    `denominations` (thousands of rupiah) may stand in place of a product; none: never.
    `customer_digits`: least and most digits of a destination that is no telephone (a meter).
    `reference`: whether ``R#ref`` is the sender's reference; `reference_between`: whether a field
    between product and number is one (then the PIN should not be allowed there).
    """

    separators: str = SEPARATORS
    field_orders: frozenset[FieldOrder] = frozenset(FIELD_ORDERS)
    pin_places: frozenset[PinPlace] = frozenset(PIN_PLACES)
    counters: frozenset[Counter] = frozenset(COUNTERS)
    highest_counter: int = 9
    again_counts: Literal["repetitions", "orders"] = "repetitions"
    trailing_dot: Literal["ignored", "counter"] = "ignored"
    gp_order: Literal["old_new", "new_old"] = "old_new"
    multi: bool = True
    most_orders: int = 10
    denominations: frozenset[int] = frozenset(DENOMINATIONS)
    split_product: bool = True
    reply_number: bool = True
    reference: bool = True
    reference_between: bool = False
    customer_digits: tuple[int, int] = (9, 16)
    pin_digits: tuple[int, int] = (4, 8)
    words: WordTable = field(default_factory=shipped)

    def is_pin(self, text: str) -> bool:
        """Whether a field could be a PIN."""
        least, most = self.pin_digits
        return least <= len(text) <= most and text.isascii() and text.isdigit()


class _Known:
    """A callable as a container."""

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self._knows = knows

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str) and self._knows(code)


_LIKE_A_CODE = re.compile(r"[A-Z][A-Z_]{0,9}[0-9]{1,5}[A-Z]{0,3}")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The codes of products that there are, in upper case."""

    products: Container[str]

    @classmethod
    def of(cls, products: Container[str] | Callable[[str], bool]) -> "Vocabulary":
        """From a set of codes, or from a function that knows them."""
        if isinstance(products, Container):
            return cls(products)
        return cls(_Known(products))

    @classmethod
    def guessed(cls) -> "Vocabulary":
        """Letters and figures as in S10 or S20R; only where no list of products is at hand."""
        return cls.of(lambda code: _LIKE_A_CODE.fullmatch(code) is not None)
