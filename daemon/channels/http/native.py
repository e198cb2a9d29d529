"""The native API under /v1: signed requests of JSON, one small handler an operation.

What is acknowledged is on disk. An order's `client_reference` names it for ever: the same request
again is answered with the same order, however it stands by then, and another one under the same
reference is refused. docs/http-api.md tells how to sign.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from pulsarack.daemon.channels.http import json_body, openapi, wire
from pulsarack.daemon.channels.http.desk import Desk, NotQueued, OrderStanding, Placed
from pulsarack.daemon.channels.http.door import Door
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why, of_queue
from pulsarack.daemon.channels.http.routes import JSON, Call, Operation, Route
from pulsarack.queue import request
from pulsarack.queue.state import OrderState
from pulsarack.queue.validation import Refusal

_CREATED = 201


class NativeApi:
    """The handlers; each lets its caller in first."""

    def __init__(self, door: Door, desk: Desk, more: Sequence[Route] = ()) -> None:
        """`more` are routes of other files that belong to the same document."""
        self._more = more
        self._door = door
        self._desk = desk

    async def place(self, call: Call) -> web.Response:
        """POST /v1/orders."""
        verified = await self._door.verified(call)
        wanted = json_body.read(call, wire.NewOrder)
        asked = request.of_fields(wanted.product, wanted.destination, wanted.repeat_index)
        if isinstance(asked, Refusal):
            raise of_queue(asked)
        found = await self._desk.place(
            verified.account,
            asked,
            reference=wanted.client_reference,
            reply_number=wanted.reply_number,
            most_price=wanted.max_price,
            first=verified.use_nonce,
        )
        if isinstance(found, Refusal):
            raise of_queue(found)
        return json_body.answer(placed_view(found), 200 if found.repeated else _CREATED)

    async def show(self, call: Call) -> web.Response:
        """GET /v1/orders/{reference}."""
        account = await self._door.signed(call)
        found = await self._desk.look_up(account, _reference(call))
        if found is None:
            raise _not_found()
        return json_body.answer(order_view(found))

    async def list(self, call: Call) -> web.Response:
        """GET /v1/orders."""
        account = await self._door.signed(call)
        wanted = json_body.read_query(call, wire.OrderQuery)
        found = await self._desk.newest(account, state=wanted.state, limit=wanted.limit)
        return json_body.answer(wire.Orders([order_view(one) for one in found]))

    async def cancel(self, call: Call) -> web.Response:
        """POST /v1/orders/{reference}/cancel."""
        account = await self._door.signed(call)
        try:
            found = await self._desk.cancel(account, _reference(call))
        except NotQueued as error:
            raise HttpRefusal(Why.NOT_QUEUED, f"the order is {error.order.state}") from None
        if found is None:
            raise _not_found()
        return json_body.answer(order_view(found))

    async def balance(self, call: Call) -> web.Response:
        """GET /v1/balance."""
        account = await self._door.signed(call)
        found = await self._desk.balance(account)
        return json_body.answer(
            wire.Balance(account.agent, found.posted, found.held, found.available)
        )

    async def products(self, call: Call) -> web.Response:
        """GET /v1/products."""
        account = await self._door.signed(call)
        found = [
            wire.ProductView(
                code=product.code,
                operator=product.operator,
                name=product.name,
                denomination=product.denomination,
                price=price,
            )
            for product, price in await self._desk.products(account)
        ]
        return json_body.answer(wire.Products(found))

    async def ticket(self, call: Call) -> web.Response:
        """POST /v1/tickets."""
        account = await self._door.signed(call)
        wanted = json_body.read(call, wire.NewTicket)
        found = await self._desk.ticket(account, wanted.amount, wanted.bank)
        if isinstance(found, Refusal):
            raise of_queue(found)
        ticket = found.ticket
        view = wire.TicketView(
            id=ticket.id,
            asked=ticket.asked,
            amount=ticket.amount,
            state=ticket.state,
            expires_at=ticket.expires_at,
            pay_to=[
                wire.BankAccount(one.name, one.account, one.holder)
                for one in self._desk.banks_of(ticket)
            ],
            repeated=found.repeated,
        )
        return json_body.answer(view, 200 if found.repeated else _CREATED)

    async def complain(self, call: Call) -> web.Response:
        """POST /v1/complaints."""
        account = await self._door.signed(call)
        wanted = json_body.read(call, wire.NewComplaint)
        found = await self._desk.complain(account, wanted.client_reference, wanted.words)
        if found is None:
            raise _not_found()
        if isinstance(found, Refusal):
            raise of_queue(found)
        complaint = found.complaint
        view = wire.ComplaintView(
            id=complaint.id,
            state=complaint.state,
            opened_at=complaint.opened_at,
            repeated=found.repeated,
        )
        return json_body.answer(view, 200 if found.repeated else _CREATED)

    async def statement(self, call: Call) -> web.Response:
        """GET /v1/statement."""
        account = await self._door.signed(call)
        wanted = json_body.read_query(call, wire.StatementQuery)
        lines = [
            wire.StatementLine(
                at=line.at,
                kind=line.kind,
                amount=line.amount,
                balance=line.balance,
                order_id=line.order_id,
                product=line.product,
                destination=line.destination,
                other=line.other,
            )
            for line in await self._desk.statement(account, wanted.limit)
        ]
        return json_body.answer(wire.Statement(lines))

    async def document(self, _call: Call) -> web.Response:
        """GET /v1/openapi.json."""
        return web.Response(body=openapi.encoded(self.routes()), headers=JSON)

    def routes(self) -> Sequence[Route]:
        """All of them; the OpenAPI document is made from these."""
        return (*self._of_orders(), *self._of_money(), *self._more)

    def _of_orders(self) -> Sequence[Route]:
        order, one = "/v1/orders", "/v1/orders/{reference}"
        placed = Operation(
            "placeOrder",
            "Top a number up",
            {201: wire.Placed, 200: wire.Placed},
            asks=wire.NewOrder,
            refusals=(402, 409, 422),
            about=("showOrder", "cancelOrder"),
        )
        listed = Operation(
            "listOrders", "The newest orders", {200: wire.Orders}, query=wire.OrderQuery
        )
        shown = Operation(
            "showOrder", "How an order stands", {200: wire.OrderView}, refusals=(404,)
        )
        cancelled = Operation(
            "cancelOrder",
            "Cancel an order that is queued",
            {200: wire.OrderView},
            refusals=(404, 409),
        )
        complaint = Operation(
            "complain",
            "Say that something is wrong with an order",
            {201: wire.ComplaintView, 200: wire.ComplaintView},
            asks=wire.NewComplaint,
            refusals=(404, 422),
        )
        return (
            Route("POST", order, self.place, operation=placed),
            Route("GET", order, self.list, operation=listed),
            Route("GET", one, self.show, operation=shown),
            Route("POST", f"{one}/cancel", self.cancel, operation=cancelled),
            Route("POST", "/v1/complaints", self.complain, operation=complaint),
        )

    def _of_money(self) -> Sequence[Route]:
        balance = Operation("showBalance", "The deposit", {200: wire.Balance})
        sold = Operation("listProducts", "What is sold, and your prices", {200: wire.Products})
        ticket = Operation(
            "askTicket",
            "A deposit ticket: a unique amount to pay in",
            {201: wire.TicketView, 200: wire.TicketView},
            asks=wire.NewTicket,
            refusals=(422,),
        )
        statement = Operation(
            "showStatement",
            "The newest movements of the deposit",
            {200: wire.Statement},
            query=wire.StatementQuery,
        )
        document = Operation("showOpenApi", "This document", {200: None}, signed=False)
        return (
            Route("GET", "/v1/balance", self.balance, operation=balance),
            Route("GET", "/v1/products", self.products, operation=sold),
            Route("POST", "/v1/tickets", self.ticket, operation=ticket),
            Route("GET", "/v1/statement", self.statement, operation=statement),
            Route("GET", "/v1/openapi.json", self.document, operation=document),
        )


def fields(found: OrderStanding) -> dict[str, Any]:
    """An order's fields as the API shows them."""
    return {
        "id": found.id,
        "client_reference": found.client_reference,
        "state": OrderState(found.state),
        "final": found.final,
        "product": found.product,
        "destination": found.destination,
        "repeat_index": found.repeat_index,
        "price": found.price,
        "reason": found.reason,
        "serial_number": found.serial_number,
        "received_at": found.received_at,
        "finished_at": found.finished_at,
    }


def placed_view(found: Placed) -> wire.Placed:
    """The same of one that was accepted, now or before."""
    return wire.Placed(**fields(found.order), repeated=found.repeated)


def order_view(found: OrderStanding) -> wire.OrderView:
    """An order as the API shows it."""
    return wire.OrderView(**fields(found))


def _reference(call: Call) -> str:
    try:
        return msgspec.convert(call.path("reference"), wire.Reference)
    except msgspec.ValidationError:
        raise HttpRefusal(Why.BAD_PATH, "this is no reference of yours") from None


def _not_found() -> HttpRefusal:
    return HttpRefusal(Why.NOT_FOUND, "you have no order of this reference")
