"""What the bench of the peers needs to know of one: what it lacks, what is run, how it is fed."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar

from benchmarks.sessions import Command


@dataclass(frozen=True, slots=True)
class Message:
    """One SMS to the operator. `place`: the modem, for a peer that has a queue for each."""

    place: int
    text: str


class Kept(Enum):
    """Where a program has what it has taken and not sent yet, and what that outlives.

    What each kind says of itself was seen on two modems with
    `strace -f -y -e trace=fsync,fdatasync,sync_file_range,sync,syncfs,msync`, from its start on,
    and agrees with what its programs import (`nm -D`). The daemon under the same strace, with
    texts: 92 fdatasync(2) of its database's log while 74 were sent.
    """

    SYNCED = "synced to the disk: it outlives a power cut"
    IN_FILES = "in files that are never synced: it outlives the program, but no power cut"
    IN_MEMORY = "in memory: it ends with the program"


class Peer(ABC):
    """One program, or many of one kind, set up on the ports of a rack in a directory of its own."""

    name: ClassVar[str]
    # Each modem has a queue of its own: the bench must say which modem sends what.
    private: bool = False
    kept: ClassVar[Kept]
    packages: ClassVar[str]

    def __init__(self, root: Path, ports: Sequence[Path]) -> None:
        self.root = root
        self.ports = ports

    @classmethod
    @abstractmethod
    def missing(cls) -> list[str]:
        """What it needs and is not installed."""

    @abstractmethod
    def prepare(self) -> list[Command]:
        """Writes its configuration; what is to be run then, in this order."""

    @abstractmethod
    def queue(self, messages: Sequence[Message]) -> None:
        """Hands it some messages in its own way; raises OSError while it does not listen yet."""

    def close(self) -> None:  # noqa: B027 - most have nothing open
        """Leaves what `queue` has opened."""


def absent(programs: Sequence[str]) -> list[str]:
    """The programs that are not there."""
    return [name for name in programs if shutil.which(name) is None]
