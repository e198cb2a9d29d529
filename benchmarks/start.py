"""`bench start`: how long a command of `pulsarack` takes, beside an empty Python program.

Each is a process of its own, started in turn with the others so that all meet the same
machine; a round is the median of some starts. `order list` asks a daemon that has some orders.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from statistics import median

from benchmarks.figures import Figure, Goal, Reference
from benchmarks.orders import order
from benchmarks.rack_file import TELKOMSEL, destinations
from benchmarks.settings import Profile
from benchmarks.site import Site

_BENCH = "start"
_MS = 1000
_ORDERS = 50
_PYTHON = "python -c pass"
_HELP = "pulsarack --help"
_LIST = "pulsarack order list"
_GOALS = {_HELP: Goal(120.0), _LIST: Goal(200.0)}


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """All commands in turn."""
    async with Site(profile.directory / "start", [], 1.0) as site:
        numbers = destinations(TELKOMSEL)
        for _ in range(_ORDERS):
            await site.link.call("order.new", **order(TELKOMSEL, next(numbers)))
        program = [sys.executable, "-m", "pulsarack.daemon.main"]
        commands = {
            _PYTHON: [sys.executable, "-c", "pass"],
            _HELP: [*program, "--help"],
            _LIST: [*program, "--config", str(site.place.config), "order", "list"],
        }
        rounds = [
            await asyncio.to_thread(_round, commands, profile.starts) for _ in range(profile.rounds)
        ]
    yield report(rounds)


def _round(commands: Mapping[str, Sequence[str]], starts: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(starts):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append((time.perf_counter() - began) * _MS)
    return {name: median(values) for name, values in times.items()}


def report(rounds: Sequence[Mapping[str, float]]) -> list[Figure]:
    """One figure a command."""
    beside = Reference(_PYTHON, tuple(one[_PYTHON] for one in rounds))
    return [
        Figure(_BENCH, name, "ms", tuple(one[name] for one in rounds), beside, goal)
        for name, goal in _GOALS.items()
    ]
