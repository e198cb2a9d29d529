"""The WhatsApp channel: a number at Meta's Cloud API.

What comes in comes by the webhook, what goes out by one request a message. A text goes freely to
who has written within 24 hours; after that only as the variable of an approved template, if the
configuration names one, and else not by WhatsApp at all: the postman sends it as an SMS.

The channel is looked at when it starts and as long as something is wrong with it; while all is
well the messages themselves show how it is.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from pulsarack.daemon import credentials
from pulsarack.daemon import log as logging
from pulsarack.daemon.channel_secrets import find_secret
from pulsarack.daemon.channels.carrier import ChannelState, Parcel, Sent, SentKind, Standing
from pulsarack.daemon.channels.http.routes import Route
from pulsarack.daemon.channels.retry import pause_seconds
from pulsarack.daemon.channels.wanted import Desk, Post
from pulsarack.daemon.channels.whatsapp import graph, graph_errors, routes
from pulsarack.daemon.channels.whatsapp.graph import Answer, Failure, Graph
from pulsarack.daemon.channels.whatsapp.payload import CHANNEL, Delivery, is_address
from pulsarack.daemon.channels.whatsapp.webhook import Webhook
from pulsarack.daemon.config_whatsapp import WhatsAppSection
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secret
from pulsarack.modems.timing import Clock

# A minute less than Meta's: the request takes its time, and clocks differ.
WINDOW_MS = (24 * 3600 - 60) * 1000
# Numbers about which a report was bad, in memory: who is forgotten is found out again.
TROUBLES_REMEMBERED = 1000
# So long after a message was sent its id may still be on its way to the disk.
WRITTEN_SECONDS = 10.0
_LONG_AGO = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """The channel's secrets; None is missing."""

    token: Secret | None
    app_secret: Secret | None
    verify_token: Secret | None


