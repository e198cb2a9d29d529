"""Our books against the operators' own: what was promised, held against what happened.

Only a simulated rack can give such books (truth_books.py), and only an audit ever reads
them. The comparison knows nothing of how an order was decided; it asks what is true:

- each delivery belongs to the attempt that was sent for it: the same chip, destination
  and denomination, and the latest one committed by then. A delivery without an attempt
  is one that nobody ordered;
- an attempt that we hold for done has exactly one delivery, one held for not done has
  none, an open one has at most one, and the serial number we tell is the operator's (P2,
  P4). The counts of each customer are compared as well, without looking at attempts;
- a chip's stock in the ledger is the operator's figure, once the costs of deliveries that
  are still undecided are added back, and all stock that was given to a chip is booked or
  explained by a recorded discrepancy (P5).

The stock of a chip is compared only while it is exact or the chip has an open attempt:
otherwise the daemon itself says that it does not know it and reads it before it sells.
Such chips are `in_doubt`, which is no finding. A stock-in that the operator booked after
the chip's last reading is on its way and may be missing.

Both sides are taken to share one clock (`simulate --anchor` and [rehearsal]); times only
separate equal orders on one chip, and what was given before and after a reading. The
comparison is exact when the daemon rests: while orders move, a delivery of the last
seconds can be in one book and not in the other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pulsarack.daemon.truth_books import StockIn, TopUp, Truth
from pulsarack.queue.audit import Finding

DELIVERED = frozenset({"SUCCEEDED", "REVERSED"})
UNDECIDED = frozenset({"UNKNOWN", "SENDING"})

# Two processes round one clock to milliseconds; the way to the operator takes far longer.
CLOCK_SLACK_MS = 100


@dataclass(frozen=True, slots=True)
class OrderRow:
    """What the comparison needs of an order; `denomination` in thousands of rupiah."""

    id: int
    state: str
    operator: str
    destination: str
    denomination: int
    serial_number: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt; `outcome` None while it is open. Times in milliseconds UTC."""

    id: int
    order_id: int
    chip: str
    committed_at: int | None
    outcome: str | None
    closed_at: int | None = None


@dataclass(frozen=True, slots=True)
class ChipRow:
    """One chip's stock as the ledger has it, rupiah.

    `readings`: when its stock was read first and last, None if it never was.
    `stock_ins`: each amount that was booked from a text, or that came back with an order that
    was reversed. `discrepancy`: what was booked because two readings said so, net; what it
    turned out to be later changes nothing in it.
    """

    iccid: str
    stock_exact: bool
    posted: int
    readings: tuple[int, int] | None = None
    stock_ins: tuple[int, ...] = ()
    discrepancy: int = 0


Key = tuple[str, str, int]


def compare(
    orders: Sequence[OrderRow],
    attempts: Sequence[AttemptRow],
    chips: Sequence[ChipRow],
    truth: Truth,
) -> list[Finding]:
    """Everything in which the two sides differ; [] if they agree."""
    matched = _match(orders, attempts, truth)
    return [
        *_whole(truth),
        *_counts(orders, attempts, truth),
        *_outcomes(orders, attempts, matched),
        *_serial_numbers(orders, attempts, matched),
        *_stocks(attempts, chips, truth, matched),
        *_stock_ins(attempts, chips, truth),
    ]


def in_doubt(attempts: Sequence[AttemptRow], chips: Sequence[ChipRow]) -> list[ChipRow]:
    """The chips whose stock is not compared, because the daemon has yet to read it."""
    open_on = _open_chips(attempts)
    return [chip for chip in chips if not (chip.stock_exact or chip.iccid in open_on)]


@dataclass(frozen=True, slots=True)
class _Matched:
    """The deliveries of each attempt, and those of no attempt."""

    of_attempt: Mapping[int, Sequence[TopUp]]
    stray: Sequence[TopUp]


