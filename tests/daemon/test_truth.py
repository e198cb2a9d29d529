"""The comparison with the operators' books: a table of small worlds, each with its findings."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.truth import AttemptRow, ChipRow, OrderRow, compare, in_doubt
from pulsarack.daemon.truth_books import StockIn, TopUp, Truth

ONE, TWO = "8962100000000000010", "8962100000000000028"
TO = "6281200000012"
COST = 10_150


def order(number: int, state: str, serial: str | None = None, to: str = TO) -> OrderRow:
    return OrderRow(number, state, "telkomsel", to, 10, serial)


def attempt(
    number: int,
    of: int,
    outcome: str | None,
    at: int | None = 1000,
    chip: str = ONE,
    closed: int | None = None,
) -> AttemptRow:
    return AttemptRow(number, of, chip, at, outcome, closed)


def delivery(serial: str, at: int = 3000, chip: str = ONE, to: str = TO) -> TopUp:
    return TopUp(at, "telkomsel", chip, to, 10, COST, serial, True)


def refusal(at: int = 3000) -> TopUp:
    return replace(delivery("x", at), serial_number=None, delivered=False, reason="LOST")


class World:
    """Orders, attempts and a truth; the chips' ledger is right unless it is said."""

    def __init__(
        self,
        orders: list[OrderRow],
        attempts: list[AttemptRow],
        top_ups: list[TopUp],
        given_stock: tuple[StockIn, ...] = (),
        **chip: Any,
    ) -> None:
        self.orders, self.attempts = orders, attempts
        self.truth = Truth(
            {ONE: "telkomsel", TWO: "telkomsel"},
            {iccid: self._final(iccid, top_ups, given_stock) for iccid in (ONE, TWO)},
            tuple(top_ups),
            given_stock,
        )
        self.chips = [self._chip(iccid, chip if iccid == ONE else {}) for iccid in (ONE, TWO)]

    def _final(self, iccid: str, top_ups: list[TopUp], stock_ins: tuple[StockIn, ...]) -> int:
        spent = sum(one.cost for one in top_ups if one.delivered and one.chip == iccid)
        return 500_000 - spent + sum(one.amount for one in stock_ins if one.chip == iccid)

    def _chip(self, iccid: str, given: dict[str, Any]) -> ChipRow:
        done = sum(one.outcome == "DONE" and one.chip == iccid for one in self.attempts)
        posted = 500_000 - done * COST + sum(given.get("stock_ins", ()))
        posted += given.get("discrepancy", 0)
        fields = {"stock_exact": True, "posted": posted, "readings": (0, 9000)} | given
        return ChipRow(iccid, **fields)

    def findings(self) -> list[tuple[str, str]]:
        found = compare(self.orders, self.attempts, self.chips, self.truth)
        return [(one.rule, one.subject) for one in found]


CUSTOMER = "telkomsel 081200000012 10"
DONE = order(1, "SUCCEEDED", "a")

