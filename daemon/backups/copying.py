"""A consistent copy of a database that is in use, in slices.

SQLite's online backup copies pages from a connection of its own, in one read transaction: what
is committed meanwhile goes into the log and not into the copy, so the copy is the database of
one moment. Nobody waits for it. The price is that the log cannot begin anew while it lasts: it
grows by what is written in that time. So a slice is followed by a pause only as long as the log
has grown little; beyond that the rest is copied at full speed. What was copied is given to the
disk after each stretch, or all of it would be written at once at the end and the daemon's own
commits would wait behind it.

VACUUM INTO was measured beside it (`python -m benchmarks backup`): it cannot be made to pause,
and takes several times the processor.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import apsw
from peewee import Database, PeeweeException
from playhouse.apsw_ext import APSWDatabase

from pulsarack.daemon.store_files import connect, files_of, leave_log_on_close, unreadable
from pulsarack.ledger import sql

T = TypeVar("T")

SLICE_PAGES: Final = 256
"""Pages between two pauses: half a megabyte of our own pages, some milliseconds of work."""
PAUSE_SECONDS: Final = 0.004
LOG_BYTES: Final = 32 * 1024 * 1024
"""How much the log may grow before the copy is hurried."""
SYNCED_SLICES: Final = 16
_BUSY_SECONDS = 5


Watch = Callable[[int], None]
"""Told after each slice how many bytes are copied; raises to give the copy up."""


def never_stop(_copied: int) -> None:
    """A watch that lets everything pass."""


def copy_database(
    source: Path,
    target: Path,
    look: Callable[[Database], T],
    *,
    watch: Watch = never_stop,
    pause: Callable[[float], None] | None = None,
) -> T:
    """Copy a database as it is at this moment; what `look` found in the same snapshot.

    `pause` is called between slices, with 0 once the log has grown; it may raise, too.
    `target` must not exist. It is on the disk when this returns, its name is not. Raises a
    StoreError if the source cannot be read, OSError if the target cannot be written.
    """
    with _snapshot(source) as db:
        found = look(db)
        _copy(db, source, target, watch, pause)
    return found


@contextmanager
def _snapshot(path: Path) -> Iterator[Database]:
    """One read transaction on a connection of its own, which changes nothing."""
    db = APSWDatabase(
        str(path),
        flags=apsw.SQLITE_OPEN_READWRITE,
        pragmas={"query_only": 1},
        timeout=_BUSY_SECONDS,
        autoconnect=False,
    )
    connect(db, path)
    try:
        leave_log_on_close(db, True)
        with db.atomic() as snapshot:
            # A transaction begins with its first look. Without one the copy would begin anew
            # with every commit of the daemon, and never end.
            sql.one(db, "SELECT count(*) FROM sqlite_schema")
            yield db
            snapshot.rollback()
    except apsw.FullError as error:  # only the copy is written
        raise OSError(errno.ENOSPC, "no space left", str(path)) from error
    except (PeeweeException, apsw.Error, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    finally:
        db.close()


def _copy(
    db: Database, source: Path, target: Path, watch: Watch, pause: Callable[[float], None] | None
) -> None:
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        copy = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            # Whether it is whole is told by the name of its directory: nothing is undone in it.
            copy.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            _step(copy, db, source, descriptor, watch, pause)
        finally:
            copy.close()
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _step(
    copy: apsw.Connection,
    db: Database,
    source: Path,
    descriptor: int,
    watch: Watch,
    pause: Callable[[float], None] | None,
) -> None:
    connection: apsw.Connection = db.connection()  # type: ignore[no-untyped-call]
    page = int(str(connection.execute("PRAGMA page_size").get))
    log, slices = files_of(source)[1], 0
    at_first = size_of(log)
    with copy.backup("main", connection, "main") as backup:
        while not backup.done:
            backup.step(SLICE_PAGES)
            slices += 1
            watch((backup.page_count - backup.remaining) * page)
            if slices % SYNCED_SLICES == 0:
                os.fdatasync(descriptor)
            if pause is not None:
                pause(PAUSE_SECONDS if size_of(log) - at_first < LOG_BYTES else 0.0)


def size_of(path: Path) -> int:
    """The size of a file, 0 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
