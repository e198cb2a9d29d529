"""Digiflazz' API for buyers, served by us, so that its clients work against us unchanged.

    POST /digiflazz/v1/transaction   username, buyer_sku_code, customer_no, ref_id, sign
                      /cek-saldo     username, sign           (md5 of username + key + "depo")
                      /price-list    username, sign           (... "pricelist")
                      /deposit       username, amount, sign   (... "deposit")

    sign = md5(username + key + ref_id); the username is the account's member, the key its key.

Every answer is wrapped in `data`. The same ref_id is the status check. There is no counter, so a
further ref_id to the same number on one day is a further order. A refusal has status 400, as its
clients expect, and its `rc` tells that no order was made.

A report is what its webhook sends: compact JSON in one order of keys, since a known client hashes
what it has parsed and written again, with `X-Hub-Signature: sha1=`HMAC-SHA1 of the body.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from pulsarack.daemon.channels.http.desk import OrderStanding, Placed
from pulsarack.daemon.channels.http.dialects import clerk, loose_json, parameters
from pulsarack.daemon.channels.http.dialects.clerk import Clerk, Wanted
from pulsarack.daemon.channels.http.dialects.vocabulary import Vocabulary, rupiah
from pulsarack.daemon.channels.http.parts import Account
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why, of_queue
from pulsarack.daemon.channels.http.reports import Formatter, Post, Report
from pulsarack.daemon.channels.http.routes import JSON, Call, Route
from pulsarack.queue.products import Product
from pulsarack.queue.state import OrderState
from pulsarack.queue.validation import Refusal

NAME = "digiflazz"
PREFIX = "/digiflazz/v1"
_STATUS = {OrderState.SUCCEEDED: "Sukses", OrderState.FAILED: "Gagal"}
_STATUS |= dict.fromkeys((OrderState.CANCELLED, OrderState.REVERSED), "Gagal")
_PENDING = "Pending"
# What is signed where there is no ref_id.
_SIGNED_WORDS = frozenset({"depo", "pricelist", "deposit"})
_REFUSED_STATUS = 400


class Digiflazz:
    """The handlers."""

    def __init__(self, desk_clerk: Clerk) -> None:
        self._clerk = desk_clerk
        self._words = desk_clerk.vocabulary

    def routes(self) -> Sequence[Route]:
        """All POST."""
        handlers = {
            "transaction": self.order,
            "cek-saldo": self.balance,
            "price-list": self.prices,
            "deposit": self.deposit,
        }
        return [
            Route("POST", f"{PREFIX}/{name}", handler, refuse=self.refuse)
            for name, handler in handlers.items()
        ]

    async def order(self, call: Call) -> web.Response:
        """Place an order, or say how the one of that ref_id stands."""
        given = loose_json.read(call)
        reference = reference_of(given)
        account = await let_in(self._clerk, call, given, reference)
        command = given.get("commands", "")
        if command == "status-pasca":
            return await self._status(account, reference)
        if command:
            raise HttpRefusal("NO_BILLS", "bills are not sold here")
        if given.get("testing", "") not in ("", "0", "false"):
            raise HttpRefusal("NO_TESTS", "there are no test transactions: leave `testing` out")
        number = parameters.counted(parameters.need(given, "customer_no"))
        product = parameters.need(given, "buyer_sku_code")
        most = clerk.most_price(given.get("max_price"))
        wanted = Wanted(product, number.destination, reference, number.repeat_index, most)
        placed = await self._clerk.order_again(account, wanted)
        if isinstance(placed, Refusal):
            raise of_queue(placed)
        return await self._answer(account, placed)

    async def balance(self, call: Call) -> web.Response:
        """The deposit."""
        account = await let_in(self._clerk, call, loose_json.read(call), "depo")
        found = await self._clerk.desk.balance(account)
        return data({"deposit": found.available})

    async def prices(self, call: Call) -> web.Response:
        """What is sold, with the account's prices."""
        account = await let_in(self._clerk, call, loose_json.read(call), "pricelist")
        found = await self._clerk.desk.products(account)
        return data([_price(product, price) for product, price in found])

    async def deposit(self, call: Call) -> web.Response:
        """A deposit ticket."""
        given = loose_json.read(call)
        account = await let_in(self._clerk, call, given, "deposit")
        amount = clerk.whole(parameters.need(given, "amount"), "amount")
        found = await self._clerk.desk.ticket(account, amount, given.get("Bank"))
        if isinstance(found, Refusal):
            raise of_queue(found)
        notes = self._words.text("ticket", {"amount": rupiah(found.ticket.amount)})
        return data({"rc": "00", "amount": found.ticket.amount, "notes": notes})

    def refuse(self, refusal: HttpRefusal, _call: Call | None) -> web.Response:
        """A refusal wrapped as Digiflazz does; `rc` tells which."""
        code = self._words.refusal(refusal.code)
        word = self._words.of_refusal(refusal)
        body = {"status": _PENDING if refusal.in_doubt else "Gagal", "rc": code, "message": word}
        return data(body, max(_REFUSED_STATUS, refusal.status))

    async def _status(self, account: Account, reference: str) -> web.Response:
        order = await self._clerk.desk.look_up(account, reference)
        if order is None:
            raise HttpRefusal(Why.NOT_FOUND, "there is no transaction of this ref_id")
        return await self._answer(account, Placed(order, repeated=True))

    async def _answer(self, account: Account, placed: Placed) -> web.Response:
        balance = await self._clerk.desk.balance(account)
        return data(transaction(placed.order, self._words, balance.available))


