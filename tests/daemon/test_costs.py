"""What an order costs, and an idle chip: counted, not timed, so that any machine says the same.

A small world on virtual time sells 24 orders on four chips, from order.new to the message that
its agent has acknowledged; then it stands idle for an hour. Another sells as many by SMS, on
chips that need no pause and go on at once, a third with operators so quick that an order is
sent as it is claimed, and a fourth sends texts to people. What is counted stands in the tables
below and must be equal: who makes something dearer notices, and so does who makes it cheaper. To
renew the tables, look at whether the change is meant, and put in what the failing test says was
measured; it names the statements as well. Only `callbacks` leaves room: asyncio itself may use a
few more or less in another version of Python.

On a real file, with its threads, the store is asked how often it waits for the disk.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest
from peewee import Database

from pulsarack.daemon.store import Store
from pulsarack.daemon.store_mark import commits
from pulsarack.daemon.store_meter import StoreMeter
from pulsarack.daemon.store_thread import Job
from pulsarack.modems.simulator.rack import Latencies
from pulsarack.modems.timing import Clock
from pulsarack.queue import agents
from pulsarack.queue.post.outgoing import Kind
from tests.daemon.sms_world import SmsWorld
from tests.daemon.statements import Planner, planner
from tests.daemon.store_inline import InlineStore
from tests.daemon.test_orders_and_chips import chip
from tests.daemon.test_store_lanes import Held
from tests.daemon.virtual_loop import run
from tests.daemon.world import (
    PEER,
    RECIPES,
    START_MS,
    MemoryPort,
    MemoryPorts,
    World,
    rack_plan,
)

T = TypeVar("T")
CHIPS = 4
ORDERS = 24
TEXTS = 48
IDLE_MINUTES = 60
# What is done every so often is no order's cost.
OFF = '[schedules]\noff = ["low-stock"]\n'

AN_ORDER: dict[str, Any] = {
    # In: agent with its deposit, product, prefix, an equal order in the archives (4).
    # Claim: whose turn it is, the clock's steps, what the chip carried, has and is owed, spent
    # serial numbers (4; looking also when no chip or no order is free).
    # End: does the answer belong to an earlier order, what it delivers, how it is worded, the
    # chip (4). Out: the message (1). Between: what is too old first (0.75); once a chip, and every
    # half minute, what it carried today (0.17).
    "statements that read": 14.67,
    # The order, its transitions (3), transfers (2 held; both are posted by one), attempt, what was
    # said, evidence, reading of the stock, message.
    "statements that insert": 12.0,
    # The order when claimed and when done; the attempt when closed, and when it leaves if it was
    # not claimed with the end of another; the chip's exact stock; the message when handed out and
    # acknowledged.
    "statements that update": 6.17,
    # The holds that are posted.
    "tables made for a moment": 1.08,
    # In, end and the next claim with its point of no return, handed out, acknowledged; some are
    # claimed by chips that stood idle, and have a point of no return of their own.
    "jobs that write": 4.38,
    # The look at what is old.
    "jobs that read": 0.79,
    # The order (AT+CUSD); is it the same chip still (AT+CCID), if the network's answer to the
    # order before has not just shown it.
    "commands to the modem": 1.17,
    "bytes to the modem": 43.33,
    # OK and the operator's answer (+CUSD); the card's number and OK.
    "lines from the modem": 2.33,
    "bytes from the modem": 132.12,
    # The chip's task 3, data of the line 4; the rest are the dispatcher, the agent's stream, and
    # timers of its chip and the rack that tick in these seconds.
    "callbacks": pytest.approx(9.88, rel=0.1),
}
"""By order, all of them successes at the first attempt."""

AN_SMS_ORDER: dict[str, Any] = {
    # As above, and the text: was it read before, its sender's clock, whose it is (6); the claim
    # looks at less, since it is made with the end of the order before, for that chip alone.
    "statements that read": 23.71,
    # As above, and the text itself.
    "statements that insert": 13.0,
    # What the text was taken for.
    "statements that update": 8.0,
    # As above, and what the report says of its sender's clock, and whose it may be (2).
    "tables made for a moment": 4.12,
    # In, point of no return, end and the next claim, handed out, acknowledged; and the first claim.
    "jobs that write": 5.17,
    "jobs that read": 1.75,
    # The order: its head, and what it says (AT+CMGS); the report (AT+CMGL); whose card it lies on,
    # which the next order relies on, too (AT+CCID); away with it (AT+CMGD). At the beginning of
    # the first orders the card as well, and what a chip without an order looks at.
    "commands to the modem": 5.42,
    "bytes to the modem": 109.83,
    "lines from the modem": 10.54,
    "bytes from the modem": 393.25,
    "callbacks": pytest.approx(28.67, rel=0.1),
}
"""By order, likewise, when orders wait for chips: an order ends with the claim of the next."""

AN_ORDER_AT_ONCE: dict[str, Any] = {
    # Like the first: the claim looks at less, since it is made with the end of the order before.
    "statements that read": 12.88,
    "statements that insert": 12.0,
    "statements that update": 6.17,
    "tables made for a moment": 1.08,
    # In, end and the next claim with its point of no return, handed out, acknowledged: some of
    # these together; and the first orders' claim and points of no return.
    "jobs that write": 3.5,
    # The order; and at the beginning whether it is the same chip still.
    "commands to the modem": 1.17,
    "bytes to the modem": 43.33,
    "lines from the modem": 2.33,
    "bytes from the modem": 132.12,
    "callbacks": pytest.approx(4.25, rel=0.1),
}
"""By order, when orders wait for chips whose operators answer in a tenth of a second."""

A_TEXT: dict[str, Any] = {
    # Handed out: the text. Out: does an order wait, how the chip stands, how many texts the next
    # one's day holds. The outbox when all that it was last seen to hold has gone (0.58), and
    # the chip's first (0.35).
    "statements that read": 5.06,
    # Its part.
    "statements that insert": 1.0,
    # Its try is counted; it and its part have left.
    "statements that update": 3.0,
    # SQLite's, for the text that has left.
    "tables made for a moment": 1.0,
    # Out, with the part of the chip's next text and the try of another; and the first ones.
    "jobs that write": 1.29,
    "jobs that read": 0.54,
    # Its head, and what it says (AT+CMGS); is it the same chip still (AT+CCID).
    "commands to the modem": 3.08,
    "bytes to the modem": 66.42,
    "lines from the modem": 5.08,
    "bytes from the modem": 60.75,
    # The chip's task 5, the text's own 3, data of the line 3; its round, and timers of the rack.
    "callbacks": pytest.approx(16.44, rel=0.1),
}
"""By text to a person, when texts wait for chips."""

AN_IDLE_CHIP: dict[str, Any] = {
    # Twice: the chip's row and its open attempt. Six times the rack: is an order too old; twice the
    # rack: can one be claimed; twice: does a text wait to be sent; once: which
    # chips send any. Once an hour: the stock.
    "statements that read": 7.13,
    "statements that insert": 0.02,
    "statements that update": 0.02,
    "tables made for a moment": 0.25,
    # Of the rack: six looks at what is old, two passes of the dispatcher.
    "jobs that write": 0.53,
    # How the chip stands, before its texts are read.
    "jobs that read": 4.55,
    # Every 30 s: is it the same chip still (AT+CCID); its texts (AT+CMGL). Every five minutes:
    # signal, registration and network.
    "commands to the modem": 4.67,
    "bytes to the modem": 41.87,
    "lines from the modem": 7.32,
    "bytes from the modem": 108.94,
    # Of the rack 60: twice a second it looks at the ports, a timer and a wake each time; the
    # chip's task 8, data of the line 6, bells and the dispatcher.
    "callbacks": pytest.approx(89.55, rel=0.1),
}
"""By chip and minute; what is the rack's is shared by four chips."""

