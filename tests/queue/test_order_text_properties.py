"""What holds for every order text: rendered commands read back, no second meaning is overlooked.

The oracle is a reading of its own: it gives every field every role and keeps what makes orders,
without looking at how the product does it. Work is counted in calls, not in seconds.
"""

import itertools
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pulsarack.queue.order_text.commands import HiddenPin, PlaceOrder
from pulsarack.queue.order_text.fields import is_telephone
from pulsarack.queue.order_text.grammar import DENOMINATIONS, Grammar, Vocabulary
from pulsarack.queue.order_text.misread import Misread, MisreadCode
from pulsarack.queue.order_text.reading import PIECES_LIMIT, TEXT_LIMIT, Reading, read
from pulsarack.queue.order_text.words import Entry, FieldOfForm, shipped
from tests.queue.text_world import DEFAULT, METER, PRODUCTS, WORDS, A, B, misread

FEW = settings(max_examples=60, deadline=None)

# --- orders ---------------------------------------------------------------------------------

local = st.from_regex(r"08[1-9][0-9]00000[0-9]{1,4}", fullmatch=True)
# 1000 may be a denomination too: what has two meanings for that is a case of its own.
pins = st.from_regex(r"[0-9]{4,8}", fullmatch=True).filter(lambda pin: pin != "1000")
meters = st.from_regex(r"1[1-4]0000[0-9]{5}", fullmatch=True)
products = st.sampled_from(sorted(PRODUCTS))
telephone_orders = st.builds(
    PlaceOrder, products, st.none(), local, st.integers(1, 9), st.none()
) | st.builds(PlaceOrder, st.none(), st.sampled_from(DENOMINATIONS), local, st.integers(1, 9))
# A counter behind a meter could begin another order; it stands between there.
token_orders = st.builds(
    PlaceOrder,
    st.sampled_from(["PLN20", "PLN50"]),
    st.none(),
    meters,
    st.integers(1, 9),
    st.none() | local.map(lambda number: f"62{number[1:]}"),
)


def _what(order: PlaceOrder) -> str:
    return order.product or str(order.denomination)


def _after(count: int, spelling: str) -> str:
    return "" if count == 1 else spelling.format(count)


def _between(o: PlaceOrder, pin: str) -> str:
    return f"{_what(o)}{_after(o.repeat_index, '.{}')}.{o.destination}.{pin}"


ORDER_FORMS: dict[str, Callable[[PlaceOrder, str], str]] = {
    "between": _between,
    "dash": lambda o, pin: f"{_what(o)}{_after(o.repeat_index, '-{}')}.{o.destination}.{pin}",
    "after": lambda o, pin: f"{_what(o)}.{o.destination}{_after(o.repeat_index, '.{}')}.{pin}",
    "suffix": lambda o, pin: f"{_what(o)}.{o.destination}.{pin}{_after(o.repeat_index, '#{}')}",
    "prefix": lambda o, pin: f"{_after(o.repeat_index, '#{}.')}{_what(o)}.{o.destination}.{pin}",
    "ahead": lambda o, pin: f"{_after(o.repeat_index, '{}#')}{_what(o)}.{o.destination}.{pin}",
    "number": lambda o, pin: f"{o.destination}.{_what(o)}{_after(o.repeat_index, '.{}')}.{pin}",
    "middle": lambda o, pin: f"{_what(o)}.{pin}.{o.destination}{_after(o.repeat_index, '.{}')}",
    "first": lambda o, pin: f"{pin}.{_what(o)}{_after(o.repeat_index, '.{}')}.{o.destination}",
    "verb": lambda o, pin: f"ISI.{_between(o, pin)}",
    "semicolon": lambda o, pin: _between(o, "").rstrip(".") + f";{pin}",
    "stars": lambda o, pin: _between(o, pin).replace(".", "*"),
    "spaces": lambda o, pin: _between(o, pin).replace(".", " "),
    "commas": lambda o, pin: _between(o, pin).replace(".", " , ") + " ",
    "dots": lambda o, pin: _between(o, pin).replace(".", "..") + ".",
    "abroad": lambda o, pin: _between(o, pin).replace(o.destination, _abroad(o.destination)),
}


