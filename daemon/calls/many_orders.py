"""order.new_many: the orders of one request, each answered as order.new would answer it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from pulsarack.daemon.calls.office import Office, refused
from pulsarack.daemon.calls.order_calls import refuse, request_of, row_of, text_of, tries_of
from pulsarack.daemon.control_arguments import OrderNew, OrderNewMany
from pulsarack.daemon.control_protocol import (
    BUSY,
    Call,
    CallError,
    Calls,
    Peer,
    call_error,
    check_arguments,
)
from pulsarack.daemon.ordering import Ordering
from pulsarack.queue.intake import Accepted, Repeated
from pulsarack.queue.intake_many import Wanted
from pulsarack.queue.messages import SOCKET
from pulsarack.queue.validation import Refusal

_ONE = Call("order.new", OrderNew)
_INTERNAL = CallError(
    "INTERNAL",
    "the daemon failed while it placed this order",
    "look into its log (journalctl -u pulsarack); the order may be sent again with its reference",
)
Result = dict[str, Any]


class _Part(NamedTuple):
    """The orders of one agent, and where in the request they stand."""

    places: list[int]
    wanted: list[Wanted]


class ManyOrders:
    """Answers order.new_many."""

    def __init__(self, office: Office) -> None:
        self._log = office.context.log
        self._pressure = office.pressure
        self._past = office.past_orders
        self._ordering = Ordering(office.context, office.dispatcher.wake)

    def register(self, calls: Calls) -> None:
        """Add the call to the registry."""
        calls.add("order.new_many", self.new_many)

    async def new_many(self, args: OrderNewMany, peer: Peer) -> Result:
        """Accept orders; what is wrong with one of them is told in its place.

        Each agent's are placed in that agent's turn, as single ones are.
        """
        answers: list[Result] = [{}] * len(args.orders)
        parts: dict[str, _Part] = defaultdict(lambda: _Part([], []))
        for place, one in enumerate(_arguments(args.orders)):
            if isinstance(one, CallError):
                answers[place] = _error(one)
            elif isinstance(asked := request_of(one), Refusal):
                answers[place] = _error(refuse(self._log, one, asked))
            else:
                part = parts[one.agent]
                part.places.append(place)
                part.wanted.append(Wanted(asked, text_of(one, asked), one.client_reference))
        by = f"{peer.login} (uid {peer.uid})"
        await asyncio.gather(
            *(self._place(agent, part, by, peer, answers) for agent, part in parts.items())
        )
        return {"orders": answers}

    async def _place(
        self, agent: str, part: _Part, placed_by: str, peer: Peer, answers: list[Result]
    ) -> None:
        """Place the orders of an agent, and put what is said of each in its place."""
        common = self._ordering.origin(agent, SOCKET, "", placed_by=placed_by)
        found = await self._ordering.place_many(part.wanted, common, tries_of)
        for place, one in zip(part.places, found, strict=True):
            if isinstance(one, Exception):
                answers[place] = self._failure(one, peer)
                continue
            answer, tried = one
            if isinstance(answer, Accepted):
                answers[place] = {"order": row_of(answer, tried)}
            else:
                answers[place] = await self._without_row(answer, peer)

    async def _without_row(self, answer: Repeated | Refusal, peer: Peer) -> Result:
        """What is said of an order that was not accepted, or so long ago that it is archived."""
        if isinstance(answer, Refusal):
            return _error(refused(answer))
        try:
            return {"order": {**await self._past.row(answer.past), "repeated": True}}
        except Exception as error:  # noqa: BLE001 - who placed the others shall hear of them
            return self._failure(error, peer)

    def _failure(self, error: Exception, peer: Peer) -> Result:
        """What the single call would be answered; counted and logged as there (control.py)."""
        told = call_error(error)
        if told is None:
            self._log.error(
                "control.call_failed", call="order.new_many", uid=peer.uid, exc_info=error
            )
            return _error(_INTERNAL)
        if told.code == BUSY and self._pressure is not None:
            self._pressure.refused(BUSY, pid=peer.pid)
        return _error(told)


def _arguments(orders: list[Any]) -> Sequence[OrderNew | CallError]:
    """Each as the arguments of an order.new; what is wrong with one stands in its place."""
    try:
        return msgspec.convert(orders, list[OrderNew])
    except msgspec.ValidationError:
        return [_argument(one) for one in orders]


def _argument(given: Any) -> OrderNew | CallError:
    if not isinstance(given, dict):
        return CallError("BAD_ARGUMENT", "this order is no object", 'write {"agent": "...", ...}')
    try:
        args = check_arguments(_ONE, given)
    except CallError as error:
        return error
    assert isinstance(args, OrderNew)
    return args


def _error(error: CallError) -> Result:
    return {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
