"""A daemon that only knows who agents are: a store, a clock and the parts of identity."""

import io
import random
import tomllib
from pathlib import Path

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.context import Context
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.events import Events
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.identity.pin_hash import Cost
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secrets
from pulsarack.queue import agents
from pulsarack.queue.identity import pins
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.ussd.shelf import Shelf
from tests.daemon.identity_world import CHEAP, credentials
from tests.daemon.store_inline import InlineStore
from tests.daemon.world import migrated_file
from tests.modems.world import VirtualClock


class House:
    """A store, a clock and the parts of identity, without a rack; opened and left at will."""

    def __init__(self, directory: Path, *keys: str, settings: str = "") -> None:
        self.directory = directory
        self.clock = VirtualClock()
        self.environ = credentials(directory, *keys)
        self.settings = settings
        self._path = directory / "pulsarack.db"
        self._path.write_bytes(migrated_file())
        self.store: InlineStore
        self.identity: Identity
        self.pressure: Pressure

    async def open(self, *, threads: bool = False, cost: Cost = CHEAP) -> "House":
        """Start a daemon on what is there; raises what the start is refused with."""
        logging.configure("error", "json", io.StringIO())
        settings = config.parse(tomllib.loads(self.settings), self.directory / "x.toml")
        self.store = InlineStore.open(self._path, now_ms=0, synchronous="OFF")
        self.context = Context(
            settings,
            self.clock,
            self.store,
            Shelf({}),
            Secrets(),
            Events(),
            logging.get(),
            lambda: "id",
        )
        self.pressure = Pressure()
        try:
            self.identity = await Identity.open(
                self.context,
                self.environ,
                self.pressure,
                rng=random.Random(1),
                cost=cost,
                threads=threads,
            )
        except DaemonError:
            self.store.close()
            raise
        return self

    def agent(self, code: str = "A1") -> str:
        """Somebody who orders."""
        self.store.run_inline(lambda db: agents.add(db, code, "Kios", now_ms=0))
        return code

    async def has_pin(self, digits: str, agent: str = "A1") -> None:
        """Give an agent a PIN."""
        assert await self.identity.pins.put_new(agent, HiddenPin(digits), by="admin") is None

    async def try_pin(self, digits: str, sender: str = "x", agent: str = "A1") -> str:
        """What a PIN in a text is found to be."""
        return (await self.identity.pins.verify(agent, HiddenPin(digits), sender)).value

    def tries(self, agent: str = "A1") -> int:
        """How many tries stand in the database."""
        found = self.store.read_inline(lambda db: pins.state(db, agent))
        return found.tries if found else 0

    def refused(self) -> dict[str, int]:
        """What was counted."""
        counted: dict[str, int] = self.pressure.figures()["refused"]
        return counted

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock._now += seconds

    def leave(self) -> None:
        """The daemon is gone, as a SIGKILL takes it."""
        self.store.close()
        self.identity.close()
