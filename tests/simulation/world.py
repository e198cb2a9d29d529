"""The whole product and the simulated rack in one process: one history, from one seed.

The daemon comes and goes in lives (life.py); modems, operators, agents and the auditor
live on. Everything runs on one virtual loop, everything drawn comes from the seed, so a
seed is a history: the same bytes at the same instants.
"""

import asyncio
import hashlib
import io
import itertools
import json
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.admins.admins import Admins
from pulsarack.daemon.archive_file import Archives, folder_of
from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.channels.carrier import Carrier, Parcel
from pulsarack.daemon.channels.channels import Channels
from pulsarack.daemon.channels.sms.reception import Reception, Stage
from pulsarack.daemon.clock import SteadyClock
from pulsarack.daemon.context import Context
from pulsarack.daemon.control_protocol import Calls, Peer, check_arguments
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.events import Events
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.outbox import Outbox
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.registry import registry
from pulsarack.daemon.run import prepare
from pulsarack.daemon.secrets import Secret, Secrets
from pulsarack.ledger import audit as ledger_audit
from pulsarack.modems.profile import Profiles
from pulsarack.modems.simulator.books import Books
from pulsarack.modems.simulator.world import World as SimulatedRack
from pulsarack.queue import admin_acts
from pulsarack.queue import audit as queue_audit
from tests.daemon.identity_world import CHEAP, credentials
from tests.daemon.virtual_loop import LoopScheduler
from tests.daemon.world import PEER, SHELF, START_MS, FakeUsers, migrated_file
from tests.simulation.auditor import Auditor, Broken
from tests.simulation.bus import Bus, BusPorts
from tests.simulation.chat import ChatCarrier, ChatServer
from tests.simulation.crashes import Armed, CrashPoint, Killed
from tests.simulation.life import Life, LifeClock, SteppedWall
from tests.simulation.limits import read_settings
from tests.simulation.plan import Plan
from tests.simulation.store import SimulatedStore

STOP_SECONDS = 60.0
CONTRADICTION = "contradicts itself"
PROFILES = Profiles.load()


class Lost(Exception):
    """The daemon was not there, or went before it answered: nobody knows what it did."""


class Daemon:
    """What one life of the daemon consists of; `calls` is there once it listens."""

    def __init__(self, life: Life, store: SimulatedStore) -> None:
        self.life = life
        self.store = store
        self.calls: Calls | None = None
        self.rack: Rack | None = None
        self.reception: Reception | None = None
        self.stopping = asyncio.Event()


class _ChannelsWithChat(Channels):
    """The channels of one life: SMS, and one in memory."""

    def __init__(self, server: ChatServer, life: Life, *parts: Any) -> None:
        self._server = server
        self._life = life
        super().__init__(*parts)

    def _configured(self) -> list[Carrier]:
        return [ChatCarrier(self._server, self._life, self.desk, self.mailroom)]