WAITS_FOR_THE_DISK = {
    "one job alone": (1, 1),
    "200 jobs of the daemon's own at once": (13, 13),
    "200 orders of 200 agents at once": (4, 4),  # 64 in a group, so that the daemon's own go on
    "a job that only reads, in the writing thread": (0, 0),
    "a job that only reads, in the reading thread": (0, 0),
    "a job that fails": (0, 0),
}
"""How often the store commits, and waits for its log (never for the database file itself)."""


# --- counting ---------------------------------------------------------------------------------

_KINDS = {
    "SELECT": "statements that read",
    "WITH": "statements that read",
    "INSERT": "statements that insert",
    "UPDATE": "statements that update",
    "DELETE": "statements that delete",
}


@dataclass
class Meter:
    """Counts while it is on."""

    on: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)
    heard: bytearray = field(default_factory=bytearray)

    def add(self, what: str, number: int = 1) -> None:
        """Count something."""
        if self.on:
            self.counts[what] += number

    def read(self, share: int, plans: Planner) -> "Reading":
        """What was counted, by share; and begin anew."""
        self.counts["tables made for a moment"] = sum(
            often * plans.momentary_tables(sql) for sql, often in self.statements.items()
        )
        lines = [line for line in self.heard.split(b"\r\n") if line.strip()]
        self.counts["lines from the modem"] = len(lines)
        measured = {what: round(count / share, 2) for what, count in sorted(self.counts.items())}
        often = [f"{n / share:6.2f} {sql[:150]}" for sql, n in self.statements.most_common()]
        for counter in (self.counts, self.statements, self.heard):
            counter.clear()
        return Reading(measured, "\n".join(often))


