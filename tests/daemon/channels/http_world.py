"""A server for other programs over a real SQLite file, on a port that the kernel chose.

Time is moved by hand: nothing here waits. Accounts lie in a dict; their secrets are made up.
"""

import asyncio
import contextlib
import io
import ipaddress
import json
import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from peewee import Database

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.archive_file import Archives, folder_of
from pulsarack.daemon.channels.http import signing
from pulsarack.daemon.channels.http.channel import HttpChannel
from pulsarack.daemon.channels.http.parts import Account, Doorkeeper, Parts
from pulsarack.daemon.channels.http.reports import Formatter
from pulsarack.daemon.context import Context
from pulsarack.daemon.events import Events
from pulsarack.daemon.ordering import Ordering
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secret, Secrets
from pulsarack.ledger import accounts as ledger_accounts
from pulsarack.ledger import journal, sql
from pulsarack.queue import agents, prefixes, products
from pulsarack.queue.products import Product
from pulsarack.ussd.shelf import load_shelf
from tests.daemon.channels.hand_clock import HandClock
from tests.daemon.store_inline import InlineStore
from tests.daemon.world import START_MS
from tests.queue.world import paid_in

KEY = "rahasia-kios-satu-0123456789"
SECRET = Secret(KEY)
SHELF = load_shelf()
SETTINGS = '[http]\nlisten = "127.0.0.1:0"\nreport_private_networks = ["127.0.0.0/8"]\n'


@dataclass(frozen=True)
class TestAccount:
    """An account, opened."""

    __test__ = False

    agent: str = "A1"
    member: str = "K1"
    kind: str = "native"
    key: Secret | None = SECRET
    pin: Secret | None = None
    password: Secret | None = None
    may_be_unsigned: bool = False
    networks: tuple[Any, ...] = ()
    report_url: str | None = None
    report_dialect: str = "native"
    report_secret: Secret | None = None


