"""The facts that routing judges, gathered from the database and from the rack.

What the database knows of a chip (state, caps, stock after holds, what it sold) is
read here; what only the running daemon knows (is it plugged in, what is it doing)
comes in as `Presence`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from peewee import Database

from pulsarack.ledger import accounts, books
from pulsarack.queue import chips, clock_steps, retry
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.chips import Chip, ChipState
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


@dataclass(frozen=True, slots=True)
class Presence:
    """What the rack knows of a chip that is plugged in and whose modem is ready."""

    slot: str
    modem: str
    busy: str = ""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Sales:
    """How much a chip has carried; attempts proved not done do not count."""

    hour: int
    today: int
    last_claimed_at: int | None


def _count(since: str) -> str:
    """SQL: a chip's attempts of an era since then, less those proved not done.

    All are counted in an index that says nothing of the outcome, so that no row is read and
    nothing moves when an attempt is closed; those proved not done are few.
    """
    counted = f"SELECT count(*) FROM attempt WHERE chip = ?1 AND {since} AND id > ?5 AND id <= ?6"
    return f"({counted}) - ({counted} AND outcome = 'NOT_DONE')"


_SALES = (
    f"SELECT {_count('claimed_at > ?2')}, {_count('claimed_at >= ?3')},"
    " (SELECT max(claimed_at) FROM attempt WHERE chip = ?1 AND claimed_at >= ?4"
    " AND id > ?5 AND id <= ?6)"
)


def sales(db: Database, iccid: str, *, now_ms: int, day_started_at: int) -> Sales:
    """Count a chip's attempts of the last hour and of the local day."""
    hour = today = 0
    since = min(day_started_at, now_ms - HOUR_MS)
    latest: list[int] = []
    before = 2**63 - 1
    eras = clock_steps.eras(db, back_to_ms=since)
    for era in eras:
        row = tuples(
            db,
            _SALES,
            (
                iccid,
                now_ms - HOUR_MS - era.offset_ms,
                day_started_at - era.offset_ms,
                since - era.offset_ms,
                era.after_attempt,
                before,
            ),
        )[0]
        hour, today, before = hour + int(row[0]), today + int(row[1]), era.after_attempt
        latest += [] if row[2] is None else [int(row[2]) + era.offset_ms]
    if not latest:
        last = scalar(db, "SELECT max(claimed_at) FROM attempt WHERE chip = ?", (iccid,))
        # Before `since` by whatever clock; read raw it could lie ahead of one that was set back.
        return Sales(0, 0, None if last is None else min(last + eras[-1].offset_ms, since))
    return Sales(hour, today, max(latest))


def of_chip(
    db: Database,
    chip: Chip,
    presence: Presence | None,
    *,
    now_ms: int,
    day_started_at: int,
) -> ChipFacts:
    """One chip's facts. A chip that is not plugged in has no presence."""
    sold = sales(db, chip.iccid, now_ms=now_ms, day_started_at=day_started_at)
    balance = books.balance(db, accounts.chip(chip.iccid))
    limits = presence.limits if presence else Limits()
    rested = (
        chip.state == ChipState.RESTING
        and chip.rest_until is not None
        and chip.rest_until <= now_ms
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
        stock_posted=balance.posted if balance else 0,
        stock_available=balance.available if balance else 0,
        reserve=max(chip.reserve, limits.reserve),
        pause_seconds=_own(chip.pause_seconds, limits.pause_seconds) or 0,
        per_hour=_own(chip.per_hour, limits.per_hour),
        per_day=_own(chip.per_day, limits.per_day),
        sold_hour=sold.hour,
        sold_today=sold.today,
        last_claimed_at=sold.last_claimed_at,
    )


def of_rack(
    db: Database, presences: Mapping[str, Presence], *, now_ms: int, day_started_at: int
) -> list[ChipFacts]:
    """The facts of every chip that was ever adopted or seen, plugged in or not."""
    return [
        of_chip(db, chip, presences.get(chip.iccid), now_ms=now_ms, day_started_at=day_started_at)
        for chip in chips.every(db)
    ]


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
