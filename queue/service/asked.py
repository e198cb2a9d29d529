"""What the service is given with a command, and what it gives back.

Who asks is known and has shown his PIN; that is the front desk's. A refusal is an answer like
any other: its key names a wording that says what to do, and is what the inbox keeps.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from pulsarack.queue.agents import Agent
from pulsarack.queue.deposits.tickets import TicketTerms
from pulsarack.queue.identity.accounts import Swap
from pulsarack.queue.network import tree
from pulsarack.queue.orders import Order
from pulsarack.queue.wordings.shipped import Value

MS = 1000


@dataclass(frozen=True, slots=True)
class Settings:
    """What the shop says of commands. `accounts`: what a bank is called, and how to pay there.

    `day_bounds` gives the beginning and the end of a local day ("2026-11-30") in milliseconds.
    """

    timezone: tzinfo
    day_bounds: Callable[[str], tuple[int, int]]
    time_limit_seconds: int
    tickets: TicketTerms
    accounts: Mapping[str, str] = field(default_factory=dict)
    transfers_across: bool = False
    upline_resets_pin: bool = False
    code_prefix: str = tree.PREFIX

    def clock(self, at_ms: int) -> str:
        """A time of the local day, ``15:04``."""
        return self._local(at_ms).strftime("%H:%M")

    def date(self, at_ms: int) -> str:
        """A local day and time, ``15/01 15:04``."""
        return self._local(at_ms).strftime("%d/%m %H:%M")

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms // MS, tz=self.timezone)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, over which channel, when.

    `text` has its secrets masked. `address`: where the answer and results go. `receiver`: which
    of our addresses it came to. `new_pin_hash`, `new_passwords`: what the new secrets of a
    command have become beforehand.
    """

    agent: Agent
    channel: str
    sender: str
    address: str
    receiver: str
    text: str
    received_at: int
    local_day: str
    rng: random.Random
    settings: Settings
    inbound_id: int | None = None
    client_reference: str | None = None
    new_pin_hash: str | None = None
    new_passwords: tuple[Swap, ...] = ()

    @property
    def language(self) -> str:
        """What the agent reads."""
        return self.agent.language


@dataclass(frozen=True, slots=True)
class Answer:
    """A wording and its values; the orders that were accepted, and those that were cancelled.

    noticed: somebody else, or another address of his, may be told of it as well. Whoever has
    committed them tells the rest of the daemon.
    """

    key: str
    variables: Mapping[str, Value] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    cancelled: tuple[Order, ...] = ()
    noticed: bool = False
