"""`bench growth`: everything that the daemon does, with none and with millions of finished orders.

Each size is made once (history.py) and copied for every part, so that all parts of a size go on
from the same file. The reference is the same thing in the same run in the file without a
finished order. What a rack of the same chips costs, how soon an idle chip begins, how quickly
orders are taken and transfers booked, how long the daemon takes to start until its socket
answers, and what the commands of an admin take.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import dispatch, history, intake, ledger, rack
from benchmarks.figures import Figure, Goal, Reference, percentile
from benchmarks.processes import cpu_seconds
from benchmarks.rack_file import TELKOMSEL, TRI, destinations, rack_text
from benchmarks.settings import Profile
from benchmarks.site import AGENT, Site, copy
from pulsarack.daemon.clock import WallClock

_BENCH = "growth"
_MS = 1000
_MEGA = 1_000_000
_WITHIN = 1.2
_START_SECONDS = 2.0
_QUERY_MS = 200.0
_ANSWERS = 5
_CLIENTS = _CALLERS = 64
_BESIDE = "the same with no finished order in the file"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that shall not grow; `limit` is a goal of its own, beside the reference's."""

    name: str
    unit: str
    at_least: bool = False
    limit: float | None = None


Measured = dict[Quantity, list[float]]

CPU = Quantity("daemon CPU", "ms/top-up")
DISPATCH = {share: Quantity(f"dispatch p{share:.0%}"[:-1], "ms") for share in (0.50, 0.99)}
INTAKE = Quantity(f"orders accepted, {_CLIENTS} clients", "/s", at_least=True)
LEDGER = Quantity(f"hold and post, {_CALLERS} callers", "pairs/s", at_least=True)
START = Quantity("start until the socket answers", "s", limit=_START_SECONDS)
START_CPU = Quantity("CPU of a start", "s")


@dataclass(slots=True)
class Grown:
    """One size. `orders`: how many are finished."""

    orders: int
    path: Path
    values: Measured = field(default_factory=dict)


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """No finished order, then each size; a size's file goes when it was measured."""
    empty: Measured = {}
    for orders in (0, *profile.histories):
        grown = Grown(orders, profile.directory / f"history-{orders}.db")
        seconds = await asyncio.to_thread(_make, grown, profile)
        try:
            if orders:
                yield _made(grown, seconds)
            await _sell(profile, grown)
            await _book(profile, grown)
            await _serve(profile, grown)
        finally:
            grown.path.unlink()
        empty = empty or grown.values
        yield report(grown, empty)


def _make(grown: Grown, profile: Profile) -> float:
    began = time.perf_counter()
    rack_file = profile.directory / f"history-{grown.orders}.rack.toml"
    lines = [TELKOMSEL] * profile.grown[0] + [TRI] * dispatch.IDLE_CHIPS
    rack_file.write_text(rack_text(lines, profile.grown[1]), encoding="utf-8")
    history.generate(grown.path, rack_file, grown.orders, WallClock().now_ms())
    return time.perf_counter() - began


async def _sell(profile: Profile, grown: Grown) -> None:
    """The rack, and an idle chip beside it."""
    modems, seconds = profile.grown
    rounds = await rack.measure(profile, modems, seconds, None, grown.path)
    grown.values[CPU] = rounds.daemon_cpu
    latencies = await dispatch.measure(profile, modems, dispatch.IDLE_CHIPS, grown.path)
    for share, quantity in DISPATCH.items():
        grown.values[quantity] = [percentile(one.from_request, share) * _MS for one in latencies]


async def _book(profile: Profile, grown: Grown) -> None:
    """The ledger alone, in a copy of the file."""
    place = profile.directory / f"ledger-{grown.orders}"
    place.mkdir()
    path = place / "pulsarack.db"
    await asyncio.to_thread(copy, grown.path, path)
    grown.values[LEDGER] = (await ledger.pair_up(profile, path, _CALLERS)).rate
    for file in place.iterdir():
        file.unlink()


