"""order.new_many: the orders of one request, each answered as order.new would answer it."""

import asyncio
from typing import Any, NamedTuple

from pulsarack.daemon.calls.office import Office, refused
from pulsarack.daemon.calls.order_calls import refuse, request_of, row_of, text_of
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
from pulsarack.queue.intake import Repeated
from pulsarack.queue.intake_many import Answer, Wanted
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
        parts: dict[str, _Part] = {}
        for place, given in enumerate(args.orders):
            found = self._read(given)
            if isinstance(found, CallError):
                answers[place] = _error(found)
                continue
            agent, wanted = found
            part = parts.setdefault(agent, _Part([], []))
            part.places.append(place)
            part.wanted.append(wanted)
        by = f"{peer.login} (uid {peer.uid})"
        placed = await asyncio.gather(
            *(self._place(agent, part.wanted, by, peer) for agent, part in parts.items())
        )
        for part, results in zip(parts.values(), placed, strict=True):
            for place, result in zip(part.places, results, strict=True):
                answers[place] = result
        return {"orders": answers}

    def _read(self, given: Any) -> tuple[str, Wanted] | CallError:
        """Whose order it is and what is wanted, from the arguments of an order.new."""
        if not isinstance(given, dict):
            return CallError(
                "BAD_ARGUMENT", "this order is no object", 'write {"agent": "...", ...}'
            )
        try:
            args = check_arguments(_ONE, given)
        except CallError as error:
            return error
        assert isinstance(args, OrderNew)
        asked = request_of(args)
        if isinstance(asked, Refusal):
            return refuse(self._log, args, asked)
        return args.agent, Wanted(asked, text_of(args, asked), args.client_reference)

    async def _place(
        self, agent: str, wanted: list[Wanted], placed_by: str, peer: Peer
    ) -> list[Result]:
        common = self._ordering.origin(agent, SOCKET, "", placed_by=placed_by)
        found = await self._ordering.place_many(wanted, common, row_of)
        return [await self._told(one, peer) for one in found]

    async def _told(self, one: tuple[Answer, Result | None] | Exception, peer: Peer) -> Result:
        """In its place, so that who placed the others hears of them."""
        if isinstance(one, Exception):
            return self._failure(one, peer)
        try:
            return await self._shown(*one)
        except Exception as error:  # noqa: BLE001 - of an archived one, whose file is looked into
            return self._failure(error, peer)

    async def _shown(self, answer: Answer, row: Result | None) -> Result:
        if isinstance(answer, Refusal):
            return _error(refused(answer))
        if isinstance(answer, Repeated):
            return {"order": {**await self._past.row(answer.past), "repeated": True}}
        return {"order": {**(row or {}), "repeated": answer.repeated}}

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


def _error(error: CallError) -> Result:
    return {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
