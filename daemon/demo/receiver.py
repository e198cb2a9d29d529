"""Where agents' programs are told the results of their orders: a server that is not always well.

Every few reports it answers 503 the first time, so that they come again. What comes is believed
only if it is signed by the account's secret, where the dialect signs.
"""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from pulsarack.daemon.channels.http import signing
from pulsarack.daemon.channels.http.refusals import HttpRefusal
from pulsarack.daemon.demo.graph_stand_in import serving
from pulsarack.daemon.demo.heard import Heard, Told
from pulsarack.daemon.demo.line_http import REPORT_SECRET
from pulsarack.daemon.secrets import Secret

_UNWELL_EVERY = 5
_DIGIFLAZZ = {"Sukses": "SUCCEEDED", "Gagal": "FAILED"}
# What OtomaX' table calls a success, or undone; all other codes are failures.
_OTOMAX = {"20": "SUCCEEDED", "50": "CANCELLED"}


class Receiver:
    """One for all programs."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._seen: Counter[str] = Counter()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its address."""
        app = web.Application()
        app.router.add_post("/native/{agent}", self._native)
        app.router.add_get("/otomax/{agent}", self._otomax)
        app.router.add_post("/digiflazz/{agent}", self._digiflazz)
        async with serving(app) as address:
            yield address

    def _unwell(self, report: str) -> bool:
        if not self._seen[report] and len(self._seen) % _UNWELL_EVERY == 0:
            self._seen[report] += 1
            return True
        self._seen[report] += 1
        return False

    async def _native(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            signed = signing.read(request.headers)
        except HttpRefusal:
            return self._forged(request)
        target = request.rel_url.raw_path_qs
        text = signing.text_to_sign("POST", target, body, signed.timestamp, signed.nonce)
        if not signing.is_right(signed, Secret(REPORT_SECRET), text):
            return self._forged(request)
        order = json.loads(body)["order"]
        return self._take(request, "native", order["client_reference"], order["state"])

    async def _otomax(self, request: web.Request) -> web.Response:
        state = _OTOMAX.get(request.query["status"], "FAILED")
        return self._take(request, "otomax", request.query["refid"], state)

    async def _digiflazz(self, request: web.Request) -> web.Response:
        body = await request.read()
        right = "sha1=" + hmac.new(REPORT_SECRET.encode(), body, hashlib.sha1).hexdigest()
        if not hmac.compare_digest(right, request.headers.get("X-Hub-Signature", "")):
            return self._forged(request)
        told = json.loads(body)["data"]
        return self._take(request, "digiflazz", told["ref_id"], _DIGIFLAZZ[told["status"]])

    def _take(self, request: web.Request, kind: str, reference: str, state: str) -> web.Response:
        if self._unwell(f"{kind} {reference}"):
            return web.Response(status=503)
        self._heard.result(reference, Told(request.match_info["agent"], kind, state))
        return web.Response(text="ok")

    def _forged(self, request: web.Request) -> web.Response:
        self._heard.complain(f"report {request.path}", "its signature is not right")
        return web.Response(status=403)
