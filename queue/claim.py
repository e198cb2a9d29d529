"""Claiming: the orders that wait meet the idle chips, in one transaction.

For every operator with an idle chip the queued orders are routed one by one, the oldest of
each agent in turn, so that nobody waits behind all that another has sent; a claim writes
the attempt and holds the chip's stock before any byte is sent. The ledger and two unique
indexes have the last word: a chip without stock, or one that holds an open attempt, cannot
be claimed whatever routing believed.

A rack stands idle most of the time, and asking anew about hundreds of chips for every
order would keep it waiting. So what is known of an idle chip is kept (`Known`) by whoever
lets it stand there, until something happens to that chip. It only decides which chip is
tried: the one that wins is looked at again before it is claimed.
"""

import bisect
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from peewee import Database

from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.queue import attempts, chips, evidence, facts, orders, state
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.carried import Carried
from pulsarack.queue.chips import Chip, ChipState
from pulsarack.queue.errors import ClaimLost
from pulsarack.queue.facts import Moment, Presence
from pulsarack.queue.orders import AttemptSummary, Order, Waiting
from pulsarack.queue.routing import (
    ChipFacts,
    OrderFacts,
    Route,
    can_take,
    first_able,
    pause_ends,
    preference,
    ranked,
    reached_cap,
)
from pulsarack.queue.rows import insert
from pulsarack.queue.state import OrderState

# How many orders of an operator are looked at for each idle chip: enough to pass by
# those that no idle chip may take, few enough to cost nothing when thousands wait.
LOOK_AHEAD = 8
_REASONS_KEPT = 16
# How many chips behind the winner are kept with an attempt, to show why it won.
_BEATEN_KEPT = 3


class Claim(NamedTuple):
    """An order on its way: what the chip's worker needs.

    `spent_serial_numbers`, those of the last days, prove nothing new of this destination;
    `reply_owed`: the chip may still get the answer to an earlier attempt. `tries` counts this
    attempt; no other can be made while it is open. `committed`: its point of no return is on disk
    with it.
    """

    order: Order
    attempt_id: int
    number: int
    chip: str
    slot: str
    spent_serial_numbers: frozenset[str]
    reply_owed: bool
    tries: AttemptSummary
    committed: bool = False


class IdleChip(NamedTuple):
    """A chip that could start at once; `late_ms` is how late its operator may answer.

    `at_once`: nothing would be done between the claim and the step that moves money, so that the
    claim is its point of no return. What may not pass that is not claimed either: an order that
    is not QUEUED, or stands still.
    """

    presence: Presence
    operator: str
    recipe_hash: str
    late_ms: int
    at_once: bool = False


@dataclass(slots=True)
class Known:
    """What is known of idle chips, by ICCID; holds for one local day.

    `chips` are those that may sell, `unable` those that may not at present. `turns`: the agent
    whose order was the last to go, by operator. `carried`: what was counted of the day.
    """

    chips: dict[str, ChipFacts] = field(default_factory=dict)
    unable: set[str] = field(default_factory=set)
    turns: dict[str, str] = field(default_factory=dict)
    carried: Carried = field(default_factory=Carried)
    day_started_at: int = 0

    def forget(self, iccid: str) -> None:
        """Something happened to a chip."""
        self.chips.pop(iccid, None)
        self.unable.discard(iccid)

    def time_passed(self) -> None:
        """What ends by itself may have ended: rests, and the hour of a limit."""
        self.unable.clear()
        for iccid in [iccid for iccid, chip in self.chips.items() if reached_cap(chip)]:
            del self.chips[iccid]

    def rewound(self, operators: Collection[str], idle: Collection[str] = ()) -> Callable[[], None]:
        """What a job calls before it claims for chips of `operators`, `idle` ones among them.

        If the job is run again, because what it did was undone, the turns are those that it found
        first, and what it found out about the chips counts no more. Else an agent could be passed
        by as often as another's job fails.
        """
        found: dict[str, str] = {}

        def begin() -> None:
            if found:
                self.turns.update(found)
                for iccid in idle:
                    self.forget(iccid)
            else:
                found.update((one, self.turns.get(one, "")) for one in operators)

        return begin

    def begin_day(self, day_started_at: int) -> None:
        """What was counted on another day counts no more."""
        if day_started_at != self.day_started_at:
            self.chips.clear()
            self.unable.clear()
            self.day_started_at = day_started_at

    def next_pause_ends(self, idle: Iterable[str], now_ms: int) -> int | None:
        """When the first of the idle chips that pause may sell again, if one pauses."""
        ends = (pause_ends(self.chips[iccid]) for iccid in idle if iccid in self.chips)
        return min((end for end in ends if end > now_ms), default=None)


