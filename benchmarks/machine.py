"""What the figures were measured on: nothing can be compared without it."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

ROOT = Path(__file__).resolve().parent.parent
_SYNCS = 50
_ADDITIONS = 100_000
_TRIES = 5
_BLOCK = b"\0" * 4096


def describe(directory: Path) -> dict[str, Any]:
    """The machine as it is now; `directory` is where the databases will lie."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": list(os.getloadavg()),
        "kernel": platform.release(),
        "python": platform.python_version(),
        # One of the same version may be half as quick: most distributions build theirs by profile.
        "interpreter": str(Path(sys.executable).resolve()),
        "additions_ms": additions_seconds() * 1000,
        "sqlite": apsw.sqlite_lib_version(),
        "filesystem": filesystem(directory),
        "sync_ms": sync_seconds(directory) * 1000,
    }


def sentence(machine: dict[str, Any]) -> str:
    """The same for people."""
    return (
        f"{machine['at']}  {machine['cores']} x {machine['cpu']}, Linux {machine['kernel']}, "
        f"Python {machine['python']} ({machine['interpreter']}, "
        f"{machine['additions_ms']:.1f} ms for {_ADDITIONS:,} additions), "
        f"SQLite {machine['sqlite']}, {machine['filesystem']} "
        f"({machine['sync_ms']:.2f} ms a 4 kB sync), load {machine['load_average'][0]:.1f}, "
        f"commit {machine['commit']}"
    )


def additions_seconds() -> float:
    """How long this interpreter takes for so many additions, at best: the same machine is slower
    at one hour than at another, and so is everything measured on it."""

    def add() -> float:
        began, total = time.perf_counter(), 0
        for number in range(_ADDITIONS):
            total += number
        return time.perf_counter() - began

    return min(add() for _ in range(_TRIES))


def filesystem(path: Path) -> str:
    """The kind of file system that a path is on."""
    return filesystem_of(path.resolve(), Path("/proc/mounts").read_text(encoding="utf-8"))


def filesystem_of(path: Path, mounts: str) -> str:
    """The kind of the longest mount point above a path, out of /proc/mounts."""
    found = ("", "unknown")
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split()
        if path.is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, kind)
    return found[1]


def sync_seconds(directory: Path) -> float:
    """The median time of writing 4 kB and syncing them: what a durable commit waits for."""
    name = directory / "sync.probe"
    times = []
    file = os.open(name, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            os.pwrite(file, _BLOCK, 0)
            os.fdatasync(file)
            times.append(time.perf_counter() - began)
    finally:
        os.close(file)
        name.unlink()
    return sorted(times)[_SYNCS // 2]


@contextmanager
def database(path: Path) -> Iterator[apsw.Connection]:
    """A bare connection with the durability of the daemon's own."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        connection.execute("PRAGMA foreign_keys = on")
        connection.execute("PRAGMA recursive_triggers = on")
        yield connection


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
