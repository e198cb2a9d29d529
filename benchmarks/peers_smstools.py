"""smsd of smstools3 as a peer: one program for all modems, a file a message in one directory.

`trust_outgoing` is on: without it the program looks at one new file in half a second, whatever
the number of modems. Nothing is received, and a sent file is deleted.

Under strace (peers_kind.py) it synced two lock files for every SMS, 180 fsync(2) while 90 were
sent. They only say who is at it: the message itself is copied from one directory to the next, the
first copy is deleted, and neither is ever synced.
"""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from benchmarks.peers_kind import Kept, Message, Peer, absent
from benchmarks.rack_file import XL_GATEWAY
from benchmarks.sessions import Command

_PROGRAM = "smsd"
_BOXES = ("outgoing", "checked", "incoming", "failed")


class Smstools(Peer):
    """One parent, and a process a modem."""

    name = "smsd (smstools3)"
    kept = Kept.IN_FILES
    packages = "smstools"

    @classmethod
    def missing(cls) -> list[str]:
        """The program."""
        return absent([_PROGRAM])

    def prepare(self) -> list[Command]:
        """One configuration with a section a modem."""
        self._numbers = count()
        for box in _BOXES:
            (self.root / box).mkdir()
        path = self.root / "smsd.conf"
        path.write_text(config(self.root, self.ports), encoding="utf-8")
        files = [f"-i{self.root / 'smsd.info'}", f"-p{self.root / 'smsd.pid'}"]
        return [Command([_PROGRAM, f"-c{path}", *files, "-t"])]

    def queue(self, messages: Sequence[Message]) -> None:
        """A file each, put there whole."""
        for message in messages:
            name = f"bench{next(self._numbers):09d}"
            written = self.root / name
            # An "s" before it makes a short number of it.
            written.write_text(f"To: s{XL_GATEWAY}\n\n{message.text}", encoding="ascii")
            written.rename(self.root / "outgoing" / name)


def config(root: Path, ports: Sequence[Path]) -> str:
    """What it reads."""
    names = [f"M{place}" for place in range(len(ports))]
    boxes = "\n".join(f"{box} = {root / box}" for box in _BOXES)
    modems = "\n".join(
        f"[{name}]\ndevice = {port}\nbaudrate = 115200\nincoming = no\n"
        for name, port in zip(names, ports, strict=True)
    )
    return f"""\
devices = {",".join(names)}
{boxes}
logfile = {root / "smsd.log"}
loglevel = 3
delaytime = 1
delaytime_mainprocess = 1
trust_outgoing = yes
autosplit = 0

{modems}"""
