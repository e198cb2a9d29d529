"""Agents' WhatsApp: they write through the stand-in of Meta's API, as it calls the webhook."""

from dataclasses import dataclass

from pulsarack.daemon.demo import graph_stand_in
from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.demo.graph_stand_in import GraphApi
from pulsarack.daemon.demo.heard import Heard
from pulsarack.daemon.demo.line import Sending

# Meta goes on for days; a daemon that was killed is back in seconds.
TRIES = 300


@dataclass(frozen=True, slots=True)
class WhatsAppSender:
    """One number."""

    api: GraphApi
    number: str
    heard: Heard

    def message(self, text: str) -> Sending:
        """The same message again is the same body again, as Meta delivers it."""
        value = graph_stand_in.value(messages=[self.api.message(self.number, text)])

        async def send() -> None:
            statuses = await self.api.deliver(value, tries=TRIES)
            self.heard.sent_again += len(statuses) - 1
            if statuses[-1] != 200:
                raise DemoError(
                    f"the webhook does not take messages: {statuses[-1]}", "read daemon.log"
                )

        return Sending(send)
