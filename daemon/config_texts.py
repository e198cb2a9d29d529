"""[texts]: how agents' texts are read, as the grammar of queue/order_text takes it.

Every key of the section is a field of the grammar by the same name, but for `aliases`, which are
put over the shipped words. docs/order-texts.md shows what each of them changes.
"""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import Section, explained
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

    ABOUT: ClassVar[str] = (
        "How agents' texts are read (SMS, WhatsApp and XMPP alike); docs/order-texts.md shows"
        " every form. A text that could mean two things is refused, never guessed: pulsarack text"
        ' try "S5.0812....1234".'
    )

    separators: Separators = explained(
        grammar.SEPARATORS,
        "What may stand between two fields, also several together; a line end always may.",
    )
    field_orders: FieldOrders = explained(
        grammar.FIELD_ORDERS,
        "S5.0812... and 0812....S5",
    )
    pin_places: PinPlaces = explained(
        grammar.PIN_PLACES,
        "Where the PIN may stand: before everything, between product and number, at the end, or"
        ' only behind a ; ("semicolon"; "last" includes it).',
    )
    counters: Counters = explained(
        grammar.COUNTERS,
        "How the second order of a day is told from the first: S5.2.0812 (between), 5.0812.2"
        " (after_number), ...1234#2 (hash_suffix), #2.S5... (hash_prefix), 2#S5... (prefix_hash),"
        " ...1234.RO (behind), Ulang.S5... (before).",
    )
    highest_counter: Annotated[int, Field(ge=2, le=99)] = explained(
        9,
        "The highest figure that is taken for such a counter.",
    )
    again_counts: Literal["repetitions", "orders"] = explained(
        "repetitions",
        'What Ulang.S5.0812....1 says: "repetitions": the first repetition, the second order'
        ' of the day. "orders": counts orders, so that Ulang....2 is the second one.',
    )
    trailing_dot: Literal["ignored", "counter"] = explained(
        "ignored",
        'A dot at the end of an order: "ignored", or "counter": one dot for the second order'
        " of the day.",
    )
    gp_order: Literal["old_new", "new_old"] = explained(
        "old_new",
        "GP.old.new or GP.new.old; servers differ, and nobody can tell from the text.",
    )
    multi: bool = explained(
        True,
        "Several orders in one text, and how many.",
    )
    most_orders: Annotated[int, Field(ge=1, le=20)] = 10
    denominations: Annotated[Whole, AfterValidator(_denominations)] = explained(
        grammar.DENOMINATIONS,
        "10.0812...: thousands of rupiah that may stand for a product; the prefix says of which"
        " operator. [] switches it off.",
    )
    split_product: bool = explained(
        True,
        "PLN 11023356621 20: the code's letters and its figures may stand apart.",
    )
    reply_number: bool = explained(
        True,
        "PLN20.11023356621.1234.0857...: the buyer's telephone, where the destination is none.",
    )
    reference: bool = explained(
        True,
        "R#abc123 is the sender's reference and comes back in the answer.",
    )
    reference_between: bool = explained(
        False,
        'SE5.123456.0812...: a reference between product and number. Then take "middle" out of'
        " pin_places.",
    )
    customer_digits: Annotated[Whole, AfterValidator(_range)] = explained(
        (9, 16),
        "The least and the most digits of a destination that is no telephone: a meter, a"
        " customer number.",
    )
    aliases: Annotated[dict[str, str], AfterValidator(_aliases)] = explained(
        {},
        'Other words for commands, such as { SLD = "SALDO", TOPUPKU = "ISI" }; "" takes a'
        ' word away, so that { S = "" } lets S be a product.',
    )

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
