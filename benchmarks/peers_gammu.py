"""gammu-smsd as a peer: a process a modem, with one outbox in SQLite for all, or a spool for each.

Phones are not looked after, nothing is received and nobody is waited for when there is nothing to
send: sending is all it is asked for. The tables of its database are those that its package
brings.

Under strace (peers_kind.py) the files were never synced, nor does the program import a call that
could, and `gammu-smsd-inject`, which would put messages there for a user, does not either. SQLite
synced its journal, its directory and its database for every change: 592 fdatasync(2) while 36 SMS
were sent.
"""

import gzip
import sqlite3
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from benchmarks.peers_kind import Kept, Message, Peer, absent
from benchmarks.rack_file import XL_GATEWAY
from benchmarks.sessions import Command

_PROGRAM = "gammu-smsd"
_EXAMPLES = Path("/usr/share/doc/gammu-smsd/examples")
_SCHEMAS = [_EXAMPLES / "sqlite.sql", _EXAMPLES / "sqlite.sql.gz"]
_DRIVERS = [Path(f"/usr/lib/{place}/dbd/libdbdsqlite3.so") for place in ("x86_64-linux-gnu", ".")]
_BUSY_SECONDS = 30.0
_INSERT = (
    "INSERT INTO outbox (DestinationNumber, TextDecoded, CreatorID, RelativeValidity) "
    "VALUES (?, ?, 'bench', -1)"
)


class GammuFiles(Peer):
    """Every modem has a spool of its own, so nothing is shared or balanced."""

    name = "gammu-smsd, files"
    private = True
    kept = Kept.IN_FILES
    packages = "gammu-smsd"

    @classmethod
    def missing(cls) -> list[str]:
        """The program."""
        return absent([_PROGRAM])

    def prepare(self) -> list[Command]:
        """One configuration a modem."""
        self._numbers = count()
        for place in range(len(self.ports)):
            for box in ("inbox", "outbox", "sent", "error"):
                (self._spool(place) / box).mkdir(parents=True)
        return [
            self._command(place, files_service(self._spool(place)))
            for place in range(len(self.ports))
        ]

    def queue(self, messages: Sequence[Message]) -> None:
        """A file each, put there whole."""
        for message in messages:
            outbox = self._spool(message.place) / "outbox"
            name = f"OUT20260101_000000_{next(self._numbers):09d}_{XL_GATEWAY}_bench.txt"
            written = outbox.parent / name
            written.write_text(message.text, encoding="ascii")
            written.rename(outbox / name)

    def _command(self, place: int, service: str) -> Command:
        path = self.root / f"gammu{place}.conf"
        path.write_text(config(self.ports[place], place, service), encoding="utf-8")
        return Command([_PROGRAM, "--config", str(path)])

    def _spool(self, place: int) -> Path:
        return self.root / f"spool{place}"


class GammuSql(GammuFiles):
    """All processes share one outbox."""

    name = "gammu-smsd, SQLite"
    private = False
    kept = Kept.SYNCED
    packages = "gammu-smsd libdbd-sqlite3"

    @classmethod
    def missing(cls) -> list[str]:
        """The program, the tables it brings, and the driver of its database."""
        lacking = super().missing()
        lacking += [] if any(path.exists() for path in _SCHEMAS) else ["sqlite.sql of gammu-smsd"]
        return lacking + ([] if any(path.exists() for path in _DRIVERS) else ["libdbd-sqlite3"])

    def prepare(self) -> list[Command]:
        """One database, and a configuration a modem."""
        schema = next(path for path in _SCHEMAS if path.exists())
        opened = gzip.open if schema.suffix == ".gz" else open
        with opened(schema, "rt", encoding="utf-8") as file:
            self._connection = sqlite3.connect(
                self.root / "smsd.db",
                isolation_level=None,
                timeout=_BUSY_SECONDS,
                check_same_thread=False,  # one call at a time, each in any thread
            )
            self._connection.executescript(file.read())
        return [self._command(place, sql_service(self.root)) for place in range(len(self.ports))]

    def queue(self, messages: Sequence[Message]) -> None:
        """A row each, all in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_INSERT, [(XL_GATEWAY, one.text) for one in messages])
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Leaves the database."""
        self._connection.close()


def config(port: Path, place: int, service: str) -> str:
    """What one process reads."""
    return f"""\
[gammu]
device = {port}
connection = at115200
model = at
[smsd]
phoneid = modem{place}
logfile = modem{place}.log
debuglevel = 0
commtimeout = 1
checksecurity = 0
checkbattery = 0
checksignal = 0
checknetwork = 0
receive = no
statusfrequency = 0
deliveryreport = no
{service}"""


def files_service(spool: Path) -> str:
    """The part about files; paths end in a slash."""
    boxes = {"inbox": "inbox", "outbox": "outbox", "sentsms": "sent", "errorsms": "error"}
    lines = [f"{name}path = {spool / box}/" for name, box in boxes.items()]
    return "\n".join(["service = files", *lines, ""])


def sql_service(root: Path) -> str:
    """The part about the database."""
    return f"service = sql\ndriver = sqlite3\ndbdir = {root}/\ndatabase = smsd.db\n"
