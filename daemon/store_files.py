"""The database file and the directory it lives in.

A state directory belongs to one process at a time: whoever has the lock file locked.
The lock is the kernel's, on an open file, so it ends with the process however that
ends; the file that stays behind means nothing. The pid written into it is only there
to be named to whoever comes second.

Durability is bought here: WAL with synchronous=FULL makes a COMMIT wait for the disk.

Telephone numbers and money stand in these files. Whatever the umask, others may not read
them; the group may, for the admins in it.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import apsw
from peewee import Database, InterfaceError, Model, PeeweeException
from playhouse.apsw_ext import APSWDatabase

from pulsarack.daemon.migrations import check_current, load_scripts
from pulsarack.daemon.store_errors import (
    DatabaseGone,
    DatabaseLocked,
    DatabaseUnreadable,
    NotAFile,
    RestoreUnfinished,
    StateDirectoryFull,
    StateDirectoryUnusable,
    StoreError,
    StoreLocked,
)

DATABASE_NAME = "pulsarack.db"
LOCK_NAME = "lock"
MARK_NAME = "commits"
RESTORE_NAME = "restore.json"
"""There while a backup is being put back (backups/restoring.py): until then nothing may start."""
FILE_MODE = 0o640

_BUSY_SECONDS = 5
"""How long a statement waits for another program that has the file locked."""

_PAGE_OCTETS = 2048

_CACHE_KIB = 8 * 1024
"""Of pages that a connection keeps."""

_STATEMENTS = 512
"""How many prepared statements a connection keeps: as many as apsw allows.

Each that has run takes the next place, so one that was not among the last so many is prepared anew.
"""


class StateLock:
    """The exclusive right to a state directory, held until `release`."""

    def __init__(self, directory: Path) -> None:
        """Take the lock or raise StoreLocked or StateDirectoryUnusable."""
        try:
            self._file = os.open(
                directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise StateDirectoryUnusable(directory, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = b""
            with suppress(OSError):  # it may be no file; then nobody is named
                holder = os.pread(self._file, 20, 0)
            os.close(self._file)
            raise StoreLocked(directory, _pid(holder)) from None
        with suppress(OSError):  # the pid is only there to be shown; the disk may be full
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Let the next process in. The file stays: removing it would be a race."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _pid(text: bytes) -> int | None:
    with suppress(ValueError):
        return int(text)
    return None


SMALLEST_FREE_BYTES = 1024 * 1024
"""With less than this nothing is begun: the log of the first orders would not fit."""


def files_of(path: Path) -> list[Path]:
    """The files that belong to a database, there or not: itself, its log, the log's index."""
    return [path, *(Path(f"{path}{ending}") for ending in ("-wal", "-shm"))]


def kept_in(path: Path) -> list[Path]:
    """Every file that the daemon keeps in the directory of a database, there or not."""
    journal = Path(f"{path}-journal")  # none of ours, but SQLite looks for it
    return [*files_of(path), journal, path.parent / MARK_NAME, path.parent / LOCK_NAME]


_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check_files(path: Path) -> None:
    """Raise NotAFile if one of them is none: who opens a named pipe waits without end."""
    for place in kept_in(path):
        try:
            mode = place.stat().st_mode
        except OSError:
            continue  # nothing is there, or whoever opens it says better what is wrong
        for is_kind, kind in _KINDS:
            if is_kind(mode):
                raise NotAFile(place, kind)


def make_file(path: Path) -> None:
    """Make the empty file of a new database; SQLite gives its log the same mode."""
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    except FileExistsError:
        return
    except OSError as error:
        raise StateDirectoryUnusable(path.parent, error) from error
    os.close(made)


