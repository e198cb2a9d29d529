"""Deciding what nobody was told: the rules by which stock and history prove something.

Pure functions. While an attempt is undecided its chip does nothing else, so the
ledger's posted stock (stock-in texts included) is what the operator must show if it
was not done, and that less the cost if it was. Operators book late: an unchanged
stock proves "not done" only on two readings, both after the settling time and that
time apart; and not while stock of reversed orders may come back to the chip, since sold and
given back looks unchanged. Nothing is proved from a stock that was not surely known when the
chip was claimed. Any other figure proves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pulsarack.queue.evidence import Rule, VerdictKind


@dataclass(frozen=True, slots=True)
class StockReading:
    """A stock query's answer during an undecided attempt.

    `at` is milliseconds of a monotonic clock (a step of the wall clock must not shorten the
    settling time); `ledger` is the posted stock at that moment. `id`: under which it is kept.
    """

    at: int
    stock: int
    ledger: int
    id: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One of the operator's last transactions, newest first in a list. Amount in rupiah."""

    destination: str
    amount: int
    succeeded: bool
    serial_number: str | None


def judge_stock(
    readings: Sequence[StockReading],
    *,
    cost: int,
    began_at: int,
    settling_ms: int,
    known_before: bool,
    may_come_back: bool,
) -> VerdictKind:
    """What the readings so far (oldest first) prove.

    `may_come_back`: as much as the cost may come back to the chip, untold.
    """
    if not known_before or not readings:
        return VerdictKind.NONE
    last = readings[-1]
    if last.stock == last.ledger - cost:
        return VerdictKind.DONE
    if may_come_back:
        return VerdictKind.NONE
    unchanged = _trailing_unchanged(readings, began_at + settling_ms)
    if len(unchanged) < 2 or unchanged[0].at - unchanged[-1].at < settling_ms:
        return VerdictKind.NONE
    return VerdictKind.NOT_DONE


def stock_rule(
    verdict: VerdictKind, last: StockReading, *, known_before: bool, may_come_back: bool
) -> Rule:
    """By which rule readings that end in this one came to their verdict."""
    if verdict is VerdictKind.DONE:
        return Rule.STOCK_FELL_BY_COST
    if verdict is VerdictKind.NOT_DONE:
        return Rule.STOCK_UNCHANGED_TWICE
    if not known_before:
        return Rule.STOCK_NOT_KNOWN_BEFORE
    if last.stock != last.ledger or may_come_back:
        return Rule.STOCK_FITS_NEITHER
    return Rule.STOCK_UNCHANGED_SO_FAR


def first_unchanged(readings: Sequence[StockReading], since: int) -> StockReading:
    """The oldest of the readings on which an unchanged stock was believed."""
    return _trailing_unchanged(readings, since)[-1]


def _trailing_unchanged(readings: Sequence[StockReading], since: int) -> list[StockReading]:
    """The newest readings, newest first, that all show an unchanged stock."""
    found = []
    for reading in reversed(readings):
        if reading.at < since or reading.stock != reading.ledger:
            break
        found.append(reading)
    return found


def judge_history(
    lines: Sequence[HistoryLine],
    *,
    destination: str,
    amount: int,
    known_serial_numbers: frozenset[str],
) -> HistoryLine | None:
    """The newest line, if it proves the attempt done.

    The chip has done nothing since, so only the newest line can be the attempt: a success
    for this destination and amount, with a serial number that no order carries yet.
    """
    if not lines:
        return None
    newest = lines[0]
    ours = (newest.destination, newest.amount) == (destination, amount)
    known = newest.serial_number is None or newest.serial_number in known_serial_numbers
    return newest if newest.succeeded and ours and not known else None
