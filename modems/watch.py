"""Which ports are there, and what changed since the last look.

A tty name says little: after a modem resets, the same name may stand for another
device. So a snapshot keeps, for each configured path, what it resolves to and the
identity of that device node; the difference of two snapshots says what appeared,
vanished or was replaced. The daemon takes a snapshot twice a second.
"""

import glob
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PortKey:
    """What stands behind a path at one instant."""

    realpath: str
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Appeared:
    """A port is there that was not."""

    path: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """A port is there no more."""

    path: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another device stands behind the same path."""

    path: str


PortChange = Appeared | Vanished | Replaced
Snapshot = Mapping[str, PortKey]


def difference(before: Snapshot, after: Snapshot) -> list[PortChange]:
    """What changed: first what vanished, then what was replaced, then what appeared."""
    vanished = [Vanished(path) for path in sorted(before.keys() - after.keys())]
    both = sorted(before.keys() & after.keys())
    replaced = [Replaced(path) for path in both if before[path] != after[path]]
    appeared = [Appeared(path) for path in sorted(after.keys() - before.keys())]
    return [*vanished, *replaced, *appeared]


def scan(patterns: Iterable[str]) -> dict[str, PortKey]:
    """Look at paths and globs; only character devices count."""
    found: dict[str, PortKey] = {}
    for pattern in patterns:
        paths = glob.glob(pattern) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207 - patterns may be absolute
        for path in paths:
            key = _key(path)
            if key is not None:
                found[path] = key
    return found


def _key(path: str) -> PortKey | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    if not stat.S_ISCHR(status.st_mode):
        return None
    return PortKey(os.path.realpath(path), status.st_rdev, status.st_ino)
