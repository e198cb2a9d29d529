"""`bench storm`: ten thousand orders at once, over one connection and over a thousand.

The real daemon with a rack at work. One agent floods (or a thousand agents do), as quickly as
the socket takes it; meanwhile another agent sends one order after the other and somebody asks
for the status, and the longest of their waits is the figure. Memory is looked at before, all
the while, and after. What was answered with an order must be in the database, no more and no
less. A request for a call that there is not is answered by the event loop alone: the longest
wait for that is how long the loop was held up.

The second part takes all modems off the bus but one and plugs them in again in one moment.
"""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from benchmarks.child import helper
from benchmarks.figures import Figure, Goal, Reference
from benchmarks.flood import ACCEPTED, raise_descriptors
from benchmarks.processes import pss_bytes
from benchmarks.rack_file import TELKOMSEL, TRI, destinations
from benchmarks.settings import Profile
from benchmarks.site import Site
from pulsarack.daemon.async_client import AsyncClient
from pulsarack.daemon.client import CallFailed
from pulsarack.daemon.demo.deposit import pay_in

_BENCH = "storm"
_MS = 1000
_MEGA = 1024 * 1024
_USSD_SECONDS = 2.0
_PROBE_SECONDS = 0.02
_AFTER_SECONDS = 2.0
_LOOK_SECONDS = 0.25
_PATIENCE_SECONDS = 240.0
_DEPOSIT = 10**11
_AT_ONCE = 64
OTHER = "kios0"


@dataclass(slots=True)
class Waits:
    """The longest wait for an answer, seconds, by who waited for what."""

    order: float = 0.0
    status: float = 0.0
    loop: float = 0.0