def free_bytes(directory: Path) -> int:
    """What we may still write there."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def check_place(path: Path) -> None:
    """Raise StateDirectoryUnusable unless the files can be written and there is room.

    Or RestoreUnfinished, if they are not of one moment.

    SQLite opens what it may only read without a word, and then refuses the first order.
    """
    directory = path.parent
    if (directory / RESTORE_NAME).exists():
        raise RestoreUnfinished(directory)
    for place in (directory, *files_of(path), directory / MARK_NAME):
        if place.exists() and not os.access(place, os.R_OK | os.W_OK):
            refused = OSError(errno.EACCES, f"{place.name} may not be written", str(place))
            raise StateDirectoryUnusable(directory, refused)
    if free_bytes(directory) < SMALLEST_FREE_BYTES:
        raise StateDirectoryFull(directory, free_bytes(directory))


class _Careful(APSWDatabase):  # type: ignore[misc]
    """Leaves the log as it is when a connection ends, until told otherwise.

    A file that is refused, be it at the very first statement, stays as it was found.
    """

    def _add_conn_hooks(self, conn: apsw.Connection) -> None:
        conn.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        # Else a statement is prepared anew, which takes longer than it runs, whenever it is
        # given another value that might want another plan. Ours all have the plan they want.
        conn.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        super()._add_conn_hooks(conn)

    def connection(self) -> apsw.Connection:
        """This thread's connection; asked with every statement.

        Raises InterfaceError if there is none: peewee's own would open one behind our back, also
        of a store that is closed.
        """
        found: apsw.Connection | None = self._state.conn
        if found is None:
            raise InterfaceError("this thread has no connection to the database")
        return found


Synchronous = Literal["EXTRA", "FULL", "OFF"]


def database(path: Path, synchronous: Synchronous = "FULL") -> Database:
    """A handle on the file; each thread that connects it gets its own connection.

    It never connects by itself: a model used outside a job raises, instead of opening a
    second writing connection behind the store's back.
    """
    db: Database = _Careful(
        str(path),
        pragmas={
            # A commit writes each page that it touched whole, and a sale touches some twenty in a
            # few places each. Counts for a new file; one that is there keeps its own.
            "page_size": _PAGE_OCTETS,
            "journal_mode": "wal",
            "synchronous": synchronous,
            "foreign_keys": 1,
            # INSERT OR REPLACE deletes without asking the triggers unless this is on.
            "recursive_triggers": 1,
            # What a statement or a savepoint may have to undo is kept here and not in a file
            # under /var/tmp: that was nine tenths of all that was written.
            "temp_store": "memory",
            "cache_size": -_CACHE_KIB,
        },
        timeout=_BUSY_SECONDS,
        autoconnect=False,
        # What runs all the time is prepared once.
        statementcachesize=_STATEMENTS,
        # A connection belongs to one thread; SQLite need not lock it with every call.
        flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX,
    )
    return db


def connect(db: Database, path: Path) -> None:
    """Open this thread's connection, or say why it cannot be opened."""
    check_files(path)
    check_not_torn(path)
    try:
        db.connect()
    except (PeeweeException, apsw.Error) as error:
        raise unreadable(path, error) from error


def check_not_torn(path: Path) -> None:
    """Raise DatabaseGone if the file is missing or empty, but not its log or its mark.

    Before anything opens it: SQLite deletes the log of a database that is not there, and
    with it orders that were acknowledged.
    """
    if _size(path) > 0:
        return
    for beside in (files_of(path)[1], path.parent / MARK_NAME):
        if _size(beside) > 0:
            raise DatabaseGone(path, beside)


def _size(path: Path) -> int:
    """The bytes of a file, none if it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise StateDirectoryUnusable(path.parent, error) from error


def unreadable(path: Path, error: Exception) -> StoreError:
    """What an error of SQLite means for a file that is opened or read."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, apsw.BusyError | apsw.LockedError):
            return DatabaseLocked(path)
        cause = cause.__cause__ or cause.__context__
    return DatabaseUnreadable(path, error)


def leave_log_on_close(db: Database, leave: bool) -> None:
    """Whether the last to close the file leaves its log as it is, instead of copying it in."""
    db.connection().config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(leave))  # type: ignore[no-untyped-call]


def lock_holder(directory: Path) -> int | None:
    """The process that works in a state directory, without touching its lock; 0: not known who."""
    try:
        inode = (directory / LOCK_NAME).stat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        # "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF" (proc_locks(5))
        fields = line.split()
        if "FLOCK" in fields and fields[-3].rpartition(":")[2] == str(inode):
            return max(int(fields[-4]), 0)
    return None


@contextmanager
def look(path: Path, *, in_use: bool) -> Iterator[Database]:
    """The database whatever its version and state, for `pulsarack doctor`: writes nothing.

    A file that nobody uses and that has no log is opened as one that cannot change; so not
    even the files that SQLite needs beside it are made. Raises DatabaseUnreadable.
    """
    unused = not in_use and not _has_log(path)
    db = APSWDatabase(
        f"{path.absolute().as_uri()}?immutable=1" if unused else str(path),
        flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        if unused
        else apsw.SQLITE_OPEN_READWRITE,
        pragmas={"query_only": 1},
        timeout=_BUSY_SECONDS,
        autoconnect=False,
    )
    connect(db, path)
    try:
        leave_log_on_close(db, True)
        yield db
    finally:
        db.close()


def _has_log(path: Path) -> bool:
    log = files_of(path)[1]
    return log.exists() and log.stat().st_size > 0


@contextmanager
def open_read_only(path: Path, models: Sequence[type[Model]] = ()) -> Iterator[Database]:
    """The database as it is at this moment, for an audit beside or without the daemon.

    One snapshot for the whole block. Takes no lock, migrates nothing, and refuses a
    database that is not exactly of this version. What SQLite cannot read, here or in the
    block, becomes DatabaseUnreadable. `models` are bound to it for the block; in a
    process that also runs a store, give none: a model has one database at a time.
    """
    db = APSWDatabase(
        str(path),
        # Of a file opened as read-only SQLite does not load the CHECKs, and its integrity
        # check then finds no row that breaks one. query_only refuses every write as well.
        flags=apsw.SQLITE_OPEN_READWRITE,
        pragmas={"query_only": 1},
        timeout=_BUSY_SECONDS,
        autoconnect=False,
    )
    connect(db, path)
    try:
        leave_log_on_close(db, True)
        with db.bind_ctx(models), db.atomic() as snapshot:
            check_current(db, load_scripts())
            yield db
            # There is nothing to commit, and on a damaged file COMMIT itself fails.
            snapshot.rollback()
    except (PeeweeException, apsw.Error, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    finally:
        db.close()