@dataclass
class Doors:
    """Accounts in memory; ten wrong secrets of an address are too many.

    With `real` the doorkeeper of the daemon is asked instead.
    """

    accounts: dict[str, TestAccount] = field(default_factory=dict)
    wrongs: list[tuple[str, str]] = field(default_factory=list)
    real: Doorkeeper | None = None

    async def account(self, member: str) -> Account | None:
        return await self.real.account(member) if self.real else self.accounts.get(member)

    def may_try(self, member: str, address: str) -> bool:
        if self.real:
            return self.real.may_try(member, address)
        return sum(where == address for _, where in self.wrongs) < 10

    def wrong(self, member: str, address: str) -> None:
        if self.real:
            self.real.wrong(member, address)
        else:
            self.wrongs.append((member, address))


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a refusal."""
        found = self.json
        assert set(found) == {"code", "message", "remedy"}, found
        assert found["message"] and found["remedy"], found
        return str(found["code"])


class HttpWorld:
    """Use it as `async with HttpWorld(tmp_path) as world`."""

    def __init__(
        self,
        directory: Path,
        settings: str = "",
        formatters: Mapping[str, Formatter] | None = None,
        deposit: int = 100_000,
        clock: Any = None,
    ) -> None:
        self.log = io.StringIO()
        logging.configure("debug", "json", self.log)
        self.clock = clock or HandClock()
        self.path = directory / "pulsarack.db"
        text = (
            f'[http]\nlisten = "127.0.0.1:0"\nreport_private_networks = ["127.0.0.0/8"]\n{settings}'
        )
        self.config = config.parse(tomllib.loads(text), directory / "pulsarack.toml")
        begun = self.path.exists()
        if not begun:
            self.path.write_bytes(furnished(directory))
        self.store = InlineStore.open(self.path, now_ms=START_MS, synchronous="OFF")
        if deposit and not begun:
            self.store.run_inline(lambda db: credit(db, deposit))
        self._ids = iter(range(1, 10**6))
        self.context = Context(
            self.config,
            self.clock,
            self.store,
            SHELF,
            Secrets(),
            Events(),
            logging.get(),
            lambda: f"nonce-{next(self._ids):08}",
        )
        self.doors = Doors({"K1": TestAccount()})
        logging.mask([Secret(KEY)])
        self.pressure = Pressure()
        self.woken: list[str | None] = []
        self.archives = Archives(folder_of(self.path), threads=False, synchronous="OFF")
        parts = Parts(
            doorkeeper=self.doors,
            ordering=Ordering(self.context, self.woken.append),
            past=PastOrders(self.context, self.archives),
            price_of=lambda _db, _agent, product: product.price,
            rng=random.Random(1),
        )
        self.channel = HttpChannel(self.context, parts, self.pressure, formatters)
        self._session: aiohttp.ClientSession | None = None
        # A later life takes others: they are kept.
        self._nonces = iter(range(500_000 if begun else 1, 10**6))

    async def __aenter__(self) -> "HttpWorld":
        await self.channel.reporter.start()
        await self.channel.server.start()
        self._session = aiohttp.ClientSession(auto_decompress=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()
        await self.channel.server.stop()
        await self.channel.reporter.stop()
        self.store.close()

    @property
    def base(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.channel.server.port}"

    async def send(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request, as it is."""
        from yarl import URL

        assert self._session is not None
        url = URL(self.base + target, encoded=True)
        async with self._session.request(
            method, url, data=body or None, headers=headers, allow_redirects=False
        ) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.read())

    def used_nonces(self) -> int:
        """Of how many requests the nonce was written down."""
        rows = self.store.read_inline(lambda db: sql.one(db, "SELECT count(*) FROM api_nonce"))
        return int(rows[0]) if rows else 0

    def signed(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        member: str = "K1",
        key: str = KEY,
        nonce: str | None = None,
        at: int | None = None,
    ) -> dict[str, str]:
        """The headers of a good request, or of one that is wrong in one thing."""
        found = signing.headers(
            member,
            Secret(key),
            method,
            target,
            body,
            timestamp=self.clock.now_ms() // 1000 if at is None else at,
            nonce=nonce or f"nonce.{next(self._nonces):06}",
        )
        if body:
            found["Content-Type"] = "application/json"
        return found

    async def ask(self, method: str, target: str, record: Any = None, **wrong: Any) -> Answer:
        """One signed request."""
        body = b"" if record is None else json.dumps(record).encode()
        return await self.send(method, target, body, self.signed(method, target, body, **wrong))

    async def order(self, reference: str = "r1", **fields: Any) -> Answer:
        """Order 10 to a number."""
        record = {"client_reference": reference, "product": "S10", "destination": "081200000012"}
        return await self.ask("POST", "/v1/orders", record | fields)

    def refused(self) -> dict[str, int]:
        """What was refused, by kind."""
        found: dict[str, int] = self.pressure.figures()["refused"]
        return found

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log of that event."""
        found = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in found if line["event"] == event]

    async def raw(self, octets: bytes) -> bytes:
        """Octets on a connection of their own; everything that comes back until it is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.channel.server.port)
        try:
            writer.write(octets)
            return await reader.read()
        finally:
            await hang_up(writer)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever the other side did to it."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begins = datetime.fromtimestamp(0, UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=40_000))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def network(text: str) -> Any:
    """A network of an account's list."""
    return ipaddress.ip_network(text)


_FURNISHED: list[bytes] = []


def furnished(directory: Path) -> bytes:
    """A database with agents and products, made once: the migrations take their time."""
    if not _FURNISHED:
        path = directory / "template" / "pulsarack.db"
        path.parent.mkdir()
        store = InlineStore.open(path, now_ms=START_MS, synchronous="OFF")
        store.run_inline(furnish)
        store.close()
        _FURNISHED.append(path.read_bytes())
    return _FURNISHED[0]


def furnish(db: Database) -> None:
    """Agents A1 and A2, and what is sold."""
    for account in (ledger_accounts.SALES, ledger_accounts.AIRTIME, ledger_accounts.OPENING):
        journal.open_account(db, account, now_ms=START_MS)
    prefixes.ship(db)
    for code in ("A1", "A2"):
        agents.add(db, code, "Kios", now_ms=START_MS)
    for denomination, active in ((5, 1), (10, 1), (20, 0)):
        price = denomination * 1000 + 500
        code, cost = f"S{denomination}", price - 400
        row = Product(code, "telkomsel", "simPATI", denomination, price, cost, None, active)
        products.put(db, row)


def credit(db: Database, deposit: int) -> None:
    """So much for each agent."""
    for code in ("A1", "A2"):
        paid_in(db, code, deposit, now_ms=START_MS)