def find_keys(settings: WhatsAppSection, environ: Mapping[str, str]) -> Keys:
    """Reads them from their files or credentials; raises SecretsError."""
    files = (settings.token_file, settings.app_secret_file, settings.verify_token_file)
    found = zip(files, credentials.WHATSAPP, strict=True)
    return Keys(*(find_secret(file, name, environ) for file, name in found))


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What Meta reported about a message to a number, and when (milliseconds UTC)."""

    code: int
    at: int


class WhatsAppChannel:
    """A carrier, see `carrier.py`. `settings.phone_number_id` is there."""

    channel = CHANNEL

    def __init__(
        self,
        settings: WhatsAppSection,
        keys: Keys,
        clock: Clock,
        pressure: Pressure,
        desk: Desk,
        post: Post,
    ) -> None:
        self.at_once = settings.at_once
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._post = post
        self._log = logging.get(channel=CHANNEL)
        self._state = ChannelState(Standing.DOWN, "Meta has not been asked yet")
        self._graph: Graph | None = None
        self._wrong = asyncio.Event()
        self._troubles: OrderedDict[str, _Trouble] = OrderedDict()
        self._under_way = 0
        self._sent_at = float("-inf")
        self.webhook = Webhook(
            settings,
            keys.app_secret,
            keys.verify_token,
            pressure,
            desk,
            post,
            self._note_trouble,
            self._sends,
        )

    def state(self) -> ChannelState:
        """How it is doing."""
        return self._state

    def routes(self) -> Sequence[Route]:
        """What the HTTP server has to serve for it."""
        return routes.routes(self.webhook, self._settings)

    async def run(self) -> None:
        """See that messages can be sent, until cancelled."""
        if (missing := self._missing()) is not None:
            self._become(missing)
            await asyncio.get_running_loop().create_future()
        assert self._keys.token is not None
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            self._graph = Graph(session, self._settings, self._keys.token, self._clock)
            try:
                await self._watch(self._graph)
            finally:
                self._graph = None

    async def send(self, parcel: Parcel) -> Sent:
        """One try."""
        found = self._graph
        if found is None:
            return Sent(SentKind.LATER, why=self._state.why or "it is not running")
        if not is_address(parcel.address):
            return Sent(SentKind.NEVER, why="it is no address of WhatsApp")
        try:
            wrote_at = await self._post.wrote_at(CHANNEL, parcel.address)
        except DaemonError as error:
            return Sent(SentKind.LATER, why=error.message)
        hopeless, is_open = self._known_about(parcel.address, wrote_at or _LONG_AGO)
        if hopeless is not None:
            return hopeless
        self._under_way += 1
        try:
            return await self._send(found, parcel, is_open)
        finally:
            self._under_way -= 1
            self._sent_at = self._clock.monotonic()

    # -- inside ------------------------------------------------------------------------------

    async def _send(self, found: Graph, parcel: Parcel, is_open: bool) -> Sent:
        if is_open:
            answer = await found.post(graph.text_message(parcel.address, parcel.text))
            self._learn(answer)
            closed = isinstance(answer, Answer) and answer.error is not None and answer.error.window
            if not closed:
                return graph.sent(answer)
        if self._settings.template_name is None:
            return Sent(SentKind.NEVER, why="its owner has not written for 24 hours")
        message = graph.template_message(parcel.address, parcel.text, self._settings)
        if message is None:
            return Sent(SentKind.NEVER, why="it is too long for the template")
        answer = await found.post(message)
        self._learn(answer)
        return graph.sent(answer)

    def _known_about(self, address: str, wrote_at: int) -> tuple[Sent | None, bool]:
        """Why nothing can arrive there, if that is known; and whether the window is open."""
        is_open = self._clock.now_ms() - wrote_at < WINDOW_MS
        trouble = self._troubles.get(address)
        if trouble is None:
            return None, is_open
        if wrote_at > trouble.at:
            del self._troubles[address]  # whoever writes can be written to
            return None, is_open
        meaning = graph_errors.of_code(trouble.code)
        if meaning is None or meaning.kind is not SentKind.NEVER:
            return None, is_open
        return (None, False) if meaning.window else (Sent(meaning.kind, why=meaning.why), is_open)

    def _sends(self) -> bool:
        """Whether the id of a message of ours may not be on disk yet."""
        return bool(self._under_way) or self._clock.monotonic() - self._sent_at < WRITTEN_SECONDS

    def _note_trouble(self, delivery: Delivery) -> None:
        if delivery.code is None or not delivery.address:
            return
        self._troubles[delivery.address] = _Trouble(delivery.code, self._clock.now_ms())
        while len(self._troubles) > TROUBLES_REMEMBERED:
            self._troubles.popitem(last=False)

    def _missing(self) -> ChannelState | None:
        keys = {
            "token": self._keys.token,
            "app_secret": self._keys.app_secret,
            "verify_token": self._keys.verify_token,
        }
        for name, secret in keys.items():
            if secret is None:
                remedy = f"name its file: [whatsapp] {name}_file, or the credential whatsapp_{name}"
                why = f"there is no {name}"
                return ChannelState(Standing.MISCONFIGURED, why, remedy)
        return None

    async def _watch(self, found: Graph) -> None:
        failures = 0
        while True:
            self._wrong.clear()
            self._learn(await found.look())
            if self._state.standing is Standing.UP:
                failures = 0
                await self._wrong.wait()
                continue
            failures += 1
            await self._clock.sleep(pause_seconds(self._state.standing, failures))

    def _learn(self, answer: Answer | Failure) -> None:
        """What an answer says about the channel."""
        if isinstance(answer, Failure):
            self._become(answer.state)
        elif answer.error is None:
            self._become(ChannelState(Standing.UP))
        elif answer.error.fault is not None:
            self._become(answer.error.fault)

    def _become(self, state: ChannelState) -> None:
        if state != self._state:
            if state.standing is Standing.UP:
                self._log.info("whatsapp.up")
            else:
                self._log.warning(
                    "whatsapp.down", standing=state.standing, why=state.why, remedy=state.remedy
                )
        self._state = state
        if state.standing is not Standing.UP:
            self._wrong.set()
