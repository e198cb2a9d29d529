"""Orders in a text: every way in which the pieces make one order, or several.

An order is a walk over the pieces: each takes one of the roles that are still open (product or
denomination, number, counter, PIN, reply number), as far as the grammar allows that role at that
place, and the walk is an order when product and number are there. Orders follow each other until
the text is over. What can follow from one piece on is worked out once, and of it only as many
meanings are kept as are needed to know that there is more than one: the work grows with the
length of the text and not with the number of ways to read it.

The PIN is chosen before the walk, each piece that could be one in turn, so that several orders
have one and the same, and so that what is kept is of one PIN.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pulsarack.queue.order_text import fields
from pulsarack.queue.order_text.commands import PlaceOrder
from pulsarack.queue.order_text.drafts import MOST_MEANINGS, Draft
from pulsarack.queue.order_text.fields import Source
from pulsarack.queue.order_text.grammar import Counter, Grammar
from pulsarack.queue.order_text.masking import HIDDEN

# Product in two pieces, number in six, counter, PIN, reply number in six, word for once more.
_LONGEST_ORDER = 18
_COUNTER = re.compile(r"[1-9][0-9]?")
_DENOMINATION = re.compile(r"[1-9][0-9]{0,3}")
# Letters alone: S1.2 is the second S1 of the day, also where there is an S12.
_STEM = re.compile(r"[A-Za-z]{1,10}")
_REFERENCE = re.compile(r"(?=[A-Za-z]*[0-9])[A-Za-z0-9]{4,20}")


@dataclass(frozen=True, slots=True)
class Walk:
    """How far an order has come. `why` and `secrets` play no part in what may follow."""

    begin: int
    product: str | None = None
    denomination: int | None = None
    stem: str | None = None
    number: str | None = None
    repeat: int | None = None
    reply: str | None = None
    reference: str | None = None
    pin_at: int | None = None
    pin_is_middle: bool = False
    more_needed: bool = False
    over: bool = False
    why: tuple[str, ...] = ()
    secrets: tuple[tuple[int, int], ...] = ()
    clear: tuple[tuple[int, int], ...] = ()

    @property
    def has_product(self) -> bool:
        """Whether it is known what is ordered."""
        return self.product is not None or self.denomination is not None

    @property
    def is_whole(self) -> bool:
        """Whether product and number are there."""
        return self.has_product and self.number is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing but a counter was met yet."""
        nothing = (self.product, self.denomination, self.stem, self.number, self.pin_at)
        return all(each is None for each in nothing)

    def order(self, repeat: int) -> PlaceOrder:
        """The order it makes."""
        assert self.number is not None
        return PlaceOrder(self.product, self.denomination, self.number, repeat, self.reply)


@dataclass(frozen=True, slots=True)
class Course:
    """What a walk is on: the source, the PIN that was chosen, a word ``Ulang`` before it."""

    source: Source
    pin: str | None
    again: bool

    @property
    def grammar(self) -> Grammar:
        """The grammar of the source."""
        return self.source.grammar

    def text(self, i: int) -> str:
        """The piece as it was typed."""
        return self.source.pieces[i].text

    def span(self, i: int, j: int) -> tuple[int, int]:
        """Where in the text some pieces stand."""
        return self.source.pieces[i].start, self.source.pieces[j - 1].end

    def spelled(self, counter: Counter) -> bool:
        """Whether counters are written so here."""
        return counter in self.grammar.counters


Steps = Iterator[tuple[Walk, int]]


def drafts(source: Source, begin: int, *, again: bool = False) -> Iterator[Draft]:
    """All readings of the text from a piece on as one order or several, with any PIN."""
    for pin in _pins(source, begin):
        yield from _with_pin(Course(source, pin, again), begin)


def _pins(source: Source, begin: int) -> list[str | None]:
    typed = (piece.text for piece in source.pieces.all[begin:])
    return [None, *dict.fromkeys(filter(source.grammar.is_pin, typed))]


@dataclass(frozen=True, slots=True)
class _Ending:
    """The orders from one piece to the end of the text."""

    orders: tuple[PlaceOrder, ...] = ()
    has_pin: bool = False
    reference: str | None = None
    why: tuple[str, ...] = ()
    secrets: tuple[tuple[int, int], ...] = ()
    clear: tuple[tuple[int, int], ...] = ()

    @property
    def meaning(self) -> tuple[tuple[PlaceOrder, ...], bool, str | None]:
        return self.orders, self.has_pin, self.reference


def _with_pin(course: Course, begin: int) -> Iterator[Draft]:
    most = course.grammar.most_orders if course.grammar.multi and not course.again else 1
    for ending in _Endings(course).of(begin, most):
        # Every PIN has its own turn: what does not use this one is found without it.
        if ending.orders and ending.has_pin == (course.pin is not None):
            yield Draft(
                ending.orders,
                course.pin,
                ending.reference,
                ending.why,
                ending.secrets,
                ending.clear,
            )


