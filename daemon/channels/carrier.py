"""What a channel is to the rest of the daemon: somebody who carries texts out, and says how he is.

Texts come in by calling the front desk (`front_desk.py`); what goes out lies in the database, and
the postman (`postman.py`) hands it to the channel's carrier, one parcel after another. A carrier
keeps nothing that must not be lost. Its own faults end in its state, never in an exception that
ends another channel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from peewee import Database


class Standing(StrEnum):
    """How a channel is doing."""

    UP = "UP"
    DOWN = "DOWN"  # the other side cannot be reached; it is tried again
    MISCONFIGURED = "MISCONFIGURED"  # nothing will change until somebody changes it
    OFF = "OFF"  # not configured


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel is doing, and why; `remedy` is what a person can do."""

    standing: Standing
    why: str = ""
    remedy: str = ""


class SentKind(StrEnum):
    """What became of one try."""

    DELIVERED = "DELIVERED"  # it is with the receiver, or with a server that answers for it
    SENT = "SENT"  # it has left; a report may say later that it arrived or not
    LATER = "LATER"  # it has not left: try again
    NEVER = "NEVER"  # this address cannot be reached over this channel
    MAYBE = "MAYBE"  # nobody knows: try again, its id makes a repeat harmless


class Parcel(NamedTuple):
    """Something to be sent: `id` stays the same over all tries.

    `sender`: which of our addresses should say it, '' is any; `free`: which has just said another
    and can say this one, '' is none. `kind` is answer, result or buyer;
    `order_id` and `message_id` are there for a result, `answers` is the channel's id of the
    message that it answers.
    """

    id: int
    address: str
    sender: str
    kind: str
    text: str
    agent: str | None
    order_id: int | None
    message_id: int | None
    answers: str | None
    created_at: int
    tries: int
    free: str = ""


class Sent(NamedTuple):
    """The outcome of one try; `again_seconds`: not before, if the channel says so.

    `written`: the carrier wrote it down itself, together with what it keeps of it. `begun`: what
    it has begun in the same transaction (`GoesOn`), for which it is asked next.
    """

    kind: SentKind
    provider_id: str | None = None
    why: str = ""
    again_seconds: float | None = None
    written: bool = False
    begun: Parcel | None = None


Begin = Callable[[Database], Parcel | None]
"""Begins what is due next, in the transaction that ends another; None if it is due no more."""

BeginNext = Callable[[int, str], Begin | None]
"""Called right before such a transaction, with the id of the parcel that ends by it and the address
that is free then; None if nothing is known to be due."""


class Carrier(Protocol):
    """One channel."""

    @property
    def channel(self) -> str:
        """Its name: sms, http, xmpp or whatsapp."""

    @property
    def at_once(self) -> int:
        """How many parcels it carries at the same time."""

    def state(self) -> ChannelState:
        """How it is doing."""

    async def run(self) -> None:
        """Keep the channel up until cancelled."""

    async def send(self, parcel: Parcel) -> Sent:
        """One try. Returns within a time of its own; raises nothing."""


@runtime_checkable
class GoesOn(Protocol):
    """A carrier that writes down itself that something has left, and begins the next with it."""

    def go_on(self, begin_next: BeginNext) -> None:
        """Begin it by this from now on."""
