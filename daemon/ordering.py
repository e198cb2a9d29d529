"""Placing an order, whatever channel it came over: accepted, told to the daemon, its chip woken.

What is decided is decided in `queue/intake.py`, in one transaction of its agent's turn.
"""

from collections.abc import Callable
from typing import TypeVar

from peewee import Database

from pulsarack.daemon.context import Context
from pulsarack.queue import intake
from pulsarack.queue.intake import Accepted, Origin, Repeated
from pulsarack.queue.orders import Order
from pulsarack.queue.request import Request
from pulsarack.queue.validation import Refusal

T = TypeVar("T")


class Ordering:
    """Takes orders; `wake` is given the operator of what was accepted."""

    def __init__(self, context: Context, wake: Callable[[str | None], None]) -> None:
        self._context = context
        self._wake = wake

    def origin(
        self,
        agent: str,
        channel: str,
        text: str,
        *,
        client_reference: str | None = None,
        address: str | None = None,
        receiver: str = "",
        dialect: str = "",
        placed_by: str = "",
    ) -> Origin:
        """Who orders, how, and when: now."""
        return Origin(
            agent=agent,
            channel=channel,
            text=text,
            client_reference=client_reference,
            received_at=self._context.clock.now_ms(),
            local_day=self._context.day(),
            time_limit_seconds=int(self._context.config.orders.time_limit_seconds),
            address=address,
            receiver=receiver,
            dialect=dialect,
            placed_by=placed_by,
        )

    async def place(
        self,
        request: Request,
        origin: Origin,
        *,
        first: Callable[[Database], Refusal | None] | None = None,
    ) -> Accepted | Repeated | Refusal:
        """Accept an order, or answer with the first one of its reference; raises Busy.

        What was accepted is on disk when this returns. `first` is done in the same transaction,
        before anything else, and may refuse; what it raises is raised here, and nothing is done.
        """
        answer, _ = await self.place_and(request, origin, lambda _db, _accepted: None, first=first)
        return answer

    async def place_and(
        self,
        request: Request,
        origin: Origin,
        more: Callable[[Database, Accepted], T],
        *,
        first: Callable[[Database], Refusal | None] | None = None,
    ) -> tuple[Accepted | Repeated | Refusal, T | None]:
        """As `place`, and what `more` finds in the same transaction about an accepted order."""

        def job(db: Database) -> tuple[Accepted | Repeated | Refusal, T | None]:
            refused = None if first is None else first(db)
            found = refused or intake.accept(db, request, origin)
            return found, more(db, found) if isinstance(found, Accepted) else None

        # In its agent's turn: who sends one order does not wait for who sends a thousand.
        answer, extra = await self._context.store.write_for(origin.agent, job)
        if isinstance(answer, Refusal):
            self._tell_refused(origin, answer)
        elif isinstance(answer, Accepted) and not answer.repeated:
            self.tell_accepted(answer.order)
        return answer, extra

    def tell_accepted(self, order: Order) -> None:
        """Tell followers of an order that is on disk, and wake its operator's chips."""
        # One line an order is enough, and that is its last.
        self._context.log.debug(
            "order.accepted", order=order.id, agent=order.agent, product=order.product
        )
        self._context.measures.accepted[(order.operator, order.channel)] += 1
        self._context.tell_followers(order, None)
        self._wake(order.operator)

    def _tell_refused(self, origin: Origin, refusal: Refusal) -> None:
        self._context.log.info(
            "order.refused",
            agent=origin.agent[:40],
            channel=origin.channel,
            code=refusal.code.value,
            text=origin.text[:200],
        )