def reference_of(given: Mapping[str, str]) -> str:
    """The caller's ref_id; raises HttpRefusal.

    The signature does not cover product and number. So whoever sees the one of a balance's request
    could order with it under the word that it signs: such a ref_id is not taken.
    """
    reference = clerk.reference(parameters.need(given, "ref_id"))
    if reference in _SIGNED_WORDS:
        raise HttpRefusal(Why.BAD_FIELD, "ref_id is a word that other requests sign")
    return reference


async def let_in(desk_clerk: Clerk, call: Call, given: Mapping[str, str], signed: str) -> Account:
    """The account whose key has signed `signed`; raises HttpRefusal."""
    member = parameters.need(given, "username")
    account = await desk_clerk.door.find(call, member)
    key = account.key.reveal() if account and account.key else ""
    right = hmac.compare_digest(
        given.get("sign", "").lower().encode(), sign(member, key, signed).encode()
    )
    if account is None or not key or not right:
        raise desk_clerk.wrong(call, member)
    desk_clerk.door.enter(call, account)
    return account


def sign(username: str, key: str, what: str) -> str:
    """Digiflazz' signature."""
    return hashlib.md5(f"{username}{key}{what}".encode(), usedforsecurity=False).hexdigest()


def data(found: Any, status: int = 200) -> web.Response:
    """An answer, wrapped."""
    return web.Response(status=status, body=msgspec.json.encode({"data": found}), headers=JSON)


def transaction(order: OrderStanding, words: Vocabulary, available: int | None) -> dict[str, Any]:
    """An order as its fields."""
    return {
        "ref_id": order.client_reference,
        "customer_no": order.destination,
        "buyer_sku_code": order.product,
        "message": words.text(order.state, clerk.of_order(order, words)),
        "status": _STATUS.get(OrderState(order.state), _PENDING),
        "rc": words.code_of(order.state, order.reason),
        "sn": order.serial_number or "",
        "buyer_last_saldo": available,
        "price": order.price,
        "tele": "",
        "wa": "",
    }


def report(words: Vocabulary) -> Formatter:
    """The webhook: what its clients verify by the secret of reports."""

    def formatted(of: Report) -> Post:
        if of.order is None or of.account.report_secret is None:
            raise ValueError("there is no order to report, or no secret to sign the report with")
        body = msgspec.json.encode({"data": transaction(of.order, words, of.available)})
        secret = of.account.report_secret.reveal().encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Digiflazz-Hookshot",
            "X-Digiflazz-Event": "update",
            "X-Digiflazz-Delivery": str(of.parcel.id),
            "X-Hub-Signature": "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest(),
        }
        return Post("POST", of.url, headers, body)

    return formatted


def _price(product: Product, price: int) -> dict[str, Any]:
    return {
        "product_name": product.name,
        "category": "Pulsa",
        "brand": product.operator.upper(),
        "type": "Umum",
        "seller_name": "",
        "price": price,
        "buyer_sku_code": product.code,
        "buyer_product_status": True,
        "seller_product_status": True,
        "unlimited_stock": True,
        "stock": 0,
        "multi": True,
        "start_cut_off": "0:0",
        "end_cut_off": "0:0",
        "desc": "",
    }
