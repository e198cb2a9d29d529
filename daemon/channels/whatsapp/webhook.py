"""Meta's webhook: the handshake by which it is set up, and what it then delivers.

A body counts only if it is signed with the app's secret (`X-Hub-Signature-256`, over the bytes as
they came). Each of its messages and reports is on disk before it is answered with 200; if one
could not be kept the answer is 503, and Meta brings the whole body again, for days if need be: what
had been kept is known by its id. So it brings again, too, what is said of a message of ours that
was sent this moment, and whose id is not on disk yet. A body that can never be kept is refused for
good, so that it does not come for ever.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.incoming import Incoming, Passed
from pulsarack.daemon.channels.wanted import Desk, Post
from pulsarack.daemon.channels.whatsapp import payload
from pulsarack.daemon.channels.whatsapp.payload import CHANNEL, Delivery
from pulsarack.daemon.config_whatsapp import WhatsAppSection
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secret

SIGNATURE = "X-Hub-Signature-256"
_SIGNED = re.compile(r"sha256=([0-9a-f]{64})")
_CHALLENGE = re.compile(r"[\x21-\x7e]{1,256}")


@dataclass(frozen=True, slots=True)
class Reply:
    """The status of HTTP, and the text."""

    status: int
    text: str = ""

    def response(self) -> web.Response:
        """The same for aiohttp."""
        return web.Response(status=self.status, text=self.text)


class Webhook:
    """`failed` is told of messages of ours that did not arrive; `sends` says whether one is being
    sent, or was a moment ago."""

    def __init__(
        self,
        settings: WhatsAppSection,
        app_secret: Secret | None,
        verify_token: Secret | None,
        pressure: Pressure,
        desk: Desk,
        post: Post,
        failed: Callable[[Delivery], None],
        sends: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._app_secret = app_secret
        self._verify_token = verify_token
        self._pressure = pressure
        self._desk = desk
        self._post = post
        self._failed = failed
        self._sends = sends
        self._log = logging.get(channel=CHANNEL)

    def verify(self, query: Mapping[str, str]) -> Reply:
        """The handshake: whoever knows our word gets his back."""
        if self._verify_token is None:
            return self._no("whatsapp_not_set_up", 503)
        given = query.get("hub.verify_token", "").encode("utf-8", "replace")
        known = hmac.compare_digest(given, self._verify_token.reveal().encode())
        challenge = query.get("hub.challenge", "")
        if query.get("hub.mode") != "subscribe" or not known:
            return self._no("whatsapp_wrong_verify_token", 403)
        if not _CHALLENGE.fullmatch(challenge):
            return self._no("whatsapp_bad_challenge", 400)
        self._log.info("whatsapp.webhook_verified")
        return Reply(200, challenge)

    async def take(self, body: bytes, signature: str | None) -> Reply:
        """A delivery."""
        if self._app_secret is None:
            return self._no("whatsapp_not_set_up", 503)
        if signature is None:
            return self._no("whatsapp_unsigned", 401)
        if not is_signed(body, signature, self._app_secret):
            return self._no("whatsapp_wrong_signature", 403)
        try:
            items = payload.read(body, self._settings.phone_number_id or "")
        except payload.Unreadable as unreadable:
            return self._no(unreadable.kind, 400)
        kept = True
        for item in items:
            kept = await self._keep(item) and kept
        return Reply(200) if kept else Reply(503, "try again")

    async def _keep(self, item: payload.Item) -> bool:
        """Whether one part of a body is on disk, or needs not be."""
        try:
            if isinstance(item, Incoming):
                await self._hand_in(item)
            elif isinstance(item, Delivery):
                return await self._note(item)
            else:
                self._pass(item)
        except DaemonError as error:
            self._log.warning("whatsapp.not_kept", why=error.message)
            return False
        return True

    async def _note(self, item: Delivery) -> bool:
        if not item.delivered:
            self._failed(item)
        known = await self._post.note_delivery(CHANNEL, item.provider_id, item.delivered, item.why)
        # A failure must not be taken for that of somebody else's: nobody would send it again. Meta
        # brings it again, by then its message's id is on disk.
        return known or item.delivered or not self._sends()

    async def _hand_in(self, item: Incoming) -> None:
        taken = await item.hand_in(self._desk)
        if taken.repeated:
            self._pressure.refused("whatsapp_repeated")

    def _pass(self, item: Passed) -> None:
        if item.odd:
            self._pressure.refused(item.kind)

    def _no(self, kind: str, status: int) -> Reply:
        self._pressure.refused(kind)
        return Reply(status, kind)


def is_signed(body: bytes, signature: str, app_secret: Secret) -> bool:
    """Whether these bytes were signed with the app's secret; the time taken tells nothing."""
    found = _SIGNED.fullmatch(signature)
    if found is None:
        return False
    ours = hmac.new(app_secret.reveal().encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(ours, found[1])
