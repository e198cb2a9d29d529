"""What the bench of the peers needs to know of one: what it lacks, what is run, how it is fed."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.sessions import Command


@dataclass(frozen=True, slots=True)
class Message:
    """One SMS to the operator. `place`: the modem, for a peer that has a queue for each."""

    place: int
    text: str


class Peer(ABC):
    """One program, or many of one kind, set up on the ports of a rack in a directory of its own."""

    name: ClassVar[str]
    # Each modem has a queue of its own: the bench must say which modem sends what.
    private: bool = False
    # Its queue outlives the process.
    durable: ClassVar[bool] = True
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