def claim_ready(
    db: Database,
    idle: Mapping[str, IdleChip],
    known: Known,
    *,
    now_ms: int,
    day_started_at: int,
) -> list[Claim]:
    """Give the idle chips the orders they may take, in turn. One transaction.

    What is found out about a chip that may sell is added to `known`, and what turns out to
    hold no longer is taken out.
    """
    known.begin_day(day_started_at)
    claims = []
    for operator in sorted({chip.operator for chip in idle.values()}):
        if orders.any_queued(db, operator):
            mine = {iccid: chip for iccid, chip in idle.items() if chip.operator == operator}
            late_ms = max(chip.late_ms for chip in mine.values())
            at = facts.moment(
                db,
                now_ms=now_ms,
                day_started_at=day_started_at,
                late_ms=late_ms,
                carried=known.carried,
            )
            claims += _claim_all(db, operator, mine, known, at, set())
    return claims


def claim_for(
    db: Database,
    chip: Chip,
    ready: IdleChip,
    known: Known,
    *,
    now_ms: int,
    day_started_at: int,
) -> Claim | None:
    """The next order for one chip, as this transaction has just read it, with nothing open on it.

    Of what is `known` the turns count, and what was counted of the day; of chips nothing.
    """
    operator = ready.operator
    if not _may_sell(chip):
        return None
    after = known.turns.get(operator, "")
    waiting = orders.next_in_turn(db, operator, after=after, now_ms=now_ms)
    if waiting is None:
        return None
    at = facts.moment(
        db,
        now_ms=now_ms,
        day_started_at=day_started_at,
        late_ms=ready.late_ms,
        carried=known.carried,
    )
    own = facts.of_chip(db, chip, ready.presence, at, late_ms=ready.late_ms, shown=False)
    if not waiting.tried:
        order = waiting.order
        found = first_able(OrderFacts(operator, order.cost), [own], {}, now_ms, further=0)
        if found.winner is not None:
            claimed = _claim(db, order, found, own, ready, earlier=(), at=at)
            known.turns[operator] = order.agent
            return claimed
    # It is not for this chip, or not now; others may be.
    alone = Known({chip.iccid: own}, turns=known.turns, carried=known.carried)
    claims = _claim_all(db, operator, {chip.iccid: ready}, alone, at, {chip.iccid})
    return claims[0] if claims else None


def _claim_all(
    db: Database,
    operator: str,
    idle: Mapping[str, IdleChip],
    known: Known,
    at: Moment,
    fresh: set[str],
) -> list[Claim]:
    """The claims of one operator's idle chips; `fresh` are those looked at in this transaction."""
    for iccid in sorted(idle.keys() - known.chips.keys() - known.unable):
        if _look(db, iccid, idle[iccid], known, at):
            fresh.add(iccid)
    # A chip that no order could take now must not draw orders to look at.
    any_order = OrderFacts(operator, cost=0)
    free = ranked(
        chip
        for iccid in idle
        if (chip := known.chips.get(iccid)) is not None and can_take(any_order, chip, at.now_ms)
    )
    if not free:
        return []
    claims: list[Claim] = []
    tried: dict[int, Order] = {}
    under_way: set[tuple[str, int]] = set()
    for waiting in _in_turn(db, operator, free, known, at, tried):
        order = waiting.order
        # Of equal orders only one is under way; those of earlier passes were left out.
        if (order.destination, order.denomination) in under_way:
            continue
        claimed = _try(db, waiting, free, fresh, idle, known, at)
        if claimed is not None:
            claims.append(claimed)
            under_way.add((order.destination, order.denomination))
    if tried:
        # Those behind it go first next time.
        last = claims[-1].order if claims else list(tried.values())[-1]
        known.turns[operator] = last.agent
    return claims


def _in_turn(
    db: Database,
    operator: str,
    free: Sequence[ChipFacts],
    known: Known,
    at: Moment,
    tried: dict[int, Order],
) -> Iterator[Waiting]:
    """The orders to try while chips are free: one for each, then more if some cannot go."""
    limit = LOOK_AHEAD * len(free)
    for enough in (len(free), limit):
        if not free:
            return
        waiting = orders.fair(
            db,
            operator,
            after=known.turns.get(operator, ""),
            affordable=max(chip.stock_available - chip.reserve for chip in free),
            now_ms=at.now_ms,
            limit=enough,
        )
        for one in waiting:
            if one.order.id not in tried and free:
                tried[one.order.id] = one.order
                yield one
        if len(waiting) < enough:
            return


