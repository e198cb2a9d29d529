"""Our own books on small days: nothing is found in a good one, each fault in a bad one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pulsarack.daemon.demo.workload import Typed
from tests.soak import check
from tests.soak.agents import Told
from tests.soak.check import Agents, Stored, Truth

DONE = "Transaksi S10 ke 081200000012 BERHASIL. SN: 5101. Harga: 10.600."
NOT_DONE = "Transaksi S10 ke 081200000012 GAGAL (nomor tujuan salah). Saldo dikembalikan 10.600."
CANCELLED = "Transaksi S10 ke 081200000012 DIBATALKAN. Saldo dikembalikan 10.600."
CUSTOMER = ("81200000012", 10)

AGENTS = Agents(
    typed=[Typed("kios1", "S10.081200000012", "kios1-1"), Typed("kios1", "S10", "r", "BAD_FORMAT")],
    answered={"kios1-1": 7},
    refused={"r": "BAD_FORMAT"},
    told=[Told("kios1", 7, 1, DONE), Told("kios1", 7, 1, DONE)],
    denominations={"S10": 10},
)
ORDERS = [Stored(7, "kios1", "kios1-1", "SUCCEEDED")]
TRUTH = Truth({CUSTOMER: ["5101"]})


def told(text: str) -> Agents:
    return replace(AGENTS, told=[Told("kios1", 7, 1, text)])


def state(name: str) -> list[Stored]:
    return [replace(ORDERS[0], state=name)]


GOOD = [
    (AGENTS, ORDERS, TRUTH),
    (told(NOT_DONE), state("FAILED"), Truth()),
    (replace(told(CANCELLED), cancelled=frozenset({7})), state("CANCELLED"), Truth()),
    (replace(AGENTS, told=[]), state("UNKNOWN"), TRUTH),
    (replace(AGENTS, told=[replace(AGENTS.told[0], lost=True), AGENTS.told[0]]), ORDERS, TRUTH),
    (replace(AGENTS, told=[]), state("UNKNOWN"), Truth()),
    (told(DONE.replace("5101", "-")), ORDERS, TRUTH),
]

BAD = [
    ("is not there", AGENTS, [], Truth()),
    ("is kios2-9 of kios1", AGENTS, [replace(ORDERS[0], reference="kios2-9")], TRUTH),
    ("nobody was told so", AGENTS, [*ORDERS, Stored(8, "kios1", "x", "FAILED")], TRUTH),
    ("still is QUEUED", replace(AGENTS, told=[]), state("QUEUED"), Truth()),
    ("was answered 0 times", replace(AGENTS, answered={}), [], Truth()),
    ("expected BAD_FORMAT", replace(AGENTS, answered={**AGENTS.answered, "r": 8}, refused={}),
     ORDERS, TRUTH),
    ("was not told", replace(AGENTS, told=[]), ORDERS, TRUTH),
    ("was not told", replace(AGENTS, told=[replace(AGENTS.told[0], lost=True)]), ORDERS, TRUTH),
    ("is undecided, and its agent was told", AGENTS, state("UNKNOWN"), TRUTH),
    ("different ways", replace(AGENTS, told=[*AGENTS.told, Told("kios1", 7, 2, DONE)]),
     ORDERS, TRUTH),
    ("different ways", replace(AGENTS, told=[Told("kios2", 7, 1, DONE)]), ORDERS, TRUTH),
    ("S10 to 081200000012, was told", told(DONE.replace("0012", "0013")), ORDERS, TRUTH),
    ("is FAILED, and its agent was told BERHASIL", AGENTS, state("FAILED"), TRUTH),
    ("confirmed as cancelled", replace(AGENTS, cancelled=frozenset({7})), ORDERS, TRUTH),
    ("knows no 5101", AGENTS, ORDERS, Truth({CUSTOMER: ["5102"]})),
    ("0 times; told as done 1", AGENTS, ORDERS, Truth()),
    ("2 times; told as done 1", AGENTS, ORDERS, Truth({CUSTOMER: ["5101", "5102"]})),
    ("1 times; told as done 0", told(NOT_DONE), state("FAILED"), TRUTH),
    ("2 times; told as done 0, undecided 1", replace(AGENTS, told=[]), state("UNKNOWN"),
     Truth({CUSTOMER: ["5101", "5102"]})),
    ("1 times; told as done 0", AGENTS, ORDERS, Truth({CUSTOMER: ["5101"], ("81", 5): ["1"]})),
]  # fmt: skip


@pytest.mark.parametrize(("agents", "orders", "truth"), GOOD)
def test_a_good_day(agents: Agents, orders: list[Stored], truth: Truth) -> None:
    assert check.faults(agents, orders, truth) == []


@pytest.mark.parametrize(("fault", "agents", "orders", "truth"), BAD)
def test_a_bad_day(fault: str, agents: Agents, orders: list[Stored], truth: Truth) -> None:
    assert any(fault in one for one in check.faults(agents, orders, truth))


def test_a_serial_number_told_twice() -> None:
    second = Typed("kios1", "S10.2.081200000012", "kios1-2")
    agents = replace(
        AGENTS,
        typed=[*AGENTS.typed, second],
        answered={"kios1-1": 7, "kios1-2": 8},
        told=[*AGENTS.told, Told("kios1", 8, 2, DONE)],
    )
    orders = [*ORDERS, Stored(8, "kios1", "kios1-2", "SUCCEEDED")]
    both = Truth({CUSTOMER: ["5101", "5102"]})
    assert check.faults(agents, orders, both) == ["2 agents were given the serial number 5101"]


def test_the_operators_lines(tmp_path: Path) -> None:
    entry = {"kind": "top_up", "destination": "6281200000012", "denomination": 10}
    lines = [
        {"kind": "rack", "chips": []},
        {**entry, "delivered": True, "serial_number": "5101"},
        {**entry, "delivered": False, "serial_number": None},
        {"kind": "stock", "stock": 5},
    ]
    path = tmp_path / "truth.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    assert check.read_truth(path) == TRUTH
