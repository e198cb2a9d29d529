"""Our own books: what the agents were told against what the operators say they did.

Nothing of the product is asked but plain columns of its table of orders, and those only
to know what is undecided and whether an acknowledged order is there at all. The
operators' lines are read as the JSON they are, the agents' messages as an agent reads
them. Every fault is a sentence; none is the wish.
"""

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pulsarack.daemon.demo.workload import Typed
from tests.soak.agents import Told

_MESSAGE = re.compile(
    r"Transaksi (?P<product>\S+) ke 0(?P<number>\d+)"
    r" (?:(?P<word>BERHASIL)\. SN: (?P<serial>\S+)\. Harga: .*"
    r"|(?P<failed>GAGAL) \([\w /]+\)\. .*|(?P<cancelled>DIBATALKAN)\. .*)"
)
_WORDS = {"SUCCEEDED": "BERHASIL", "FAILED": "GAGAL", "CANCELLED": "DIBATALKAN"}
_UNDECIDED = "UNKNOWN"

# What a customer gets: number without its trunk zero or country code, thousands of rupiah.
Customer = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Stored:
    """An order as it is in the database."""

    id: int
    agent: str
    reference: str | None
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Agents:
    """What the agents typed and know. `denominations` are the products', by code."""

    typed: Sequence[Typed]
    answered: Mapping[str, int]
    refused: Mapping[str, str]
    told: Sequence[Told]
    denominations: Mapping[str, int]
    cancelled: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Truth:
    """What the operators delivered: serial numbers by customer."""

    delivered: Mapping[Customer, Sequence[str]] = field(default_factory=dict)


def stored_orders(database: Path) -> list[Stored]:
    """All orders; the daemon has ended."""
    with closing(sqlite3.connect(database.as_uri() + "?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT id, agent, client_reference, state, coalesce(reason, '') FROM orders"
        )
        return [Stored(*row) for row in rows]


def read_truth(path: Path) -> Truth:
    """The operators' deliveries."""
    delivered: dict[Customer, list[str]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["kind"] == "top_up" and entry["delivered"]:
            customer = (entry["destination"].removeprefix("62"), entry["denomination"])
            delivered[customer].append(entry["serial_number"])
    return Truth(delivered)


def faults(agents: Agents, orders: Sequence[Stored], truth: Truth) -> list[str]:
    """Everything that the agents could complain of."""
    told: dict[int, list[Told]] = defaultdict(list)
    for one in agents.told:
        told[one.order].append(one)
    return [
        *_answers(agents),
        *_promises(agents, orders),
        *_messages(agents, orders, told),
        *_deliveries(agents, orders, truth, told),
    ]


def _answers(agents: Agents) -> Iterator[str]:
    for one in agents.typed:
        reference = one.client_reference
        answers = (reference in agents.answered) + (reference in agents.refused)
        if answers != 1:
            yield f"text {reference} was answered {answers} times"
        elif agents.refused.get(reference) != one.refusal:
            found = agents.refused.get(reference, "accepted")
            yield f"text {reference} {one.text!r}: {found}, expected {one.refusal or 'accepted'}"
    for number, count in Counter(agents.answered.values()).items():
        if count > 1:
            yield f"order {number} was given to {count} references"


def _promises(agents: Agents, orders: Sequence[Stored]) -> Iterator[str]:
    by_id = {order.id: order for order in orders}
    owner = {one.client_reference: one.agent for one in agents.typed}
    for reference, number in agents.answered.items():
        order = by_id.pop(number, None)
        if order is None:
            yield f"order {number} was acknowledged as {reference} and is not there"
        elif (order.agent, order.reference) != (owner[reference], reference):
            yield f"order {number} of {reference} is {order.reference} of {order.agent}"
        elif order.state not in _WORDS and order.state != _UNDECIDED:
            yield f"order {number} still is {order.state}"
    for number, order in by_id.items():
        yield f"order {number} is there as {order.reference}, and nobody was told so"


def _messages(
    agents: Agents, orders: Iterable[Stored], told: Mapping[int, Sequence[Told]]
) -> Iterator[str]:
    typed = {one.client_reference: one for one in agents.typed}
    for order in orders:
        copies = told.get(order.id, ())
        if order.state == _UNDECIDED:
            if copies:
                yield f"order {order.id} is undecided, and its agent was told {copies[0].text!r}"
            continue
        if all(one.lost for one in copies):
            yield f"order {order.id} is {order.state}, and its agent was not told"
            continue
        ways = {(one.agent, one.message, one.text) for one in copies}
        if len(ways) > 1 or copies[0].agent != order.agent:
            yield f"order {order.id} was told in different ways: {sorted(ways)}"
        if order.reference not in typed:
            continue  # told of among the promises
        product, *_, number = typed[order.reference].text.split(".")
        found = _MESSAGE.fullmatch(copies[0].text)
        if found is None or (found["product"], "0" + found["number"]) != (product, number):
            yield f"order {order.id}, {product} to {number}, was told {copies[0].text!r}"
        elif _word(found) != _WORDS.get(order.state):
            yield f"order {order.id} is {order.state}, and its agent was told {_word(found)}"
        if order.id in agents.cancelled and order.state != "CANCELLED":
            yield f"order {order.id} was confirmed as cancelled, and is {order.state}"


def _deliveries(
    agents: Agents,
    orders: Iterable[Stored],
    truth: Truth,
    told: Mapping[int, Sequence[Told]],
) -> Iterator[str]:
    """Per customer: as many deliveries as successes told, at most the undecided more."""
    typed = {one.client_reference: one for one in agents.typed}
    successes: Counter[Customer] = Counter()
    undecided: Counter[Customer] = Counter()
    spent: Counter[str] = Counter()
    for order in orders:
        if order.reference not in typed:
            continue
        product, *_, number = typed[order.reference].text.split(".")
        customer = (number.removeprefix("0"), agents.denominations[product])
        undecided[customer] += order.state == _UNDECIDED
        found = _MESSAGE.fullmatch(told[order.id][0].text) if told.get(order.id) else None
        if found is None or not found["word"]:
            continue
        successes[customer] += 1
        spent[found["serial"]] += 1
        if found["serial"] != "-" and found["serial"] not in truth.delivered.get(customer, ()):
            yield f"order {order.id}: the operator knows no {found['serial']} for 0{number}"
    for serial, count in spent.items():
        if count > 1 and serial != "-":
            yield f"{count} agents were given the serial number {serial}"
    for customer in sorted({*successes, *undecided, *truth.delivered}):
        delivered, least = len(truth.delivered.get(customer, ())), successes[customer]
        if not least <= delivered <= least + undecided[customer]:
            yield (
                f"0{customer[0]} got {customer[1]} {delivered} times; told as done {least},"
                f" undecided {undecided[customer]}"
            )


def _word(found: re.Match[str]) -> str:
    return found["word"] or found["failed"] or found["cancelled"]