def _abroad(number: str) -> str:
    return f"+62 {number[1:4]}-{number[4:8]}-{number[8:]}" if len(number) > 10 else number


@FEW
@given(telephone_orders, pins, st.sampled_from(sorted(ORDER_FORMS)))
def test_an_order_in_any_form_reads_back(order: PlaceOrder, pin: str, form: str) -> None:
    text = ORDER_FORMS[form](order, pin)
    found = read(text, DEFAULT, WORDS)
    if form in ("prefix", "ahead") and order.denomination and order.repeat_index > 1:
        # 2#5.0812... may also be 2.000, for the fifth time.
        assume(isinstance(found, Reading))
    assert isinstance(found, Reading), (text, found)
    [command] = found.commands
    assert isinstance(command, PlaceOrder)
    assert (_what(command), command.repeat_index) == (_what(order), order.repeat_index)
    assert command.destination in (order.destination, f"62{order.destination[1:]}")
    assert found.pin == HiddenPin(pin)
    assert not re.search(rf"(?<![0-9]){pin}(?![0-9])", found.masked)


@FEW
@given(token_orders, pins, st.booleans())
def test_a_token_with_a_reply_number_reads_back(order: PlaceOrder, pin: str, middle: bool) -> None:
    reply = f".{order.reply_number}" if order.reply_number else ""
    head = f"{order.product}{_after(order.repeat_index, '.{}')}.{order.destination}"
    found = read(f"{head}.{pin}{reply}" if middle else f"{head}{reply}.{pin}", DEFAULT, WORDS)
    assert isinstance(found, Reading), found
    assert found.commands == (order,) and found.pin == HiddenPin(pin)


@FEW
@given(st.lists(telephone_orders, min_size=1, max_size=10), pins, st.sampled_from(".,"))
def test_several_orders_read_back_or_are_refused(
    orders: list[PlaceOrder], pin: str, between: str
) -> None:
    text = between.join(_between(order, "").rstrip(".") for order in orders) + f".{pin}"
    found = read(text, DEFAULT, WORDS)
    if isinstance(found, Misread):
        assert found.code is MisreadCode.AMBIGUOUS
        assert any(order.denomination for order in orders)
    else:
        assert found.commands == tuple(orders) and found.pin == HiddenPin(pin)


# --- commands -------------------------------------------------------------------------------

name = st.sampled_from(["Budi", "Budi Santoso", "Toko Asri Jaya"])
FIELD_TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "destination": local | meters,
    "mobile": local,
    "product": products,
    "amount": st.integers(1, 10**9),
    "pulled": st.integers(1, 10**9),
    "markup": st.integers(1, 999),
    "agent": st.sampled_from(["K1", "1001", "KIOS-A", "budi_2", "S5"]),
    "day": st.integers(1, 31),
    "count": st.integers(1, 50),
    "about": local | st.integers(1, 10**6),
    "name": name,
    "town": name,
    "words": st.sampled_from(["belum masuk", "pulsa ke 2 belum", "nomor salah: 08 12"]),
    "codes": st.sampled_from(["S", "S10", "PLN"]),
    "bank": st.sampled_from(["BCA", "BRI"]),
    "jid": st.sampled_from(["budi@chat.example", "b-1@a.b.example"]),
    "url": st.sampled_from(["https://a.example/b", "http://a.example:8080/x?y=1"]),
    "ip": st.sampled_from(["192.0.2.7", "2001:db8::7"]),
    "secret": st.sampled_from(["secretive", "p4ssw0rd"]),
    "pins": st.tuples(pins, pins).map(".".join),
    "product_price": st.integers(1, 10**6).map("S5={}".format),
    "everything": st.sampled_from(["SEMUA", "all"]),
}
ALL_FORMS = [
    (word, entry, form)
    for word, entries in shipped().meanings.items()
    for entry in entries
    for form in entry.forms
]


