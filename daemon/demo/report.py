"""What a demonstration has shown: the checks of the agents' side, the tables, the sentence.

The audit knows the database and the operators' books. What only the agents know is
checked here: that each order they were promised is there under the number they were
told (P1), that nothing was accepted which nobody typed, and that each final result was
taken and acknowledged (P6).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pulsarack.daemon.demo.progress import FINAL
from pulsarack.daemon.demo.workload import Typed
from pulsarack.daemon.truth import AttemptRow, ChipRow
from pulsarack.daemon.truth_books import Truth
from pulsarack.queue.audit import Finding


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What the report needs of an order in the database."""

    id: int
    state: str
    operator: str
    agent: str
    client_reference: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class AgentsSide:
    """What the agents know: answers by client reference, messages by order."""

    typed: Sequence[Typed]
    answered: Mapping[str, int]
    refused: Mapping[str, str]
    told: Mapping[int, set[int]]


@dataclass(frozen=True, slots=True)
class ChipLine:
    """One line of the table: counts of attempts, stock in rupiah."""

    name: str
    operator: str
    sold: int
    not_done: int
    undecided: int
    ledger: int
    truth: int | None
    note: str


def check(agents: AgentsSide, orders: Sequence[OrderLine]) -> list[Finding]:
    """Where the database differs from what the agents were told."""
    return [*_promises(agents, orders), *_refusals(agents), *_messages(agents, orders)]


def _promises(agents: AgentsSide, orders: Sequence[OrderLine]) -> Iterator[Finding]:
    stored = {order.client_reference: order for order in orders}
    typed = {one.client_reference: one for one in agents.typed}
    for reference, number in sorted(agents.answered.items()):
        order = stored.get(reference)
        if order is None:
            yield Finding("P1", f"order {number}", f"accepted as {reference}, and not there")
        elif order.id != number or order.agent != typed[reference].agent:
            found = f"it is order {order.id} of {order.agent}"
            yield Finding("P1", f"order {number}", f"accepted as {reference}, but {found}")
    for order in orders:
        if order.client_reference not in agents.answered:
            detail = f"it is there as {order.client_reference}, and nobody was told so"
            yield Finding("P1", f"order {order.id}", detail)
        if order.state not in FINAL and order.state != "UNKNOWN":
            yield Finding("P1", f"order {order.id}", f"it still is {order.state} at the end")
    for reference in sorted(typed.keys() - agents.answered.keys() - agents.refused.keys()):
        yield Finding("P1", f"text {reference}", "it was never answered")


def _refusals(agents: AgentsSide) -> Iterator[Finding]:
    for one in agents.typed:
        found = agents.refused.get(one.client_reference)
        answered = found is not None or one.client_reference in agents.answered
        if answered and found != one.refusal:
            detail = f"{one.text!r}: {found or 'accepted'}, expected {one.refusal or 'accepted'}"
            yield Finding("P8", f"text {one.client_reference}", detail)


def _messages(agents: AgentsSide, orders: Sequence[OrderLine]) -> Iterator[Finding]:
    for order in orders:
        ids = agents.told.get(order.id, set())
        if order.state in FINAL and not ids:
            yield Finding("P6", f"order {order.id}", f"{order.state}, and its agent was not told")
        elif order.state not in FINAL and ids:
            yield Finding("P6", f"order {order.id}", f"its agent was told, and it is {order.state}")
        elif len(ids) > 1:
            detail = f"told under several ids: {', '.join(map(str, sorted(ids)))}"
            yield Finding("P6", f"order {order.id}", detail)


def chip_lines(
    names: Mapping[str, str],
    chips: Sequence[ChipRow],
    attempts: Sequence[AttemptRow],
    truth: Truth,
    in_doubt: Sequence[ChipRow],
) -> list[ChipLine]:
    """The table, by operator and name. `names` are the chips' by ICCID."""
    ends = Counter((one.chip, one.outcome) for one in attempts)
    doubted = {chip.iccid for chip in in_doubt}
    lines = [
        ChipLine(
            names.get(chip.iccid, chip.iccid),
            truth.operators.get(chip.iccid, "?"),
            ends[chip.iccid, "DONE"],
            ends[chip.iccid, "NOT_DONE"],
            ends[chip.iccid, None],
            chip.posted,
            truth.stock.get(chip.iccid),
            "to be read before it sells on" if chip.iccid in doubted else "",
        )
        for chip in chips
    ]
    return sorted(lines, key=lambda line: (line.operator, line.name))


def faults(truth: Truth) -> Counter[str]:
    """The trouble that the rack made, by kind."""
    return Counter(one.fault for one in truth.top_ups if one.fault)


def reasons(orders: Sequence[OrderLine]) -> Counter[str]:
    """Why orders failed."""
    return Counter(order.reason or "-" for order in orders if order.state == "FAILED")


def sentence(orders: Sequence[OrderLine], findings: int) -> str:
    """The last line: all there is to say."""
    states = Counter(order.state for order in orders)
    parts = [f"{states['SUCCEEDED']} succeeded", f"{states['FAILED']} failed and refunded"]
    if states["CANCELLED"]:
        parts.append(f"{states['CANCELLED']} cancelled and refunded")
    parts.append(f"{states['UNKNOWN']} undecided")
    if still := states["QUEUED"] + states["SENDING"]:
        parts.append(f"{still} still open")
    if findings:
        count = "1 finding" if findings == 1 else f"{findings} findings"
        books = f"the books DO NOT balance and agree with the operators' books: {count}, see above."
    else:
        books = "the books balance and agree with the operators' books."
    total = "1 order" if len(orders) == 1 else f"{len(orders)} orders"
    return f"{total}: {', '.join(parts)}; {books}"
