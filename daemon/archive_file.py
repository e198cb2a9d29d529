"""Archive files: where they lie, and the care with which each is opened.

`<state_dir>/archive/2026-08.sqlite` holds the orders that were finished in August 2026, by the
calendar of the trade. Each call opens the one file that it is about and closes it again, so a
file that is missing, damaged or of a newer version is an ArchiveError that names it and what to
do, and hurts nobody else. Files can be copied while nothing is being archived: there is no log
beside them (journal_mode=DELETE), and what is written is on disk when a call ends.

Telephone numbers and money stand in them: only their owner may read them.
"""

import asyncio
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

import apsw
from peewee import Database, PeeweeException
from playhouse.apsw_ext import APSWDatabase

from pulsarack.daemon.durable import sync_folder
from pulsarack.daemon.store_errors import ArchiveError
from pulsarack.daemon.store_files import SMALLEST_FREE_BYTES, Synchronous, free_bytes
from pulsarack.daemon.store_thread import Job, T
from pulsarack.ledger import sql

FOLDER: Final = "archive"
ENDING: Final = ".sqlite"
VERSION: Final = 1
"""Of the tables in queue/archive_schema.sql. Another shape is another number."""
APPLICATION: Final = 0x70756C61  # "pula", SQLite's application_id
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600

# Of an SQLite file (sqlite.org/fileformat2.html, 1.3).
_MAGIC = b"SQLite format 3\0"
_HEAD_BYTES = 100
_NEW = ".new"
_NAME = re.compile(r"[0-9]{4}-[01][0-9]")
_BUSY_SECONDS = 5
_BACKUP = "put it back from a backup; nothing else is hurt"
_AWAY = "move it away; if orders left for that month, put their archive back from a backup"


def folder_of(database: Path) -> Path:
    """Where the archives of a database lie."""
    return database.parent / FOLDER