class _Endings:
    """What was worked out of the text's endings, with one PIN."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._orders: dict[int, list[tuple[Walk, int]]] = {}
        self._known: dict[tuple[int, int], list[_Ending]] = {}

    def of(self, i: int, most: int) -> list[_Ending]:
        """At most so many orders to the end; MOST_MEANINGS with the PIN, as many without."""
        if i == len(self._course.source.pieces):
            return [_Ending()]
        if most == 0:
            return []
        if (i, most) not in self._known:
            self._known[i, most] = self._work_out(i, most)
        return self._known[i, most]

    def _work_out(self, i: int, most: int) -> list[_Ending]:
        if i not in self._orders:
            self._orders[i] = list(_orders(self._course, i))
        found: dict[object, _Ending] = {}
        counts = {False: 0, True: 0}
        for walk, j in self._orders[i]:
            for rest in self.of(j, most - 1):
                ending = _joined(self._course, walk, j, rest)
                if ending is None or ending.meaning in found:
                    continue
                if counts[ending.has_pin] < MOST_MEANINGS:
                    counts[ending.has_pin] += 1
                    found[ending.meaning] = ending
        return list(found.values())


def _joined(course: Course, walk: Walk, j: int, rest: _Ending) -> _Ending | None:
    """One order before the others; None if they do not go together."""
    if walk.reference is not None and rest.orders:
        return None
    repeat = _repeat(course, walk, is_last=j == len(course.source.pieces))
    if repeat is None:
        return None
    order, why = walk.order(repeat), walk.why
    if walk.repeat is None and repeat > 1:
        why = (*why, f"no. {repeat} of the day: {'the word before' if course.again else 'the end'}")
    return _Ending(
        (order, *rest.orders),
        walk.pin_at is not None or rest.has_pin,
        walk.reference or rest.reference,
        (*why, *rest.why),
        (*walk.secrets, *rest.secrets),
        (*walk.clear, *rest.clear),
    )


def _repeat(course: Course, walk: Walk, *, is_last: bool) -> int | None:
    """For the how-manieth time today; None if a text says it twice."""
    dots = course.source.pieces.tail.count(".") if is_last else 0
    by_dots = dots + 1 if dots and course.grammar.trailing_dot == "counter" else None
    by_word = 2 if course.again and walk.repeat is None else None
    said = [each for each in (walk.repeat, by_dots, by_word) if each is not None]
    if len(said) > 1 or (said and not 1 <= said[0] <= 99):
        return None
    return said[0] if said else 1


# --- one order ----------------------------------------------------------------------------


def _orders(course: Course, begin: int) -> Steps:
    """Every order that begins with this piece, and where it ends."""
    todo = [(Walk(begin), begin)]
    while todo:
        walk, i = todo.pop()
        if walk.is_whole and not walk.more_needed:
            yield walk, i
        if i < len(course.source.pieces) and i - begin < _LONGEST_ORDER and not walk.over:
            for role in _ROLES:
                todo.extend(role(course, walk, i))


def _product(course: Course, walk: Walk, i: int) -> Steps:
    if walk.has_product or walk.stem or not _in_order(course, walk):
        return
    for code, j in fields.products(course.source, i):
        yield _told(course, walk, i, j, "product", product=code), j


def _denomination(course: Course, walk: Walk, i: int) -> Steps:
    """Thousands, and the number's prefix says of which operator: only of a telephone."""
    text = course.text(i)
    if walk.has_product or walk.stem or not _DENOMINATION.fullmatch(text):
        return
    if int(text) not in course.grammar.denominations or not _in_order(course, walk):
        return
    if walk.number is None or fields.is_telephone(walk.number):
        yield _told(course, walk, i, i + 1, "denomination", denomination=int(text)), i + 1


def _in_order(course: Course, walk: Walk) -> bool:
    wanted = "product_first" if walk.number is None else "number_first"
    return wanted in course.grammar.field_orders


def _stem(course: Course, walk: Walk, i: int) -> Steps:
    """The letters of a product whose figures stand apart: PLN ... 20."""
    if not course.grammar.split_product or walk.has_product or walk.stem or walk.number:
        return
    if _STEM.fullmatch(course.text(i)) and "product_first" in course.grammar.field_orders:
        yield replace(walk, stem=course.text(i).upper()), i + 1


def _figures(course: Course, walk: Walk, i: int) -> Steps:
    """The figures that belong to the letters before."""
    text = course.text(i)
    if walk.stem is None or walk.product or not _DENOMINATION.fullmatch(text):
        return
    code = walk.stem + text
    if code in course.source.words.products:
        yield _told(course, walk, i, i + 1, f"product {code}", product=code), i + 1