@dataclass(frozen=True)
class Reading:
    """What was measured; the statements, the most frequent first."""

    measured: dict[str, float]
    statements: str


def install(meter: Meter, patch: pytest.MonkeyPatch) -> None:
    """Put the meter on the store, the line and the event loop."""
    patch.setattr(apsw, "connection_hooks", [*apsw.connection_hooks, _on_database(meter)])
    patch.setattr(InlineStore, "rehearses", False)
    patch.setattr(InlineStore, "write", _counted_job(meter, "write", InlineStore.run_inline))
    patch.setattr(InlineStore, "read", _counted_job(meter, "read", InlineStore.read_inline))
    _on_line(meter, patch)
    _on_loop(meter, patch)


def _on_database(meter: Meter) -> Callable[[apsw.Connection], None]:
    def note(_cursor: object, sql: str, _bindings: object) -> bool:
        kind = _KINDS.get(sql.split(None, 1)[0].upper())
        if kind is not None and meter.on:
            meter.add(kind)
            meter.statements[re.sub(r"\s+", " ", sql)] += 1
        return True

    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = note

    return watch


def _counted_job(meter: Meter, kind: str, inline: Callable[[InlineStore, Job[Any]], Any]) -> Any:
    async def job_of_that_kind(store: InlineStore, job: Job[T]) -> T:
        meter.add(f"jobs that {kind}")
        done: T = inline(store, job)
        return done

    return job_of_that_kind


def _on_line(meter: Meter, patch: pytest.MonkeyPatch) -> None:
    write, deliver = MemoryPort.write, MemoryPort.deliver

    def written(port: MemoryPort, data: bytes) -> None:
        meter.add("commands to the modem")
        meter.add("bytes to the modem", len(data))
        write(port, data)

    def heard(port: MemoryPort, data: bytes) -> None:
        meter.add("bytes from the modem", len(data))
        if meter.on:
            meter.heard.extend(data)
        deliver(port, data)

    patch.setattr(MemoryPort, "write", written)
    patch.setattr(MemoryPort, "deliver", heard)


async def _each_look(ports: MemoryPorts, clock: Clock, seconds: float) -> None:
    """The rack's looks are counted, too, of which the world leaves out what would see nothing."""
    await clock.sleep(seconds)


def _on_loop(meter: Meter, patch: pytest.MonkeyPatch) -> None:
    run_handle = asyncio.Handle._run

    def counted(handle: asyncio.Handle) -> None:
        callback = getattr(handle, "_callback", None)
        if not str(getattr(callback, "__module__", "")).startswith("pulsarack.modems.simulator"):
            meter.add("callbacks")
        run_handle(handle)

    patch.setattr(asyncio.Handle, "_run", counted)
    patch.setattr(MemoryPorts, "wait", _each_look)


# --- the world --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reading, Reading]:
    """Of an order, and of an idle chip's minute."""
    with pytest.MonkeyPatch.context() as patch:
        meter = Meter()
        with planner(tmp_path_factory.mktemp("plans")) as plans:
            install(meter, patch)
            return run(_lives(tmp_path_factory.mktemp("costs"), meter, plans))


