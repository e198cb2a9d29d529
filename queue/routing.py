"""Which chip takes an order: a pure function over facts.

Every rule is a small function that says in words why a chip cannot take the order,
or None. Among the chips that can, the one that carried least today wins, then the
one that has waited longest, then the lower ICCID, so that the choice never depends
on the order in which chips were listed. `route explain` prints exactly this; who has
many orders to give away ranks the chips once and asks `first_able`, which chooses alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pulsarack.queue import retry

MS = 1000
HOUR_MS = 3600 * MS


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What routing needs to know of an order. Cost in rupiah."""

    operator: str
    cost: int
    contested: bool = False  # an order for the same number and amount is under way


@dataclass(frozen=True, slots=True)
class ChipFacts:
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a chip would or would not take the order; no reasons means it can."""

    iccid: str
    name: str
    reasons: tuple[str, ...]
    load: int


@dataclass(frozen=True, slots=True)
class Route:
    """The verdict on every chip, and the chip that wins, if any."""

    verdicts: tuple[Verdict, ...]
    winner: str | None


Rule = Callable[[OrderFacts, ChipFacts, int], str | None]


def _capability(order: OrderFacts, chip: ChipFacts, now_ms: int) -> str | None:
    if chip.operator != order.operator:
        return f"sells {chip.operator or 'nothing'}, not {order.operator}"
    return None


def _contested(order: OrderFacts, chip: ChipFacts, now_ms: int) -> str | None:
    if order.contested:
        return "an order for the same number and amount is under way on this operator"
    return None


def _health(order: OrderFacts, chip: ChipFacts, now_ms: int) -> str | None:
    if chip.state == "ACTIVE":
        return None
    return f"{chip.state.lower()}{': ' + chip.why if chip.why else ''}"


def _presence(order: OrderFacts, chip: ChipFacts, now_ms: int) -> str | None:
    return None if chip.present else "not plugged in, or its modem is not ready"


def _idleness(order: OrderFacts, chip: ChipFacts, now_ms: int) -> str | None:
    return f"busy: {chip.busy}" if chip.busy else None


def _stock(order: OrderFacts, chip: ChipFacts, now_ms: int) -> str | None:
    if not chip.stock_exact:
        return "its stock has to be read first"
    if chip.stock_available - order.cost < chip.reserve:
        return (
            f"stock {chip.stock_available} less cost {order.cost} is below reserve {chip.reserve}"
        )
    return None


def pause_ends(chip: ChipFacts) -> int:
    """When a chip's pause after its last attempt is over, milliseconds UTC."""
    return (chip.last_claimed_at or 0) + chip.pause_seconds * MS


def _pacing(order: OrderFacts, chip: ChipFacts, now_ms: int) -> str | None:
    if chip.last_claimed_at is None:
        return None
    wait_ms = pause_ends(chip) - now_ms
    return f"pauses {-(-wait_ms // MS)} s more" if wait_ms > 0 else None


def reached_cap(chip: ChipFacts) -> str | None:
    """Which of its limits a chip has reached; it rests until it may sell again."""
    if chip.per_hour is not None and chip.sold_hour >= chip.per_hour:
        return f"{chip.sold_hour} of {chip.per_hour} an hour sold"
    if chip.per_day is not None and chip.sold_today >= chip.per_day:
        return f"{chip.sold_today} of {chip.per_day} a day sold"
    return None


def _caps(order: OrderFacts, chip: ChipFacts, now_ms: int) -> str | None:
    cap = reached_cap(chip)
    return f"rests: {cap}" if cap else None


def _history(order: OrderFacts, chip: ChipFacts, now_ms: int) -> str | None:
    # Never longer than the rule says: the clock may have been set back meanwhile.
    longest = now_ms + retry.AVOID_SECONDS * MS
    if chip.avoid_until is not None and now_ms < chip.avoid_until <= longest:
        return "this order failed on it a moment ago"
    return None


RULES: tuple[Rule, ...] = (
    _capability,
    _contested,
    _health,
    _presence,
    _idleness,
    _stock,
    _pacing,
    _caps,
    _history,
)


def judge(order: OrderFacts, chip: ChipFacts, now_ms: int) -> Verdict:
    """All that speaks against a chip for an order."""
    found = (rule(order, chip, now_ms) for rule in RULES)
    return Verdict(chip.iccid, chip.name, tuple(r for r in found if r), chip.sold_today)


def can_take(order: OrderFacts, chip: ChipFacts, now_ms: int) -> bool:
    """Whether nothing speaks against a chip: asked of hundreds that stand idle, for one order."""
    for rule in RULES:  # noqa: SIM110 - a generator costs as much as the rules
        if rule(order, chip, now_ms) is not None:
            return False
    return True


def route(order: OrderFacts, chips: Iterable[ChipFacts], now_ms: int) -> Route:
    """Judge all chips and choose one."""
    judged = [(judge(order, chip, now_ms), chip) for chip in chips]
    able = [chip for verdict, chip in judged if not verdict.reasons]
    best = min(able, key=_preference, default=None)
    return Route(tuple(verdict for verdict, _ in judged), best.iccid if best else None)


def ranked(chips: Iterable[ChipFacts]) -> list[ChipFacts]:
    """The chips, best first: of those that can take an order the first one wins."""
    return sorted(chips, key=_preference)


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
        facts = chip if until is None else replace(chip, avoid_until=until)
        verdict = judge(order, facts, now_ms)
        verdicts.append(verdict)
        if winner is not None:
            further -= 1
        elif not verdict.reasons:
            winner = chip.iccid
        if winner is not None and further <= 0:
            break
    return Route(tuple(verdicts), winner)


def _preference(chip: ChipFacts) -> tuple[int, int, str]:
    return chip.sold_today, chip.last_claimed_at or 0, chip.iccid
