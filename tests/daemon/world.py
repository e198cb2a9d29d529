"""The whole daemon and the simulated rack in one process, on virtual time.

Ports are function calls, the store is a real SQLite file, everything else is the
product as it runs. `World.crash` takes the daemon away at any moment, as a SIGKILL
does; the modems and the operators go on.
"""

import asyncio
import functools
import io
import itertools
import json
import random
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.admins.admins import Admins
from pulsarack.daemon.admins.users import Entry
from pulsarack.daemon.answers import misfit
from pulsarack.daemon.archive_file import Archives, folder_of
from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.channels.channels import Channels
from pulsarack.daemon.clock import SteadyClock
from pulsarack.daemon.context import Context
from pulsarack.daemon.control_protocol import (
    Call,
    CallError,
    Calls,
    Peer,
    check_arguments,
    encode_result,
)
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.events import Events
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.learned_store import LearnedStore
from pulsarack.daemon.outbox import Outbox
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.registry import registry
from pulsarack.daemon.resets import Resets
from pulsarack.daemon.run import prepare
from pulsarack.daemon.schedules.day_reports import DayReports
from pulsarack.daemon.schedules.jobs import schedule_of
from pulsarack.daemon.secrets import Secret, Secrets
from pulsarack.daemon.side_reader import SideReader
from pulsarack.ledger import audit as ledger_audit
from pulsarack.modems.errors import PortMissing
from pulsarack.modems.profile import Profiles
from pulsarack.modems.simulator import modem as simulated
from pulsarack.modems.simulator.books import Books
from pulsarack.modems.simulator.rack import Rack as RackPlan
from pulsarack.modems.simulator.rack import read_rack
from pulsarack.modems.simulator.world import World as Simulation
from pulsarack.modems.timing import Clock
from pulsarack.modems.usb_reset import UsbSeat
from pulsarack.modems.watch import PortKey
from pulsarack.queue import admin_acts
from pulsarack.queue import audit as queue_audit
from pulsarack.queue.admin_acts import ActRow
from pulsarack.ussd.shelf import Shelf, load_shelf
from tests.daemon.identity_world import CHEAP, credentials
from tests.daemon.store_inline import InlineStore
from tests.daemon.virtual_loop import LoopClock, LoopScheduler

START_MS = 1_795_331_100_000  # 2026-11-22 14:05 in Jakarta
START_DAY = "2026-11-22"
PEER = Peer(1, 0, 0)
OTHER_ADMIN = Peer(2, 1000, 1000)
RECIPES = {
    "telkomsel": "telkomsel-mkios",
    "indosat": "indosat-dealer",
    "xl": "xl-sms",
    "tri": "tri-dealer",
}
CARDS = {
    "telkomsel": ("896210000000000{:03}", "51010", "62812000090{:02}"),
    "indosat": ("896201000000000{:03}", "51001", "62856000090{:02}"),
    "xl": ("896211000000000{:03}", "51011", "62817000090{:02}"),
    "tri": ("896289000000000{:03}", "51089", "62895000090{:02}"),
}
CODES = {"telkomsel": "S", "indosat": "I", "xl": "X", "tri": "T"}
PRODUCTS = [
    {"code": f"{CODES[operator]}{n}", "operator": operator, "denomination": n,
     "price": n * 1000 + 500, "cost": cost}
    for operator in CARDS
    for n, cost in ((5, 5_125), (10, 10_150), (20, 20_100))
]  # fmt: skip
SHELF = load_shelf()


