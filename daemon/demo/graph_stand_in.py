"""A stand-in for Meta's Graph API that keeps its contract, on a free port of this machine.

Written from the documentation of the Cloud API and not from our code: it wants the token, knows one
number, lets a free text only to who wrote within 24 hours, answers with Meta's codes, signs what it
delivers to the webhook, and delivers again what was not answered with 200.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

NUMBER_ID = "106540352242922"
TOKEN = "EAAG-token-of-the-test"
APP_SECRET = "app-secret-of-the-test"
VERIFY_TOKEN = "verify-token-of-the-test"
WINDOW_SECONDS = 24 * 3600
TEMPLATES = {("hasil_transaksi", "id")}
# Meta waits longer; real seconds.
AGAIN_SECONDS = 0.2


class GraphApi:
    """The API, and the telephones behind it."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        """now_s: the time of day, seconds since 1970."""
        self._now_s = now_s
        self._ids = itertools.count(1)
        self.delivered: list[tuple[str, str]] = []
        # Told of each text that a telephone gets: its number, the text.
        self.listeners: list[Callable[[str, str], None]] = []
        self.bodies: list[dict[str, Any]] = []
        self.templates: list[str] = []
        self.wrote: dict[str, float] = {}
        self.undeliverable: set[str] = set()
        # Answers that come instead of the next ones: (status, body), or None: no answer at all.
        self.instead: deque[tuple[int, Any] | None] = deque()
        self.webhook = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its address."""
        app = web.Application()
        app.router.add_get("/v24.0/{number}", self._number)
        app.router.add_post("/v24.0/{number}/messages", self._messages)
        async with serving(app) as address:
            yield address

    # -- the telephones ----------------------------------------------------------------------

    def message(self, sender: str, text: str, **more: Any) -> dict[str, Any]:
        """Somebody writes: the message as it stands in a body."""
        self.wrote[sender] = self._now_s()
        return {
            "from": sender,
            "id": f"wamid.IN{next(self._ids):08}",
            "timestamp": str(int(self._now_s())),
            "type": "text",
            "text": {"body": text},
            **more,
        }

    async def deliver(self, *values: dict[str, Any], tries: int = 5) -> list[int]:
        """Deliver to the webhook until it takes it; the statuses of its answers, 0 for none."""
        raw = body(*values)
        statuses: list[int] = []
        async with aiohttp.ClientSession() as session:
            while len(statuses) < tries and 200 not in statuses:
                headers = {"X-Hub-Signature-256": sign(raw), "Content-Type": "application/json"}
                try:
                    async with session.post(self.webhook, data=raw, headers=headers) as answer:
                        statuses.append(answer.status)
                except aiohttp.ClientError:
                    statuses.append(0)
                    await asyncio.sleep(AGAIN_SECONDS)
        return statuses

    # -- the API -----------------------------------------------------------------------------

    async def _number(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response({"id": NUMBER_ID})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._refusal(request)) is not None:
            return refused
        if self.instead:
            planned = self.instead.popleft()
            if planned is None:
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            status, told = planned
            raw = told if isinstance(told, bytes) else json.dumps(told).encode()
            return web.Response(status=status, body=raw)
        return self._take(await request.json())

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return error(401, 190, "Invalid OAuth access token.")
        if request.match_info["number"] != NUMBER_ID:
            return error(400, 100, "Unsupported request. Object does not exist", subcode=33)
        return None

    def _take(self, message: dict[str, Any]) -> web.Response:
        self.bodies.append(message)
        address = message.get("to") or message.get("recipient")
        if message.get("messaging_product") != "whatsapp" or not address:
            return error(400, 131008, "Required parameter is missing")
        if address in self.undeliverable:
            return error(400, 131026, "Message undeliverable")
        if message["type"] == "template":
            return self._take_template(address, message["template"])
        text = message["text"]["body"]
        if not 1 <= len(text) <= 4096:
            return error(400, 131009, "Parameter value is not valid")
        if self._now_s() - self.wrote.get(address, -WINDOW_SECONDS) >= WINDOW_SECONDS:
            return error(400, 131047, "Re-engagement message")
        return self._accept(address, text)

    def _take_template(self, address: str, template: dict[str, Any]) -> web.Response:
        if (template["name"], template["language"]["code"]) not in TEMPLATES:
            return error(404, 132001, "Template name does not exist in the translation")
        (component,) = template["components"]
        (parameter,) = component["parameters"]
        text = parameter["text"]
        if "\n" in text or "\t" in text or "    " in text:
            return error(400, 132000, "Param text cannot have new-line/tab characters")
        self.templates.append(text)
        return self._accept(address, text)

    def _accept(self, address: str, text: str) -> web.Response:
        self.delivered.append((address, text))
        for listener in self.listeners:
            listener(address, text)
        answer = {
            "messaging_product": "whatsapp",
            "contacts": [{"input": address, "wa_id": address}],
            "messages": [{"id": f"wamid.OUT{next(self._ids):08}"}],
        }
        return web.json_response(answer)


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """An application on a free port of this machine; its address."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def value(**more: Any) -> dict[str, Any]:
    """The value of one change of that number."""
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "6281200000000", "phone_number_id": NUMBER_ID},
        **more,
    }


def body(*values: Any) -> bytes:
    """A body with one entry that has a change for each value."""
    changes = [{"field": "messages", "value": one} for one in values]
    entry = {"id": "102290129340398", "changes": changes}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def sign(raw: bytes, secret: str = APP_SECRET) -> str:
    """The header's value."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def error(status: int, code: int, message: str, *, subcode: int | None = None) -> web.Response:
    """An error as Meta writes it."""
    told: dict[str, Any] = {"message": f"(#{code}) {message}", "type": "OAuthException"}
    told |= {"code": code, "fbtrace_id": "A0000000000"}
    if subcode is not None:
        told["error_subcode"] = subcode
    return web.json_response({"error": told}, status=status)
