"""The mark of the newest commit, so that commits which vanish are noticed.

Who deletes the write-ahead log of a daemon that was killed, or puts an older copy of the
database in its place, takes orders away that were acknowledged, and SQLite opens what is
left without a word. So every group of jobs that wrote something counts one up in the
header of the database (`PRAGMA user_version`, part of the same transaction), and after its
commit the number is written into a small file beside it. At start the database must not be
behind the file.

The file is not waited for: it outlives a kill, and after a power cut it may be older than
the database, never newer. A file that cannot be read says nothing and raises no alarm.

The files themselves are looked at after every commit, too: into a log that was deleted
under the running daemon one can write for days, and all of it is gone with the process.
"""

import os
from contextlib import suppress
from pathlib import Path

from peewee import Database

from pulsarack.daemon.store_errors import CommitsLost, DatabaseMoved
from pulsarack.daemon.store_files import FILE_MODE, MARK_NAME
from pulsarack.ledger import sql

# `user_version` has 31 bits. Counting begins anew well before they are used up; a difference
# of more than half of that is not a loss.
LAST = 2_000_000_000
_DIGITS = 20


def read_mark(directory: Path) -> int | None:
    """The number in the file; None if there is none, or no number."""
    try:
        text = (directory / MARK_NAME).read_bytes()
    except OSError:
        return None
    return int(text) if len(text) == _DIGITS + 1 and text[:_DIGITS].isdigit() else None


def commits(db: Database) -> int:
    """The number in the database."""
    row = sql.one(db, "PRAGMA user_version")
    return int(row[0]) if row else 0


def missing_commits(db: Database, mark: int | None) -> int:
    """How many of the commits that the mark counts are not in the database."""
    ahead = (mark or 0) - commits(db)
    return ahead if 0 < ahead < LAST // 2 else 0


def check_mark(db: Database, path: Path) -> None:
    """Raise CommitsLost if the database is behind its mark."""
    missing = missing_commits(db, read_mark(path.parent))
    if missing:
        raise CommitsLost(path, path.parent / MARK_NAME, missing)


class CommitMark:
    """Counts the commits of one writing connection; used from its thread only."""

    def __init__(self, db: Database, path: Path) -> None:
        """Raises OSError if the file cannot be written."""
        self._path = path
        self._names = (str(path), f"{path}-wal")
        self._count = commits(db)
        self._counted = self._count
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path.parent / MARK_NAME, flags, FILE_MODE)
        self._files: tuple[tuple[int, int] | None, ...] = ()
        self._write()

    def count(self, db: Database) -> None:
        """Within a transaction that has written something: count it."""
        self._counted = 1 if self._count >= LAST else self._count + 1
        # Not kept among the prepared statements: no two are alike, and what is looked for among
        # them is compared with each.
        connection = db.connection()  # type: ignore[no-untyped-call]
        connection.execute(f"PRAGMA user_version = {self._counted}", can_cache=False)

    def note(self, db: Database) -> DatabaseMoved | None:
        """After the commit: write the mark, and look whether the files are still ours.

        If the log is gone, what it held is saved into the database itself: then nothing is
        lost, but this process must not go on. The error says so, and whether it succeeded.
        """
        if self._counted == self._count:
            return None
        self._count = self._counted
        files = (_identity(self._names[0]), _identity(self._names[1]))
        self._files = self._files or files
        if files == self._files:
            self._write()
            return None
        saved = files[0] == self._files[0] and _saved(db)
        if saved:
            self._write()
        return DatabaseMoved(self._path, saved=saved)

    def forget(self) -> None:
        """The transaction failed: what was counted in it does not count."""
        self._counted = self._count

    def close(self) -> None:
        """Give the file free, once: its number may be another file's by then."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self) -> None:
        # What cannot be written is an older mark, which is true as well.
        with suppress(OSError):
            os.pwrite(self._file, b"%0*d\n" % (_DIGITS, self._count), 0)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - every commit looks twice, and this is quicker
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _saved(db: Database) -> bool:
    """Bring all of the log into the database file; whether that succeeded."""
    row = sql.one(db, "PRAGMA wal_checkpoint(FULL)")
    return row is not None and row[0] == 0 and row[1] == row[2]
