"""The facts that routing judges, gathered from the database and from the rack.

What the database knows of a chip (state, caps, stock after holds, what it sold) is
read here; what only the running daemon knows (is it plugged in, what is it doing)
comes in as `Presence`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from peewee import Database

from pulsarack.ledger import accounts
from pulsarack.queue import attempts, chips, clock_steps, retry
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.carried import Carried, Counted
from pulsarack.queue.chips import Chip, ChipState
from pulsarack.queue.clock_steps import Era
from pulsarack.queue.routing import HOUR_MS, MS, ChipFacts, OrderFacts
from pulsarack.queue.rows import scalar, tuples
from pulsarack.ussd.outcome import Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """Pacing, caps and reserve for chips that were not given their own (or a lower reserve)."""

    pause_seconds: int = 0
    per_hour: int | None = None
    per_day: int | None = None
    reserve: int = 0


class Presence(NamedTuple):
    """What the rack knows of a chip that is plugged in and whose modem is ready."""

    slot: str
    modem: str
    busy: str = ""
    limits: Limits = Limits()


class Sales(NamedTuple):
    """How much a chip has carried; attempts proved not done do not count."""

    hour: int
    today: int
    last_claimed_at: int | None


class Moment(NamedTuple):
    """When chips are judged; `eras` say how what was stored before is to be read.

    `carried`: what is remembered of the day; None if it is to be counted as a whole.
    """

    now_ms: int
    day_started_at: int
    eras: Sequence[Era]
    carried: Carried | None = None


def moment(
    db: Database,
    *,
    now_ms: int,
    day_started_at: int,
    late_ms: int = 0,
    carried: Carried | None = None,
) -> Moment:
    """This moment, of a local day; answers of operators are so late at most."""
    back_to = min(day_started_at, now_ms - max(HOUR_MS, late_ms))
    eras = clock_steps.eras(db, back_to_ms=back_to)
    return Moment(now_ms, day_started_at, eras, carried)


def _standing(up_to: str = "") -> str:
    """SQL: what a chip carried in one era, of the day what was not counted before; its stock;
    whether an answer may still come to it.

    `up_to`: a condition on the last attempt of an era that is over. Each row of a long day costs a
    little, so the newest era has none, and an hour that nobody asks for begins at NULL.
    """
    era = f"id > ?5{up_to}"
    hour, day = f"claimed_at > ?2 AND {era}", f"claimed_at >= ?3 AND {era}"
    return (
        f"SELECT {_count(hour, hour)}, {_count(f'claimed_at > ?8 AND {era}', day)},"
        f" (SELECT max(claimed_at) FROM attempt WHERE chip = ?1 AND claimed_at >= ?4 AND {era}),"
        " stock.debits_posted - stock.credits_posted, stock.credits_held,"
        f" EXISTS ({attempts.silent('?1', '?6')})"
        " FROM (SELECT ?7 AS code) LEFT JOIN account AS stock USING (code)"
    )


def _count(which: str, undone: str) -> str:
    """SQL: a chip's attempts of which `which` holds, less those proved not done, by `undone`.

    All are counted in an index that says nothing of the outcome, so that no row is read and
    nothing moves when an attempt is closed; those proved not done are few.
    """
    counted = f"SELECT count(*) FROM attempt WHERE chip = ?1 AND {which}"
    not_done = f"SELECT count(*) FROM attempt WHERE chip = ?1 AND {undone}"
    return f"({counted}) - ({not_done} AND outcome = 'NOT_DONE')"


_IN_THIS_ERA = _standing()
_IN_AN_EARLIER_ERA = _standing(" AND id <= ?9")


class Standing(NamedTuple):
    """What the database knows of a chip beside its row; its stock in rupiah."""

    sales: Sales
    stock_posted: int
    stock_held: int
    reply_owed: bool


def standing(
    db: Database, iccid: str, at: Moment, *, late_ms: int = 0, hourly: bool = True
) -> Standing:
    """What a chip carried and has, and whether an answer, so late at most, may still come to it.

    Without `hourly` the last hour is not counted.
    """
    hour_ago, day = at.now_ms - HOUR_MS, at.day_started_at
    since = min(day, hour_ago)
    late = clock_steps.lowest_in(at.eras, at.now_ms - late_ms)
    counted = _counted(db, iccid, at)
    stock = accounts.chip(iccid)
    hour, today = 0, counted.number if counted else 0
    latest: list[int] = []
    statement = _IN_THIS_ERA
    before: tuple[int, ...] = ()
    for era in at.eras:
        step = era.offset_ms
        stored = (hour_ago - step if hourly else None, day - step, since - step)
        further = counted.until if counted else day - step - 1
        of_it = (iccid, *stored, era.after_attempt, late, stock, further, *before)
        ((of_hour, of_today, newest, posted, held, owed),) = tuples(db, statement, of_it)
        hour, today = hour + of_hour, today + of_today
        latest += [] if newest is None else [newest + step]
        statement, before = _IN_AN_EARLIER_ERA, (era.after_attempt,)
    if latest:
        sold = Sales(hour, today, max(latest))
    else:
        last = scalar(db, "SELECT max(claimed_at) FROM attempt WHERE chip = ?", (iccid,))
        # Before `since` by whatever clock; read raw it could lie ahead of one that was set back.
        sold = Sales(0, 0, None if last is None else min(last + era.offset_ms, since))
    return Standing(sold, posted or 0, held or 0, bool(owed))


def _counted(db: Database, iccid: str, at: Moment) -> Counted | None:
    """What is remembered of the chip's day; nothing of one on which the clock was set."""
    if at.carried is None or len(at.eras) > 1:
        return None
    (era,) = at.eras
    found = at.carried.of(iccid, day_started_at=at.day_started_at, after_attempt=era.after_attempt)
    found.move_up(db, at.now_ms)
    return found


