"""Placing an order, whatever channel it came over: accepted, told to the daemon, its chip woken.

What is decided is decided in `queue/intake.py`, in one transaction of its agent's turn.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from peewee import Database

from pulsarack.daemon.context import Context
from pulsarack.daemon.errors import DaemonError
from pulsarack.queue import intake, intake_many
from pulsarack.queue.intake import Accepted, Origin, Repeated
from pulsarack.queue.intake_many import Answer, Wanted
from pulsarack.queue.orders import Order
from pulsarack.queue.request import Request
from pulsarack.queue.validation import Refusal

T = TypeVar("T")

ORDERS_A_JOB = 32
"""Of one request: they cost the writing thread less than eight single orders do, so what waits
behind them does not wait long; they count as so many in their agent's turn (store_lanes.py)."""


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
        reply_number: str | None = None,
        dialect: str = "",
        placed_by: str = "",
    ) -> Origin:
        """Who orders, how, and when: now."""
        now_ms = self._context.clock.now_ms()
        return Origin(
            agent=agent,
            channel=channel,
            text=text,
            client_reference=client_reference,
            received_at=now_ms,
            local_day=self._context.day_of(now_ms),
            time_limit_seconds=int(self._context.config.orders.time_limit_seconds),
            address=address,
            receiver=receiver,
            reply_number=reply_number,
            dialect=dialect,
            placed_by=placed_by,
        )

    async def place(
        self,
        request: Request,
        origin: Origin,
        *,
        first: Callable[[Database], None] | None = None,
    ) -> Accepted | Repeated | Refusal:
        """Accept an order, or answer with the first one of its reference; raises Busy.

        What was accepted is on disk when this returns. `first` is done in the same transaction,
        before anything else; what it raises is raised here, and nothing is done.
        """
        answer, _ = await self.place_and(request, origin, lambda _db, _order: None, first=first)
        return answer

    async def place_and(
        self,
        request: Request,
        origin: Origin,
        more: Callable[[Database, Order], T],
        *,
        first: Callable[[Database], None] | None = None,
    ) -> tuple[Accepted | Repeated | Refusal, T | None]:
        """As `place`, and what `more` finds in the same transaction about an order that was there
        already. Of one that is accepted right now there is nothing more: it has its row.
        """

        def job(db: Database) -> tuple[Accepted | Repeated | Refusal, T | None]:
            if first is not None:
                first(db)
            found = intake.accept(db, request, origin)
            return found, _more(db, found, more)

        # In its agent's turn: who sends one order does not wait for who sends a thousand.
        answer, extra = await self._context.store.write_for(origin.agent, job)
        self._tell(origin, answer)
        return answer, extra

    async def place_many(
        self,
        wanted: Sequence[Wanted],
        common: Origin,
        more: Callable[[Database, Order], T],
    ) -> list[tuple[Answer, T | None] | Exception]:
        """Accept orders of one agent, each as `place_and` would.

        In an order's place may stand what `place_and` would have raised; whether it was written is
        as uncertain as there. They are taken in their order, unless there is no room for some.
        """
        groups = [wanted[at : at + ORDERS_A_JOB] for at in range(0, len(wanted), ORDERS_A_JOB)]
        found = await asyncio.gather(*(self._place_group(one, common, more) for one in groups))
        return list(itertools.chain.from_iterable(found))

    async def _place_group(
        self,
        wanted: Sequence[Wanted],
        common: Origin,
        more: Callable[[Database, Order], T],
    ) -> Sequence[tuple[Answer, T | None] | Exception]:
        def job(db: Database) -> list[tuple[Answer, T | None]]:
            found = intake_many.accept_many(db, wanted, common)
            return [(answer, _more(db, answer, more)) for answer in found]

        try:
            answers = await self._context.store.write_for(common.agent, job, len(wanted))
        except DaemonError as error:
            # It is not the orders' fault, and they share it.
            return [error] * len(wanted)
        except Exception as error:  # noqa: BLE001 - it is the order's, and others shall be told
            if len(wanted) == 1:
                return [error]
            # A fault of ours, with one of them, which has undone all: it shall harm no other.
            return [await self._place_alone(one, common, more) for one in wanted]
        self._tell_all(wanted, common, answers)
        return answers

    async def _place_alone(
        self, one: Wanted, common: Origin, more: Callable[[Database, Order], T]
    ) -> tuple[Answer, T | None] | Exception:
        try:
            return await self.place_and(one.request, one.origin(common), more)
        except Exception as error:  # noqa: BLE001 - the caller's, who asked for others as well
            return error

    def tell_accepted(self, accepted: Iterable[Order]) -> None:
        """Tell followers of orders that are on disk, and wake their operators' chips."""
        context, log = self._context, self._context.log
        counted = context.measures.accepted
        operators: dict[str, None] = {}  # a dict for its order
        for order in accepted:
            # One line an order is enough, and that is its last.
            log.debug("order.accepted", order=order.id, agent=order.agent, product=order.product)
            counted[(order.operator, order.channel)] += 1
            context.tell_followers(order, None)
            operators[order.operator] = None
        for operator in operators:
            self._wake(operator)

    def _tell(self, origin: Origin, answer: Answer) -> None:
        if isinstance(answer, Refusal):
            self._tell_refused(origin.text, origin, answer)
        elif isinstance(answer, Accepted) and not answer.repeated:
            self.tell_accepted((answer.order,))

    def _tell_all(
        self, wanted: Sequence[Wanted], common: Origin, answers: Sequence[tuple[Answer, object]]
    ) -> None:
        accepted = []
        for one, (answer, _) in zip(wanted, answers, strict=True):
            if isinstance(answer, Refusal):
                self._tell_refused(one.text, common, answer)
            elif isinstance(answer, Accepted) and not answer.repeated:
                accepted.append(answer.order)
        self.tell_accepted(accepted)

    def _tell_refused(self, text: str, origin: Origin, refusal: Refusal) -> None:
        self._context.log.info(
            "order.refused",
            agent=origin.agent[:40],
            channel=origin.channel,
            code=refusal.code.value,
            text=text[:200],
        )


def _more(db: Database, answer: Answer, more: Callable[[Database, Order], T]) -> T | None:
    if isinstance(answer, Accepted) and answer.repeated:
        return more(db, answer.order)
    return None
