"""OtomaX: `GET /trx`, `/balance`, `/ticket`, answered in plain text, and its report.

    sign = base64url(SHA1("OtomaX|memberID|product|dest|refID|pin|password")), no padding
           ... "OtomaX|CheckBalance|memberID|pin|password"
           ... "OtomaX|ticket|memberID|pin|password|amount"

Programs disagree on the case of member and product in the signed text, and on base64's two
alphabets: what was sent and its capitals are both accepted, in either alphabet. The signature has
neither time nor nonce, so a captured URL is worth what it says: the same reference, which is the
same order for ever. An account may be allowed to send PIN and password instead of a signature.

`check=1` asks how an order stands and never makes one.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence

from aiohttp import web

from pulsarack.daemon.channels.http.dialects import clerk, parameters
from pulsarack.daemon.channels.http.dialects.clerk import Clerk, Wanted
from pulsarack.daemon.channels.http.dialects.vocabulary import Vocabulary, rupiah
from pulsarack.daemon.channels.http.parts import Account
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why, of_queue
from pulsarack.daemon.channels.http.reports import Formatter, Post, Report
from pulsarack.daemon.channels.http.routes import Call, Route
from pulsarack.queue.validation import Refusal

NAME = "otomax"
# What may have been signed, by member, PIN and password.
Texts = Callable[[str, str, str], Iterable[str]]


class OtomaX:
    """The handlers."""

    def __init__(self, desk_clerk: Clerk) -> None:
        self._clerk = desk_clerk
        self._words = desk_clerk.vocabulary

    def routes(self) -> Sequence[Route]:
        """GET and POST of each: servers of the trade take both."""
        handlers = (("/trx", self.order), ("/balance", self.balance), ("/ticket", self.ticket))
        return [
            Route(method, path, handler, refuse=self.refuse)
            for path, handler in handlers
            for method in ("GET", "POST")
        ]

    async def order(self, call: Call) -> web.Response:
        """Place an order, or say how one stands (check=1)."""
        given = parameters.read(call)
        product, destination = parameters.need(given, "product"), parameters.need(given, "dest")
        reference = clerk.reference(parameters.need(given, "refID"))
        account = await self._let_in(call, given, _orders_texts(product, destination, reference))
        if _is_check(given.get("check", "")):
            return await self._check(account, reference)
        found = parameters.counted(destination)
        wanted = Wanted(product, found.destination, reference, found.repeat_index)
        placed = await self._clerk.order(account, wanted)
        if isinstance(placed, Refusal):
            text = await self._clerk.of_refusal(account, placed, wanted)
            return _answer(self._words.refusal(placed.code.value), text)
        order = placed.order
        text = await self._clerk.of_standing(account, order, placed=not placed.repeated)
        return _answer(self._words.code_of(order.state, order.reason), text)

    async def balance(self, call: Call) -> web.Response:
        """The deposit."""
        given = parameters.read(call)
        account = await self._let_in(call, given, lambda member, pin, password: [
            f"OtomaX|CheckBalance|{member}|{pin}|{password}"
        ])  # fmt: skip
        values = await self._clerk.values(account, None)
        return _text(self._words.text("balance", values))

    async def ticket(self, call: Call) -> web.Response:
        """A deposit ticket of an amount."""
        given = parameters.read(call)
        amount = parameters.need(given, "amount")
        account = await self._let_in(call, given, lambda member, pin, password: [
            f"OtomaX|ticket|{member}|{pin}|{password}|{amount}"
        ])  # fmt: skip
        found = await self._clerk.desk.ticket(
            account, clerk.whole(amount, "amount"), given.get("bank")
        )
        if isinstance(found, Refusal):
            raise of_queue(found)
        given_ticket = found.ticket
        values = {"amount": rupiah(given_ticket.amount), "bank": given_ticket.bank}
        return _text(self._words.text("ticket", values))

    def refuse(self, refusal: HttpRefusal, _call: Call | None) -> web.Response:
        """A refusal as OtomaX says it; what says nothing about the order keeps its status."""
        word = self._words.of_refusal(refusal)
        body = f"status={self._words.refusal(refusal.code)}&message={_quiet(word)}"
        return web.Response(status=clerk.status_of(refusal), text=body)

    async def _check(self, account: Account, reference: str) -> web.Response:
        order = await self._clerk.desk.look_up(account, reference)
        if order is None:
            text = self._words.text("not_found", {"reference": reference})
            return _answer(self._words.refusal("NOT_FOUND"), text)
        text = await self._clerk.of_standing(account, order, placed=False)
        return _answer(self._words.code_of(order.state, order.reason), text)

    async def _let_in(self, call: Call, given: Mapping[str, str], texts: Texts) -> Account:
        member = parameters.need(given, "memberID")
        if not given.get("sign"):
            return await self._clerk.by_password(
                call, member, pin=given.get("pin"), password=given.get("password")
            )
        account = await self._clerk.door.find(call, member)
        pin = account.pin.reveal() if account and account.pin else ""
        password = account.password.reveal() if account and account.password else ""
        signable = [
            text for name in _both(member) for text in texts(name, pin, password)
        ]  # also for nobody's account: it takes the same time
        right = is_signed(given["sign"], signable)
        if account is None or not pin or not password or not right:
            raise self._clerk.wrong(call, member)
        self._clerk.door.enter(call, account)
        return account


def sign(text: str) -> str:
    """The signature of a text, as OtomaX writes it."""
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_signed(given: str, texts: Iterable[str]) -> bool:
    """Whether a signature is that of one of the texts, in either alphabet of base64."""
    plain = given.replace("+", "-").replace("/", "_").replace(" ", "-").rstrip("=").encode()
    return any(hmac.compare_digest(plain, sign(text).encode()) for text in texts)


def report(words: Vocabulary) -> Formatter:
    """The report of a result: GET {report_url}?t=&refid=&status=&price=&message=."""

    def formatted(told: Report) -> Post:
        order = told.order
        if order is None:
            raise ValueError("there is no order to report")
        after = told.available
        before = None if after is None or order.price is None else after + order.price
        values = clerk.of_order(order, words) | {"balance": rupiah(after), "before": rupiah(before)}
        charged = order.price if order.state == "SUCCEEDED" else 0
        query = {
            "t": str(order.id),
            "refid": order.client_reference or "",
            "status": words.code_of(order.state, order.reason),
            "price": str(charged or 0),
            "message": words.text(order.state, values),
        }
        return Post("GET", told.url.update_query(query))

    return formatted


def _orders_texts(product: str, destination: str, reference: str) -> Texts:
    def texts(member: str, pin: str, password: str) -> list[str]:
        return [
            f"OtomaX|{member}|{name}|{destination}|{reference}|{pin}|{password}"
            for name in _both(product)
        ]

    return texts


def _both(text: str) -> list[str]:
    return [text] if text == text.upper() else [text, text.upper()]


def _is_check(given: str) -> bool:
    """Whether only the state is asked for; what may mean that makes no order. HttpRefusal."""
    if given not in ("", "0", "1"):
        raise HttpRefusal(Why.BAD_FIELD, "check is neither 0 nor 1")
    return given == "1"


def _answer(code: str, text: str) -> web.Response:
    return _text(f"status={code}&message={_quiet(text)}")


def _quiet(text: str) -> str:
    """A text that ends no parameter."""
    return text.replace("&", "+")


def _text(body: str) -> web.Response:
    return web.Response(text=body)
