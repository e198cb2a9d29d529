"""What the agents know against what is stored, the tables, and the last sentence."""

import pytest

from pulsarack.daemon.demo import report
from pulsarack.daemon.demo.report import AgentsSide, OrderLine
from pulsarack.daemon.demo.workload import Typed
from pulsarack.daemon.truth import AttemptRow, ChipRow
from pulsarack.daemon.truth_books import TopUp, Truth

TYPED = (
    Typed("kios1", "S10.081200000012", "kios1-1"),
    Typed("kios2", "S10.081200000013", "kios2-2"),
    Typed("kios2", "S7.081200000014", "kios2-3", "UNKNOWN_PRODUCT"),
)


def stored(number: int, state: str, agent: str, reference: str) -> OrderLine:
    return OrderLine(number, state, "telkomsel", agent, reference, None)


GOOD = [stored(1, "SUCCEEDED", "kios1", "kios1-1"), stored(2, "UNKNOWN", "kios2", "kios2-2")]
ANSWERED = {"kios1-1": 1, "kios2-2": 2}
REFUSED = {"kios2-3": "UNKNOWN_PRODUCT"}
TOLD = {1: {9}}

CASES = {
    "all is well": (ANSWERED, REFUSED, TOLD, GOOD, []),
    "an order was lost": (ANSWERED, REFUSED, {}, GOOD[1:], [("P1", "order 1")]),
    "an order under another number": (
        {"kios1-1": 1, "kios2-2": 3},
        REFUSED,
        TOLD,
        GOOD,
        [("P1", "order 3")],
    ),
    "an order of another agent": (
        ANSWERED,
        REFUSED,
        TOLD,
        [GOOD[0], stored(2, "UNKNOWN", "kios1", "kios2-2")],
        [("P1", "order 2")],
    ),
    "an order too many": (
        ANSWERED,
        REFUSED,
        TOLD,
        [*GOOD, stored(3, "UNKNOWN", "kios1", "x")],
        [("P1", "order 3")],
    ),
    "still on its way": (
        ANSWERED,
        REFUSED,
        TOLD,
        [GOOD[0], stored(2, "SENDING", "kios2", "kios2-2")],
        [("P1", "order 2")],
    ),
    "never answered": ({"kios1-1": 1}, REFUSED, TOLD, GOOD[:1], [("P1", "text kios2-2")]),
    "refused and should not be": (
        {"kios1-1": 1},
        REFUSED | {"kios2-2": "REPEATED"},
        TOLD,
        GOOD[:1],
        [("P8", "text kios2-2")],
    ),
    "accepted and should not be": (
        ANSWERED | {"kios2-3": 3},
        {},
        TOLD,
        [*GOOD, stored(3, "UNKNOWN", "kios2", "kios2-3")],
        [("P8", "text kios2-3")],
    ),
    "refused for another reason": (
        ANSWERED,
        {"kios2-3": "BAD_FORMAT"},
        TOLD,
        GOOD,
        [("P8", "text kios2-3")],
    ),
    "finished and not told": (ANSWERED, REFUSED, {}, GOOD, [("P6", "order 1")]),
    "told and not finished": (ANSWERED, REFUSED, TOLD | {2: {8}}, GOOD, [("P6", "order 2")]),
    "told under two ids": (ANSWERED, REFUSED, {1: {8, 9}}, GOOD, [("P6", "order 1")]),
}


@pytest.mark.parametrize(
    ("answered", "refused", "told", "orders", "expected"), CASES.values(), ids=CASES
)
def test_check(
    answered: dict[str, int],
    refused: dict[str, str],
    told: dict[int, set[int]],
    orders: list[OrderLine],
    expected: list[tuple[str, str]],
) -> None:
    found = report.check(AgentsSide(TYPED, answered, refused, told), orders)
    assert [(one.rule, one.subject) for one in found] == expected


def many(**states: int) -> list[OrderLine]:
    return [stored(1, state, "kios1", "x") for state, count in states.items() for _ in range(count)]


@pytest.mark.parametrize(
    ("orders", "findings", "expected"),
    [
        (
            many(SUCCEEDED=113, FAILED=6, UNKNOWN=1),
            0,
            "120 orders: 113 succeeded, 6 failed and refunded, 1 undecided;"
            " the books balance and agree with the operators' books.",
        ),
        (
            many(SUCCEEDED=1),
            1,
            "1 order: 1 succeeded, 0 failed and refunded, 0 undecided; the books DO NOT"
            " balance and agree with the operators' books: 1 finding, see above.",
        ),
        (
            many(SUCCEEDED=1, CANCELLED=1, QUEUED=2, SENDING=1),
            3,
            "5 orders: 1 succeeded, 0 failed and refunded, 1 cancelled and refunded, 0 undecided,"
            " 3 still open; the books DO NOT balance and agree with the operators' books:"
            " 3 findings, see above.",
        ),
    ],
)
def test_the_sentence(orders: list[OrderLine], findings: int, expected: str) -> None:
    assert report.sentence(orders, findings) == expected


def test_the_table_and_the_counts() -> None:
    top_up = TopUp(1, "xl", "b", "6281700000012", 10, 10_150, "s", True, None, "hang")
    truth = Truth({"a": "xl", "b": "tri"}, {"a": 5, "b": 6}, (top_up, top_up))
    attempts = [
        AttemptRow(1, 1, "b", 1, "DONE"),
        AttemptRow(2, 2, "b", 1, "NOT_DONE"),
        AttemptRow(3, 3, "b", 1, None),
    ]
    chips = [ChipRow("a", False, 7), ChipRow("b", True, 6), ChipRow("c", True, 0)]
    lines = report.chip_lines({"a": "one", "b": "two"}, chips, attempts, truth, chips[:1])
    assert [(one.name, one.operator) for one in lines] == [
        ("c", "?"),
        ("two", "tri"),
        ("one", "xl"),
    ]
    assert (lines[1].sold, lines[1].not_done, lines[1].undecided) == (1, 1, 1)
    assert (lines[2].ledger, lines[2].truth, bool(lines[2].note)) == (7, 5, True)
    assert (lines[0].truth, lines[0].note) == (None, "")
    assert report.faults(truth) == {"hang": 2}
    failed = OrderLine(1, "FAILED", "xl", "kios1", "x", "WRONG_NUMBER")
    assert report.reasons([*GOOD, failed, failed]) == {"WRONG_NUMBER": 2}