def path_of(folder: Path, name: str) -> Path:
    """The file of an archive."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no month")
    return folder / f"{name}{ENDING}"


def names_in(folder: Path) -> list[str]:
    """The archives that lie in a folder, oldest first."""
    try:
        found = [one.name.removesuffix(ENDING) for one in folder.iterdir() if one.suffix == ENDING]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(folder, folder, error) from None
    return sorted(name for name in found if _NAME.fullmatch(name))


class Archives:
    """The archives of a running daemon. A call works in a thread of its own, one at a time.

    With `threads` off it works at once, for tests on virtual time.
    """

    def __init__(
        self, folder: Path, *, threads: bool = True, synchronous: Synchronous = "EXTRA"
    ) -> None:
        """Opens nothing."""
        self.folder = folder
        self._threads = threads
        self._synchronous = synchronous
        self._one_at_a_time = asyncio.Lock()

    async def read(self, name: str, job: Job[T]) -> T:
        """Run a job on one archive, which it cannot change; raises ArchiveError."""
        return await self._run(lambda: self._read(name, job))

    async def write(self, name: str, job: Job[T], *, begin: bool) -> T:
        """Run a job in a transaction of one archive; durable when it returns.

        `begin`: no order has left for it yet, so its file is made if it is not there. One that
        is missing is never begun anew: when it is put back, what was written since would go.
        Raises ArchiveError.
        """
        return await self._run(lambda: self._write(name, job, begin))

    def size(self, name: str) -> int | None:
        """The bytes of an archive; None: it is not there."""
        try:
            return path_of(self.folder, name).stat().st_size
        except OSError:
            return None

    async def alone(self, work: Callable[[], T]) -> T:
        """Do something about the files while nobody reads or writes one of them."""
        return await self._run(work)

    async def beside(self, work: Callable[[], T]) -> T:
        """Do something long that is not about the files, as a call on them is done."""
        return await asyncio.to_thread(work) if self._threads else work()

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._threads:
            return work()
        async with self._one_at_a_time:
            return await asyncio.to_thread(work)

    def _read(self, name: str, job: Job[T]) -> T:
        with open_to_read(path_of(self.folder, name)) as db:
            return job(db)

    def _write(self, name: str, job: Job[T], begin: bool) -> T:
        path = path_of(self.folder, name)
        if begin:
            make(path)
        with open_to_write(path, synchronous=self._synchronous) as db, db.atomic("IMMEDIATE"):
            return job(db)


def faults(folder: Path, known: Collection[str]) -> list[ArchiveError]:
    """What is wrong at a glance with a folder of archives, of which some must be there.

    What stands where others will be made is looked at as well.
    """
    found: list[ArchiveError] = []
    try:
        names = names_in(folder)
    except ArchiveError as error:
        return [error]
    for name in sorted({*known, *names}):
        try:
            glance(path_of(folder, name))
        except ArchiveError as error:
            found.append(error)
    return found + [
        ArchiveError(new, "it is no file", _AWAY)
        for new in sorted(folder.glob(f"*{_NEW}"))
        if _NAME.fullmatch(new.stem) and not new.is_file()
    ]


def glance(path: Path) -> None:
    """Raise ArchiveError unless an archive of ours is there; reads its head, opens no database."""
    _check_file(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise _unreadable(path, path.parent, error) from None
    if not head.startswith(_MAGIC) or len(head) < _HEAD_BYTES:
        raise ArchiveError(path, "it is damaged: no database", f"check the disk, and {_AWAY}")
    version, application = (int.from_bytes(head[at : at + 4], "big") for at in (60, 68))
    _check_numbers(path, application, version)
    # While a transaction is written its journal is there, and the size is not yet what it will be.
    if not Path(f"{path}-journal").exists() and path.stat().st_size < _size_said(head):
        raise ArchiveError(
            path, "it is damaged: it was shortened", f"check the disk, and {_BACKUP}"
        )


def _size_said(head: bytes) -> int:
    """The bytes of the whole file, as its head has them."""
    page, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    return (65_536 if page == 1 else page) * pages


@contextmanager
def open_to_read(path: Path) -> Iterator[Database]:
    """One archive, one snapshot, nothing can be changed. Raises ArchiveError, in the block too."""
    _check_file(path)
    # As in store_files: opened for writing so that what a crash left can be put right, and the
    # CHECKs are loaded; query_only refuses every write.
    db = _database(path, {"query_only": 1})
    with _opened(db, path), db.atomic() as snapshot:
        _check_version(db, path)
        yield db
        snapshot.rollback()


@contextmanager
def open_to_write(path: Path, *, synchronous: Synchronous = "EXTRA") -> Iterator[Database]:
    """One archive that is there. Raises ArchiveError, in the block too."""
    _check_file(path)
    if not Path(f"{path}-journal").exists():
        glance(path)  # what is not ours stays as it is
    # EXTRA: the folder is synced as well, or a power cut could bring the journal back, and undo
    # what the database has let go of meanwhile.
    pragmas = {"journal_mode": "delete", "synchronous": synchronous, "recursive_triggers": 1}
    db = _database(path, pragmas)
    with _opened(db, path):
        _check_version(db, path)
        yield db


def _database(path: Path, pragmas: Mapping[str, object]) -> Database:
    db: Database = APSWDatabase(
        str(path),
        flags=apsw.SQLITE_OPEN_READWRITE,
        pragmas=dict(pragmas),
        timeout=_BUSY_SECONDS,
        autoconnect=False,
    )
    return db


@contextmanager
def _opened(db: Database, path: Path) -> Iterator[None]:
    try:
        db.connect()
        yield
    except (PeeweeException, apsw.Error, UnicodeDecodeError) as error:
        raise _fault(path, error) from error
    finally:
        db.close()


def _fault(path: Path, error: Exception) -> ArchiveError:
    cause = getattr(error, "orig", None) or error
    told = " ".join(str(cause).split())
    if isinstance(cause, apsw.FullError):
        return ArchiveError(path, "the disk is full", "free some space; it goes on by itself")
    if isinstance(cause, apsw.BusyError | apsw.LockedError):
        return ArchiveError(path, "another program has it locked", f"find it: fuser -v {path}")
    if isinstance(cause, apsw.CorruptError | apsw.NotADBError | UnicodeDecodeError):
        return ArchiveError(path, f"it is damaged: {told}", f"check the disk, and {_BACKUP}")
    return ArchiveError(path, told, f"check the disk and who owns the file, or {_BACKUP}")


def _check_file(path: Path) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise ArchiveError(path, "it is missing", _BACKUP) from None
    except OSError as error:
        raise _unreadable(path, path.parent, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise ArchiveError(path, "it is no file", _AWAY)
    if found.st_size == 0 and not Path(f"{path}-journal").exists():
        raise ArchiveError(path, "it is empty", _AWAY)


def _unreadable(path: Path, folder: Path, error: OSError) -> ArchiveError:
    if isinstance(error, NotADirectoryError | FileExistsError):
        remedy = "move it away; if orders left for archives, put the folder back from a backup"
        return ArchiveError(path, f"{folder} is no directory", remedy)
    return ArchiveError(path, f"cannot be read: {error.strerror}", "check its owner")


def make(path: Path) -> None:
    """Make the file of a new archive, with its tables, whole or not at all.

    What is there stays, whatever it is. Raises ArchiveError.
    """
    try:
        if os.path.lexists(path):
            return
        try:
            path.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        except FileExistsError as error:
            raise _unreadable(path, path.parent, error) from None
        if free_bytes(path.parent) < SMALLEST_FREE_BYTES:
            raise ArchiveError(path, "the disk is full", "free some space; it goes on by itself")
        new = path.with_suffix(_NEW)
        if new.is_dir():
            raise ArchiveError(new, "it is no file", _AWAY)
        new.unlink(missing_ok=True)  # of a crash; nothing was in it
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
        _create(new)
        new.rename(path)
        for folder in (path.parent, path.parent.parent):
            sync_folder(folder)
    except OSError as error:
        why = f"cannot be made: {error.strerror or error}"
        raise ArchiveError(path, why, "check who owns the folder") from error


def _create(path: Path) -> None:
    db = _database(path, {"journal_mode": "delete", "synchronous": "EXTRA"})
    with _opened(db, path), db.atomic("IMMEDIATE"):
        schema = files("pulsarack.queue") / "archive_schema.sql"
        db.connection().execute(schema.read_text(encoding="utf-8"))  # type: ignore[no-untyped-call]
        sql.run(db, f"PRAGMA application_id = {APPLICATION}")
        sql.run(db, f"PRAGMA user_version = {VERSION}")


def _check_version(db: Database, path: Path) -> None:
    (application,) = sql.one(db, "PRAGMA application_id") or (0,)
    (version,) = sql.one(db, "PRAGMA user_version") or (0,)
    _check_numbers(path, application, version)


def _check_numbers(path: Path, application: int, version: int) -> None:
    if application != APPLICATION:
        raise ArchiveError(path, "it is a database, but no archive of pulsarack", _AWAY)
    if version > VERSION:
        raise ArchiveError(
            path,
            f"it was made by a newer pulsarack (version {version}, known is {VERSION})",
            "install the newer version again",
        )