async def _serve(profile: Profile, grown: Grown) -> None:
    """A daemon without a rack: intake, starts and commands."""
    root = profile.directory / f"serve-{grown.orders}"
    rounds = intake.Rounds()
    numbers = destinations(TELKOMSEL)
    async with Site(root, [], 1.0, history=grown.path) as site:
        for _ in range(profile.rounds):
            await intake.accept(site, _CLIENTS, numbers, profile.round_seconds, rounds)
        grown.values[INTAKE] = rounds.rate
        newest = (await site.link.call("order.list", limit=1))["orders"][0]["id"]
        for _ in range(profile.rounds):
            await _start_again(site, grown.values)
        for query in queries(newest):
            asked = Quantity(f"pulsarack {query.name}", "ms", limit=_QUERY_MS)
            grown.values[asked] = await asyncio.to_thread(_ask, site, query.command, profile)
            answered = Quantity(f"the daemon's answer to {query.name}", "ms")
            grown.values[answered] = await _answer(site, query, profile)


async def _start_again(site: Site, values: Measured) -> None:
    await site.stop_daemon()
    began = time.perf_counter()
    await site.stage.start_daemon(site.link)
    values.setdefault(START, []).append(time.perf_counter() - began)
    values.setdefault(START_CPU, []).append(cpu_seconds(site.daemon_pid))


@dataclass(frozen=True, slots=True)
class Query:
    """What an admin asks: the command, and the call of the socket behind it."""

    name: str
    command: Sequence[str]
    call: str
    arguments: Mapping[str, object]


def queries(newest: int) -> Sequence[Query]:
    """All of them; `newest`: the order that came last."""
    deposit = f"liability:agent:{AGENT}"

    def listed(*words: str, **arguments: object) -> Query:
        name = " ".join(("order list", *words))
        return Query(name, ("order", "list", *words), "order.list", arguments)

    def shown(name: str, number: int) -> Query:
        command = ("order", "show", str(number))
        return Query(f"order show {name}", command, "order.show", {"id": number})

    return (
        listed(),
        listed("--state", "failed", state="FAILED"),
        listed("--state", "unknown", state="UNKNOWN"),
        listed("--agent", AGENT, agent=AGENT),
        shown("OLD", 1),
        shown("NEW", newest),
        Query("status", ("status",), "status", {}),
        Query("agent list", ("agent", "list"), "agent.list", {}),
        Query("chip list", ("chip", "list"), "chip.list", {}),
        Query(
            "ledger statement",
            ("ledger", "statement", deposit),
            "ledger.statement",
            {"account": deposit},
        ),
    )


async def _answer(site: Site, query: Query, profile: Profile) -> list[float]:
    """The same over a connection that is there: what the daemon alone takes."""
    times = []
    for _ in range(profile.rounds * _ANSWERS):
        began = time.perf_counter()
        await site.link.call(query.call, **query.arguments)
        times.append((time.perf_counter() - began) * _MS)
    return [median(times[first :: profile.rounds]) for first in range(profile.rounds)]


def _ask(site: Site, arguments: Sequence[str], profile: Profile) -> list[float]:
    command = [sys.executable, "-m", "pulsarack.daemon.main", "--config", str(site.place.config)]
    times = []
    for _ in range(profile.rounds):
        began = time.perf_counter()
        done = subprocess.run([*command, *arguments, "--json"], check=True, capture_output=True)
        times.append((time.perf_counter() - began) * _MS)
        json.loads(done.stdout)
    return times


def _made(grown: Grown, seconds: float) -> list[Figure]:
    size = grown.path.stat().st_size
    many = _many(grown.orders)
    return [
        Figure(_BENCH, f"the file, {many}", "MB", (size / _MEGA,)),
        Figure(_BENCH, f"bytes an order, {many}", "B", (size / grown.orders,)),
        Figure(_BENCH, f"making it, {many}", "s", (seconds,)),
    ]


def report(grown: Grown, empty: Measured) -> list[Figure]:
    """One size beside the empty file; a limit of its own outweighs the reference."""
    figures = []
    for quantity, values in grown.values.items():
        beside = median(empty[quantity])
        worst = beside / _WITHIN if quantity.at_least else beside * _WITHIN
        goal = Goal(worst, at_least=quantity.at_least) if grown.orders else None
        if quantity.limit is not None:
            goal = Goal(quantity.limit)
        reference = Reference(_BESIDE, tuple(empty[quantity])) if grown.orders else None
        name = f"{quantity.name}, {_many(grown.orders)}"
        figures.append(Figure(_BENCH, name, quantity.unit, tuple(values), reference, goal))
    return figures


def _many(orders: int) -> str:
    """How many are finished, for people."""
    return f"{orders / _MEGA:g} M finished" if orders >= _MEGA else f"{orders} finished"
