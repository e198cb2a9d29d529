"""A day in figures (rekap harian): what was sold, what it cost and what went wrong, from the books.

Everything is counted on the day on which it was booked, by the time that its row in the ledger
bears, whenever the order was accepted. So an order that was undecided over midnight is sold, or
failed, on the day that decided it; a reversal is a figure of its own day and leaves the day of
the sale as it was; a day that is over never changes, unless the clock is set back into it. All
sums are the movements of the accounts on that day, which makes them tie:

    revenue - given_back                            income:sales
    cost                                            expense:airtime
    commission                                      expense:commission
    begin + came - went - cost + discrepancy = end  the stock of a chip
    begin + came - went - revenue + given_back = end  the deposit of an agent

`failed` are orders whose price was given free again on that day, by the order's reason; of a
chip they are the tries on it that were not done. `undecided` are the orders that became
undecided on that day. `discrepancy` is what a chip's stock was off the books, found on that
day, less what turned out to be the cost of an order. `(none)` has what belongs to none of them.

Rows that left for an archive are read there. Give the database as one snapshot of its own: this
may read a whole day, and of a day long past all that came after it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from peewee import Database

from pulsarack.ledger import accounts, closing
from pulsarack.queue import archive
from pulsarack.queue.reports import window
from pulsarack.queue.reports.window import TRANSFERS, TRANSITIONS, Window
from pulsarack.queue.rows import scalar, tuples

OpenArchive = Callable[[str], AbstractContextManager[Database]]
"""Opens the archive of a month to be read; raises if it cannot be."""

NOBODY: Final = "(none)"
_THOUSAND: Final = 1000  # a denomination counts thousands of rupiah
_LAST: Final = 2**63 - 1
_AT_ONCE: Final = 10_000
_AGENT: Final = "liability:agent:"
_CHIP: Final = "asset:chip:"

_MOVES: Final = "(t.phase = 'posted' OR t.phase = 'post')"
# Orders in an archive that have not left the database: they count there.
_OURS: Final = "o.id IN (SELECT value FROM json_each(?5))"
_IN: Final = "t.{number} >= ?1 AND t.{number} < ?2 AND t.at >= ?3 AND t.at < ?4"
# An order has one attempt that was done; what breaks that must not count its price twice.
_BOOKED: Final = f"""
SELECT t.debit, t.credit, t.phase, o.operator, o.agent,
    coalesce((SELECT max(d.chip) FROM attempt AS d WHERE d.order_id = o.id AND d.outcome = 'DONE'),
        CASE WHEN t.reference GLOB 'chip:*' THEN substr(t.reference, 6) END) AS chip,
    CASE WHEN t.phase = 'void' THEN coalesce(v.reason, o.reason, o.state) END AS reason,
    count(*), sum(t.amount), coalesce(sum(o.denomination), 0)
    FROM transfer AS t
    LEFT JOIN orders AS o ON t.reference GLOB 'order:*'
        AND o.id = CAST(substr(t.reference, 7) AS INTEGER)
    LEFT JOIN attempt AS v ON t.phase = 'void' AND t.hold_id GLOB 'attempt:*'
        AND v.id = CAST(substr(t.hold_id, 9) AS INTEGER)
    WHERE {_IN.format(number="sequence")} AND ({_MOVES} OR t.phase = 'void')
        AND t.asset = 'IDR' AND NOT coalesce({_OURS}, 0)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_DOUBTS: Final = f"""
SELECT o.operator, o.agent,
    (SELECT a.chip FROM attempt AS a WHERE a.order_id = o.id ORDER BY a.number DESC LIMIT 1),
    count(DISTINCT t.order_id)
    FROM transition AS t JOIN orders AS o ON o.id = t.order_id
    WHERE {_IN.format(number="id")} AND t.state = 'UNKNOWN' AND NOT {_OURS}
    GROUP BY 1, 2, 3
"""
# What moved an account since: one leg of each row.
_LEG: Final = (
    "SELECT t.{leg}, sum(t.amount) FROM transfer AS t LEFT JOIN orders AS o"
    " ON t.reference GLOB 'order:*' AND o.id = CAST(substr(t.reference, 7) AS INTEGER)"
    f" WHERE {_IN.format(number='sequence')} AND {_MOVES} AND t.asset = 'IDR'"
    f" AND NOT coalesce({_OURS}, 0) GROUP BY 1"
)
_NOW: Final = (
    "SELECT code, debits_posted - credits_posted FROM account WHERE asset = 'IDR'"
    " AND (code GLOB 'asset:chip:*' OR code GLOB 'liability:agent:*')"
)


