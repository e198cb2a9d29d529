"""The directory of backups: what lies in it, and what of it can be used.

One directory a backup, named by its moment in UTC: `20261130T031500Z`, with `-before-upgrade`
if it was made before the tables were brought up to date. What is not finished has a name with a
dot in front, and is listed nowhere.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final

from pulsarack.daemon import durable
from pulsarack.daemon.backups import manifest
from pulsarack.daemon.backups.errors import BackupFailed, BadBackup, NoBackup, on_disk
from pulsarack.daemon.backups.manifest import MANIFEST, VERIFIED, Manifest, Verified

BEFORE_UPGRADE: Final = "-before-upgrade"
MAKING: Final = ".making-"
VERIFYING: Final = ".verifying-"
_LOCK: Final = ".lock"
_NAME = re.compile(rf"[0-9]{{8}}T[0-9]{{6}}Z(-[0-9]{{1,4}})?({BEFORE_UPGRADE})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup, as far as its directory says. `problem`: why it cannot be used."""

    path: Path
    manifest: Manifest | None
    verified: Verified | None
    problem: str = ""

    @property
    def name(self) -> str:
        """As people call it."""
        return self.path.name

    @property
    def good(self) -> bool:
        """Whether nothing is known against it."""
        return not self.problem and (self.verified is None or self.verified.ok)

    @property
    def proved(self) -> bool:
        """Whether it was put back and audited, and nothing was found."""
        return not self.problem and self.verified is not None and self.verified.ok

    @property
    def before_upgrade(self) -> bool:
        """Whether it is of the version before the newest one."""
        return self.name.endswith(BEFORE_UPGRADE)

    @property
    def made_at(self) -> int:
        """The moment whose database it is; that of its name, if nothing else is left."""
        if self.manifest is not None:
            return self.manifest.made_at
        with suppress(ValueError):
            stamp = datetime.strptime(f"{self.name[:15]}+0000", "%Y%m%dT%H%M%S%z")
            return round(stamp.timestamp() * 1000)
        return 0


def every(folder: Path) -> list[Backup]:
    """All backups, newest first. Reads no more than their manifests."""
    try:
        found = [one for one in folder.iterdir() if _NAME.fullmatch(one.name) and one.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise on_disk("the backups cannot be listed", folder, error) from None
    return [look(one) for one in sorted(found, key=lambda one: one.name, reverse=True)]


def find(folder: Path, name: str | None) -> Backup:
    """The backup of that name, else the newest that can be used; raises NoBackup."""
    backups = every(folder)
    for one in backups:
        if one.name == name or (name is None and not one.problem):
            return one
    what = f"there is no backup {name[:80]!r} in" if name else "there is no usable backup in"
    raise NoBackup(f"{what} {folder}", "pulsarack backup list, or make one: pulsarack backup now")


def look(path: Path) -> Backup:
    """What a backup says of itself, and whether its files are there in their sizes."""
    try:
        said = manifest.read(path / MANIFEST, Manifest)
    except BadBackup as error:
        return Backup(path, None, None, str(error))
    verified = None
    with suppress(BadBackup):
        verified = manifest.read(path / VERIFIED, Verified)
    if verified is not None and verified.manifest != durable.digest(path / MANIFEST):
        verified = None  # of another one
    for one in said.files:
        try:
            there = (path / one.name).lstat()
        except OSError as error:
            return Backup(path, said, verified, f"{one.name}: {error.strerror}")
        if not stat.S_ISREG(there.st_mode):  # a pipe would be read without end
            return Backup(path, said, verified, f"{one.name} is no file")
        if there.st_size != one.bytes:
            size = there.st_size
            return Backup(path, said, verified, f"{one.name} has {size} bytes, not {one.bytes}")
    return Backup(path, said, verified)


def new_name(folder: Path, now_ms: int, *, before_upgrade: bool) -> str:
    """A name that is not taken."""
    stamp = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    ending = BEFORE_UPGRADE if before_upgrade else ""
    names = (f"{stamp}{more}{ending}" for more in ("", *(f"-{n}" for n in range(2, 10_000))))
    return next(name for name in names if not (folder / name).exists())


@contextmanager
def alone(folder: Path, lock: str = _LOCK) -> Iterator[None]:
    """The only one that makes backups there, of all processes; raises BackupFailed."""
    durable.make_folder(folder)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    handle = os.open(folder / lock, flags, durable.FILE_MODE)
    try:
        durable.give(folder / lock, folder)
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise BackupFailed(
                f"another program is at work in {folder}", "wait for its end, then try again"
            ) from None
        yield
    finally:
        os.close(handle)


def sweep(folder: Path, prefix: str) -> None:
    """Remove what a program that was killed left half made. Under the lock."""
    for one in folder.glob(f"{prefix}*"):
        durable.remove_tree(one)
