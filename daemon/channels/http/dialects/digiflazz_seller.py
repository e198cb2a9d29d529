"""Digiflazz' contract for sellers: Digiflazz orders from us.

    POST /digiflazz/seller   username, commands="topup", ref_id, hp, pulsa_code, price, sign
    -> {"data": {ref_id, status, code, hp, price, message, balance, tr_id, rc, sn}}

The repeat of a ref_id is the status check. `price` is what Digiflazz pays: an order that would
cost more is refused. Status "0" is in process; what 1 and 2 mean is not confirmed by its documents,
so programs go by `rc`. A result is posted to the account's report URL in the same form.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from pulsarack.daemon.channels.http.desk import OrderStanding
from pulsarack.daemon.channels.http.dialects import clerk, digiflazz, loose_json, parameters
from pulsarack.daemon.channels.http.dialects.clerk import Clerk, Wanted
from pulsarack.daemon.channels.http.dialects.vocabulary import Vocabulary
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why, of_queue
from pulsarack.daemon.channels.http.reports import Formatter, Post, Report
from pulsarack.daemon.channels.http.routes import Call, Route
from pulsarack.queue.state import OPEN, OrderState
from pulsarack.queue.validation import Refusal

NAME = "digiflazz_seller"
PATH = "/digiflazz/seller"
_REFUSED_STATUS = 400


class DigiflazzSeller:
    """The handler."""

    def __init__(self, desk_clerk: Clerk) -> None:
        self._clerk = desk_clerk
        self._words = desk_clerk.vocabulary

    def routes(self) -> Sequence[Route]:
        """One."""
        return [Route("POST", PATH, self.order, refuse=self.refuse)]

    async def order(self, call: Call) -> web.Response:
        """Place an order, or say how the one of that ref_id stands."""
        given = loose_json.read(call)
        reference = digiflazz.reference_of(given)
        account = await digiflazz.let_in(self._clerk, call, given, reference)
        if given.get("commands") != "topup":
            raise HttpRefusal(Why.BAD_FIELD, "commands is not topup")
        number = parameters.counted(parameters.need(given, "hp"))
        product = parameters.need(given, "pulsa_code")
        most = clerk.most_price(given.get("price"))
        wanted = Wanted(product, number.destination, reference, number.repeat_index, most)
        placed = await self._clerk.order_again(account, wanted)
        if isinstance(placed, Refusal):
            raise of_queue(placed)
        balance = await self._clerk.desk.balance(account)
        return digiflazz.data(contract(placed.order, self._words, balance.available))

    def refuse(self, refusal: HttpRefusal, _call: Call | None) -> web.Response:
        """A refusal in the contract's form."""
        code = self._words.refusal(refusal.code)
        word = self._words.of_refusal(refusal)
        body = {"status": "0" if refusal.in_doubt else "2", "rc": code, "message": word}
        return digiflazz.data(body, max(_REFUSED_STATUS, refusal.status))


def contract(order: OrderStanding, words: Vocabulary, available: int | None) -> dict[str, Any]:
    """An order in the contract's fields."""
    is_open = order.state in OPEN
    return {
        "ref_id": order.client_reference,
        "status": "0" if is_open else "1" if order.state == OrderState.SUCCEEDED else "2",
        "code": order.product.lower(),
        "hp": order.destination,
        "price": str(order.price or 0),
        "message": words.text(order.state, clerk.of_order(order, words)),
        "balance": str(available if available is not None else ""),
        "tr_id": str(order.id),
        "rc": words.code_of(order.state, order.reason),
        "sn": order.serial_number or "",
    }


def report(words: Vocabulary) -> Formatter:
    """The later change, posted to the account's report URL."""

    def formatted(of: Report) -> Post:
        if of.order is None:
            raise ValueError("there is no order to report")
        body = msgspec.json.encode({"data": contract(of.order, words, of.available)})
        return Post("POST", of.url, {"Content-Type": "application/json"}, body)

    return formatted