async def _lives(directory: Path, meter: Meter, plans: Planner) -> tuple[Reading, Reading]:
    world = await _opened(directory, "telkomsel")
    an_order = await _sell(world, meter, plans, "S10.0812000001")
    await world.clock.sleep(600.0)
    meter.on = True
    await world.clock.sleep(IDLE_MINUTES * 60.0)
    meter.on = False
    await world.stop()
    return an_order, meter.read(CHIPS * IDLE_MINUTES, plans)


async def _life_by_sms(directory: Path, meter: Meter, plans: Planner) -> Reading:
    world = await _opened(directory, "xl", pause_seconds=0)
    an_order = await _sell(world, meter, plans, "X10.0817000001")
    await world.stop()
    return an_order


async def _life_at_once(directory: Path, meter: Meter, plans: Planner) -> Reading:
    quick = Latencies(ussd=(0.1, 0.1))
    world = await _opened(directory, "telkomsel", latencies=quick, pause_seconds=0)
    an_order = await _sell(world, meter, plans, "S10.0812000001")
    await world.stop()
    return an_order


async def _life_of_texts(directory: Path, meter: Meter, plans: Planner) -> Reading:
    plan = rack_plan(*[("wavecom", "telkomsel")] * CHIPS)
    settings = f"{OFF}[sms]\nanswers = true\npause_seconds = 0\nper_minute = 6000\n"
    world = SmsWorld(directory, plan, settings)
    await world.set_up()
    await _until_idle(world)
    await world.clock.sleep(5.0)
    for number in range(TEXTS):
        world.tell(f"text {number}", kind=Kind.ANSWER)
    meter.on = True
    while len(world.heard()) < TEXTS:
        await world.clock.sleep(1.0)
    await world.clock.sleep(5.0)
    meter.on = False
    assert {text.state for text in world.sent()} == {"SENT"}
    await world.stop()
    return meter.read(TEXTS, plans)


async def _opened(
    directory: Path, operator: str, *, latencies: Latencies | None = None, **limits: int
) -> World:
    """A world whose chips stand idle."""
    plan = rack_plan(*[("wavecom", operator)] * CHIPS, stock=50_000_000)
    plan = replace(plan, latencies=latencies or plan.latencies)
    world = World(directory, plan, settings=OFF)
    await world.set_up()
    for modem in world.plan.modems if limits else ():
        adopted = {"iccid": modem.chip.iccid, "operator": operator, "recipe": RECIPES[operator]}
        await world.call("chip.adopt", **adopted, **limits)
    await _until_idle(world)
    return world


async def _until_idle(world: World) -> None:
    for number in range(CHIPS):
        while (await chip(world, number))["doing"] != "idle":
            await world.clock.sleep(1.0)


async def _sell(world: World, meter: Meter, plans: Planner, text: str) -> Reading:
    """What each of so many orders costs, all of them at once."""
    client = asyncio.create_task(_acknowledge_all(world))
    await world.clock.sleep(5.0)
    meter.on = True
    for number in range(ORDERS):
        await world.order(f"{text}{number + 10}", f"r{number}")
    await client
    meter.on = False
    assert set((await world.states()).values()) == {"SUCCEEDED"}
    return meter.read(ORDERS, plans)


async def _acknowledge_all(world: World) -> None:
    """The agent's program: follows its messages and acknowledges each."""
    found = world.daemon.calls.find("messages.follow")
    assert found.stream is not None
    stream = found.stream(found.arguments(agent="A1"), PEER)
    for _ in range(ORDERS):
        message = await anext(aiter(stream))
        await world.call("messages.ack", id=message["id"])


def test_what_an_order_costs(readings: tuple[Reading, Reading]) -> None:
    reading, _ = readings
    assert reading.measured == AN_ORDER, f"{reading.measured}\n{reading.statements}"


def test_what_an_order_by_sms_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter()
    with planner(tmp_path) as plans:
        install(meter, monkeypatch)
        reading = run(_life_by_sms(tmp_path, meter, plans))
    assert reading.measured == AN_SMS_ORDER, f"{reading.measured}\n{reading.statements}"


def test_what_an_order_costs_that_is_sent_as_it_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = Meter()
    with planner(tmp_path) as plans:
        install(meter, monkeypatch)
        reading = run(_life_at_once(tmp_path, meter, plans))
    assert reading.measured == AN_ORDER_AT_ONCE, f"{reading.measured}\n{reading.statements}"


