"""`bench backup`: what making a backup costs the daemon's commits, and how its log grows.

A store with many finished orders books holds and posts at a steady pace, as a rack does, and
what each waits for its commit is measured: alone, while a backup is made as the daemon makes
it, and while VACUUM INTO makes the same copy. Each way is measured in turns.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import apsw

from benchmarks import history, ledger
from benchmarks.figures import Figure, Reference, percentile
from benchmarks.rack_file import TELKOMSEL, rack_text
from benchmarks.settings import Profile
from pulsarack.daemon.backups.copying import copy_database
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.store import Store

_BENCH = "backup"
_MS = 1000
_MEGA = 1_000_000
_ORDERS = 200_000
_CHIPS = 64
_PAIRS_A_SECOND = 60
_ALONE_SECONDS = 6.0
_FIRST = 10**9


@dataclass(slots=True)
class Rounds:
    """What was seen of one way, a value each round: milliseconds, seconds, megabytes."""

    slowest: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    log: list[float] = field(default_factory=list)


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """All ways in turns, over one file."""
    place = profile.directory / "backup"
    place.mkdir()
    path = place / "pulsarack.db"
    rack = place / "rack.toml"
    rack.write_text(rack_text([TELKOMSEL] * _CHIPS, 0.2), encoding="utf-8")
    now_ms = WallClock().now_ms()
    await asyncio.to_thread(history.generate, path, rack, _ORDERS, now_ms)
    ways: dict[str, Callable[[Path, Path], None] | None] = {
        "alone": None,
        "backup": _backup,
        "VACUUM INTO": _vacuum,
    }
    found = {name: Rounds() for name in ways}
    store = Store.open(path, now_ms=now_ms)
    try:
        await store.write(ledger.open_accounts)
        numbers = count(_FIRST)
        for _ in range(profile.rounds):
            for name, way in ways.items():
                await _round(store, path, numbers, way, found[name])
    finally:
        store.close()
    yield report(found, _bytes(path))


async def _round(
    store: Store,
    path: Path,
    numbers: "count[int]",
    way: Callable[[Path, Path], None] | None,
    rounds: Rounds,
) -> None:
    """Book at a steady pace while one copy is made."""
    stop, waits = asyncio.Event(), list[float]()
    booking = asyncio.create_task(_book(store, numbers, stop, waits))
    began, log = time.perf_counter(), Path(f"{path}-wal")
    before = _bytes(log)
    if way is None:
        await asyncio.sleep(_ALONE_SECONDS)
    else:
        target = path.with_name("copy.db")
        rounds.cpu.append(await asyncio.to_thread(_timed, way, path, target))
        target.unlink()
    rounds.took.append(time.perf_counter() - began)
    stop.set()
    await booking
    rounds.slowest.append(percentile(waits, 0.99) * _MS)
    rounds.log.append((_bytes(log) - before) / _MEGA)


async def _book(
    store: Store, numbers: "count[int]", stop: asyncio.Event, waits: list[float]
) -> None:
    async def one() -> None:
        began = time.perf_counter()
        await ledger.pair(store, str(next(numbers)))
        waits.append((time.perf_counter() - began) / 2)

    tasks = set[asyncio.Task[None]]()
    while not stop.is_set():
        tasks.add(asyncio.create_task(one()))
        await asyncio.sleep(1 / _PAIRS_A_SECOND)
    await asyncio.gather(*tasks)


def _bytes(path: Path) -> int:
    return path.stat().st_size


def _timed(way: Callable[[Path, Path], None], path: Path, target: Path) -> float:
    began = time.thread_time()
    way(path, target)
    return time.thread_time() - began


def _backup(path: Path, target: Path) -> None:
    copy_database(path, target, lambda _db: None, pause=time.sleep)


def _vacuum(path: Path, target: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("VACUUM INTO ?", (str(target),))
    connection.close()
    handle = os.open(target, os.O_RDWR)
    os.fsync(handle)
    os.close(handle)


def report(found: dict[str, Rounds], size: int) -> list[Figure]:
    """Each way beside the store alone."""
    alone = Reference("the store alone", tuple(found["alone"].slowest))
    note = f"{size / _MEGA:.0f} MB, {_PAIRS_A_SECOND} holds and posts a second meanwhile"
    figures = []
    for name, rounds in found.items():
        beside = alone if rounds.cpu else None
        title = f"write p99, {name}"
        figures.append(Figure(_BENCH, title, "ms", tuple(rounds.slowest), beside, note=note))
        if rounds.cpu:
            figures.append(Figure(_BENCH, f"time, {name}", "s", tuple(rounds.took)))
            figures.append(Figure(_BENCH, f"CPU, {name}", "s", tuple(rounds.cpu)))
            figures.append(Figure(_BENCH, f"growth of the log, {name}", "MB", tuple(rounds.log)))
    return figures
