"""The users of this machine, as it names them: uid to login, login to uid, and who may connect.

The machine may ask a directory on the network (nsswitch.conf(5)), which may be slow, or not there:
it is asked in a thread, and what cannot be found out is nobody.
"""

import asyncio
import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

ROOT: Final = 0
_OVERFLOW: Final = Path("/proc/sys/kernel/overflowuid")
_USUAL_OVERFLOW: Final = 65_534


@dataclass(frozen=True, slots=True)
class Entry:
    """The group to which the socket is open, and whether a user is in it."""

    group: str
    let_in: bool


class Users(Protocol):
    """Who is who on a machine."""

    own_uid: int
    overflow_uid: int

    async def login_of(self, uid: int) -> str | None:
        """What a uid is called; None if it has no name."""

    async def uid_of(self, login: str) -> int | None:
        """The uid of a login; None if there is no such user."""

    async def entry(self, login: str, socket: Path) -> Entry | None:
        """Whether a user may connect to the socket; None if that cannot be told."""


class MachineUsers:
    """Those of the machine that we run on."""

    def __init__(self) -> None:
        self.own_uid = os.getuid()
        self.overflow_uid = overflow_uid(_OVERFLOW)

    async def login_of(self, uid: int) -> str | None:
        """As `Users` says."""
        return await asyncio.to_thread(_login_of, uid)

    async def uid_of(self, login: str) -> int | None:
        """As `Users` says."""
        return await asyncio.to_thread(_uid_of, login)

    async def entry(self, login: str, socket: Path) -> Entry | None:
        """As `Users` says."""
        return await asyncio.to_thread(_entry, login, socket)


def overflow_uid(path: Path) -> int:
    """What the kernel calls a user whom our namespace does not know (user_namespaces(7))."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _USUAL_OVERFLOW


def _login_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError, OverflowError):
        return None


def _uid_of(login: str) -> int | None:
    try:
        return pwd.getpwnam(login).pw_uid
    except (KeyError, OSError, ValueError):
        return None


def _entry(login: str, socket: Path) -> Entry | None:
    try:
        gid = socket.stat().st_gid
        primary = pwd.getpwnam(login).pw_gid
        return Entry(grp.getgrgid(gid).gr_name, gid in os.getgrouplist(login, primary))
    except (KeyError, OSError, ValueError):
        return None
