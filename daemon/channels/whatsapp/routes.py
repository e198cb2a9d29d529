"""Meta's webhook on the daemon's own HTTP server."""

from collections.abc import Sequence

from aiohttp import web

from pulsarack.daemon.channels.http.refusals import HttpRefusal
from pulsarack.daemon.channels.http.routes import Call, Route
from pulsarack.daemon.channels.whatsapp.webhook import SIGNATURE, Webhook
from pulsarack.daemon.config_whatsapp import WhatsAppSection


def routes(webhook: Webhook, settings: WhatsAppSection) -> Sequence[Route]:
    """The handshake and the deliveries; refused in one word, as Meta reads no more."""
    path, octets = settings.webhook_path, settings.body_limit_bytes

    async def handshake(call: Call) -> web.Response:
        return webhook.verify(call.query()).response()

    async def delivery(call: Call) -> web.Response:
        signature = call.request.headers.get(SIGNATURE)
        return (await webhook.take(call.body, signature)).response()

    return (
        Route("GET", path, handshake, refuse=_refuse),
        Route("POST", path, delivery, refuse=_refuse, body_octets=octets),
    )


def _refuse(refusal: HttpRefusal, _call: Call | None) -> web.Response:
    return web.Response(status=refusal.status, text=refusal.code)