AGREE = {
    "nothing happened": World([], [], []),
    "one order": World([DONE], [attempt(1, 1, "DONE")], [delivery("a")]),
    "queued": World([order(1, "QUEUED")], [], []),
    "failed before it left": World([order(1, "FAILED")], [attempt(1, 1, "NOT_DONE", None)], []),
    "failed as the operator says": World(
        [order(1, "FAILED")], [attempt(1, 1, "NOT_DONE")], [refusal()]
    ),
    "a success without a number": World(
        [order(1, "SUCCEEDED")], [attempt(1, 1, "DONE")], [delivery("a")]
    ),
    "reversed by hand later": World(
        [order(1, "REVERSED", "a")], [attempt(1, 1, "DONE")], [delivery("a")]
    ),
    "undecided and delivered": World(
        [order(1, "UNKNOWN")], [attempt(1, 1, None)], [delivery("a")]
    ),
    "undecided and not delivered": World([order(1, "UNKNOWN")], [attempt(1, 1, None)], []),
    "on its way": World([order(1, "SENDING")], [attempt(1, 1, None)], [delivery("a")]),
    "done at the second try": World(
        [DONE],
        [attempt(1, 1, "NOT_DONE", 1000), attempt(2, 1, "DONE", 5000)],
        [refusal(3000), delivery("a", 7000)],
    ),
    "done on another chip": World(
        [DONE],
        [attempt(1, 1, "NOT_DONE", 1000), attempt(2, 1, "DONE", 5000, TWO)],
        [delivery("a", 7000, TWO)],
    ),
    "twice to the same customer": World(
        [DONE, order(2, "SUCCEEDED", "b")],
        [attempt(1, 1, "DONE", 1000), attempt(2, 2, "DONE", 5000)],
        [delivery("a", 3000), delivery("b", 7000)],
    ),
    "a clock that is a little behind": World(
        [DONE, order(2, "SUCCEEDED", "b")],
        [attempt(1, 1, "DONE", 1000), attempt(2, 2, "DONE", 5000)],
        [delivery("a", 3000), delivery("b", 4950)],
    ),
    "the next equal order is sent at once, and refused": World(
        [DONE, order(2, "FAILED")],
        [attempt(1, 1, "DONE", 1000, closed=1150), attempt(2, 2, "NOT_DONE", 1155, closed=1500)],
        [delivery("a", 1080), refusal(1300)],
    ),
    "another clock, and only one it can be": World(
        [DONE], [attempt(1, 1, "DONE", 9_000_000)], [delivery("a", 1)]
    ),
    "stock-in, booked": World(
        [], [], [], (StockIn(5000, ONE, 700),), stock_ins=(700,)
    ),
    "stock-in, found by reading": World(
        [], [], [], (StockIn(5000, ONE, 700),), discrepancy=700
    ),
    "stock-in, found by reading and its text came afterwards": World(
        [], [], [], (StockIn(5000, ONE, 700),), stock_ins=(700,), discrepancy=0
    ),
    "stock-in, on its way": World([], [], [], (StockIn(9500, ONE, 700),)),
    "stock-in before the first reading": World(
        [], [], [], (StockIn(1, ONE, 700),), readings=(5, 9000), posted=500_700
    ),
    "a chip that was never read": World([], [], [], readings=None, posted=0),
    "a chip that is to be read": World([], [], [], stock_exact=False, posted=1),
}  # fmt: skip


@pytest.mark.parametrize("world", AGREE.values(), ids=AGREE)
def test_both_sides_agree(world: World) -> None:
    assert world.findings() == []


