"""Many orders in one request of the native API, each answered as it would be alone.

They are an agent's own, and count one by one wherever one request counts: in what an account may
send a second, in what of it is answered at once, and in the agent's turn at the database. Each goes
the way of all orders that come many at a time (`daemon/ordering.py`).

A body that is no list of orders is refused as a whole, and nothing of it is done. One that is,
is read at once; only if something is wrong with it each order is read by itself, so that what is
wrong with one is said in its place.
"""

from collections.abc import Sequence
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Raw

from pulsarack.daemon.channels.http import json_body, wire
from pulsarack.daemon.channels.http.desk import Desk, Placed, wanted_of
from pulsarack.daemon.channels.http.door import Door
from pulsarack.daemon.channels.http.native import placed_view
from pulsarack.daemon.channels.http.parts import Account
from pulsarack.daemon.channels.http.refusals import HttpRefusal, of_error, of_queue, said
from pulsarack.daemon.channels.http.routes import Call, Operation, Route
from pulsarack.daemon.control_arguments import ORDERS_A_REQUEST
from pulsarack.queue import request
from pulsarack.queue.intake_many import Wanted
from pulsarack.queue.validation import Refusal


class _Apart(wire.Incoming, frozen=True, kw_only=True):
    """The same body, its orders not read yet."""

    orders: Annotated[list[Raw], Meta(min_length=1, max_length=ORDERS_A_REQUEST)]


class BatchApi:
    """POST /v1/order-batches."""

    def __init__(self, door: Door, desk: Desk) -> None:
        self._door = door
        self._desk = desk

    async def place(self, call: Call) -> web.Response:
        """Accept orders; what is wrong with one of them is told in its place."""
        verified = await self._door.verified(call)
        wanted = [_wanted(one) for one in _orders(call)]
        # On disk before any of them, since they may be written by several transactions; and before
        # they are counted, so that who repeats another's octets does not use up what he may send.
        await self._door.use_nonce(verified)
        self._door.enter_more(call, verified.account, len(wanted))
        found = await self._place(verified.account, wanted)
        return json_body.answer(wire.OrderAnswers([_answer(call, one) for one in found]))

    async def _place(
        self, account: Account, wanted: Sequence[Wanted | Refusal | HttpRefusal]
    ) -> list[Placed | Refusal | Exception]:
        """Place those against which nothing speaks yet."""
        good = [one for one in wanted if isinstance(one, Wanted)]
        placed = iter(await self._desk.place_many(account, good))
        return [next(placed) if isinstance(one, Wanted) else one for one in wanted]

    def routes(self) -> Sequence[Route]:
        """The one that there is."""
        operation = Operation(
            "placeOrders",
            "Top many numbers up, each order answered in its place",
            {200: wire.OrderAnswers},
            asks=wire.NewOrders,
        )
        return (Route("POST", "/v1/order-batches", self.place, operation=operation),)


def _orders(call: Call) -> Sequence[wire.NewOrder | HttpRefusal]:
    """The orders of a body, or in the place of one what is wrong with it; raises HttpRefusal."""
    try:
        return json_body.read(call, wire.NewOrders).orders
    except HttpRefusal:
        return [_order(bytes(one)) for one in json_body.read(call, _Apart).orders]


def _order(octets: bytes) -> wire.NewOrder | HttpRefusal:
    try:
        return json_body.decode(octets, wire.NewOrder)
    except HttpRefusal as refusal:
        return refusal


def _wanted(one: wire.NewOrder | HttpRefusal) -> Wanted | Refusal | HttpRefusal:
    if isinstance(one, HttpRefusal):
        return one
    asked = request.of_fields(one.product, one.destination, one.repeat_index)
    if isinstance(asked, Refusal):
        return asked
    return wanted_of(asked, one.client_reference, one.reply_number, one.max_price)


def _answer(call: Call, found: Placed | Refusal | Exception) -> wire.OrderAnswer:
    """What is said of one; what is refused is noted for the server to count."""
    if isinstance(found, Placed):
        return wire.OrderAnswer(order=placed_view(found))
    refusal = of_queue(found) if isinstance(found, Refusal) else of_error(found)
    call.refused.append(refusal)
    return wire.OrderAnswer(error=said(refusal))
