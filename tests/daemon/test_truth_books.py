"""The reader of a simulated rack's books: what the simulator writes, and what it never would."""

import json
from pathlib import Path

import pytest

from pulsarack.daemon import truth_books
from pulsarack.daemon.truth_books import StockIn, TruthError
from pulsarack.modems.simulator.books import Books

CHIP = "8962100000000000010"
RACK = {"seed": 1, "chips": [{"iccid": CHIP, "operator": "telkomsel", "stock": 500_000}]}
TOP_UP = {
    "operator": "telkomsel",
    "chip": CHIP,
    "destination": "6281200000012",
    "denomination": 10,
    "amount": 10_000,
    "cost": 10_150,
    "serial_number": "5101",
    "delivered": True,
    "reason": None,
    "fault": None,
}


def book(*entries: tuple[str, dict[str, object]]) -> bytes:
    """The lines as the simulator itself writes them."""
    lines: list[str] = []
    books = Books(lines.append)
    for at, (kind, fields) in enumerate(entries):
        books.enter(kind, at, fields)
    return "".join(line + "\n" for line in lines).encode()


WHOLE = book(
    ("rack", RACK),
    ("top_up", TOP_UP),
    ("stock", {"chip": CHIP, "stock": 489_850}),
    ("stock_in", {"operator": "telkomsel", "chip": CHIP, "amount": 1000, "stock": 490_850}),
    ("weather", {"fault": "network_lost", "chip": CHIP, "seconds": 60}),
    ("stock", {"chip": CHIP, "stock": 490_850, "final": True}),
)


def test_reads_what_the_simulator_writes(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_bytes(WHOLE)
    truth = truth_books.read(path)
    assert truth.operators == {CHIP: "telkomsel"}
    assert truth.stock == {CHIP: 490_850}
    assert [(one.at, one.destination, one.cost, one.delivered) for one in truth.top_ups] == [
        (1000, "6281200000012", 10_150, True)
    ]
    assert truth.stock_ins == (StockIn(3000, CHIP, 1000),)
    assert truth.torn is None


@pytest.mark.parametrize("kept", range(1, 40))
def test_a_torn_last_line_is_named_and_the_rest_counts(kept: int) -> None:
    lines = WHOLE.splitlines(keepends=True)
    truth = truth_books.parse(b"".join(lines[:4]) + lines[4][:kept], "truth")
    assert truth.torn == 5
    assert len(truth.top_ups) == 1
    assert truth.stock == {CHIP: 489_850}


def line(**changes: object) -> bytes:
    """A top-up line with something changed."""
    return json.dumps({"kind": "top_up", "at": 1, **TOP_UP, **changes}).encode() + b"\n"


HEADER = WHOLE.splitlines(keepends=True)[0]
WRONG = {
    "empty": (b"", "does not begin"),
    "only half a header": (HEADER[:30], "does not begin"),
    "no header": (line(), ":1: the rack's chips"),
    "two headers": (HEADER * 2, ":2: the rack's chips"),
    "not JSON": (HEADER + b"{\n", ":2: it is not JSON"),
    "an empty line": (HEADER + b"\n", ":2: it is not JSON"),
    "not UTF-8": (HEADER + b'"\xff"\n', ":2: it is not JSON"),
    "a torn line in the middle": (HEADER + line()[:50] + b"\n" + line(), ":2: it is not JSON"),
    "nested without end": (HEADER + b"[" * 200_000 + b"\n", ":2: it is not JSON"),
    "a number without end": (HEADER + b"1" * 5000 + b"\n", ":2: it is not JSON"),
    "too long": (HEADER + b" " * (truth_books.LINE_LIMIT + 1) + b"\n", ":2: it is longer"),
    "a list": (HEADER + b"[]\n", ":2: it is not a JSON object"),
    "no kind": (HEADER + b"{}\n", "'kind'"),
    "another kind": (HEADER + b'{"kind":"omen"}\n', "'omen'"),
    "weather without a name": (HEADER + b'{"kind":"weather"}\n', "'fault'"),
    "chips that are no list": (b'{"kind":"rack","chips":{}}\n', "'chips'"),
    "chips that are no objects": (b'{"kind":"rack","chips":[1]}\n', "'chips'"),
    "no chips": (b'{"kind":"rack","chips":[]}\n', "does not begin"),
    "a stranger's chip": (HEADER + line(chip="8962"), "'8962' is not in the rack"),
    "a cost with a fraction": (HEADER + line(cost=1.5), "'cost'"),
    "a cost that is true": (HEADER + line(cost=True), "'cost'"),
    "a negative cost": (HEADER + line(cost=-1), "'cost'"),
    "a cost beyond all stock": (HEADER + line(cost=2**63), "'cost'"),
    "a destination that is a number": (HEADER + line(destination=62812), "'destination'"),
    "neither delivered nor not": (HEADER + line(delivered=1), "'delivered'"),
    "delivered without a number": (HEADER + line(serial_number=None), "a serial number"),
    "a number without delivery": (HEADER + line(delivered=False), "a serial number"),
}


@pytest.mark.parametrize(("content", "told"), WRONG.values(), ids=WRONG)
def test_what_the_simulator_never_writes_is_named(content: bytes, told: str) -> None:
    with pytest.raises(TruthError) as caught:
        truth_books.parse(content, "truth.jsonl")
    (shown,) = caught.value.lines()
    assert told in shown
    assert shown.startswith("truth.jsonl:")
    assert "\n" not in shown
    assert len(shown) < 300


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="cannot be read"):
        truth_books.read(tmp_path / "none")
