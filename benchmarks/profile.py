"""`bench profile`: where the CPU time of the daemon, and of the simulated rack, goes.

The rack is at full work as in `bench rack`, and both processes run under a profiler
(profiled.py). The shares are of what the profiler saw of a process; they say where to look,
not what anything costs.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.orders import Feeder
from benchmarks.rack import ORDERS_A_CHIP
from benchmarks.rack_file import TELKOMSEL, destinations
from benchmarks.settings import Profile
from benchmarks.site import Programs, Site

_BENCH = "profile"
_DEAREST = 15
_PERCENT = 100
# How functions of others are written, and those in C (profiled.py).
_NOT_OURS = "<"
# What a top-up takes on any machine: the name of the figure, and the function that is called.
_COUNTED = {
    "SQL statements": "<method 'execute' of 'apsw.Connection' objects>",
    "groups written": "daemon/store.py:_write_batch",
    "jobs written": "daemon/store.py:_write_one",
    "batches read": "daemon/store.py:_read_batch",
    "wake-ups of the event loop": "<method 'poll' of 'select.epoll' objects>",
    "writes to a modem": "modems/port.py:SerialPort.write",
}

OWN_NOTE = "own: in the function itself"
INCLUSIVE_NOTE = "with callees: a function of ours with all that it calls, others of ours included"

Row = Mapping[str, Any]


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """One rack, one round: the dearest functions of both processes."""
    root = profile.directory / "profile"
    outs = {name: profile.directory / f"{name}.json" for name in ("daemon", "rack")}
    programs = Programs(*(("-m", "benchmarks.profiled", str(out)) for out in outs.values()))
    modems, seconds = profile.profiled
    line = [TELKOMSEL] * modems
    async with Site(root, line, seconds, speed=profile.speed, programs=programs) as site:
        feeder = Feeder(site, TELKOMSEL, destinations(TELKOMSEL), ORDERS_A_CHIP * modems)
        await feeder.fill()
        feeding = asyncio.create_task(feeder.run())
        try:
            before = _toggle(site)
            await site.clock.sleep(profile.rack_seconds)
            done = _toggle(site) - before
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        await site.stop_daemon()
        await site.stop_rack()
    daemon, rack = (_read(out) for out in outs.values())
    yield [*counts(daemon, done), *report("daemon", daemon), *report("rack", rack)]


def _toggle(site: Site) -> int:
    """Begins or ends the counting in both processes; how many top-ups there are by now."""
    for pid in (site.daemon_pid, site.rack_pid):
        os.kill(pid, signal.SIGUSR1)
    return site.books.look()


def _read(out: Path) -> list[Row]:
    found: list[Row] = json.loads(out.read_text(encoding="utf-8"))
    return found


def counts(rows: Sequence[Row], done: int) -> list[Figure]:
    """What a top-up takes, in numbers that do not depend on the machine."""
    calls = _sums(rows, "function", "calls")
    return [
        Figure(_BENCH, name, "a top-up", (calls.get(function, 0) / max(1, done),))
        for name, function in _COUNTED.items()
    ]


def report(process: str, rows: Sequence[Row]) -> list[Figure]:
    """The threads, the dearest functions, and the dearest of ours with what they call."""
    threads, own = _sums(rows, "thread", "own"), _sums(rows, "function", "own")
    ours = [row for row in rows if not str(row["function"]).startswith(_NOT_OURS)]
    whole = sum(own.values()) or 1.0
    return [
        *_shares(f"{process} thread", threads, whole, ""),
        *_shares(f"{process} own", own, whole, OWN_NOTE),
        *_shares(
            f"{process} with callees", _sums(ours, "function", "inclusive"), whole, INCLUSIVE_NOTE
        ),
    ]


def _sums(rows: Sequence[Row], by: str, what: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for row in rows:
        sums[row[by]] = sums.get(row[by], 0.0) + row[what]
    return sums


def _shares(what: str, found: Mapping[str, float], whole: float, note: str) -> list[Figure]:
    dearest = sorted(found.items(), key=lambda item: -item[1])[:_DEAREST]
    return [
        Figure(_BENCH, f"{what}: {name}", "%", (seconds / whole * _PERCENT,), note=note)
        for name, seconds in dearest
        if seconds > 0
    ]
