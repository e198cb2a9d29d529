"""Which chip takes an order: a pure function over facts.

Every rule (`objections`) says in words why a chip cannot take the order. Among the
chips that can, the one that carried least today wins, then the one that has waited
longest, then the lower ICCID, so that the choice never depends on the order in which
chips were listed. `route explain` prints exactly this; who has many orders to give
away ranks the chips once and asks `first_able`, which chooses alike.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pulsarack.queue import retry

MS = 1000
HOUR_MS = 3600 * MS


class OrderFacts(NamedTuple):
    """What routing needs to know of an order. Cost in rupiah."""

    operator: str
    cost: int
    contested: bool = False  # an order for the same number and amount is under way


class ChipFacts(NamedTuple):
    """What routing needs to know of a chip; counts are of top-ups not proved undone."""

    iccid: str
    name: str
    operator: str
    state: str
    why: str
    present: bool
    busy: str  # what it is doing now, or ''
    stock_exact: bool
    stock_posted: int
    stock_available: int
    reserve: int
    pause_seconds: int
    per_hour: int | None
    per_day: int | None
    sold_hour: int
    sold_today: int
    last_claimed_at: int | None
    avoid_until: int | None = None  # this order failed on this chip a moment ago
    reply_owed: bool = False  # the operator may still answer an earlier order; says nothing here


class Verdict(NamedTuple):
    """Why a chip would or would not take the order; no reasons means it can."""

    iccid: str
    name: str
    reasons: tuple[str, ...]
    load: int


class Route(NamedTuple):
    """The verdict on every chip, and the chip that wins, if any."""

    verdicts: tuple[Verdict, ...]
    winner: str | None


def pause_ends(chip: ChipFacts) -> int:
    """When a chip's pause after its last attempt is over, milliseconds UTC."""
    return (chip.last_claimed_at or 0) + chip.pause_seconds * MS


def reached_cap(chip: ChipFacts) -> str | None:
    """Which of its limits a chip has reached; it rests until it may sell again."""
    if chip.per_hour is not None and chip.sold_hour >= chip.per_hour:
        return f"{chip.sold_hour} of {chip.per_hour} an hour sold"
    if chip.per_day is not None and chip.sold_today >= chip.per_day:
        return f"{chip.sold_today} of {chip.per_day} a day sold"
    return None


def objections(order: OrderFacts, chip: ChipFacts, now_ms: int) -> Iterator[str]:
    """Every rule by which a chip cannot take an order, in words; none if it can."""
    if chip.operator != order.operator:
        yield f"sells {chip.operator or 'nothing'}, not {order.operator}"
    if order.contested:
        yield "an order for the same number and amount is under way on this operator"
    if chip.state != "ACTIVE":
        yield f"{chip.state.lower()}{': ' + chip.why if chip.why else ''}"
    if not chip.present:
        yield "not plugged in, or its modem is not ready"
    if chip.busy:
        yield f"busy: {chip.busy}"
    if not chip.stock_exact:
        yield "its stock has to be read first"
    elif chip.stock_available - order.cost < chip.reserve:
        yield f"stock {chip.stock_available} less cost {order.cost} is below reserve {chip.reserve}"
    if chip.last_claimed_at is not None and (wait_ms := pause_ends(chip) - now_ms) > 0:
        yield f"pauses {-(-wait_ms // MS)} s more"
    if cap := reached_cap(chip):
        yield f"rests: {cap}"
    # Never longer than the rule says: the clock may have been set back meanwhile.
    longest = now_ms + retry.AVOID_SECONDS * MS
    if chip.avoid_until is not None and now_ms < chip.avoid_until <= longest:
        yield "this order failed on it a moment ago"


def judge(order: OrderFacts, chip: ChipFacts, now_ms: int) -> Verdict:
    """All that speaks against a chip for an order."""
    reasons = tuple(objections(order, chip, now_ms))
    return Verdict(chip.iccid, chip.name, reasons, chip.sold_today)


def can_take(order: OrderFacts, chip: ChipFacts, now_ms: int) -> bool:
    """Whether nothing speaks against a chip: asked of hundreds that stand idle, for one order."""
    return next(objections(order, chip, now_ms), None) is None


def route(order: OrderFacts, chips: Iterable[ChipFacts], now_ms: int) -> Route:
    """Judge all chips and choose one."""
    judged = [(judge(order, chip, now_ms), chip) for chip in chips]
    able = [chip for verdict, chip in judged if not verdict.reasons]
    best = min(able, key=preference, default=None)
    return Route(tuple(verdict for verdict, _ in judged), best.iccid if best else None)


def ranked(chips: Iterable[ChipFacts]) -> list[ChipFacts]:
    """The chips, best first: of those that can take an order the first one wins."""
    return sorted(chips, key=preference)


def first_able(
    order: OrderFacts,
    chips: Sequence[ChipFacts],
    avoided: Mapping[str, int],
    now_ms: int,
    *,
    further: int,
) -> Route:
    """Choose among ranked chips as `route` does, but judge only so many behind the winner.

    `avoided`: chips that this order avoids, each with the time until when.
    """
    verdicts: list[Verdict] = []
    winner: str | None = None
    for chip in chips:
        until = avoided.get(chip.iccid)
        facts = chip if until is None else chip._replace(avoid_until=until)
        verdict = judge(order, facts, now_ms)
        verdicts.append(verdict)
        if winner is not None:
            further -= 1
        elif not verdict.reasons:
            winner = chip.iccid
        if winner is not None and further <= 0:
            break
    return Route(tuple(verdicts), winner)


def preference(chip: ChipFacts) -> tuple[int, int, str]:
    """What chips that can take an order are ranked by, the lowest first."""
    return chip.sold_today, chip.last_claimed_at or 0, chip.iccid
