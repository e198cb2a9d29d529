"""The allocator as the daemon sets it up: in a process of its own, since it is set up once."""

import ctypes
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from pulsarack.daemon import allocator

ROOT = Path(__file__).parents[2]
THREADS = 4
# Larger than the pieces that Python cuts up itself, smaller than what the system gives one by one.
OCTETS = 64 * 1024

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="set up for glibc only")


@glibc
@pytest.mark.parametrize(("tuned", "heaps"), [(False, THREADS), (True, 1)])
def test_threads_share_one_heap(tuned: bool, heaps: int) -> None:
    life = f"from tests.daemon.test_allocator import use; use({tuned})"
    told = subprocess.run(
        [sys.executable, "-c", life], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # malloc_stats(3) writes a paragraph for each.
    found = sum(line.startswith("Arena ") for line in told.stderr.splitlines())
    assert found >= heaps if heaps > 1 else found == 1, told.stderr


def use(tuned: bool) -> None:
    """Take memory in several threads at once, and say where it came from."""
    if tuned:
        allocator.tune()
    together = Barrier(THREADS)

    def take(number: int) -> bytes:
        together.wait()
        return bytes([number]) * OCTETS

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(map(len, pool.map(take, range(THREADS)))) == THREADS * OCTETS
    ctypes.CDLL(None).malloc_stats()
