"""Many seeds on all cores.

Each seed lives in a process of its own kind: workers are spawned, replaced after some
seeds (a dead life leaves memory behind), and given a real time limit, so that a seed that
spins without letting virtual time pass is a failure and not a hang.
"""

import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterable, Iterator
from types import FrameType

from tests.simulation.history import run
from tests.simulation.planted import planted
from tests.simulation.report import Report

SEEDS_A_WORKER = 25
REAL_SECONDS = 300


class Spins(Exception):
    """A seed took far more real time than any seed should."""


def reports(seeds: Iterable[int], jobs: int | None = None) -> Iterator[Report]:
    """The reports of the seeds, in the order in which they are done.

    `jobs`: how many at a time; None: as many as there are cores for this process.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs or cores(), maxtasksperchild=SEEDS_A_WORKER) as pool:
        yield from pool.imap_unordered(live, seeds)


def cores() -> int:
    """The cores that are there, shared with the other workers of pytest if there are any."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1, (os.cpu_count() or 1) // workers)


def live(seed: int) -> Report:
    """One seed; whatever goes wrong is in its report."""
    signal.signal(signal.SIGALRM, _spins)
    signal.alarm(REAL_SECONDS)
    try:
        return run(seed)
    except Exception:  # noqa: BLE001 - a fault of the simulation is one of the seed, too
        return Report(seed, broken=[f"the simulation: {traceback.format_exc()}"])
    finally:
        signal.alarm(0)


def first_caught(bug: str, seeds: Iterable[int]) -> Report | None:
    """The first of the seeds in which a planted bug is caught."""
    with planted(bug):
        return next((report for seed in seeds if (report := run(seed)).broken), None)


def _spins(_signal: int, _frame: FrameType | None) -> None:
    raise Spins(f"more than {REAL_SECONDS} s")
