"""`bench intake`: durable orders accepted a second over the control socket.

A daemon without modems; clients with a connection each, which send the next order, or the next
request of many, when the last one is acknowledged. An order counts when its answer is here: it is
on disk then. How many orders went into one commit is read from the database, and the reference
writes the same rows with as many in a commit.
"""

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import replay
from benchmarks.figures import Figure, Goal, Reference
from benchmarks.machine import database
from benchmarks.orders import order
from benchmarks.processes import cpu_seconds
from benchmarks.rack_file import TELKOMSEL, destinations
from benchmarks.replay import Written
from benchmarks.settings import Profile
from benchmarks.site import Site
from pulsarack.daemon.async_client import AsyncClient
from pulsarack.daemon.control_arguments import ORDERS_A_REQUEST

_BENCH = "intake"
_MS = 1000
# Clients, and orders a request: one by `order.new`, or as many as `order.new_many` takes. They are
# one agent's, of whom 1,024 may wait.
_LOADS = ((1, 1), (64, 1), (1, ORDERS_A_REQUEST), (16, ORDERS_A_REQUEST))


@dataclass(slots=True)
class Rounds:
    """What was seen with one number of clients, a value each round."""

    rate: list[float] = field(default_factory=list)
    group: list[float] = field(default_factory=list)
    daemon_cpu: list[float] = field(default_factory=list)
    client_cpu: list[float] = field(default_factory=list)
    raw_rate: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Moment:
    at: float
    commits: int
    daemon: float
    clients: float


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """One client and many, one order a request and many."""
    for clients, size in _LOADS:
        yield report(clients, await measure(profile, clients, size), size)


async def measure(profile: Profile, clients: int, size: int = 1) -> Rounds:
    """Some rounds against one daemon, behind each its rows again without it."""
    rounds = Rounds()
    numbers = destinations(TELKOMSEL)
    done = 0
    async with Site(profile.directory / f"intake-{clients}-{size}", [], 1.0) as site:
        for _ in range(profile.rounds):
            await accept(site, clients, numbers, profile.round_seconds, rounds, size)
            written = accepted(site.place.database)
            mine = Written(written.before, written.units[done:])
            done = len(written.units)
            path = profile.directory / f"raw-{clients}-{size}-{done}" / "pulsarack.db"
            path.parent.mkdir()
            taken = replay.seconds(path, mine, replay.whole(rounds.group[-1]))
            rounds.raw_rate.append(len(mine.units) / taken)
        await site.stop_daemon()
    return rounds


async def accept(
    site: Site, count: int, numbers: Iterator[str], length: float, rounds: Rounds, size: int = 1
) -> None:
    """One round: so many clients order as quickly as they are answered."""
    clients = [await AsyncClient.connect(site.place.socket) for _ in range(count)]
    try:
        before = _moment(site)
        ends = before.at + length
        done = sum(await asyncio.gather(*(_send(one, numbers, ends, size) for one in clients)))
        after = _moment(site)
    finally:
        for client in clients:
            await client.close()
    rounds.rate.append(done / (after.at - before.at))
    rounds.group.append(done / max(1, after.commits - before.commits))
    rounds.daemon_cpu.append((after.daemon - before.daemon) * _MS / done)
    rounds.client_cpu.append((after.clients - before.clients) * _MS / done)


async def _send(client: AsyncClient, numbers: Iterator[str], ends: float, size: int) -> int:
    done = 0
    while time.perf_counter() < ends:
        if size == 1:
            await client.call("order.new", **order(TELKOMSEL, next(numbers)))
        else:
            many = [order(TELKOMSEL, number) for number in itertools.islice(numbers, size)]
            answers = (await client.call("order.new_many", orders=many))["orders"]
            refused = [one["error"] for one in answers if "error" in one]
            assert not refused, refused[0]
        done += size
    return done


def _moment(site: Site) -> _Moment:
    return _Moment(
        time.perf_counter(),
        replay.commits(site.place.database),
        cpu_seconds(site.daemon_pid),
        cpu_seconds(os.getpid()),
    )


def accepted(path: Path) -> Written:
    """What an idle daemon has taken: each order with its hold and its transition is one unit.

    If they came over HTTP, also with where they came from; the nonces lie between them.
    """
    with database(path) as connection:
        before = [
            *replay.rows(connection, "agent"),
            *replay.rows(connection, "product"),
            *replay.accounts(connection),
            *replay.rows(connection, "transfer", "phase = 'posted'"),
        ]
        tables = (
            replay.rows(connection, "orders"),
            replay.rows(connection, "transfer", "phase = 'held'"),
            replay.rows(connection, "transition"),
            replay.rows(connection, "order_origin"),
        )
        nonces = replay.rows(connection, "api_nonce")
    units = [list(unit) for unit in zip(*filter(None, tables), strict=True)]
    for number, nonce in enumerate(nonces):
        units[number * len(units) // len(nonces)].insert(0, nonce)
    return Written(before, units)


def report(clients: int, rounds: Rounds, size: int = 1) -> list[Figure]:
    """The figures of one number of clients, and of orders a request."""
    many = f"{clients} client{'s' if clients > 1 else ''}"
    many += f", {size} a request" if size > 1 else ""
    raw = Reference(
        "raw apsw writing the same rows with the same group size", tuple(rounds.raw_rate)
    )
    half = Goal(median(rounds.raw_rate) / 2, at_least=True)
    rows: Sequence[tuple[str, str, list[float], Reference | None, Goal | None]] = (
        ("orders accepted", "/s", rounds.rate, raw, half),
        ("orders a commit", "", rounds.group, None, None),
        ("daemon CPU", "ms/order", rounds.daemon_cpu, None, None),
        ("client CPU", "ms/order", rounds.client_cpu, None, None),
    )
    return [
        Figure(_BENCH, f"{name}, {many}", unit, tuple(values), beside, goal)
        for name, unit, values, beside, goal in rows
    ]