@dataclass(slots=True)
class DayLine:
    """The figures of an operator, an agent or a chip; rupiah, but for what is counted.

    `face_value` is what the customers got. `begin`, `came`, `went`, `end` are of the stock of a
    chip, or of all chips of an operator, or of the deposit of an agent; what was sold is in none
    of the two in the middle.
    """

    key: str
    sold: int = 0
    face_value: int = 0
    revenue: int = 0
    reversed: int = 0
    given_back: int = 0
    cost: int = 0
    commission: int = 0
    failed: int = 0
    undecided: int = 0
    discrepancy: int = 0
    begin: int = 0
    came: int = 0
    went: int = 0
    end: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def profit(self) -> int:
        """What the day left of this."""
        return self.revenue - self.given_back - self.cost - self.commission

    def figures(self) -> dict[str, int]:
        """Every figure by its name, in the order in which they are shown."""
        return {name: getattr(self, name) for name in FIGURES}


FIGURES: Final = (
    *("sold", "face_value", "revenue", "reversed", "given_back", "cost", "commission", "profit"),
    *("failed", "undecided", "discrepancy", "begin", "came", "went", "end"),
)


class _Lines(dict[str, DayLine]):
    def __missing__(self, key: str) -> DayLine:
        line = self[key] = DayLine(key)
        return line


@dataclass(slots=True)
class Day:
    """One local day, which began and ended at these times (milliseconds UTC)."""

    name: str
    begins_at: int
    ends_at: int
    operators: dict[str, DayLine] = field(default_factory=_Lines)
    agents: dict[str, DayLine] = field(default_factory=_Lines)
    chips: dict[str, DayLine] = field(default_factory=_Lines)

    def lines(self, by: str) -> list[DayLine]:
        """The lines by "operator", "agent" or "chip" that say something, by their keys."""
        found: dict[str, DayLine] = getattr(self, f"{by}s")
        return [line for _, line in sorted(found.items()) if any(line.figures().values())]


def total(lines: list[DayLine]) -> DayLine:
    """The sum of some lines."""
    names = [name for name in FIGURES if name != "profit"]
    whole = DayLine("total", **{name: sum(getattr(one, name) for one in lines) for name in names})
    for line in lines:
        whole.reasons.update(line.reasons)
    return whole


def read(db: Database, name: str, begins_at: int, ends_at: int, open_archive: OpenArchive) -> Day:
    """The figures of a local day; `db` is one snapshot."""
    day = Day(name, begins_at, ends_at)
    operator_of = dict(tuples(db, "SELECT iccid, coalesce(operator, '(none)') FROM chip"))
    booked = window.of(db, TRANSFERS, begins_at, ends_at)
    doubts = window.of(db, TRANSITIONS, begins_at, ends_at)
    for place, ours in _places(db, booked, open_archive):
        for row in tuples(place, _BOOKED, _span(booked, begins_at, ends_at, ours)):
            _book(day, operator_of, *row)
        for row in tuples(place, _DOUBTS, _span(doubts, begins_at, ends_at, ours)):
            for line in _of_order(day, *row[:3]):
                line.undecided += row[3]
    _put_balances(db, day, operator_of, booked, open_archive)
    return day


def _span(rows: Window, begins_at: int, ends_at: int, ours: list[int]) -> tuple[Any, ...]:
    return (rows.first, rows.end, begins_at, ends_at, archive.json_ids(ours))


def _places(
    db: Database, rows: Window, open_archive: OpenArchive, without: Container[str] = ()
) -> Iterator[tuple[Database, list[int]]]:
    """Where such rows can be, each with the orders in it that are not to be counted there."""
    yield db, []
    for name, (first, last) in sorted(_reaches(db).items()):
        if name not in without and last >= rows.first and first < rows.end:
            with open_archive(name) as there:
                yield there, _not_left(db, there, name)


def _not_left(db: Database, there: Database, name: str) -> list[int]:
    """The orders of an archive that have not left the database, whatever the archive says.

    It may be newer than a database that was put back from a backup.
    """
    moved = scalar(db, "SELECT orders FROM archive WHERE name = ?", (name,))
    if moved == scalar(there, "SELECT count(*) FROM orders"):
        return []
    found: list[int] = []
    page = "SELECT id FROM orders WHERE id > ? ORDER BY id LIMIT ?"
    after = 0
    while ids := [order_id for (order_id,) in tuples(there, page, (after, _AT_ONCE))]:
        found += sorted(set(ids) - archive.those_moved(db, name, ids))
        after = ids[-1]
    return found


def _reaches(db: Database) -> dict[str, tuple[int, int]]:
    """The numbers of the first and of the last row that left for each archive."""
    found: dict[str, tuple[int, int]] = {}
    for one in closing.brought_forward(db):
        first, last = found.get(one.archive, (_LAST, 0))
        found[one.archive] = min(first, one.first_sequence), max(last, one.last_sequence)
    return found