@dataclass(slots=True)
class Storm:
    """What one storm did."""

    taken_seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    waits: Waits = field(default_factory=Waits)
    pss_before: float = 0.0
    pss_most: float = 0.0
    pss_after: float = 0.0

    @property
    def accepted(self) -> int:
        """Orders that were answered with an order."""
        return self.answers[ACCEPTED]


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """Both floods on one site, then the modems that come all at once."""
    raise_descriptors()
    orders, agents, modems = profile.storm
    numbers = destinations(TELKOMSEL)
    lines = [TELKOMSEL] * modems
    root = profile.directory / "storm"
    async with Site(root, lines, _USSD_SECONDS, speed=profile.speed) as site:
        await _open_agents(site, agents)
        yield report("1 connection", await flood(site, numbers, [[0] * orders]))
        each = [[agent] * (orders // agents) for agent in range(1, agents + 1)]
        yield report(f"{agents} agents", await flood(site, numbers, each))
    for count in profile.plugged:
        place = profile.directory / f"plugged-{count}"
        async with Site(
            place, [TRI] * count, _USSD_SECONDS, tapped=(0,), speed=profile.speed
        ) as site:
            yield plugged_report(count, await plug_in(site))


async def flood(site: Site, numbers: Iterator[str], senders: Sequence[Sequence[int]]) -> Storm:
    """Each sender sends its orders, of these agents, over a connection of its own, all at once."""
    storm = Storm(pss_before=pss_bytes(site.daemon_pid) / _MEGA)
    before = _count(site.place.database)
    # Written before the time counts: the flood shall be as quick as the socket.
    file = site.place.root / "flood.json"
    file.write_text(json.dumps([(_lines(one, numbers), len(one)) for one in senders]))
    async with helper("benchmarks.flood", str(site.place.socket), str(file)) as process:
        assert process.stdout is not None
        async with _watched(site, storm):
            process.send_signal(signal.SIGUSR1)
            storm.taken_seconds, answers = json.loads(await process.stdout.readline())
            storm.answers.update(answers)
            storm.stored = _count(site.place.database) - before
    await asyncio.sleep(_AFTER_SECONDS)
    storm.pss_after = pss_bytes(site.daemon_pid) / _MEGA
    return storm


async def plug_in(site: Site) -> Storm:
    """Take all modems but the tapped one off the bus, and plug them in at once."""
    storm = Storm(pss_before=pss_bytes(site.daemon_pid) / _MEGA)
    links = [path for path in site.place.ports.iterdir() if path.name != "modem0"]
    targets = {path: path.readlink() for path in links}
    for path in links:
        path.unlink()
    await _until_ready(site, 1)
    async with _watched(site, storm, orders=False):
        began = time.perf_counter()
        for path, target in targets.items():
            path.symlink_to(target)
        await _until_ready(site, len(links) + 1)
        storm.taken_seconds = time.perf_counter() - began
    storm.pss_after = pss_bytes(site.daemon_pid) / _MEGA
    return storm


@asynccontextmanager
async def _watched(site: Site, storm: Storm, *, orders: bool = True) -> AsyncIterator[None]:
    """Others use the daemon meanwhile, and somebody looks at its memory."""
    others = [await AsyncClient.connect(site.place.socket) for _ in range(3)]
    work = [_ask_status(others[0], storm.waits), _ask_nothing(others[1], storm.waits)]
    work.append(_look_at_memory(site, storm))
    if orders:
        work.append(_order(others[2], storm.waits))
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()  # raises what ended it
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in others:
            await client.close()


async def _order(client: AsyncClient, waits: Waits) -> None:
    for number in destinations(TELKOMSEL, first=9_000_000):
        began = time.perf_counter()
        await client.call("order.new", agent=OTHER, text=f"S5.{number}", client_reference=number)
        waits.order = max(waits.order, time.perf_counter() - began)
        await asyncio.sleep(_PROBE_SECONDS)


async def _ask_status(client: AsyncClient, waits: Waits) -> None:
    while True:
        began = time.perf_counter()
        await client.call("status")
        waits.status = max(waits.status, time.perf_counter() - began)
        await asyncio.sleep(_PROBE_SECONDS)


async def _ask_nothing(client: AsyncClient, waits: Waits) -> None:
    while True:
        began = time.perf_counter()
        with suppress(CallFailed):
            await client.call("nothing")
        waits.loop = max(waits.loop, time.perf_counter() - began)
        await asyncio.sleep(_PROBE_SECONDS)


async def _look_at_memory(site: Site, storm: Storm) -> None:
    while True:
        found = await asyncio.to_thread(pss_bytes, site.daemon_pid)
        storm.pss_most = max(storm.pss_most, found / _MEGA)
        await asyncio.sleep(_LOOK_SECONDS)


def _lines(agents: Sequence[int], numbers: Iterator[str]) -> str:
    lines = []
    for place, agent in enumerate(agents):
        number = next(numbers)
        args = {"agent": _code(agent), "text": f"S5.{number}", "client_reference": f"s{number}"}
        lines.append(json.dumps({"id": place, "call": "order.new", "args": args}))
    return "\n".join(lines) + "\n"


def _code(agent: int) -> str:
    """The agents of the storm; 0 is the one that floods alone."""
    return f"storm{agent:04}"


async def _open_agents(site: Site, agents: int) -> None:
    async def one(code: str) -> None:
        await site.link.call("agent.new", code=code, name=code)
        await pay_in(site.link, code, _DEPOSIT)

    codes = [OTHER, *(_code(agent) for agent in range(agents + 1))]
    for first in range(0, len(codes), _AT_ONCE):
        await asyncio.gather(*(one(code) for code in codes[first : first + _AT_ONCE]))


async def _until_ready(site: Site, modems: int) -> None:
    until = time.perf_counter() + _PATIENCE_SECONDS
    while (await site.link.call("status"))["ready"] != modems:
        if time.perf_counter() > until:
            raise TimeoutError(f"not {modems} modems ready within {_PATIENCE_SECONDS:g} s")
        await asyncio.sleep(_PROBE_SECONDS)


def _count(database: Path) -> int:
    """The storm's own orders, as they are on disk."""
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        statement = "SELECT count(*) FROM orders WHERE agent GLOB 'storm*'"
        return int(str(connection.execute(statement).get))


def report(name: str, storm: Storm) -> list[Figure]:
    """The figures of one flood."""
    refused = storm.answers - Counter({ACCEPTED: storm.accepted})
    named = ", ".join(f"{code} {count}" for code, count in sorted(refused.items())) or "none"
    stored = Reference("orders in the database", (float(storm.stored),))
    rows = [
        Figure(_BENCH, f"accepted, {name}", "", (float(storm.accepted),), stored),
        Figure(
            _BENCH,
            f"accepted and not stored, or stored and not accepted, {name}",
            "",
            (float(abs(storm.accepted - storm.stored)),),
            goal=Goal(0),
        ),
        Figure(
            _BENCH,
            f"refused, {name}",
            "",
            (float(refused.total()),),
            note=f"refused with {name}: {named}",
        ),
        Figure(_BENCH, f"accepted a second, {name}", "/s", (storm.accepted / storm.taken_seconds,)),
        _wait(f"another agent's order waits at most, {name}", storm.waits.order),
    ]
    return [*rows, *_common(name, storm)]


def plugged_report(count: int, storm: Storm) -> list[Figure]:
    """The figures of modems that come at once."""
    name = f"{count} modems at once"
    ready = Figure(_BENCH, f"all ready, {name}", "s", (storm.taken_seconds,))
    return [ready, *_common(name, storm)]


def _common(name: str, storm: Storm) -> list[Figure]:
    memory = {
        "before": storm.pss_before,
        "at most": max(storm.pss_most, storm.pss_after),
        "after": storm.pss_after,
    }
    return [
        _wait(f"the status waits at most, {name}", storm.waits.status),
        _wait(f"the event loop is held up at most, {name}", storm.waits.loop),
        *(
            Figure(_BENCH, f"daemon PSS {when}, {name}", "MB", (value,))
            for when, value in memory.items()
        ),
    ]


def _wait(name: str, seconds: float) -> Figure:
    return Figure(_BENCH, name, "ms", (seconds * _MS,))