@settings(max_examples=250, deadline=None)
@given(st.data(), st.sampled_from(ALL_FORMS), pins)
def test_a_command_in_any_form_reads_back(
    data: st.DataObject, chosen: tuple[str, Entry, tuple[FieldOfForm, ...]], pin: str
) -> None:
    word, entry, form = chosen
    texts = [str(data.draw(FIELD_TEXTS[each.kind])) for each in form]
    has_pins = any(each.kind == "pins" for each in form)
    between = "*" if any(each.kind == "url" for each in form) else "."
    text = between.join([word, *texts, *([] if has_pins else [pin])])
    found = read(text, DEFAULT, WORDS, pin_expected=True)
    assert isinstance(found, Reading), (text, found)
    [command] = found.commands
    assert type(command) is entry.makes
    for argument, value in entry.fixed:
        assert getattr(command, argument) == value
    for each, typed in zip(form, texts, strict=True):
        if each.kind in ("amount", "pulled", "markup", "day", "count"):
            assert getattr(command, each.argument) == int(typed)
        elif each.kind in ("agent", "name", "town", "words", "bank", "url", "ip"):
            assert getattr(command, each.argument) == typed
    assert found.pin == HiddenPin(texts[0].split(".")[0] if has_pins else pin)
    assert "secretive" not in found.masked and repr(found).count("****") >= 1


# --- the oracle -------------------------------------------------------------------------------

TOKENS = ["S5", "X5", "5", "2", "10", A, B, METER, "1234", "5678"]


def _roles(token: str) -> str:
    """P product, D denomination, C counter, N number, R reply number, I PIN."""
    if token in ("S5", "X5"):
        return "P"
    if token in ("5", "2"):
        return "DC"
    return {"10": "D", METER: "N", "1234": "I", "5678": "I"}.get(token, "NR")


def _order(tokens: tuple[str, ...], roles: tuple[str, ...]) -> Any:
    """The order that these roles make, if the rules of the document allow it."""
    at = {role: roles.index(role) for role in roles}
    what = "P" if "P" in at else "D"
    if len(at) < len(roles) or what not in at or "N" not in at or {"P", "D"} <= at.keys():
        return None
    number = tokens[at["N"]]
    whole = max(at[what], at["N"])
    if what == "D" and not is_telephone(number):
        return None
    if "R" in at and (number != METER or at["R"] < whole):
        return None
    if "C" in at and not (
        (at["C"] > whole and roles[at["C"] - 1] != "I") or at[what] < at["C"] < at["N"]
    ):
        return None
    count = int(tokens[at["C"]]) if "C" in at else 1
    reply = f"62{tokens[at['R']][1:]}" if "R" in at else None
    return tokens[at[what]], number, count, reply, tokens[at["I"]] if "I" in at else None


def _meanings(tokens: tuple[str, ...]) -> set[Any]:
    found = set()
    for roles in itertools.product(*map(_roles, tokens)):
        for cuts in itertools.product((False, True), repeat=len(tokens) - 1):
            ends = [*(i + 1 for i, cut in enumerate(cuts) if cut), len(tokens)]
            parts = zip([0, *ends], ends, strict=False)
            orders = [_order(tokens[a:b], roles[a:b]) for a, b in parts]
            if None in orders:
                continue
            given = {order[-1] for order in orders} - {None}
            if len(given) < 2:
                found.add((tuple(order[:-1] for order in orders), given.pop() if given else None))
    return found


def _found(reading: Reading) -> Any:
    orders = []
    for order in reading.commands:
        assert isinstance(order, PlaceOrder)
        orders.append((_what(order), order.destination, order.repeat_index, order.reply_number))
    return tuple(orders), reading.pin and reading.pin.reveal()


@settings(max_examples=250, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), min_size=2, max_size=7).map(tuple))
def test_no_text_has_a_second_meaning_silently(tokens: tuple[str, ...]) -> None:
    wanted = _meanings(tokens)
    found = read(".".join(tokens), DEFAULT, WORDS)
    if len(wanted) == 1:
        assert isinstance(found, Reading), found
        assert {_found(found)} == wanted
    else:
        assert isinstance(found, Misread), (found, wanted)
        assert (found.code is MisreadCode.AMBIGUOUS) == (len(wanted) > 1)


# --- whatever comes -----------------------------------------------------------------------------

