"""A front desk over a real database: agents with PINs and addresses, products, no chips.

Time is moved by hand. Argon2 is as cheap as it gets and runs in the caller's thread.
"""

import io
import random
import tomllib
from pathlib import Path
from typing import Any, Self

from peewee import Database

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.front_desk import FrontDesk, Received
from pulsarack.daemon.context import Context
from pulsarack.daemon.derived import Derived
from pulsarack.daemon.events import Events
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.ordering import Ordering
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secrets
from pulsarack.daemon.service_settings import service_settings
from pulsarack.ledger import accounts, journal
from pulsarack.queue import agents, prefixes, products
from pulsarack.queue.identity import senders
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.post.inbound import Letter
from pulsarack.queue.products import Product
from pulsarack.queue.rows import tuples
from pulsarack.ussd.shelf import load_shelf
from tests.daemon.channels.hand_clock import HandClock
from tests.daemon.identity_world import CHEAP, credentials
from tests.daemon.store_inline import InlineStore
from tests.daemon.world import START_MS, migrated_file

SHELF = load_shelf()
AGENT, PIN, NUMBER = "A1", "7351", "6281200000099"
MONEY = 100_000


class DeskWorld:
    """Use `await DeskWorld.open(tmp_path)`; agent A1 may write by SMS, WhatsApp and XMPP."""

    def __init__(self, directory: Path, settings: str, clock: Any = None) -> None:
        self.log = io.StringIO()
        logging.configure("debug", "json", self.log)
        self.clock = clock or HandClock()
        self.directory = directory
        self.path = directory / "pulsarack.db"
        if not self.path.exists():
            self.path.write_bytes(migrated_file())
        self._config = config.parse(tomllib.loads(settings), directory / "pulsarack.toml")
        self.store = InlineStore.open(self.path, now_ms=START_MS, synchronous="OFF")
        self.context = Context(
            self._config, self.clock, self.store, SHELF, Secrets(), Events(), logging.get(), str
        )
        self.pressure = Pressure()
        self.rung: list[str] = []
        self.woken: list[str | None] = []
        self._ids = iter(range(1, 10**6))

    @classmethod
    async def open(cls, directory: Path, settings: str = "", clock: Any = None) -> Self:
        """A desk that is open, in an office that is furnished."""
        world = cls(directory, settings, clock)
        if not world.sql("SELECT 1 FROM agent"):
            world.store.run_inline(_furnish)
        await world.start()
        if not world.sql("SELECT 1 FROM agent_pin"):
            await world.identity.pins.put_new(AGENT, HiddenPin(PIN), by="test")
        return world

    async def start(self) -> None:
        """Open the desk."""
        self.identity = await Identity.open(
            self.context,
            credentials(self.directory),
            self.pressure,
            rng=random.Random(1),
            cost=CHEAP,
            threads=False,
        )
        ordering = Ordering(self.context, self.woken.append)
        self.desk = FrontDesk(
            self.context,
            ordering,
            self.identity.pins,
            self.identity.strangers,
            self.pressure,
            self.ring,
            random.Random(2),
            Derived(self._config, service_settings),
            self.identity.accounts,
        )

    def ring(self, channel: str) -> None:
        """Something waits for that channel."""
        self.rung.append(channel)

    def close(self) -> None:
        """Close everything."""
        self.identity.close()
        self.store.close()

    def letter(self, text: str, message_id: str = "", **fields: Any) -> Letter:
        """A message of agent A1, by SMS unless said otherwise."""
        wanted: dict[str, Any] = {"channel": "sms", "sender": NUMBER, "receiver": "8962"}
        key = message_id or f"n{next(self._ids)}"
        return Letter(message_id=key, text=text, **(wanted | fields))

    async def say(self, text: str, message_id: str = "", **fields: Any) -> Received:
        """Hand a message in."""
        return await self.desk.receive(self.letter(text, message_id, **fields))

    def sql(self, statement: str, *params: object) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return self.store.read_inline(lambda db: tuples(db, statement, params))

    def answers(self) -> list[str]:
        """The answers that wait to be sent, oldest first."""
        rows = self.sql("SELECT text FROM outgoing WHERE kind = 'answer' ORDER BY id")
        return [row[0] for row in rows]

    def orders(self) -> list[tuple[Any, ...]]:
        """Product, destination and counter of every order."""
        return self.sql("SELECT product, destination, repeat_index FROM orders ORDER BY id")

    def refused(self) -> dict[str, int]:
        """What was refused, by kind."""
        found: dict[str, int] = self.pressure.figures()["refused"]
        return found


def _furnish(db: Database) -> None:
    shared = (accounts.SALES, accounts.AIRTIME, accounts.COMMISSION_EXPENSE, accounts.OPENING)
    for account in (*shared, agents.CASH):
        journal.open_account(db, account, now_ms=START_MS)
    prefixes.ship(db)
    for code, name in ((AGENT, "Kios Satu"), ("A2", "Kios Dua")):
        agents.add(db, code, name, now_ms=START_MS)
        journal.transfer(
            db,
            journal.Transfer(f"start:{code}", agents.CASH, accounts.agent(code), MONEY),
            now_ms=START_MS,
        )
    for channel, address in (
        ("sms", NUMBER),
        ("whatsapp", NUMBER),
        ("xmpp", "kios1@example.org"),
    ):
        senders.bind(db, channel, address, AGENT, by="test", now_ms=START_MS)
    for denomination in (5, 10):
        price = denomination * 1000 + 500
        products.put(db, _product(denomination, price))


def _product(denomination: int, price: int) -> Product:
    return Product(
        code=f"S{denomination}",
        operator="telkomsel",
        name=f"simPATI {denomination}",
        denomination=denomination,
        price=price,
        cost=price - 400,
        time_limit_seconds=None,
        active=1,
    )
