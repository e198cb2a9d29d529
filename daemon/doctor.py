"""The doctor: looks at everything the daemon leans on, and says in words what to do.

It works with the daemon running or not, and writes nothing. Every check is a small
function that is given the subject (what was configured, where things lie, whether a daemon
works there, what the machine shows) and yields what it found; a check that cannot look says
that, and the others go on. What is bad keeps the daemon from working or has to be looked at
before it goes on; what is a warning can wait.

To every problem belongs one command. It is the one to type first: where more is to be done
than a command can do, it is the one that shows what, and the remedy says the rest in words.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from shlex import quote

from pulsarack.daemon import config, places
from pulsarack.daemon.config import Config
from pulsarack.daemon.config_errors import ConfigErrors
from pulsarack.daemon.doctor_facts import Machine
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.store_files import DATABASE_NAME, lock_holder
from pulsarack.ussd.errors import UssdError
from pulsarack.ussd.shelf import Shelf, load_shelf

LOG = "journalctl -u pulsarack -n 50"
AS_ROOT = "sudo pulsarack doctor"
_RUN = "run: "


class Level(StrEnum):
    """How it stands."""

    OK = "ok"
    SKIP = "skip"  # could not be looked at
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, in words, the command for it, and what else is to be done."""

    level: Level
    check: str
    what: str
    command: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Subject:
    """What is examined. `running` is the process that works in the state directory."""

    config: Config
    socket: Path
    environ: Mapping[str, str]
    now_ms: int
    synchronised: bool | None
    machine: Machine
    config_path: Path | None = None

    @property
    def state_dir(self) -> Path:
        """Where the database lies."""
        return self.config.daemon.state_dir

    @property
    def database(self) -> Path:
        """The database itself."""
        return self.state_dir / DATABASE_NAME

    @cached_property
    def recipes(self) -> Shelf | UssdError:
        """All recipes, read once; or what is wrong with them."""
        own = self.config.daemon.recipes_dir
        try:
            return load_shelf([own] if own else [])
        except UssdError as error:
            return error

    @property
    def running(self) -> int | None:
        """The daemon's process id (0: not known), None if none is running."""
        return lock_holder(self.state_dir)


Check = Callable[[Subject], Iterable[Finding]]


def ok(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, check, what)


def skip(check: str, what: str) -> Finding:
    """It could not be looked at, and nobody need do anything about that."""
    return Finding(Level.SKIP, check, what)


def warn(check: str, what: str, command: str, remedy: str = "") -> Finding:
    """It can wait."""
    return Finding(Level.WARN, check, what, command, remedy)


def bad(check: str, what: str, command: str, remedy: str = "") -> Finding:
    """It cannot wait."""
    return Finding(Level.BAD, check, what, command, remedy)


def error(check: str, found: DaemonError, command: str) -> Finding:
    """What an error of ours says of itself; `command` unless it names one itself."""
    if found.remedy.startswith(_RUN):
        return bad(check, found.message, f"sudo {found.remedy.removeprefix(_RUN)}")
    return bad(check, found.message, command, found.remedy)


def edit(subject: Subject) -> str:
    """The command that opens the configuration."""
    return f"sudoedit {quote(str(subject.config_path or places.CONFIG_FILE))}"


def load(path: Path) -> tuple[Config | None, list[Finding]]:
    """The configuration, and what is to be said about it."""
    try:
        return config.load(path), [ok("configuration", f"{path} is sound")]
    except ConfigErrors as errors:
        # Each line ends with its remedy.
        command = f"sudoedit {quote(str(path))}"
        return None, [bad("configuration", line, command) for line in errors.lines()]


def examine(subject: Subject, checks: Iterable[Check]) -> Iterator[Finding]:
    """What all checks found, in their order."""
    for check in checks:
        name = check.__name__.replace("_", " ")
        try:
            yield from check(subject)
        except PermissionError as refused:
            what = f"you may not look at {refused.filename}"
            yield warn(name, what, AS_ROOT, "or run it as the user pulsarack")
        except OSError as failed:
            what = f"{failed.filename or 'something'} cannot be looked at: {failed.strerror}"
            yield bad(name, what, "sudo dmesg --level=err", "check the disk and the path")