def luhn(digits: str) -> str:
    """The digits with their check digit (ISO/IEC 7812-1 annex B)."""
    doubled = [int(d) * (2 if n % 2 == 0 else 1) for n, d in enumerate(reversed(digits))]
    return digits + str(-sum(d // 10 + d % 10 for d in doubled) % 10)


def rack_plan(
    *chips: tuple[str, str],
    faults: str = "",
    stock: int = 1_000_000,
    stocks: Sequence[int] | None = None,
) -> RackPlan:
    """A rack of (dialect, operator) pairs; `faults` is TOML of the rack file."""
    operators = sorted({operator for _, operator in chips})
    text = "".join(
        f'[[operator]]\nname = "{name}"\nnot_registered_endings = ["00"]\n'
        'inactive_endings = ["01"]\n'
        for name in operators
    )
    for number, (dialect, operator) in enumerate(chips, start=1):
        iccid, imsi, msisdn = CARDS[operator]
        text += (
            f'[[modem]]\ndialect = "{dialect}"\nimei = "{luhn(f"3500010000{number:04}")}"\n'
            f'[modem.chip]\noperator = "{operator}"\niccid = "{luhn(iccid.format(number))}"\n'
            f'imsi = "{imsi}{number:010}"\nmsisdn = "{msisdn.format(number)}"\n'
            f'chip_pin = "12{number:02}"\nstock = {stocks[number - 1] if stocks else stock}\n'
        )
    return read_rack(tomllib.loads(text + faults), Path("rack.toml"))


@functools.cache
def migrated_file() -> bytes:
    """An empty database as the migrations leave it: running them anew costs 40 ms a world."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "pulsarack.db")
        InlineStore.open(path, now_ms=START_MS, synchronous="OFF").close()
        return path.read_bytes()


class FakeUsers:
    """The users of a machine; the daemon runs as the last of our two admins."""

    def __init__(self) -> None:
        self.own_uid = OTHER_ADMIN.uid
        self.overflow_uid = 65_534
        self.logins = {OTHER_ADMIN.uid: "pulsarack", 2000: "siti", 65_534: "nobody"}
        self.group = {"pulsarack"}

    async def login_of(self, uid: int) -> str | None:
        return self.logins.get(uid)

    async def uid_of(self, login: str) -> int | None:
        uids = {"root": 0} | {name: uid for uid, name in self.logins.items()}
        return uids.get(login)

    async def entry(self, login: str, socket: Path) -> Entry | None:
        return Entry("pulsarack", login in self.group)


class MemoryPort:
    """A line between the product and one simulated modem."""

    def __init__(self, modem: simulated.Modem) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self._modem = modem
        self._open = True

    def write(self, data: bytes) -> None:
        if self._open:
            asyncio.get_running_loop().call_soon(self._modem.feed, data)

    def deliver(self, data: bytes) -> None:
        if self._open:
            self.on_bytes(data)

    def hang_up(self) -> None:
        if self._open:
            self._open = False
            self.on_gone("hung up")

    def close(self) -> None:
        self._open = False

    @property
    def closed(self) -> bool:
        return not self._open


class MemoryPorts:
    """The ports of a simulated rack; a modem that left the bus has none."""

    def __init__(self, simulation: Simulation) -> None:
        self._modems = {f"/rack/modem{n}": m for n, m in enumerate(simulation.modems)}
        self._there = dict.fromkeys(self._modems, True)
        self.places: dict[str, UsbSeat] = {}
        self._open: dict[str, MemoryPort] = {}
        self._news = asyncio.Event()
        for path in self._modems:
            self._attach(path)

    def look(self) -> dict[str, PortKey]:
        return {path: PortKey(path, 1, 1) for path, there in self._there.items() if there}

    async def wait(self, clock: Clock, seconds: float) -> None:
        """Until somebody came or went, and it is time for a look, of which one is each `seconds`.

        Looks that would see nothing are left out: they were most of what an idle hour costs.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await self._news.wait()
        self._news.clear()
        await clock.sleep(seconds - (loop.time() - begun) % seconds)

    def place(self, path: str) -> UsbSeat | None:
        return self.places.get(path)

    def is_open(self, path: str) -> bool:
        """Whether the product has the port open."""
        return path in self._open and not self._open[path].closed

    async def open(self, path: str) -> MemoryPort:
        if not self._there.get(path):
            raise PortMissing(path)
        self._open[path] = MemoryPort(self._modems[path])
        return self._open[path]

    def swap(self, one: str, other: str) -> None:
        """Take two modems out and plug each in where the other was."""
        for path in (one, other):
            self._gone(path)
        self._modems[one], self._modems[other] = self._modems[other], self._modems[one]
        for path in (one, other):
            self._attach(path)
            asyncio.get_running_loop().call_later(3.0, self._back, path)

    def unplug(self, path: str) -> None:
        """Take a modem out for good."""
        self._gone(path)

    def plug(self, path: str, was: str) -> None:
        """The modem that was in a place before is put into another, perhaps a new one."""
        self._modems[path] = self._modems.pop(was)
        self._there.pop(was, None)
        self._attach(path)
        self._back(path)

    def drop(self) -> None:
        """The daemon died: its ends of the lines are closed."""
        for port in self._open.values():
            port.close()
        self._open.clear()

    def _attach(self, path: str) -> None:
        self._modems[path].attach(
            lambda data: self._out(path, data),
            lambda: self._gone(path),
            lambda: self._back(path),
        )

    def _out(self, path: str, data: bytes) -> None:
        if path in self._open:
            asyncio.get_running_loop().call_soon(self._open[path].deliver, data)

    def _gone(self, path: str) -> None:
        self._there[path] = False
        self._news.set()
        if path in self._open:
            asyncio.get_running_loop().call_soon(self._open.pop(path).hang_up)

    def _back(self, path: str) -> None:
        self._there[path] = True
        self._news.set()


@dataclass
class _Daemon:
    store: InlineStore
    calls: Calls
    rack: Rack
    context: Context
    tasks: list[asyncio.Task[None]]
    profiles: Profiles


class World:
    """One simulated rack, and a daemon that comes and goes."""

    runs_channels = True
    reads_aside: type[SideReader] = SideReader

    def __init__(self, directory: Path, plan: RackPlan, seed: int = 1, settings: str = "") -> None:
        logging.configure("error", "json", io.StringIO())
        loop = asyncio.get_running_loop()
        self.clock = LoopClock(START_MS)
        self.truth: list[dict[str, Any]] = []
        self.telephone_books: list[dict[str, Any]] = []
        self.simulation = Simulation(
            plan,
            seed,
            LoopScheduler(loop, START_MS / 1000),
            Books(lambda line: self.truth.append(json.loads(line))),
            Books(lambda line: self.telephone_books.append(json.loads(line))),
        )
        self.simulation.power_on()
        self.ports = MemoryPorts(self.simulation)
        self.plan = plan
        self._path = directory / "pulsarack.db"
        if not self._path.exists():
            self._path.write_bytes(migrated_file())
        self._config = config.parse(tomllib.loads(settings), directory / "pulsarack.toml")
        self._credentials = credentials(directory)
        self._seed = seed
        self._daemon: _Daemon | None = None
        self.pressure: Pressure | None = None
        self.users = FakeUsers()
        self.resets: Resets | None = None  # the machine's own, which find no USB here
        self._ids = itertools.count(1)
        self.sim_pins: dict[str, str] = {}
        self.pins = {modem.chip.iccid: modem.chip.chip_pin for modem in plan.modems}

    @property
    def daemon(self) -> _Daemon:
        assert self._daemon is not None, "the daemon is not running"
        return self._daemon

    async def start(self) -> None:
        """Start the daemon on the state that is there."""
        store = InlineStore.open(self._path, now_ms=self.clock.now_ms(), synchronous="OFF")
        filed: dict[str, dict[str, Secret]] = {}
        for name, by_chip in (("chip_pin", self.pins), ("sim_pin", self.sim_pins)):
            for iccid, pin in by_chip.items():
                filed.setdefault(iccid, {})[name] = Secret(pin)
        pins = Secrets(filed)
        logging.mask(pins)
        context = Context(
            self._config,
            SteadyClock(self.clock),
            store,
            Shelf(SHELF.recipes),
            pins,
            Events(),
            logging.get(),
            lambda: f"id{next(self._ids)}",
        )
        self.pressure = Pressure()
        self.identity = await Identity.open(
            context,
            self._credentials,
            self.pressure,
            rng=random.Random(self._seed),
            cost=CHEAP,
            threads=False,
        )
        await prepare(context)
        dispatcher = Dispatcher(context)
        profiles = Profiles.load()
        learned = LearnedStore(context, profiles.learned)
        await learned.load()
        rack = Rack(context, dispatcher, profiles, self.ports, self.resets)
        archives = Archives(folder_of(self._path), threads=False, synchronous="OFF")
        self.archivist = Archivist(context, archives)
        reader = self.reads_aside(self._path, threads=False)
        reports = DayReports(context, reader)
        rng = random.Random(self._seed)
        self.schedule = schedule_of(context, self.archivist, reader, reports, rng=rng)
        past = PastOrders(context, archives)
        self.channels = Channels(
            context,
            self.identity,
            rack,
            dispatcher,
            past,
            self.pressure,
            self._credentials,
            random.Random(self._seed),
        )
        calls = registry(
            Office(
                context,
                rack,
                dispatcher,
                Outbox(context),
                self.archivist,
                self.pressure,
                self.identity,
                self.channels.states,
                schedule=self.schedule,
                reports=reports,
                admins=Admins(context, self.pressure, self.users),
            )
        )
        parts = (
            dispatcher.run(),
            rack.run(),
            self.schedule.run(),
            learned.run(),
        )
        if self.runs_channels:
            parts += (self.channels.run(),)
        tasks = [asyncio.create_task(part) for part in parts]
        self._daemon = _Daemon(store, calls, rack, context, tasks, profiles)

    async def crash(self) -> None:
        """Take the daemon away; nothing it has not committed is left."""
        daemon, self._daemon = self.daemon, None
        daemon.store.close()
        self.ports.drop()
        tasks = [*daemon.tasks, *daemon.rack.tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Stop the daemon as SIGTERM does."""
        daemon, self._daemon = self.daemon, None
        await daemon.rack.stop(60.0)
        for task in daemon.tasks:
            task.cancel()
        await asyncio.gather(*daemon.tasks, return_exceptions=True)
        assert all(task.done() for task in daemon.rack.tasks.values()), "a slot outlives its daemon"
        daemon.store.close()
        self.ports.drop()

    async def set_up(self, deposit: int = 10_000_000) -> None:
        """Start, adopt all chips, import products, and give agent A1 a deposit."""
        await self.start()
        for modem in self.plan.modems:
            await self.call(
                "chip.adopt",
                iccid=modem.chip.iccid,
                operator=modem.chip.operator,
                recipe=RECIPES[modem.chip.operator],
            )
        await self.call("product.import", rows=PRODUCTS)
        await self.call("agent.new", code="A1", name="Satu")
        await self.pay_in("A1", deposit)

    async def pay_in(self, agent: str, amount: int) -> None:
        """Raise a deposit by exactly so much: a row of the bank, which an admin says is his."""
        row = {"day": START_DAY, "amount": amount, "description": f"payment {next(self._ids)}"}
        taken = await self.call("bank.import", bank=self._config.banks[0].name, rows=[row])
        (unmatched,) = taken["unmatched"]
        await self.call("bank.assign", id=unmatched["id"], agent=agent, because="test", who="test")

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """A call as it comes over the control socket; its answer is as the commands know it."""
        return await self.call_as(PEER, name, **arguments)

    async def call_as(self, peer: Peer, name: str, /, **arguments: Any) -> Any:
        """The same as another user of the machine."""
        found: Call = self.daemon.calls.find(name)
        assert found.answer is not None
        result = await found.answer(check_arguments(found, arguments), peer)
        on_the_line = json.loads(encode_result(1, result))["result"]
        assert misfit(name, on_the_line) is None, (name, misfit(name, on_the_line))
        return result

    async def acts(self) -> list[ActRow]:
        """What was recorded of people's acts, oldest first."""
        return self.daemon.store.read_inline(lambda db: list(admin_acts.in_order(db)))

    async def refusal(self, name: str, /, **arguments: Any) -> CallError:
        """The error that a call is refused with."""
        try:
            answer = await self.call(name, **arguments)
        except CallError as error:
            return error
        raise AssertionError(f"not refused: {answer}")

    async def order(self, text: str, reference: str | None = None) -> int:
        """Order as agent A1; the order's id."""
        answer = await self.call("order.new", agent="A1", text=text, client_reference=reference)
        return int(answer["id"])

    async def show(self, order_id: int) -> dict[str, Any]:
        """The whole story of an order."""
        found: dict[str, Any] = await self.call("order.show", id=order_id)
        return found

    async def states(self) -> dict[int, str]:
        """The state of every order."""
        listed = await self.call("order.list", limit=1000)
        return {row["id"]: row["state"] for row in listed["orders"]}

    async def settle(self, within_seconds: float = 3600.0, *, but_unknown: bool = False) -> None:
        """Let time pass until every order is final (or, if asked, undecided)."""
        open_states = {"QUEUED", "SENDING"} | (set() if but_unknown else {"UNKNOWN"})
        until = self.clock.monotonic() + within_seconds
        while open_states & set((await self.states()).values()):
            assert self.clock.monotonic() < until, await self.states()
            await self.clock.sleep(1.0)

    def delivered(self) -> list[tuple[str, int]]:
        """What the operators delivered: (destination, denomination)."""
        return [
            (line["destination"], line["denomination"])
            for line in self.truth
            if line["kind"] == "top_up" and line["delivered"]
        ]

    def findings(self) -> list[Any]:
        """What both audits find wrong; must be empty at every moment."""
        db_audits = (ledger_audit.audit, queue_audit.audit)
        return [f for audit in db_audits for f in self.daemon.store.read_inline(audit)]