def _match(orders: Sequence[OrderRow], attempts: Sequence[AttemptRow], truth: Truth) -> _Matched:
    asked = {order.id: (order.destination, order.denomination) for order in orders}
    sent: dict[Key, list[AttemptRow]] = defaultdict(list)
    for attempt in attempts:
        if attempt.committed_at is not None and attempt.order_id in asked:
            sent[attempt.chip, *asked[attempt.order_id]].append(attempt)
    for alike in sent.values():
        alike.sort(key=_committed_at)
    of_attempt: dict[int, list[TopUp]] = defaultdict(list)
    stray = []
    for top_up in _deliveries(truth):
        alike = sent.get((top_up.chip, top_up.destination, top_up.denomination), [])
        if not alike:
            stray.append(top_up)
            continue
        # The next equal order may be sent as soon as the answer to the one before is there.
        then = [one for one in alike if _was_under_way(one, top_up.at)]
        before = [one for one in alike if _committed_at(one) <= top_up.at + CLOCK_SLACK_MS]
        of_attempt[(then or before or alike[:1])[-1].id].append(top_up)
    return _Matched(of_attempt, stray)


def _whole(truth: Truth) -> Iterator[Finding]:
    if truth.torn is not None:
        detail = "the last line is torn: the operators' books end before their day did"
        yield Finding("truth", f"line {truth.torn}", detail)


def _counts(
    orders: Iterable[OrderRow], attempts: Iterable[AttemptRow], truth: Truth
) -> Iterator[Finding]:
    """Per customer: at least as many deliveries as successes, at most the undecided more."""
    may_have_left = {
        one.order_id for one in attempts if one.outcome is None and one.committed_at is not None
    }
    delivered = Counter(
        (one.operator, one.destination, one.denomination) for one in _deliveries(truth)
    )
    succeeded: Counter[Key] = Counter()
    undecided: Counter[Key] = Counter()
    for order in orders:
        key = (order.operator, order.destination, order.denomination)
        if order.state in DELIVERED:
            succeeded[key] += 1
        elif order.state in UNDECIDED and order.id in may_have_left:
            undecided[key] += 1
    for key in sorted({*delivered, *succeeded}):
        count = f"delivered {delivered[key]} times, {succeeded[key]} orders succeeded"
        if delivered[key] < succeeded[key]:
            yield Finding("P4", _customer(key), count)
        elif delivered[key] > succeeded[key] + undecided[key]:
            yield Finding("P2", _customer(key), f"{count}, {undecided[key]} are undecided")


def _outcomes(
    orders: Iterable[OrderRow], attempts: Iterable[AttemptRow], matched: _Matched
) -> Iterator[Finding]:
    """Per attempt: what we hold for done was delivered once, what we do not was not."""
    states = {order.id: order.state for order in orders}
    for attempt in attempts:
        found = matched.of_attempt.get(attempt.id, ())
        subject = f"order {attempt.order_id}"
        told = f"attempt {attempt.id} on chip {attempt.chip}"
        numbers = ", ".join(str(one.serial_number) for one in found)
        if len(found) > 1:
            yield Finding("P2", subject, f"{told} was delivered {len(found)} times: SN {numbers}")
        elif attempt.outcome == "DONE" and not found:
            yield Finding("P4", subject, f"{told} is held for done, it was not delivered")
        if attempt.outcome == "NOT_DONE" and found:
            state = states.get(attempt.order_id, "unknown")
            detail = f"{told} is held for not done, it was delivered: SN {numbers}"
            yield Finding("P4", subject, f"{detail}; the order is {state}")
    for top_up in matched.stray:
        key = (top_up.operator, top_up.destination, top_up.denomination)
        detail = f"chip {top_up.chip} delivered what nobody sent: SN {top_up.serial_number}"
        yield Finding("P2", _customer(key), detail)


