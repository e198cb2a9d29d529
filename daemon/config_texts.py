"""[texts]: how agents' texts are read, as the grammar of queue/order_text takes it.

Every key of the section is a field of the grammar by the same name, but for `aliases`, which are
put over the shipped words. docs/order-texts.md shows what each of them changes.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import Section
from pulsarack.queue.order_text import grammar, words
from pulsarack.queue.order_text.grammar import Counter, FieldOrder, Grammar, PinPlace

_SEPARATORS = re.compile(r"[ .*#,;/|:!~_-]{1,16}")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}")
_MOST_ALIASES = 500


def _separators(text: str) -> str:
    if not _SEPARATORS.fullmatch(text):
        raise ValueError('write one or more of these: " .*#,;/|:!~_-"')
    return text


def _range(digits: tuple[int, ...]) -> tuple[int, ...]:
    if len(digits) != 2 or not 4 <= digits[0] <= digits[1] <= 20:
        raise ValueError("write the least and the most, of 4 to 20, such as [9, 16]")
    return digits


def _denominations(thousands: tuple[int, ...]) -> tuple[int, ...]:
    if not all(1 <= each <= 9999 for each in thousands):
        raise ValueError("write thousands of rupiah, 1 to 9999, such as [5, 10, 20], or []")
    return thousands


def _aliases(aliases: dict[str, str]) -> dict[str, str]:
    if len(aliases) > _MOST_ALIASES or not all(map(_ALIAS.fullmatch, aliases)):
        raise ValueError(f"write at most {_MOST_ALIASES} words of 1 to 20 letters and figures")
    words.with_aliases(words.shipped(), aliases)
    return aliases


Separators = Annotated[str, AfterValidator(_separators)]
FieldOrders = Annotated[tuple[FieldOrder, ...], Field(strict=False, min_length=1)]
PinPlaces = Annotated[tuple[PinPlace, ...], Field(strict=False, min_length=1)]
Counters = Annotated[tuple[Counter, ...], Field(strict=False)]
Whole = Annotated[tuple[int, ...], Field(strict=False)]


class TextsSection(Section):
    """[texts]: the options of the grammar; see Grammar."""

    separators: Separators = grammar.SEPARATORS
    field_orders: FieldOrders = grammar.FIELD_ORDERS
    pin_places: PinPlaces = grammar.PIN_PLACES
    counters: Counters = grammar.COUNTERS
    highest_counter: Annotated[int, Field(ge=2, le=99)] = 9
    again_counts: Literal["repetitions", "orders"] = "repetitions"
    trailing_dot: Literal["ignored", "counter"] = "ignored"
    gp_order: Literal["old_new", "new_old"] = "old_new"
    multi: bool = True
    most_orders: Annotated[int, Field(ge=1, le=20)] = 10
    denominations: Annotated[Whole, AfterValidator(_denominations)] = grammar.DENOMINATIONS
    split_product: bool = True
    reply_number: bool = True
    reference: bool = True
    reference_between: bool = False
    customer_digits: Annotated[Whole, AfterValidator(_range)] = (9, 16)
    aliases: Annotated[dict[str, str], AfterValidator(_aliases)] = Field(default_factory=dict)

    def grammar(self) -> Grammar:
        """The grammar that these options make."""
        least, most = self.customer_digits
        return Grammar(
            separators=self.separators,
            field_orders=frozenset(self.field_orders),
            pin_places=frozenset(self.pin_places),
            counters=frozenset(self.counters),
            highest_counter=self.highest_counter,
            again_counts=self.again_counts,
            trailing_dot=self.trailing_dot,
            gp_order=self.gp_order,
            multi=self.multi,
            most_orders=self.most_orders,
            denominations=frozenset(self.denominations),
            split_product=self.split_product,
            reply_number=self.reply_number,
            reference=self.reference,
            reference_between=self.reference_between,
            customer_digits=(least, most),
            words=words.with_aliases(words.shipped(), self.aliases),
        )
