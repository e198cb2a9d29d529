"""IRS, ST24, Tiger, Serpul, Payuni and Sipas: one call with member, PIN and password, as data.

They differ in names only, so each is a TOML file: what a parameter is called, the fields of an
answer, the parameters of a report, the codes. The same call with the same reference is the status
check: an order is placed by its first call and told by all others.

None of them signs anything, so an account must be allowed to send its PIN and password.
"""

from collections.abc import Mapping, Sequence

import msgspec
from aiohttp import web

from pulsarack.daemon.channels.http.desk import OrderStanding
from pulsarack.daemon.channels.http.dialects import clerk, parameters
from pulsarack.daemon.channels.http.dialects.clerk import Clerk, Wanted
from pulsarack.daemon.channels.http.dialects.vocabulary import Vocabulary, rupiah
from pulsarack.daemon.channels.http.parts import Account
from pulsarack.daemon.channels.http.refusals import HttpRefusal
from pulsarack.daemon.channels.http.reports import Formatter, Post, Report
from pulsarack.daemon.channels.http.routes import JSON, Call, Route
from pulsarack.queue.state import OrderState
from pulsarack.queue.validation import Refusal

NAMES = ("irs", "tiger", "serpul", "sipas")
_NOTHING = {"product": "", "destination": "", "reference": "", "id": "", "serial_number": ""}


class Plain:
    """The handlers of one of them."""

    def __init__(self, desk_clerk: Clerk) -> None:
        self._clerk = desk_clerk
        self._words = desk_clerk.vocabulary

    def routes(self) -> Sequence[Route]:
        """GET and POST of each of its paths."""
        return [
            Route(method, path, self.order, refuse=self.refuse)
            for path in self._words.request["paths"].split()
            for method in ("GET", "POST")
        ]

    async def order(self, call: Call) -> web.Response:
        """Place an order, or say how the one of that reference stands."""
        given = parameters.read(call)
        account = await self._clerk.by_password(
            call,
            self._need(given, "member"),
            pin=given.get(self._name("pin")),
            password=given.get(self._name("password")),
        )
        number = parameters.counted(self._need(given, "destination"))
        reference = clerk.reference(self._need(given, "reference"))
        product = self._need(given, "product")
        most = clerk.most_price(given.get(self._name("most_price")))
        wanted = Wanted(product, number.destination, reference, number.repeat_index, most)
        placed = await self._clerk.order(account, wanted)
        if isinstance(placed, Refusal):
            return await self._refused(account, placed, wanted)
        order = placed.order
        values = await self._clerk.values(account, order)
        text = self._words.text("placed" if not placed.repeated else order.state, values)
        return self._answer(values | told(order, self._words) | {"text": text})

    def refuse(self, refusal: HttpRefusal, _call: Call | None) -> web.Response:
        """A refusal in its fields; what says nothing about the order keeps its status."""
        code = self._words.refusal(refusal.code)
        values = _NOTHING | {
            "code": code,
            "success": "true" if refusal.in_doubt else "false",
            "text": refusal.message,
            "price": "0",
        }
        return self._answer(values, clerk.status_of(refusal))

    async def _refused(self, account: Account, refusal: Refusal, wanted: Wanted) -> web.Response:
        text = await self._clerk.of_refusal(account, refusal, wanted)
        values = _NOTHING | clerk.of_wanted(wanted, refusal, self._words)
        code = self._words.refusal(refusal.code.value)
        return self._answer(values | {"code": code, "success": "false", "text": text, "price": "0"})

    def _answer(self, values: Mapping[str, object], status: int = 200) -> web.Response:
        fields = self._words.fields(self._words.reply, values)
        return web.Response(status=status, body=msgspec.json.encode(fields), headers=JSON)

    def _name(self, of: str) -> str:
        return self._words.request[of].lower()

    def _need(self, given: Mapping[str, str], of: str) -> str:
        return parameters.need(given, self._words.request[of])


def told(order: OrderStanding, words: Vocabulary) -> dict[str, object]:
    """What fields say of an order as it stands."""
    number = order.serial_number or ""
    failed = (OrderState.FAILED, OrderState.CANCELLED, OrderState.REVERSED)
    return {
        "code": words.code_of(order.state, order.reason),
        "success": "false" if order.state in failed else "true",
        "serial_number": number,
    }


def report(words: Vocabulary) -> Formatter:
    """The report of a result: GET with the dialect's parameters."""

    def formatted(of: Report) -> Post:
        order = of.order
        if order is None:
            raise ValueError("there is no order to report")
        values = clerk.of_order(order, words) | {"balance": rupiah(of.available)}
        text = words.text(order.state, values)
        values |= told(order, words) | {"text": text, "price": str(order.price or 0)}
        return Post("GET", of.url.update_query(words.fields(words.report, values)))

    return formatted
