"""Which ports there are, and opening them: the one place where the rack meets the machine.

The rack only knows this interface, so that a simulation can hand it ports in memory.
"""

import glob
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pulsarack.daemon.config import PortSection
from pulsarack.modems.errors import PortMissing
from pulsarack.modems.port import open_port
from pulsarack.modems.transport import Port
from pulsarack.modems.watch import Snapshot, scan


class Ports(Protocol):
    """Ports by path."""

    def look(self) -> Snapshot:
        """What is there now."""

    async def open(self, path: str) -> Port:
        """Open one for us alone; raises PortError."""


class SerialPorts:
    """The serial ports that the configuration names, by path or by glob."""

    def __init__(self, sections: Sequence[PortSection]) -> None:
        self._sections = sections
        self._bauds: dict[str, int] = {}

    def look(self) -> Snapshot:
        """What is there now; a path that two sections match belongs to the first."""
        found = {}
        for section in reversed(self._sections):
            for path, key in scan([section.path]).items():
                found[path] = key
                self._bauds[path] = section.baud
        return found

    async def open(self, path: str) -> Port:
        """Open one for us alone; raises PortError."""
        if path not in self._bauds:
            raise PortMissing(path)
        return await open_port(path, self._bauds[path])


@dataclass(frozen=True, slots=True)
class PortProblem:
    """A configured path that no modem can be reached by, as things are."""

    path: str
    why: str
    remedy: str


def problems(sections: Sequence[PortSection]) -> list[PortProblem]:
    """The configured paths that are no serial port now; a glob may well match nothing."""
    found = []
    for section in sections:
        if not glob.has_magic(section.path) and (problem := _problem(section.path)):
            found.append(problem)
    return found


def _problem(path: str) -> PortProblem | None:
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return PortProblem(path, "there is no such port", "plug the modem in, or correct the path")
    except OSError as error:
        why = error.strerror or str(error)
        return PortProblem(path, why, "correct the path, or the rights of its directory")
    if stat.S_ISCHR(mode):
        return None
    return PortProblem(path, "it is no character device", "name the serial port of the modem")
