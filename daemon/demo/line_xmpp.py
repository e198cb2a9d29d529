"""Agents' XMPP clients, at a real server."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slixmpp import ClientXMPP

from pulsarack.daemon.clock import new_id
from pulsarack.daemon.demo.line import Sending
from pulsarack.daemon.demo.prosody import DOMAIN, Prosody

RESOURCE = "toko"
_UP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class XmppSender:
    """One agent. A message keeps its id when it is sent again."""

    agent: "XmppAgent"

    def message(self, text: str) -> Sending:
        """A new message."""
        stanza_id = new_id()

        async def send() -> None:
            self.agent.say(stanza_id, text)

        return Sending(send)


class XmppAgent(ClientXMPP):
    """One agent's program."""

    def __init__(self, server: Prosody, user: str, password: str, to: str) -> None:
        """to: the JID of the daemon."""
        context = ssl.create_default_context(cafile=server.ca_file)
        super().__init__(f"{user}@{DOMAIN}/{RESOURCE}", password, ssl_context=context)
        self.enable_direct_tls = False
        self._server = server
        self._to = to
        self._hear: Callable[[str], None] | None = None
        self._seen: set[str] = set()
        self._up = asyncio.Event()
        self.register_plugin("xep_0184", {"auto_ack": True})
        self.add_event_handler("message", self._take)
        self.add_event_handler("session_start", self._started)

    def listen(self, hear: Callable[[str], None]) -> None:
        """Call this with each text that comes."""
        self._hear = hear

    async def log_in(self) -> None:
        """Connect; returns when it may write."""
        self.connect("127.0.0.1", self._server.port)
        await asyncio.wait_for(self._up.wait(), _UP_SECONDS)

    def say(self, stanza_id: str, text: str) -> None:
        """Write to the daemon."""
        stanza = self.make_message(self._to, mbody=text, mtype="chat")
        stanza["id"] = stanza_id
        stanza.send()

    def _started(self, _: object) -> None:
        self.send_presence()
        self._up.set()

    def _take(self, message: Any) -> None:
        # However often it came: a program knows it by its id.
        if message["id"] in self._seen or not message["body"]:
            return
        self._seen.add(message["id"])
        if self._hear is not None:
            self._hear(message["body"])