class World:
    """One history. `leave_chat` and `hear_chat` are told what leaves over the chat, and arrives."""

    def __init__(self, plan: Plan, directory: Path) -> None:
        loop = asyncio.get_running_loop()
        self.plan = plan
        self.findings: list[Broken] = []
        self._trace = hashlib.sha256()
        self.daemon: Daemon | None = None
        self.crashes: Counter[tuple[str, str]] = Counter()
        self.faults: Counter[tuple[str, str]] = Counter()
        self.rng = Random(f"world/{plan.seed}")
        self.wall = SteppedWall(START_MS)
        self.logged = io.StringIO()
        logging.configure("info", "json", self.logged)
        self.path = directory / "pulsarack.db"
        self.path.write_bytes(migrated_file())
        chips = [modem.chip for modem in plan.rack.modems]
        stocks = {chip.iccid: chip.stock for chip in chips}
        self.auditor = Auditor(self.path, stocks, read_settings(plan.settings))
        self.pins = {chip.iccid: chip.chip_pin for chip in chips}
        self.simulation = SimulatedRack(
            plan.rack, plan.seed, LoopScheduler(loop, START_MS / 1000), Books(self._booked)
        )
        self.bus = Bus(self.simulation.modems, self._bytes)
        self.leave_chat: Callable[[str, Parcel], None] = lambda channel, parcel: None
        self.hear_chat: Callable[[str, Parcel], None] = lambda channel, parcel: None
        self.chat = ChatServer(
            plan.texts.chat,
            Random(f"chat/{plan.seed}"),
            lambda: self.wall.now_ms() - self.wall.offset_ms,
            lambda channel, parcel: self.leave_chat(channel, parcel),
            lambda channel, parcel: self.hear_chat(channel, parcel),
        )
        self._credentials = credentials(directory)
        self._unsure = 0  # texts of which nobody knows whether they left
        self.ready = asyncio.Event()
        self.armed = Armed()
        self.down = 1.0
        self._death = asyncio.Event()
        self._ids = itertools.count(1)
        self.config = config.parse(
            tomllib.loads(plan.settings + plan.texts.settings), directory / "pulsarack.toml"
        )
        loop.set_exception_handler(self._unhandled)
        self.simulation.power_on()

    @property
    def secrets(self) -> list[str]:
        """All PINs, right and wrong ones, which must be nowhere."""
        return [*self.pins.values(), *sorted(self.auditor.texts.secrets)]

    @property
    def digest(self) -> str:
        """The hash of everything that was said, booked, committed and told, with its instants."""
        return self._trace.hexdigest()

    def trace(self, kind: str, who: object, what: object) -> None:
        """Something happened that another run of the same seed must repeat."""
        at = asyncio.get_running_loop().time()
        self._trace.update(f"{at:.6f} {kind} {who} {what!r}\n".encode())

    async def start(self) -> None:
        """Start a daemon on the state that is there; returns at once."""
        life = Life(self.armed, self._died)
        rng = Random(f"store/{self.plan.seed}/{next(self._ids)}")
        now_ms = self.wall.now_ms()
        store = SimulatedStore(self.path, now_ms, life, rng, self._committed)
        self.daemon = Daemon(life, store)
        life.spawn(self._run(self.daemon), "daemon")

    async def keep_running(self) -> None:
        """Start the daemon again after each of its deaths."""
        while True:
            await self._death.wait()
            self._death.clear()
            assert self.daemon is not None
            daemon, self.daemon = self.daemon, None
            await daemon.life.unwound()
            daemon.store.close()
            self.auditor.look()
            await asyncio.sleep(self.down)
            await self.start()

    def stop(self) -> None:
        """Tell the daemon to end, as SIGTERM does."""
        if self.daemon is not None:
            self.daemon.stopping.set()

    async def request(self, name: str, peer: Peer = PEER, /, **arguments: Any) -> Any:
        """A call over the control socket; raises CallError as the daemon says, or Lost."""
        daemon = self.daemon
        if daemon is None or daemon.calls is None:
            raise Lost
        call = daemon.calls.find(name)
        assert call.answer is not None
        checked = check_arguments(call, arguments)

        async def answer() -> Any:
            assert call.answer is not None
            return await call.answer(checked, peer)

        task = daemon.life.spawn(answer(), name)
        await asyncio.wait([task])
        if daemon.life.dead or task.cancelled() or isinstance(task.exception(), Killed):
            raise Lost
        return task.result()

    async def insist(self, name: str, peer: Peer = PEER, /, **arguments: Any) -> Any:
        """The same, again and again until the daemon answers: only for what may be repeated."""
        while True:
            try:
                return await self.request(name, peer, **arguments)
            except Lost:
                await asyncio.sleep(1.0)

    def follow(self, agent: str, take: Callable[[dict[str, Any]], None]) -> "asyncio.Task[Any]":
        """Follow an agent's messages until the daemon ends; raises Lost if it is not there."""
        daemon = self.daemon
        if daemon is None or daemon.calls is None:
            raise Lost
        call = daemon.calls.find("messages.follow")
        assert call.stream is not None
        events = call.stream(check_arguments(call, {"agent": agent}), PEER)

        async def pump() -> None:
            async for event in events:
                take(event)

        return daemon.life.spawn(pump(), f"follow {agent}")

    def audit(self, *, at_rest: bool = False) -> None:
        """The auditor's view, and the product's own audit (`findings`: told at the end).

        While orders move the product may rightly find that proofs contradict each other: it
        waits for a person then. At rest it finds nothing.
        """
        self.auditor.look()
        if self.daemon is None or self.daemon.store.in_transaction:
            return
        with self.daemon.store.db.atomic():
            for audit in (ledger_audit.audit, queue_audit.audit):
                for found in audit(self.daemon.store.db):
                    if at_rest or CONTRADICTION not in found.detail:
                        self.findings.append(Broken("audit", str(found)))
            for rule in (admin_acts.problems, admin_acts.unrecorded):
                for subject, detail in rule(self.daemon.store.db):
                    self.findings.append(Broken("P3", f"{subject}: {detail}"))

    def state_on(self, iccid: str | None) -> set[str]:
        """How the orders stand that a chip (or any chip) is at work on, for the coverage."""
        if self.daemon is None:
            return {"daemon down"}
        where = "a.closed_at IS NULL" + (f" AND a.chip = '{iccid}'" if iccid else "")
        rows = self.auditor.history(
            "SELECT DISTINCT o.state || iif(o.state = 'SENDING' AND a.committed_at IS NOT NULL,"
            f" ' committed', '') FROM attempt a JOIN orders o ON o.id = a.order_id WHERE {where}"
        )
        return {row[0] for row in rows} or {"idle"}

    def struck(self, fault: str, iccid: str | None) -> None:
        """Note for the coverage in which states a fault struck."""
        for state in self.state_on(iccid):
            self.faults[state, fault] += 1

    async def _run(self, daemon: Daemon) -> None:
        life = daemon.life
        clock = SteadyClock(LifeClock(life, self.wall, base=self.rng.uniform(0, 1e6)))
        pins = Secrets({iccid: {"chip_pin": Secret(pin)} for iccid, pin in self.pins.items()})
        logging.mask(pins)
        context = Context(
            self.config,
            clock,
            daemon.store,
            SHELF,
            pins,
            Events(),
            logging.get(),
            lambda: f"id{next(self._ids)}",
        )
        daemon.reception = context.reception
        pressure = Pressure()
        rng = Random(f"daemon/{self.plan.seed}/{next(self._ids)}")
        identity = await Identity.open(
            context, self._credentials, pressure, rng=rng, cost=CHEAP, threads=False
        )
        await prepare(context)
        dispatcher = Dispatcher(context)
        rack = daemon.rack = Rack(context, dispatcher, PROFILES, BusPorts(self.bus, life))
        # Histories are of days: nothing grows so old before their end (old_age.py).
        archives = Archives(folder_of(self.path), threads=False)
        channels = _ChannelsWithChat(
            self.chat,
            life,
            context,
            identity,
            rack,
            dispatcher,
            PastOrders(context, archives),
            pressure,
            self._credentials,
            rng,
        )
        office = Office(
            context,
            rack,
            dispatcher,
            Outbox(context),
            Archivist(context, archives),
            pressure,
            identity,
            channels.states,
            admins=Admins(context, pressure, FakeUsers()),
        )
        daemon.calls = registry(office)
        parts = [asyncio.create_task(one) for one in (dispatcher.run(), rack.run(), channels.run())]
        ended: asyncio.Task[Any] = asyncio.create_task(daemon.stopping.wait())
        self.audit()
        self.ready.set()
        await asyncio.wait([*parts, ended], return_when=asyncio.FIRST_COMPLETED)
        for part in parts:
            if part.done() and not life.dead:
                self.auditor.broken.append(Broken("P8", f"a part ended: {part.exception()!r}"))
        await rack.stop(STOP_SECONDS)
        for part in (*parts, ended):
            part.cancel()
        await asyncio.gather(*parts, ended, return_exceptions=True)
        daemon.store.close()
        life.end()

    def _died(self, point: CrashPoint | None) -> None:
        self.ready.clear()
        name = point.value if point else "stopped"
        self.trace("died", name, "")
        self.auditor.limits.stopped(asyncio.get_running_loop().time())
        for state in self.state_on(None):
            self.crashes[name, state] += 1
        self._note_texts_at_death()
        self._death.set()

    def _note_texts_at_death(self) -> None:
        """What the daemon had of texts when it died, for the coverage."""
        assert self.daemon is not None
        history, reception = self.auditor.history, self.daemon.reception
        taken = {row[0] for row in history("SELECT message_id FROM inbound")}
        met = self.chat.met
        met["died: taken, not acknowledged"] += not taken.isdisjoint(self.chat.unacknowledged())
        on_sim = (Stage.IN_HAND, Stage.KEPT)
        if reception is not None:
            met["died: taken, on its SIM"] += any(reception.stage(one) in on_sim for one in taken)
        met["died: sending over the chat"] += self.chat.sending > 0
        ((left,),) = history("SELECT count(*) FROM sent_sms WHERE provider_id IS NULL")
        met["died: sending by SMS"] += left > self._unsure
        self._unsure = left

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, found: dict[str, Any]) -> None:
        """What nobody caught: death is expected, anything else is a fault of somebody."""
        error = found.get("exception")
        if not (isinstance(error, Killed) or _all_killed(error)):
            self.auditor.broken.append(Broken("P8", f"{found.get('message')}: {error!r}"))

    def _booked(self, line: str) -> None:
        entry = json.loads(line)
        self.trace("truth", "", line)
        fault = entry.get("fault")
        if fault:
            self.struck(fault, entry.get("chip"))
        self.auditor.booked(entry)

    def _committed(self, jobs: int) -> None:
        self.trace("commit", "", jobs)
        self.auditor.limits.committed(asyncio.get_running_loop().time())

    def _bytes(self, way: str, who: str, data: bytes) -> None:
        self.trace(way, who, data)


def _all_killed(error: object) -> bool:
    """Whether a group of tasks died with the daemon, and of nothing else."""
    return isinstance(error, BaseExceptionGroup) and error.split(Killed)[1] is None