def test_what_a_text_to_a_person_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter()
    with planner(tmp_path) as plans:
        install(meter, monkeypatch)
        reading = run(_life_of_texts(tmp_path, meter, plans))
    assert reading.measured == A_TEXT, f"{reading.measured}\n{reading.statements}"


def test_what_an_idle_chip_costs(readings: tuple[Reading, Reading]) -> None:
    _, reading = readings
    assert reading.measured == AN_IDLE_CHIP, f"{reading.measured}\n{reading.statements}"


# --- waiting for the disk ---------------------------------------------------------------------


class CountingFile(apsw.VFSFile):
    """A file of SQLite's; counts how often it is synchronised."""

    def __init__(self, syncs: Counter[str], name: apsw.URIFilename | str | None, flags: list[int]):
        super().__init__("unix", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name or "temporary"
        self._name = Path(path).name
        self._syncs = syncs

    def xSync(self, flags: int) -> None:
        self._syncs[self._name] += 1
        super().xSync(flags)


class CountingVfs(apsw.VFS):
    """The file system, for every connection opened while this is there."""

    def __init__(self) -> None:
        super().__init__("counting", "unix", makedefault=True)
        self.syncs: Counter[str] = Counter()

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> CountingFile:
        return CountingFile(self.syncs, name, flags)


@pytest.fixture
def syncs() -> Iterator[Counter[str]]:
    """How often each file was synchronised."""
    vfs = CountingVfs()
    try:
        yield vfs.syncs
    finally:
        vfs.unregister()


@pytest.fixture
def store(syncs: Counter[str], tmp_path: Path) -> Iterator[Store]:
    """A store of the running daemon's kind."""
    standing_still = StoreMeter(lambda: 0.0)  # then nothing is learnt of how large a group is best
    opened = Store.open(tmp_path / "pulsarack.db", now_ms=START_MS, meter=standing_still)
    try:
        yield opened
    finally:
        opened.close()


def a_new_agent(code: str) -> Job[bool]:
    """A job that writes a row."""
    return lambda db: agents.add(db, code, "x", now_ms=START_MS)


def look(db: Database) -> int:
    """A job that reads."""
    return len(agents.every(db))


def fail(db: Database) -> None:
    """A job that writes and then fails."""
    agents.add(db, "NEVER", "x", now_ms=START_MS)
    raise LookupError


async def at_once(store: Store, *jobs: tuple[str | None, Job[Any]]) -> None:
    """Hand jobs over while the writing thread is busy: it then finds all of them."""
    held = Held()
    first = asyncio.ensure_future(store.write(held))
    await asyncio.to_thread(held.began.wait, 30)
    wanted = [
        asyncio.ensure_future(store.write(job) if source is None else store.write_for(source, job))
        for source, job in jobs
    ]
    await asyncio.sleep(0)
    held.let_go()
    await asyncio.gather(first, *wanted, return_exceptions=True)


async def test_how_often_the_disk_is_waited_for(store: Store, syncs: Counter[str]) -> None:
    many = [a_new_agent(f"A{number}") for number in range(400)]
    work: dict[str, Callable[[], Any]] = {
        "one job alone": lambda: at_once(store, (None, a_new_agent("B"))),
        "200 jobs of the daemon's own at once": lambda: at_once(
            store, *((None, job) for job in many[:200])
        ),
        "200 orders of 200 agents at once": lambda: at_once(
            store, *((f"kios{number}", job) for number, job in enumerate(many[200:]))
        ),
        "a job that only reads, in the writing thread": lambda: store.write(look),
        "a job that only reads, in the reading thread": lambda: store.read(look),
        "a job that fails": lambda: at_once(store, (None, fail)),
    }
    await store.write(a_new_agent("FIRST"))  # begins the log, whose head is waited for as well
    measured = {}
    for what, do in work.items():
        before = await store.read(commits)
        syncs.clear()
        await do()
        waits = syncs.pop("pulsarack.db-wal", 0)
        assert not syncs, f"{what}: {syncs}"
        measured[what] = (await store.read(commits) - before, waits)
    assert measured == WAITS_FOR_THE_DISK
    assert await store.read(look) == 402