DIFFER = {
    "delivered twice for one attempt": (
        World([DONE], [attempt(1, 1, "DONE")], [delivery("a"), delivery("b")], posted=479_700),
        [("P2", CUSTOMER), ("P2", "order 1")],
    ),
    "delivered again by a second attempt": (
        World(
            [DONE],
            [attempt(1, 1, "NOT_DONE", 1000), attempt(2, 1, "DONE", 5000, TWO)],
            [delivery("b", 3000), delivery("a", 7000, TWO)],
            posted=489_850,
        ),
        [("P2", CUSTOMER), ("P4", "order 1")],
    ),
    "undecided and delivered twice": (
        World([order(1, "UNKNOWN")], [attempt(1, 1, None)], [delivery("a"), delivery("b")]),
        [("P2", CUSTOMER), ("P2", "order 1")],
    ),
    "delivered, and nobody sent it": (
        World([order(1, "QUEUED")], [attempt(1, 1, None, None)], [delivery("a")], posted=489_850),
        [("P2", CUSTOMER), ("P2", CUSTOMER)],
    ),
    "delivered by a chip that was not asked": (
        World(
            [DONE], [attempt(1, 1, "DONE")], [delivery("a", chip=TWO)], posted=500_000
        ),
        [("P4", "order 1"), ("P2", CUSTOMER), ("P5", f"chip {TWO}")],
    ),
    "delivered to somebody else": (
        World([DONE], [attempt(1, 1, "DONE")], [delivery("a", to="6281200000099")]),
        [
            ("P4", CUSTOMER),
            ("P2", "telkomsel 081200000099 10"),
            ("P4", "order 1"),
            ("P2", "telkomsel 081200000099 10"),
        ],
    ),
    "succeeded and not delivered": (
        World([DONE], [attempt(1, 1, "DONE")], [], posted=500_000),
        [("P4", CUSTOMER), ("P4", "order 1")],
    ),
    "refunded and delivered": (
        World([order(1, "FAILED")], [attempt(1, 1, "NOT_DONE")], [delivery("a")], posted=489_850),
        [("P2", CUSTOMER), ("P4", "order 1")],
    ),
    "queued again and delivered": (
        World([order(1, "QUEUED")], [attempt(1, 1, "NOT_DONE")], [delivery("a")], posted=489_850),
        [("P2", CUSTOMER), ("P4", "order 1")],
    ),
    "two equal orders, the wrong one refunded": (
        World(
            [order(1, "FAILED"), order(2, "SUCCEEDED", "a")],
            [attempt(1, 1, "NOT_DONE", 1000), attempt(2, 2, "DONE", 5000)],
            [delivery("a", 3000)],
        ),
        [("P4", "order 1"), ("P4", "order 2")],
    ),
    "the wrong serial number": (
        World([order(1, "SUCCEEDED", "z")], [attempt(1, 1, "DONE")], [delivery("a")]),
        [("P4", "order 1")],
    ),
    "two orders with each other's number": (
        World(
            [order(1, "SUCCEEDED", "b"), order(2, "SUCCEEDED", "a")],
            [attempt(1, 1, "DONE", 1000), attempt(2, 2, "DONE", 5000)],
            [delivery("a", 3000), delivery("b", 7000)],
        ),
        [("P4", "order 1"), ("P4", "order 2")],
    ),
    "the ledger has more stock": (World([], [], [], posted=500_001), [("P5", f"chip {ONE}")]),
    "the ledger has less stock, undecided": (
        World([order(1, "UNKNOWN")], [attempt(1, 1, None)], [delivery("a")], posted=489_850),
        [("P5", f"chip {ONE}")],
    ),
    "stock-in, forgotten": (
        World([], [], [], (StockIn(5000, ONE, 700),)),
        [("P5", f"chip {ONE}"), ("P5", f"chip {ONE}")],
    ),
    "stock-in, booked twice": (
        World([], [], [], (StockIn(5000, ONE, 700),), stock_ins=(700, 700)),
        [("P5", f"chip {ONE}"), ("P5", f"chip {ONE}")],
    ),
    "stock-in that hides a loss": (
        World([], [], [], (StockIn(5000, ONE, 700),), stock_ins=(600,), posted=500_700),
        [("P5", f"chip {ONE}")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("world", "expected"), DIFFER.values(), ids=DIFFER)
def test_each_difference_is_found(world: World, expected: list[tuple[str, str]]) -> None:
    assert sorted(world.findings()) == sorted(expected)


def test_details_say_what_both_sides_say() -> None:
    world, _ = DIFFER["refunded and delivered"]
    details = [
        one.detail for one in compare(world.orders, world.attempts, world.chips, world.truth)
    ]
    assert details == [
        "delivered 1 times, 0 orders succeeded, 0 are undecided",
        f"attempt 1 on chip {ONE} is held for not done, it was delivered: SN a;"
        " the order is FAILED",
    ]


def test_a_torn_truth_is_a_finding_beside_the_others() -> None:
    found = compare([], [], [], Truth({ONE: "xl"}, {ONE: 1}, torn=7))
    assert [(one.rule, one.subject) for one in found] == [("truth", "line 7")]


def test_chips_in_doubt_are_those_that_neither_sell_nor_know() -> None:
    chips = [ChipRow(iccid, False, 0) for iccid in ("a", "b")] + [ChipRow("c", True, 0)]
    assert [one.iccid for one in in_doubt([attempt(1, 1, None, chip="b")], chips)] == ["a"]


@given(st.lists(st.sampled_from(["DONE", "NOT_DONE", "OPEN"]), max_size=12), st.data())
def test_any_honest_history_agrees_and_any_changed_delivery_does_not(
    outcomes: list[str], data: st.DataObject
) -> None:
    """Customers and chips are few, so that orders alike meet on one chip."""
    states = {"DONE": "SUCCEEDED", "NOT_DONE": "FAILED", "OPEN": "UNKNOWN"}
    orders, attempts, top_ups = [], [], []
    for number, outcome in enumerate(outcomes, start=1):
        to = data.draw(st.sampled_from([TO, "6281200000013"]))
        chip = data.draw(st.sampled_from([ONE, TWO]))
        serial = f"s{number}" if outcome == "DONE" else None
        orders.append(order(number, states[outcome], serial, to))
        decided = None if outcome == "OPEN" else outcome
        attempts.append(attempt(number, number, decided, number * 1000, chip))
        if outcome == "DONE":
            top_ups.append(delivery(f"s{number}", number * 1000 + 500, chip, to))
    assert World(orders, attempts, top_ups).findings() == []
    if top_ups:
        lost = data.draw(st.sampled_from(top_ups))
        assert World(orders, attempts, [one for one in top_ups if one is not lost]).findings()
        assert World(orders, attempts, [*top_ups, replace(lost, serial_number="t")]).findings()
