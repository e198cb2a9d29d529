"""What the HTTP channel needs of the rest of the daemon, as protocols.

Nothing here knows how an account is kept or how an order is accepted;
`daemon/channels/channels.py` hands the parts in.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar

from peewee import Database

from pulsarack.daemon.secrets import Secret
from pulsarack.queue.agents import Agent
from pulsarack.queue.intake import Accepted, Origin, Repeated
from pulsarack.queue.intake_many import Answer, Wanted
from pulsarack.queue.orders import Order
from pulsarack.queue.products import Product
from pulsarack.queue.request import Request
from pulsarack.queue.validation import Refusal

T = TypeVar("T")


class Account(Protocol):
    """One account of a program: whose it is, its secrets (opened), and from where it may call."""

    @property
    def agent(self) -> str:
        """The agent's code."""

    @property
    def member(self) -> str:
        """The account's own name: the key of a signature, the memberID of a dialect."""

    @property
    def kind(self) -> str:
        """What it speaks: the native API, or a dialect of the trade."""

    @property
    def key(self) -> Secret | None:
        """The secret that native requests are signed with."""

    @property
    def pin(self) -> Secret | None:
        """For dialects that send or sign one."""

    @property
    def password(self) -> Secret | None:
        """For dialects that send or sign one."""

    @property
    def may_be_unsigned(self) -> bool:
        """Whether a dialect may send PIN and password instead of a signature."""

    @property
    def networks(self) -> Iterable[object]:
        """From where it may call; none: from everywhere."""

    @property
    def report_url(self) -> str | None:
        """Where results are reported to."""

    @property
    def report_dialect(self) -> str:
        """In which form."""

    @property
    def report_secret(self) -> Secret | None:
        """What reports are signed with; None: the key."""


class Doorkeeper(Protocol):
    """Who may come in (`daemon/identity/doorkeeper.py`)."""

    async def account(self, member: str) -> Account | None:
        """The account of that name, if it and its agent are in use."""

    def may_try(self, member: str, address: str) -> bool:
        """Whether a secret of theirs is looked at now; False for a while after many wrong ones."""

    def wrong(self, member: str, address: str) -> None:
        """Note a wrong secret."""


class Ordering(Protocol):
    """The one way by which an order is accepted (`daemon/ordering.py`)."""

    def origin(
        self,
        agent: str,
        channel: str,
        text: str,
        *,
        client_reference: str | None = None,
        address: str | None = None,
        receiver: str = "",
        reply_number: str | None = None,
        dialect: str = "",
    ) -> Origin:
        """Who orders, how, and when: now."""

    async def place(
        self,
        request: Request,
        origin: Origin,
        *,
        first: Callable[[Database], None] | None = None,
    ) -> Accepted | Repeated | Refusal:
        """Accept it durably, answer with its first one, or say why not; `first` goes before."""

    async def place_many(
        self, wanted: Sequence[Wanted], common: Origin, more: Callable[[Database, Order], T]
    ) -> list[tuple[Answer, T | None] | Exception]:
        """The same of some of one agent; an order's place may hold what `place` would raise."""


class PastRows(Protocol):
    """Orders that are archived (`daemon/past_orders.py`)."""

    async def row(self, past: Any) -> dict[str, Any]:
        """One of them, as the control socket shows it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """All of them. `price_of` is what an agent pays; `rng` draws the tails of tickets."""

    doorkeeper: Doorkeeper
    ordering: Ordering
    past: PastRows
    price_of: Callable[[Database, Agent, Product], int]
    rng: Random