def _of_order(
    day: Day, operator: str | None, agent: str | None, chip: str | None
) -> tuple[DayLine, DayLine, DayLine]:
    return (
        day.operators[operator or NOBODY],
        day.agents[agent or NOBODY],
        day.chips[chip or NOBODY],
    )


def _book(
    day: Day,
    operator_of: dict[str, str],
    debit: str,
    credit: str,
    phase: str,
    operator: str | None,
    agent: str | None,
    chip: str | None,
    reason: str | None,
    count: int,
    amount: int,
    denomination: int,
) -> None:
    """Add some rows of the ledger that are alike."""
    stock = _stock_of(debit) or _stock_of(credit)
    chip = stock or chip
    operator = operator or operator_of.get(chip or NOBODY)
    if phase == "void":
        failed = [day.chips[stock]] if stock else _of_order(day, operator, agent, None)[:2]
        for line in failed:
            line.failed += count
            line.reasons[reason or NOBODY] += count
        return
    sign = 1 if debit == accounts.AIRTIME or debit == accounts.COMMISSION_EXPENSE else -1
    for line in _of_order(day, operator, agent, chip):
        if credit == accounts.SALES:
            line.sold += count if agent else 0
            line.face_value += denomination * _THOUSAND
            line.revenue += amount
        elif debit == accounts.SALES:
            line.reversed += count if agent else 0
            line.given_back += amount
        elif accounts.AIRTIME in (debit, credit):
            line.cost += sign * amount
        elif accounts.COMMISSION_EXPENSE in (debit, credit):
            line.commission += sign * amount
    _move_stock(day, operator, chip, debit, credit, amount)
    _move_deposits(day, debit, credit, amount)


def _move_stock(
    day: Day, operator: str | None, chip: str | None, debit: str, credit: str, amount: int
) -> None:
    sides = (debit, credit)
    gained = amount if _stock_of(debit) else -amount
    found_to_be_cost = set(sides) == {accounts.AIRTIME, accounts.DISCREPANCY}
    if found_to_be_cost:
        gained = amount if debit == accounts.AIRTIME else -amount
    elif not (_stock_of(debit) or _stock_of(credit)) or accounts.AIRTIME in sides:
        return
    for line in (day.operators[operator or NOBODY], day.chips[chip or NOBODY]):
        if accounts.DISCREPANCY in sides:
            line.discrepancy += gained
        else:
            line.came += max(0, gained)
            line.went += max(0, -gained)


def _move_deposits(day: Day, debit: str, credit: str, amount: int) -> None:
    if accounts.SALES in (debit, credit):
        return
    if debit.startswith(_AGENT):
        day.agents[debit.removeprefix(_AGENT)].went += amount
    if credit.startswith(_AGENT):
        day.agents[credit.removeprefix(_AGENT)].came += amount


def _stock_of(account: str) -> str | None:
    return account.removeprefix(_CHIP) if account.startswith(_CHIP) else None


def _put_balances(
    db: Database, day: Day, operator_of: dict[str, str], booked: Window, open_archive: OpenArchive
) -> None:
    """What there was at the begin and at the end: what is there now, less what came since."""
    since = _since(db, day.ends_at, booked, open_archive)
    for code, now in tuples(db, _NOW):
        left = now - since[code]
        if (iccid := _stock_of(code)) is not None:
            line = day.chips[iccid]
            line.end = left
            line.begin = left - line.came + line.went + line.cost - line.discrepancy
            of_operator = day.operators[operator_of.get(iccid, NOBODY)]
            of_operator.begin += line.begin
            of_operator.end += line.end
        else:
            line = day.agents[code.removeprefix(_AGENT)]
            line.end = -left
            line.begin = line.end - line.came + line.went + line.revenue - line.given_back


def _since(db: Database, at_ms: int, before: Window, open_archive: OpenArchive) -> dict[str, int]:
    """By how much each account was debited more than credited since a time."""
    moved: dict[str, int] = defaultdict(int)
    rows = Window(window.of(db, TRANSFERS, at_ms, at_ms).first, _LAST)
    whole = {name for name, (first, _) in _reaches(db).items() if first >= before.end}
    for one in closing.brought_forward(db):
        if one.archive in whole:
            moved[one.account] += one.debits_posted - one.credits_posted
    for place, ours in _places(db, rows, open_archive, without=whole):
        for leg, sign in (("debit", 1), ("credit", -1)):
            found = tuples(place, _LEG.format(leg=leg), _span(rows, at_ms, _LAST, ours))
            for code, amount in found:
                moved[code] += sign * amount
    return moved