def _number(course: Course, walk: Walk, i: int) -> Steps:
    if walk.number is not None:
        return
    first = not walk.has_product and walk.stem is None
    if first and "number_first" not in course.grammar.field_orders:
        return
    for digits, j in fields.numbers(course.source, i):
        if walk.denomination is None or fields.is_telephone(digits):
            clear = (*walk.clear, course.span(i, j))
            yield _told(course, walk, i, j, "number", number=digits, clear=clear), j


def _reply(course: Course, walk: Walk, i: int) -> Steps:
    """Whom to tell too: only where the destination is no telephone itself."""
    if not course.grammar.reply_number or walk.reply or not walk.is_whole:
        return
    assert walk.number is not None
    if fields.is_mobile(walk.number):
        return
    if walk.pin_at is not None and not (walk.pin_is_middle or _allowed(course, "middle")):
        return
    for digits, j in fields.mobiles(course.source, i):
        clear = (*walk.clear, course.span(i, j))
        changes = {"reply": digits, "more_needed": False, "clear": clear}
        yield _told(course, walk, i, j, "reply number", **changes), j


def _allowed(course: Course, place: str) -> bool:
    return place in course.grammar.pin_places


def _pin(course: Course, walk: Walk, i: int) -> Steps:
    if walk.pin_at is not None or course.text(i) != course.pin:
        return
    piece = course.source.pieces[i]
    behind = _allowed(course, "last") or (_allowed(course, "semicolon") and ";" in piece.gap)
    middle = _allowed(course, "middle")
    if walk.is_empty:
        may, middle_only, place = _allowed(course, "first"), False, "first"
    elif walk.is_whole:
        may, middle_only, place = behind or middle, not behind, "after the number"
    else:
        may, middle_only, place = middle, False, "in the middle"
    if may:
        yield (
            replace(
                walk,
                pin_at=i,
                pin_is_middle=not walk.is_empty and not walk.is_whole,
                more_needed=middle_only,
                why=(*walk.why, f"{HIDDEN}: PIN, {place}"),
                secrets=(*walk.secrets, (piece.start, piece.end)),
            ),
            i + 1,
        )


def _between_reference(course: Course, walk: Walk, i: int) -> Steps:
    """A reference of the sender's between product and number, where the option says so."""
    if not course.grammar.reference_between or walk.reference or walk.number:
        return
    if walk.has_product and _REFERENCE.fullmatch(course.text(i)):
        yield _told(course, walk, i, i + 1, "reference", reference=course.text(i)), i + 1


def _counter(course: Course, walk: Walk, i: int) -> Steps:
    text = course.text(i)
    if walk.repeat is not None or not _COUNTER.fullmatch(text):
        return
    if int(text) > course.grammar.highest_counter or not _counts_here(course, walk, i):
        return
    count = int(text)
    if course.again:
        count += course.grammar.again_counts == "repetitions"
        if count < 2:
            return
    yield _told(course, walk, i, i + 1, f"no. {count} of the day", repeat=count), i + 1


def _counts_here(course: Course, walk: Walk, i: int) -> bool:
    """Whether a counter may stand here, in any of its spellings."""
    before, after = (course.source.pieces.gap(k) for k in (i, i + 1))
    spelled = course.spelled
    if i == walk.begin:
        return (spelled("hash_prefix") and "#" in before) or (
            spelled("prefix_hash") and "#" in after and i + 1 < len(course.source.pieces)
        )
    if walk.has_product and walk.number is None:
        return spelled("between")
    if not walk.is_whole:
        return False
    behind_pin = walk.pin_at == i - 1
    return (
        (spelled("after_number") and not behind_pin)
        or (spelled("hash_suffix") and "#" in before)
        or course.again
    )


def _word_behind(course: Course, walk: Walk, i: int) -> Steps:
    """``.RO`` at the end of an order: once more."""
    if not walk.is_whole or walk.repeat is not None or not course.spelled("behind"):
        return
    if course.text(i).upper() in course.grammar.words.again_behind:
        yield _told(course, walk, i, i + 1, "no. 2 of the day", repeat=2, over=True), i + 1


def _told(course: Course, walk: Walk, i: int, j: int, role: str, **changes: object) -> Walk:
    """The walk with one role more, and why."""
    why = f"{course.source.pieces.between(i, j)}: {role}"
    return replace(walk, why=(*walk.why, why), **changes)  # type: ignore[arg-type]


_ROLES: tuple[Callable[[Course, Walk, int], Steps], ...] = (
    _product,
    _denomination,
    _stem,
    _figures,
    _number,
    _reply,
    _between_reference,
    _counter,
    _pin,
    _word_behind,
)
