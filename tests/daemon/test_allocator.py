"""The allocator as the daemon sets it up: in a process of its own, since it is set up once."""

import ctypes
import os
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
LARGE_OCTETS, PIECES = 300_000, 100

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="set up for glibc only")


@glibc
def test_threads_share_one_heap() -> None:
    assert heaps(tuned=False) > 1
    assert heaps(tuned=True) == 1


def heaps(*, tuned: bool) -> int:
    """Of how many heaps a process made use; malloc_stats(3) writes a paragraph for each."""
    life = f"from tests.daemon.test_allocator import use; use({tuned})"
    told = subprocess.run(
        [sys.executable, "-c", life], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return sum(line.startswith("Arena ") for line in told.stderr.splitlines())


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


@glibc
def test_what_was_freed_is_given_back() -> None:
    """Untuned, the C library takes ever larger pieces for its own and keeps them."""
    life = "from tests.daemon.test_allocator import keep; keep()"
    told = subprocess.run(
        [sys.executable, "-c", life], cwd=ROOT, capture_output=True, text=True, check=True
    )
    before, after = map(int, told.stdout.split())
    assert after - before < PIECES * LARGE_OCTETS // 4


def keep() -> None:
    """Take and free some large pieces twice; the memory before and after, in octets."""
    allocator.tune()
    before = _resident()
    for _ in range(2):
        pieces = [bytes([number]) * LARGE_OCTETS for number in range(PIECES)]
        assert len(pieces) == PIECES
        del pieces
    sys.stdout.write(f"{before} {_resident()}\n")


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