_PIECES = (
    "S,PLN,20,RO,ULANG,I,M,T,K,GP,DAFTAR,REPORTURL,0812,0000,+62,R#a,=,#,K1,https://a.example/"
)
pieces = st.sampled_from([*TOKENS, *_PIECES.split(",")])
texts = st.one_of(
    st.text(max_size=TEXT_LIMIT + 10),
    st.lists(pieces | st.sampled_from([" ", ".", "#", "-", ",", ";", "\n"]), max_size=40).map(
        "".join
    ),
    st.lists(pieces, max_size=12).map(".".join),
)
GRAMMARS = {
    "shipped": DEFAULT,
    "dots": Grammar(separators=".", trailing_dot="counter"),
    "spaces": Grammar(separators=" ", gp_order="new_old", multi=False),
    "references": Grammar(reference_between=True, customer_digits=(4, 20)),
    "last": Grammar(pin_places=frozenset({"last"}), again_counts="orders"),
}


@settings(max_examples=200, deadline=None)
@given(texts, st.sampled_from(sorted(GRAMMARS)), st.booleans())
@example("0000#GP 0000 0000", "references", True)  # a PIN in front of two
def test_any_text_is_read_or_refused(text: str, name: str, expected: bool) -> None:
    grammar = GRAMMARS[name]
    found = read(text, grammar, WORDS, pin_expected=expected)
    found.masked.encode()
    if isinstance(found, Misread):
        assert found.message and found.remedy and found.masked is not None
        assert len(found.field) <= 24
        for said in _said(found):
            assert not re.search(r"(?<![0-9])[0-9]{4,8}(?![0-9])", said)
        return
    assert found.commands and found.why
    assert len(found.commands) == 1 or all(isinstance(o, PlaceOrder) for o in found.commands)
    if found.pin is not None:
        secret = found.pin.reveal()
        assert not re.search(rf"(?<![0-9]){secret}(?![0-9])", found.masked)
        assert HiddenPin(secret) not in found.commands
    again = read(text, grammar, WORDS, pin_expected=expected)
    assert again == found


@given(st.text(max_size=60), pins, st.text(max_size=60))
def test_a_pin_in_an_unreadable_text_is_hidden(before: str, pin: str, after: str) -> None:
    assume(not before[-1:].isdigit() and not after[:1].isdigit())
    found = read(f"{before}.{pin}.{after}", DEFAULT, WORDS)
    for shown in [found.masked] if isinstance(found, Reading) else _said(found):
        assert not re.search(rf"(?<![0-9]){pin}(?![0-9])", shown)


def _said(found: Misread) -> Iterator[str]:
    yield from (found.message, found.remedy, found.masked, found.field)


HEAVY = [
    "5 " * PIECES_LIMIT,
    f"S5 {A} " * 40,
    "0812 0000 0012 " * 26,
    "5 0812 0000 0012 2 " * 13,
    "DAFTAR " + "a " * 79,
    f"5.{A}.2." * 26,
    "1000 0812000001 " * 26 + "1234",
    "".join(f"{1000 + i} " for i in range(PIECES_LIMIT)),
    "5 11000000001 1234 08 " * 20,
    "PLN20 11000000001 2 0812 0000 0012 " * 11,
    "K 0812 " + "b " * 78,
    "TAMBAHXMPP a@" + "a." * 79,
    "S " * PIECES_LIMIT,
    "#" * TEXT_LIMIT,
    "1" * TEXT_LIMIT,
    "1 " * 459,
]
MOST_CALLS = 700_000


@pytest.mark.parametrize("text", HEAVY, ids=lambda text: text[:20])
@pytest.mark.parametrize("words", [WORDS, Vocabulary.of(lambda code: True)], ids=["few", "all"])
def test_no_text_takes_more_work_than_its_length_allows(text: str, words: Vocabulary) -> None:
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        read(text[:TEXT_LIMIT], Grammar(reference_between=True), words)
    finally:
        sys.setprofile(before)
    assert calls < MOST_CALLS


def test_many_ambiguous_orders_are_refused_as_one() -> None:
    found = misread(".".join([f"5.{A}.2"] * 5 + [f"5.{B}"]))
    assert found.code is MisreadCode.AMBIGUOUS
    assert len(found.message) < 700
