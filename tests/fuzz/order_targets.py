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
    line = json.dumps({"id": 1, "call": "order.new", "args": args}).encode() + b"\n"
    [whole] = Lines().feed(line)
    assert decode_request(whole).args == args


TARGETS: Sequence[Target] = (
    Target("order", _order, lambda: _ORDERS),
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
