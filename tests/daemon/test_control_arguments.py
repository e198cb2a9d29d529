"""No argument is without bound: what passes fits into the database, a log line and a screen."""

from typing import Any

import pytest

from pulsarack.daemon.control_arguments import ARGUMENTS
from pulsarack.daemon.control_protocol import Call, CallError, check_arguments

ORDER = {"agent": "a", "text": "S10.081200000012"}
ADOPT = {"iccid": "8962100000000000012", "operator": "telkomsel", "recipe": "telkomsel-mkios"}
CREDIT = {"code": "a", "amount": 1, "because": "b", "who": "c"}
SAID = {"id": 1, "because": "b", "who": "c"}
RESOLVE = {"id": 1, "delivered": True, "because": "b", "who": "c"}
ROW = {"code": "S10", "operator": "telkomsel", "denomination": 10, "price": 10500, "cost": 10150}

# The call, what else it needs, the argument, the least and the most it may be.
NUMBERS: list[tuple[str, dict[str, Any], str, int, int]] = [
    ("order.show", {}, "id", 1, 2**63 - 1),
    ("order.cancel", {}, "id", 1, 2**63 - 1),
    ("order.resolve", RESOLVE, "id", 1, 2**63 - 1),
    ("order.reverse", SAID, "id", 1, 2**63 - 1),
    ("order.acknowledge", SAID, "id", 1, 2**63 - 1),
    ("discrepancies.show", {}, "id", 1, 2**63 - 1),
    ("discrepancies.clear", SAID, "id", 1, 2**63 - 1),
    ("discrepancies.list", {}, "limit", 1, 10_000),
    ("messages.ack", {}, "id", 1, 2**63 - 1),
    ("order.list", {}, "limit", 1, 10_000),
    ("unparsed.list", {}, "limit", 1, 10_000),
    ("ledger.statement", {"account": "income:sales"}, "limit", 1, 10_000),
    ("agent.credit", CREDIT, "amount", 1, 10**12),
    ("chip.adopt", ADOPT, "reserve", 0, 10**12),
    ("chip.adopt", ADOPT, "per_hour", 0, 100_000),
    ("chip.adopt", ADOPT, "per_day", 0, 100_000),
    ("chip.adopt", ADOPT, "pause_seconds", 0, 86_400),
]
ROW_NUMBERS = [
    ("denomination", 0, 10**12),
    ("price", 0, 10**12),
    ("cost", 0, 10**12),
    ("time_limit_seconds", 1, 604_800),
]
TEXTS = [
    ("order.new", ORDER, "text", 200),
    ("order.new", ORDER, "agent", 100),
    ("order.new", ORDER, "client_reference", 64),
    ("order.new", {"agent": "a", "destination": "1"}, "product", 100),
    ("order.new", {"agent": "a", "product": "S10"}, "destination", 100),
    ("order.list", {}, "state", 100),
    ("order.resolve", RESOLVE, "because", 500),
    ("order.reverse", SAID, "because", 500),
    ("order.reverse", SAID, "who", 100),
    ("order.acknowledge", SAID, "because", 500),
    ("order.acknowledge", SAID, "who", 100),
    ("discrepancies.clear", SAID, "because", 500),
    ("discrepancies.clear", SAID, "who", 100),
    ("discrepancies.clear", SAID, "kind", 100),
    ("discrepancies.list", {}, "chip", 100),
    ("order.resolve", RESOLVE, "who", 100),
    ("chip.show", {}, "iccid", 100),
    ("chip.adopt", ADOPT, "name", 100),
    ("chip.adopt", ADOPT, "msisdn", 100),
    ("chip.rest", {"iccid": "1"}, "because", 500),
    ("agent.new", {"code": "a"}, "name", 100),
    ("agent.credit", CREDIT, "because", 500),
    ("agent.credit", CREDIT, "id", 100),
    ("prefix.set", {"prefix": "0812"}, "operator", 100),
    ("ledger.statement", {}, "account", 100),
    ("messages.follow", {}, "agent", 100),
]


def refusal(name: str, args: dict[str, Any]) -> str:
    """What the caller is told; empty if nothing is wrong."""
    try:
        check_arguments(Call(name, ARGUMENTS[name]), args)
    except CallError as error:
        assert error.code == "BAD_ARGUMENT"
        assert "\n" not in error.message and error.remedy
        return error.message
    return ""


@pytest.mark.parametrize(("name", "others", "argument", "least", "most"), NUMBERS)
def test_a_number_has_bounds(
    name: str, others: dict[str, Any], argument: str, least: int, most: int
) -> None:
    assert [refusal(name, {**others, argument: value}) for value in (least, most)] == ["", ""]
    for value in (least - 1, most + 1, 10**30, -(10**30)):
        assert f"{name}: argument {argument}: expected " in refusal(
            name, {**others, argument: value}
        )


@pytest.mark.parametrize(("argument", "least", "most"), ROW_NUMBERS)
def test_a_row_has_bounds(argument: str, least: int, most: int) -> None:
    rows = [ROW, {**ROW, argument: least}, {**ROW, argument: most}]
    assert refusal("product.import", {"rows": rows}) == ""
    for value in (least - 1, most + 1, 10**30):
        said = refusal("product.import", {"rows": [ROW, {**ROW, argument: value}]})
        assert f"argument rows[1].{argument}: expected int" in said


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.001])
def test_a_pause_is_a_time(value: float) -> None:
    assert "argument pause_seconds" in refusal("chip.adopt", {**ADOPT, "pause_seconds": value})


@pytest.mark.parametrize(("name", "others", "argument", "most"), TEXTS)
def test_a_text_has_bounds(name: str, others: dict[str, Any], argument: str, most: int) -> None:
    assert refusal(name, {**others, argument: "\u00e9" * most}) == ""
    too_long = refusal(name, {**others, argument: "x" * (most + 1)})
    assert too_long == f"{name}: argument {argument}: expected str of length <= {most}"
    for control in ("\x00", "\n", "\r", "\x1a", "\x1b", "\x7f", "\x9b"):
        for text in (f"{control}a", f"a{control}"):
            said = refusal(name, {**others, argument: text})
            assert said == f"{name}: argument {argument}: expected str without control characters"


def test_a_reference_is_not_empty() -> None:
    said = refusal("order.new", {**ORDER, "client_reference": ""})
    assert said == "order.new: argument client_reference: expected str of length >= 1"


def test_how_often_is_only_a_number_here() -> None:
    apart = {"agent": "a", "product": "S10", "destination": "081200000012"}
    assert refusal("order.new", {**apart, "repeat_index": 0}) == ""
    assert "argument repeat_index" in refusal("order.new", {**apart, "repeat_index": 10**30})
