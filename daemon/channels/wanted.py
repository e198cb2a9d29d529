"""What the chat channels want of the rest of the daemon: somebody who takes letters, and the post.

A message is acknowledged to its channel only when one of these has returned: then it is on disk.
"""

from collections.abc import Mapping
from typing import Protocol

from pulsarack.queue.post.inbound import Letter


class Taken(Protocol):
    """What became of a letter."""

    @property
    def repeated(self) -> bool:
        """It had been taken before."""


class Desk(Protocol):
    """Takes what came in; raises DaemonError if it could not be kept."""

    async def receive(self, letter: Letter) -> Taken:
        """Keep it, do what it says, write the answer down."""

    async def refuse(
        self, letter: Letter, key: str, values: Mapping[str, str | int] | None = None
    ) -> Taken:
        """Keep it under that name, unread, and answer with the wording of the name."""


class Post(Protocol):
    """What is known of the addresses, and of what was sent; raises DaemonError."""

    async def note_delivery(
        self, channel: str, provider_id: str, delivered: bool, why: str
    ) -> bool:
        """A text that was sent has arrived, or has not; False: it is none of ours, or known."""

    async def knows(self, channel: str, address: str) -> bool:
        """Whether an agent is bound to the address."""

    async def wrote_at(self, channel: str, address: str) -> int | None:
        """When the address wrote last, milliseconds UTC; None if never."""