def _serial_numbers(
    orders: Iterable[OrderRow], attempts: Iterable[AttemptRow], matched: _Matched
) -> Iterator[Finding]:
    """The serial number we tell an agent is the operator's for that very top-up."""
    done = {one.order_id: one for one in attempts if one.outcome == "DONE"}
    for order in orders:
        attempt = done.get(order.id)
        if order.serial_number is None or attempt is None:
            continue
        numbers = [one.serial_number for one in matched.of_attempt.get(attempt.id, ())]
        if numbers and order.serial_number not in numbers:
            detail = f"it carries SN {order.serial_number}, the operator's is {numbers[0]}"
            yield Finding("P4", f"order {order.id}", detail)


def _stocks(
    attempts: Iterable[AttemptRow], chips: Iterable[ChipRow], truth: Truth, matched: _Matched
) -> Iterator[Finding]:
    """The ledger's stock is the operator's, but for what is undecided or on its way."""
    undecided: Counter[str] = Counter()
    open_on = _open_chips(attempts)
    for attempt in attempts:
        if attempt.outcome is None:
            costs = [one.cost for one in matched.of_attempt.get(attempt.id, ())]
            undecided[attempt.chip] += sum(costs)
    for chip in chips:
        if not _is_compared(chip, open_on, truth):
            continue
        operator = truth.stock[chip.iccid] + undecided[chip.iccid]
        on_its_way = sum(one.amount for one in _unseen(chip, truth))
        if chip.posted not in (operator, operator - on_its_way):
            detail = f"the ledger has {chip.posted}, the operator {truth.stock[chip.iccid]}"
            if undecided[chip.iccid]:
                detail += f" after {undecided[chip.iccid]} that is undecided with us"
            yield Finding("P5", f"chip {chip.iccid}", detail)


def _stock_ins(
    attempts: Iterable[AttemptRow], chips: Iterable[ChipRow], truth: Truth
) -> Iterator[Finding]:
    """Stock that was given is booked from its text or explained by a discrepancy."""
    open_on = _open_chips(attempts)
    for chip in chips:
        if not _is_compared(chip, open_on, truth) or chip.iccid in open_on:
            # While an attempt is open a difference is evidence, not yet a discrepancy.
            continue
        given = sum(one.amount for one in _given(chip, truth))
        on_its_way = sum(one.amount for one in _unseen(chip, truth))
        booked = sum(chip.stock_ins)
        unexplained = given - booked - chip.discrepancy
        if unexplained not in (0, on_its_way):
            detail = (
                f"the operator gave {given}, booked is {booked}, recorded as discrepancy"
                f" {chip.discrepancy}: {unexplained} is unexplained"
            )
            yield Finding("P5", f"chip {chip.iccid}", f"stock-in: {detail}")


def _is_compared(chip: ChipRow, open_on: frozenset[str], truth: Truth) -> bool:
    if chip.iccid not in truth.stock or chip.readings is None:
        return False
    return chip.stock_exact or chip.iccid in open_on


def _given(chip: ChipRow, truth: Truth) -> list[StockIn]:
    """The stock-ins that the opening reading did not include."""
    first = chip.readings[0] if chip.readings else 0
    return [one for one in truth.stock_ins if one.chip == chip.iccid and one.at > first]


def _unseen(chip: ChipRow, truth: Truth) -> list[StockIn]:
    """The stock-ins since the chip's last reading."""
    last = chip.readings[1] if chip.readings else 0
    return [one for one in _given(chip, truth) if one.at > last]


def _open_chips(attempts: Iterable[AttemptRow]) -> frozenset[str]:
    return frozenset(one.chip for one in attempts if one.outcome is None)


def _deliveries(truth: Truth) -> Iterator[TopUp]:
    return (top_up for top_up in truth.top_ups if top_up.delivered)


def _was_under_way(attempt: AttemptRow, at: int) -> bool:
    return _committed_at(attempt) <= at <= (attempt.closed_at or 0)


def _committed_at(attempt: AttemptRow) -> int:
    return attempt.committed_at or 0


def _customer(key: Key) -> str:
    operator, destination, denomination = key
    return f"{operator} 0{destination.removeprefix('62')} {denomination}"
