"""What agents and their programs send: order texts, product lists, lines for the pipe."""

import json
import re
from collections.abc import Sequence

from pulsarack.daemon.cli import order_pipe, product_file
from pulsarack.daemon.cli.arguments import Troubles
from pulsarack.daemon.client import CallFailed
from pulsarack.daemon.control_protocol import Lines, decode_request
from pulsarack.daemon.demo.enlist import PRODUCTS
from pulsarack.queue import request
from pulsarack.queue.order_text.commands import PlaceOrder
from pulsarack.queue.order_text.grammar import Grammar, Vocabulary
from pulsarack.queue.order_text.reading import Misread, read
from pulsarack.queue.validation import (
    Refusal,
    check_reference,
    normalise_destination,
    show_destination,
)
from tests.fuzz.socket_targets import repeats_a_key
from tests.fuzz.target import Target, as_file

_DESTINATION = re.compile(r"628[0-9]{8,11}")
_PRODUCT = re.compile(r"[A-Z][A-Z0-9]{0,15}")
_CSV_WORDS = (b"code,", b";", b'""', b'"a\nb"', b"10.150", b"name", b"time_limit_seconds")
_JSON_WORDS = (b'"text": ', b'"agent": ', b"{}", b"[1]", b"NaN", b"Infinity", b'"\\u0000"')
_ORDERS = (b"S10.081200000012", b"s5.2.+62 812-0000-0012", b"S10.99.(0812) 0000 0012.")


def _order(data: bytes) -> None:
    """A text as an agent writes it, to the number that would be dialled."""
    text = data.decode("utf-8", "replace")
    read = request.parse(text)
    if isinstance(read, Refusal):
        assert read.message and read.remedy
        return
    assert _PRODUCT.fullmatch(read.product)
    assert 1 <= read.repeat_index <= 99
    _number(read.destination.encode())


_TEXTS = (
    b"S5.081200000012.1234",
    b"081200000012 20 1234",
    b"2#S5.081200000012,10.2.081900000034;1234",
    b"PLN 11000000001 20 1234 081900000034.RO R#a-1",
    b"ULANG S5 +62 812-0000-0012 1234 1",
    b"DAFTAR.Budi Santoso.Bandung.081200000012.100.1234",
    b"T.K1.50.000.1234#2",
    b"GP.1234.5678",
    b"REPORTURL*https://a.example/b*1234",
    b"TAMBAHXMPP.budi@a.example.1234",
    b"K.081200000012.belum masuk.1234",
)
_TEXT_WORDS = (
    *_TEXTS,
    b"PASSIP*",
    b"GH.K1.S5=",
    b"IPADDRESS*192.0.2.7",
    b"M-",
    b" RO",
    b"R#",
    b"#2",
)
_GRAMMARS = (Grammar(), Grammar(separators=".", trailing_dot="counter", reference_between=True))
_PRODUCTS = Vocabulary.of(frozenset(("S5", "PLN20", "XL-5")))
_PIN = re.compile(r"(?<![0-9])[0-9]{4,8}(?![0-9])")


def _text(data: bytes) -> None:
    """What was read has no PIN in what is kept, what was not read has nothing like one."""
    text = data.decode("utf-8", "replace")
    for grammar in _GRAMMARS:
        found = read(text, grammar, _PRODUCTS)
        if isinstance(found, Misread):
            said = (found.message, found.remedy, found.masked, found.field)
            assert not any(map(_PIN.search, said)), found
            assert found.message and found.remedy
            continue
        assert len(found.commands) == 1 or all(isinstance(c, PlaceOrder) for c in found.commands)
        if found.pin is not None:
            secret = found.pin.reveal()
            assert not re.search(rf"(?<![0-9]){secret}(?![0-9])", found.masked), found.masked


def _number(data: bytes) -> None:
    typed = data.decode("utf-8", "replace")
    destination = normalise_destination(typed)
    if isinstance(destination, Refusal):
        assert len(destination.message) < 200
        return
    assert _DESTINATION.fullmatch(destination)
    assert normalise_destination(show_destination(destination)) == destination
    check_reference(typed)


def _products(data: bytes) -> None:
    rows = product_file.read(as_file(data, "products.csv"))
    product_file.refuse_too_many(rows, "products.csv")
    for row in rows:
        assert row["code"].isascii() and row["operator"].isascii()
        assert all(0 <= row[key] < 10**12 for key in ("denomination", "price", "cost"))


def _pipe(data: bytes) -> None:
    """What is passed on must be a request: else the daemon cannot say whose answer it gives."""
    args = order_pipe._order_args(data)
    assert not repeats_a_key(data)
    asked = {"orders": [args]}
    line = json.dumps({"id": 1, "call": "order.new_many", "args": asked}).encode() + b"\n"
    [whole] = Lines().feed(line)
    assert decode_request(whole).args == asked


TARGETS: Sequence[Target] = (
    Target("order", _order, lambda: _ORDERS),
    Target("order-text", _text, lambda: _TEXTS, words=_TEXT_WORDS),
    Target("number", _number, lambda: (b"081200000012", b"+62 (812) 000-00012"), words=(b"62",)),
    Target("products", _products, lambda: [PRODUCTS.read_bytes()], (Troubles,), _CSV_WORDS),
    Target(
        "pipe",
        _pipe,
        lambda: [b'{"agent": "kios1", "text": "S10.081200000012", "client_reference": "a-1"}'],
        (CallFailed,),
        _JSON_WORDS,
    ),
)
