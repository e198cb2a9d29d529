"""What the doctor is told of the machine: files below one root, groups, and what programs say.

Everything of /proc, /sys, /etc and /usr is read through here, from `root`, so that a test makes
a machine out of a few small files. Files are read up to a bound; one that is missing or may not
be read is None, never an error: the check says that it could not look.
"""

import os
import pwd
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pulsarack.daemon import places, toml_text

_MOST_BYTES = 256 * 1024
_ANSWER_SECONDS = 10.0
SERVICE_USER = "pulsarack"
SERVICE_GROUP = "pulsarack"
PORT_GROUP = "dialout"


@dataclass(frozen=True, slots=True)
class Group:
    """A line of the file of groups; `members` are those that stand in it by name."""

    name: str
    gid: int
    members: frozenset[str]


def ask_program(command: Sequence[str]) -> str | None:
    """What a program prints; None if it is not there, fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def caller(environ: Mapping[str, str]) -> int:
    """The user id of the person who asks: of whoever called sudo, else of the process."""
    given = environ.get("SUDO_UID", "")
    return int(given) if os.geteuid() == 0 and given.isdecimal() else os.getuid()


def with_credentials(environ: Mapping[str, str], config_path: Path) -> Mapping[str, str]:
    """The environment in which the service's secrets are found, if we may read them.

    The unit hands the daemon what lies beside its configuration (LoadCredential=); the doctor
    runs outside of it and reads the files themselves, which only root may.
    """
    usual = config_path.parent == places.CONFIG_FILE.parent
    if "CREDENTIALS_DIRECTORY" in environ or not usual or os.geteuid() != 0:
        return environ
    return {**environ, "CREDENTIALS_DIRECTORY": str(config_path.parent)}


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine, or what a test takes for one. `caller`: the user id of who asks."""

    root: Path = Path("/")
    caller: int = 0
    groups_of_caller: frozenset[int] = frozenset()
    ask: Callable[[Sequence[str]], str | None] = ask_program

    def at(self, path: str) -> Path:
        """Where a path of the machine lies."""
        return self.root / path.lstrip("/")

    def text(self, path: str) -> str | None:
        """The text of a file, up to its bound; None if it cannot be had."""
        return read_text(self.at(path))

    def entries(self, path: str) -> list[Path] | None:
        """What is in a folder, in order; None if it cannot be looked into."""
        try:
            return sorted(self.at(path).iterdir())
        except OSError:
            return None

    @property
    def booted_by_systemd(self) -> bool:
        """As sd_booted(3) finds it out."""
        return self.at("/run/systemd/system").is_dir()

    def group(self, name: str) -> Group | None:
        """The group of that name."""
        for line in (self.text("/etc/group") or "").splitlines():
            fields = line.split(":")
            if len(fields) == 4 and fields[0] == name and fields[2].isdecimal():
                members = frozenset(filter(None, fields[3].split(",")))
                return Group(name, int(fields[2]), members)
        return None

    def user_name(self, uid: int) -> str | None:
        """The login of a user id."""
        for fields in self._users():
            if fields[2] == str(uid):
                return fields[0]
        return None

    def user_id(self, name: str) -> int | None:
        """The user id of a login."""
        for fields in self._users():
            if fields[0] == name and fields[2].isdecimal():
                return int(fields[2])
        return None

    def is_member(self, name: str, group: Group) -> bool:
        """Whether the group files say that a user is in a group."""
        primary = any(one[0] == name and one[3] == str(group.gid) for one in self._users())
        return primary or name in group.members

    def _users(self) -> list[list[str]]:
        lines = (self.text("/etc/passwd") or "").splitlines()
        return [fields for line in lines if len(fields := line.split(":")) == 7]


def this_machine() -> Machine:
    """The machine that we are on, asked by whoever started this process."""
    return Machine(caller=caller(os.environ), groups_of_caller=frozenset(os.getgroups()))


def read_text(path: Path) -> str | None:
    """The text of a file, up to a bound; None if it cannot be had."""
    try:
        with toml_text.open_file(path) as file:
            return (file.read(_MOST_BYTES) or b"").decode("utf-8", "replace")
    except OSError:
        return None


def real_name(uid: int) -> str:
    """The login of a user of this machine, or the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