def _may_sell(chip: Chip) -> bool:
    return chip.state == ChipState.ACTIVE and bool(chip.stock_exact)


def _look(db: Database, iccid: str, ready: IdleChip, known: Known, at: Moment) -> bool:
    """Find out about a chip; whether it may sell at all."""
    known.forget(iccid)
    chip = chips.wake_if_rested(db, iccid, now_ms=at.now_ms)
    if chip is None or not _may_sell(chip) or attempts.open_on_chip(db, iccid) is not None:
        known.unable.add(iccid)
        return False
    known.chips[iccid] = facts.of_chip(
        db, chip, ready.presence, at, late_ms=ready.late_ms, shown=False
    )
    return True


def _try(
    db: Database,
    waiting: Waiting,
    free: list[ChipFacts],
    fresh: set[str],
    idle: Mapping[str, IdleChip],
    known: Known,
    at: Moment,
) -> Claim | None:
    """Claim the best chip for an order and take it out of `free`; None if none can take it."""
    order = waiting.order
    wanted = OrderFacts(order.operator, order.cost)
    earlier = attempts.of_order(db, order.id) if waiting.tried else []
    avoided = facts.avoided(earlier)
    while True:
        found = first_able(wanted, free, avoided, at.now_ms, further=_BEATEN_KEPT)
        if found.winner is None:
            return None
        ready = idle[found.winner]
        chip = known.chips.pop(found.winner)
        free.remove(chip)
        if found.winner in fresh:
            return _claim(db, order, found, chip, ready, earlier=earlier, at=at)
        # Nothing told us, but it may have been another program, or an admin a moment ago.
        if _look(db, found.winner, ready, known, at):
            fresh.add(found.winner)
            bisect.insort(free, known.chips[found.winner], key=preference)


def _claim(
    db: Database,
    order: Order,
    found: Route,
    chip: ChipFacts,
    idle: IdleChip,
    *,
    earlier: Sequence[Attempt],
    at: Moment,
) -> Claim:
    now_ms, number = at.now_ms, len(earlier) + 1
    state.move(db, order.id, OrderState.SENDING, why=f"claimed by chip {chip.name}", now_ms=now_ms)
    attempt_id = insert(
        db,
        "INSERT INTO attempt (order_id, number, chip, slot, modem, recipe, claimed_at,"
        " committed_at, stock_before, routing) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            order.id,
            number,
            chip.iccid,
            idle.presence.slot,
            idle.presence.modem,
            idle.recipe_hash,
            now_ms,
            now_ms if idle.at_once else None,
            chip.stock_posted if chip.stock_exact else None,
            explain(found),
        ),
    )
    memo = f"cost, attempt {number}"
    held = hold_cost(db, order, attempt_id, chip.iccid, memo=memo, now_ms=now_ms)
    if held is not Result.OK:
        raise ClaimLost(f"order {order.id}: the stock of chip {chip.name} refused it: {held}")
    return Claim(
        order,
        attempt_id,
        number,
        chip.iccid,
        idle.presence.slot,
        evidence.recent_serial_numbers(db, order.operator, order.destination, order.local_day),
        chip.reply_owed,
        AttemptSummary(
            number,
            chip.iccid,
            idle.presence.slot,
            earlier[0].claimed_at if earlier else now_ms,
        ),
        committed=idle.at_once,
    )


def hold_cost(
    db: Database, order: Order, attempt_id: int, iccid: str, *, memo: str, now_ms: int
) -> Result:
    """Hold an order's cost in the stock of the chip that tries it."""
    return journal.hold(
        db,
        Transfer(
            id=attempts.cost_hold(attempt_id),
            debit=accounts.AIRTIME,
            credit=accounts.chip(iccid),
            amount=order.cost,
            reference=orders.reference(order.id),
            memo=memo,
        ),
        now_ms=now_ms,
    )


def explain(found: Route) -> str:
    """Why the winner won, as JSON to keep with the attempt; the verdicts are capped."""
    return json.dumps(
        [
            {
                "chip": verdict.name,
                "load": verdict.load,
                "won": verdict.iccid == found.winner,
                "reasons": list(verdict.reasons),
            }
            for verdict in sorted(found.verdicts, key=lambda v: v.iccid != found.winner)
        ][:_REASONS_KEPT]
    )