def of_chip(
    db: Database,
    chip: Chip,
    presence: Presence | None,
    at: Moment,
    *,
    late_ms: int = 0,
    shown: bool = True,
) -> ChipFacts:
    """One chip's facts. A chip that is not plugged in has no presence.

    `late_ms`: how late its operator may answer. If the facts are only judged by and not shown,
    the last hour is counted only of a chip that has a limit an hour.
    """
    limits = presence.limits if presence else Limits()
    per_hour = _own(chip.per_hour, limits.per_hour)
    hourly = shown or per_hour is not None
    found = standing(db, chip.iccid, at, late_ms=late_ms, hourly=hourly)
    sold = found.sales
    rested = (
        chip.state == ChipState.RESTING
        and chip.rest_until is not None
        and chip.rest_until <= at.now_ms
    )
    return ChipFacts(
        iccid=chip.iccid,
        name=chip.name,
        operator=chip.operator or "",
        state="ACTIVE" if rested else chip.state,
        why="" if rested else chip.why,
        present=presence is not None,
        busy=presence.busy if presence else "",
        stock_exact=bool(chip.stock_exact),
        stock_posted=found.stock_posted,
        stock_available=found.stock_posted - found.stock_held,
        reserve=max(chip.reserve, limits.reserve),
        pause_seconds=_own(chip.pause_seconds, limits.pause_seconds) or 0,
        per_hour=per_hour,
        per_day=_own(chip.per_day, limits.per_day),
        sold_hour=sold.hour,
        sold_today=sold.today,
        last_claimed_at=sold.last_claimed_at,
        reply_owed=found.reply_owed,
    )


def of_rack(
    db: Database, presences: Mapping[str, Presence], *, now_ms: int, day_started_at: int
) -> list[ChipFacts]:
    """The facts of every chip that was ever adopted or seen, plugged in or not."""
    at = moment(db, now_ms=now_ms, day_started_at=day_started_at)
    return [of_chip(db, chip, presences.get(chip.iccid), at) for chip in chips.every(db)]


def of_order(
    db: Database,
    *,
    operator: str,
    destination: str,
    denomination: int,
    cost: int,
) -> OrderFacts:
    """An order's facts; contested if an equal one is under way on its operator."""
    rival = scalar(
        db,
        "SELECT 1 FROM orders WHERE operator = ? AND destination = ? AND denomination = ?"
        " AND state IN ('SENDING', 'UNKNOWN') LIMIT 1",
        (operator, destination, denomination),
    )
    return OrderFacts(operator, cost, contested=rival is not None)


def avoided(earlier: Iterable[Attempt]) -> dict[str, int]:
    """Chips that an order avoids after its earlier attempts, each with the time until when."""
    return {
        one.chip: one.closed_at + retry.AVOID_SECONDS * MS
        for one in earlier
        if one.closed_at is not None
        and one.reason is not None
        and not retry.RULES[Reason(one.reason)].same_chip
    }


def _own(own: int | None, shared: int | None) -> int | None:
    return shared if own is None else own
