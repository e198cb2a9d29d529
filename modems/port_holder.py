"""Which other process has a port open, as far as /proc lets us see.

Processes of other users are visible only to root, so finding nobody means nothing.
"""

import os
from pathlib import Path


def holder_of(path: str, proc: Path = Path("/proc")) -> str | None:
    """``name (pid 123)`` of the first other process with the port open, or None."""
    wanted = os.path.realpath(path)
    own = str(os.getpid())
    for process in _processes(proc):
        if process.name != own and _has_open(process, wanted):
            return f"{_name(process)} (pid {process.name})"
    return None


def _processes(proc: Path) -> list[Path]:
    try:
        return [entry for entry in proc.iterdir() if entry.name.isdecimal()]
    except OSError:
        return []


def _has_open(process: Path, wanted: str) -> bool:
    try:
        handles = list((process / "fd").iterdir())
    except OSError:
        return False
    return any(_target(handle) == wanted for handle in handles)


def _target(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except OSError:
        return ""


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "a process"
