"""FM: XML over POST /fm, or /fm/MEMBER.

    <fm><command>TOPUP|TOPUPSTATUS</command><pin/><product/><msisdn/><refTrxid/></fm>
    -> <fm><command/><status/><message/><fmTrxid/><refTrxid/></fm>

The body names no member, so it stands in the path, or in <user>; the account's PIN is the secret.
TOPUPSTATUS never makes an order. What declares anything (a document type, an entity) is not read:
nothing of this protocol needs it, and it is how XML is made to explode.
"""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from aiohttp import web

from pulsarack.daemon.channels.http.dialects import clerk, parameters
from pulsarack.daemon.channels.http.dialects.clerk import Clerk, Wanted
from pulsarack.daemon.channels.http.dialects.vocabulary import Vocabulary, rupiah
from pulsarack.daemon.channels.http.parts import Account
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why
from pulsarack.daemon.channels.http.reports import Formatter, Post, Report
from pulsarack.daemon.channels.http.routes import Call, Route
from pulsarack.queue.validation import Refusal

NAME = "fm"
_XML = {"Content-Type": "text/xml; charset=utf-8"}


class Fm:
    """The handler."""

    def __init__(self, desk_clerk: Clerk) -> None:
        self._clerk = desk_clerk
        self._words = desk_clerk.vocabulary

    def routes(self) -> Sequence[Route]:
        """Two paths of one handler."""
        paths = ("/fm", "/fm/{member}")
        return [Route("POST", path, self.order, refuse=self.refuse) for path in paths]

    async def order(self, call: Call) -> web.Response:
        """TOPUP places an order, TOPUPSTATUS says how one stands."""
        given = read(call.body)
        member = call.request.match_info.get("member") or parameters.need(given, "user")
        account = await self._let_in(call, member, given.get("pin"))
        command = given.get("command", "").upper()
        reference = clerk.reference(parameters.need(given, "reftrxid"))
        if command == "TOPUPSTATUS":
            return await self._status(account, reference)
        if command != "TOPUP":
            raise HttpRefusal(Why.BAD_FIELD, "command is neither TOPUP nor TOPUPSTATUS")
        number = parameters.counted(parameters.need(given, "msisdn"))
        product = parameters.need(given, "product")
        wanted = Wanted(product, number.destination, reference, number.repeat_index)
        placed = await self._clerk.order(account, wanted)
        if isinstance(placed, Refusal):
            text = await self._clerk.of_refusal(account, placed, wanted)
            return answer(self._words.refusal(placed.code.value), text, "", reference)
        order = placed.order
        text = await self._clerk.of_standing(account, order, placed=not placed.repeated)
        code = self._words.code_of(order.state, order.reason)
        return answer(code, text, str(order.id), reference)

    def refuse(self, refusal: HttpRefusal, _call: Call | None) -> web.Response:
        """A refusal in its fields; what says nothing about the order keeps its status."""
        code = self._words.refusal(refusal.code)
        return answer(code, refusal.message, "", "", clerk.status_of(refusal))

    async def _status(self, account: Account, reference: str) -> web.Response:
        order = await self._clerk.desk.look_up(account, reference)
        if order is None:
            text = self._words.text("not_found", {})
            return answer(self._words.refusal(Why.NOT_FOUND), text, "", reference)
        text = await self._clerk.of_standing(account, order, placed=False)
        code = self._words.code_of(order.state, order.reason)
        return answer(code, text, str(order.id), reference)

    async def _let_in(self, call: Call, member: str, pin: str | None) -> Account:
        account = await self._clerk.door.find(call, member)
        right = parameters.same(pin, account.pin if account else None)
        if account is None or not right or not account.may_be_unsigned:
            raise self._clerk.wrong(call, member)
        self._clerk.door.enter(call, account)
        return account


def read(body: bytes) -> Mapping[str, str]:
    """The elements of a request, by their names in small letters; raises HttpRefusal."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise HttpRefusal(Why.FOREIGN_CHARSET, "the body is not UTF-8") from None
    if "<!" in text:
        raise HttpRefusal(Why.BAD_FIELD, "the XML declares something; send elements only")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        raise HttpRefusal(Why.BAD_FIELD, "the body is not XML") from None
    found: dict[str, str] = {}
    for element in root:
        name, value = element.tag.lower(), (element.text or "").strip()
        if name in found or len(found) >= parameters.FIELDS_MOST:
            raise HttpRefusal(Why.BAD_FIELD, f"<{name[:40]}> stands twice, or there are too many")
        if len(value) > parameters.VALUE_LONGEST or not value.isprintable() or len(element):
            raise HttpRefusal(Why.BAD_FIELD, f"<{name[:40]}> is too long, or holds elements")
        found[name] = value
    return found


def document(code: str, text: str, ours: str, reference: str) -> bytes:
    """A document of FM."""
    root = ElementTree.Element("fm")
    fields = {"command": "TOPUP", "status": code, "message": text, "fmTrxid": ours}
    for name, value in (fields | {"refTrxid": reference}).items():
        ElementTree.SubElement(root, name).text = value
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def answer(code: str, text: str, ours: str, reference: str, status: int = 200) -> web.Response:
    """An answer."""
    return web.Response(status=status, body=document(code, text, ours, reference), headers=_XML)


def report(words: Vocabulary) -> Formatter:
    """The report of a result: the same document, posted."""

    def formatted(of: Report) -> Post:
        order = of.order
        if order is None:
            raise ValueError("there is no order to report")
        before = None if of.available is None else of.available + (order.price or 0)
        values = clerk.of_order(order, words)
        values |= {"balance": rupiah(of.available), "before": rupiah(before)}
        code = words.code_of(order.state, order.reason)
        text = words.text(order.state, values)
        reference = order.client_reference or ""
        return Post("POST", of.url, _XML, document(code, text, str(order.id), reference))

    return formatted
