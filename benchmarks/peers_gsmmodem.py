"""python-gsmmodem as a peer: a library, so a small program of ours sends with it.

It is the fork of it that runs on today's Python, in an environment of its own (peers.sh makes it).
Its messages are kept in memory: what has not been sent when it ends is gone. Under strace
(peers_kind.py) it synced nothing.
"""

from collections.abc import Sequence

from benchmarks.machine import ROOT
from benchmarks.peers_kind import Kept, Message, Peer, absent
from benchmarks.sessions import Command

PYTHON = ROOT / "benchmarks" / "results" / ".peers-venv" / "bin" / "python"
_PROGRAM = ROOT / "benchmarks" / "peers_gsmmodem_program.py"


class GsmModem(Peer):
    """One process, two threads a modem."""

    name = "python-gsmmodem"
    kept = Kept.IN_MEMORY
    packages = "python-gsmmodem-new"

    @classmethod
    def missing(cls) -> list[str]:
        """Its environment."""
        return absent([str(PYTHON)])

    def prepare(self) -> list[Command]:
        """One program that is told all ports, and the file to follow."""
        self._queue = self.root / "queue"
        self._queue.touch()
        ports = [str(port) for port in self.ports]
        return [Command([str(PYTHON), "-I", str(_PROGRAM), str(self._queue), *ports])]

    def queue(self, messages: Sequence[Message]) -> None:
        """A line each, at the end of a file that it follows."""
        with self._queue.open("a", encoding="ascii") as file:
            file.writelines(f"{message.text}\n" for message in messages)
