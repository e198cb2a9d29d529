"""What every part of the running daemon is given: the store, the clock, the words."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from peewee import Database

from pulsarack.daemon import log as logging
from pulsarack.daemon.calendar import Days
from pulsarack.daemon.channels.sms.reception import Reception
from pulsarack.daemon.config import Config
from pulsarack.daemon.derived import Derived
from pulsarack.daemon.events import Events
from pulsarack.daemon.measures import Measures
from pulsarack.daemon.secrets import Secrets
from pulsarack.daemon.store import Transactions
from pulsarack.modems.timing import Clock
from pulsarack.queue import orders
from pulsarack.queue.facts import Limits
from pulsarack.queue.orders import AttemptSummary, Order
from pulsarack.queue.state import OrderState
from pulsarack.ussd.outcome import Reason
from pulsarack.ussd.recipe import Recipe
from pulsarack.ussd.shelf import Shelf

MS = 1000
STANDING_STILL = (Reason.CONTRADICTED, Reason.RESTORED)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an order stands, as it is told."""

    order: Order
    attempts: AttemptSummary


@dataclass(frozen=True, slots=True)
class Context:
    """The daemon's surroundings; built once by `run.py`, or by a simulation.

    `config`, `shelf` and `secrets` are the same objects as long as the daemon runs; a reload
    changes what is in them.
    `new_id` gives a key that no other call got, for what a caller did not name itself. At the
    `reception` the chips hand in what agents write to them, once it is opened.
    """

    config: Config
    clock: Clock
    store: Transactions
    shelf: Shelf
    secrets: Secrets
    events: Events
    log: logging.Logger
    new_id: Callable[[], str]
    measures: Measures = field(default_factory=Measures, repr=False, compare=False)
    reception: Reception = field(init=False, repr=False, compare=False)
    _days: Days = field(init=False, repr=False, compare=False)
    _limits: Derived[dict[str, Limits]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Open the calendar of the place where the trade is; the reception opens later."""
        object.__setattr__(self, "reception", Reception(self.clock, self.log))
        object.__setattr__(self, "_days", Days(self.config.daemon.timezone))
        object.__setattr__(self, "_limits", Derived(self.config, lambda _config: {}))

    def day(self) -> str:
        """Today, where the trade is."""
        return self._days.of(self.clock.now_ms()).name

    def day_of(self, at_ms: int) -> str:
        """The day of a moment (milliseconds UTC), where the trade is."""
        return self._days.of(at_ms).name

    def day_started_at(self, now_ms: int) -> int:
        """When the day of that moment began, milliseconds UTC."""
        return self._days.of(now_ms).begins_at

    def day_ends_at(self, now_ms: int) -> int:
        """When the day of that moment ends, milliseconds UTC."""
        return self._days.of(now_ms).ends_at

    def limits(self, recipe: Recipe) -> Limits:
        """The limits of a chip that was given none of its own: the stricter of the
        configuration's and the recipe's."""
        known = self._limits()
        found = known.get(recipe.content_hash)
        if found is None:
            ours, theirs = self.config.chips, recipe.limits
            found = known[recipe.content_hash] = Limits(
                pause_seconds=math.ceil(max(ours.pause_seconds, theirs.pause_seconds)),
                per_hour=_lower(ours.per_hour, theirs.per_hour),
                per_day=_lower(ours.per_day, theirs.per_day),
                reserve=ours.reserve,
            )
        return found

    async def announce(self, order_id: int) -> Order:
        """Look how an order stands and tell it."""
        standing = await self.store.read(lambda db: look_at(db, order_id))
        self.tell(standing)
        return standing.order

    def tell_followers(
        self, order: Order, chip: str | None, *, state: OrderState | None = None
    ) -> None:
        """The event of an order; `state`: where it stands by now, if the row is older."""
        self.events.publish(
            "order",
            id=order.id,
            state=state or order.state,
            agent=order.agent,
            operator=order.operator,
            product=order.product,
            channel=order.channel,
            reason=order.reason,
            chip=chip,
        )

    def tell(self, standing: Standing) -> None:
        """Tell followers how an order stands; a finished one gets its line in the log.

        By that one line it is found, counted and timed: `reason` is why it is not SUCCEEDED, the
        seconds count from its receipt to its first claim (or its end, without one) and its end.
        """
        order, attempts = standing.order, standing.attempts
        self.tell_followers(order, attempts.chip)
        if order.finished_at is not None:
            self.events.finished(order)
            self.measures.order_ended(order, attempts)
            self.log.info(
                "order.finished",
                order=order.id,
                agent=order.agent,
                product=order.product,
                destination=order.destination,
                chip=attempts.chip,
                slot=attempts.slot,
                attempts=attempts.count,
                outcome=order.state,
                reason=order.reason,
                seconds_queued=(
                    (attempts.first_claimed_at or order.finished_at) - order.received_at
                )
                / MS,
                seconds_total=(order.finished_at - order.received_at) / MS,
            )
        elif order.state == OrderState.UNKNOWN:
            self.log.warning("order.undecided", order=order.id, chip=attempts.chip)
        elif order.state == OrderState.QUEUED and order.reason in STANDING_STILL:
            remedy = f"pulsarack order resolve {order.id} --delivered or --not-delivered"
            self.log.error("order.needs_decision", order=order.id, remedy=remedy)


def look_at(db: Database, order_id: int) -> Standing:
    """How an order stands, for `Context.tell`."""
    return Standing(orders.get(db, order_id), orders.attempt_summary(db, order_id))


def _lower(first: int | None, second: int | None) -> int | None:
    given = [limit for limit in (first, second) if limit is not None]
    return min(given, default=None)
