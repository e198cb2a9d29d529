"""Making one backup, step by step: the database, its archives, the manifest, the name.

The database comes first: an archive that is copied after it holds at least what the database
says has left for it. What an archive holds beyond that never followed, as far as this database
knows, and does not count. An archive that has not changed since the last backup is the same file
there, under a second name (a hard link): it costs nothing, and is never written again.

All is on the disk before the directory gets its name; until then it is one of the half-made
ones that the next run removes. Some room is left on the disk in any case, since the daemon's own
database may lie on the same one.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from pathlib import Path
from typing import Final, TypeVar

from peewee import Database

from pulsarack.daemon import durable
from pulsarack.daemon.archive_file import FOLDER, folder_of, names_in, path_of
from pulsarack.daemon.backups import manifest, shelf
from pulsarack.daemon.backups.copying import copy_database, size_of
from pulsarack.daemon.backups.errors import BackupFailed, on_disk
from pulsarack.daemon.backups.keep import KeepRule, surplus
from pulsarack.daemon.backups.manifest import FORMAT, MANIFEST, Copied, Manifest
from pulsarack.daemon.backups.shelf import MAKING, Backup
from pulsarack.daemon.migrations import applied
from pulsarack.daemon.store_errors import RestoreUnfinished
from pulsarack.daemon.store_files import DATABASE_NAME, RESTORE_NAME, files_of, free_bytes
from pulsarack.daemon.store_mark import commits
from pulsarack.ledger import sql

T = TypeVar("T")

RESERVE_BYTES: Final = 256 * 1024 * 1024
"""Stays free on the disk of the backups, whatever is wanted."""
# An archive that was written a moment ago may be written again within the same tick of its time.
_SETTLED_NS: Final = 5_000_000_000
_NO_ROOM = "make room there (df -h), let fewer stay ([backup] keep_days), or set another dir"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make: of which database, where, at what time and why, and which others stay."""

    database: Path
    folder: Path
    now_ms: int
    why: str
    rule: KeepRule
    day_of: Callable[[int], str]
    reserve: int = RESERVE_BYTES
    before_upgrade: bool = False
    pause: Callable[[float], None] | None = None  # None: at full speed


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a snapshot says of itself."""

    schema: dict[str, int]
    commit: int
    newest_order: int
    open_orders: int


@dataclass(slots=True)
class Making:
    """A backup that is being made; `begin`, `add_archive` for each of `archives`, `finish`."""

    wanted: Wanted
    archives: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    _held: ExitStack = field(default_factory=ExitStack)
    _place: Path = Path()
    _facts: _Facts | None = None
    _copied: list[Copied] = field(default_factory=list)
    _last: Backup | None = None

    def begin(self) -> None:
        """Copy the database; raises BackupFailed or StoreError, and then nothing is left."""
        with self._whole_or_gone():
            self._begin()

    def add_archive(self, name: str) -> None:
        """Copy one archive, or name the copy that is there already."""
        with self._whole_or_gone():
            self._add_archive(name)

    def finish(self) -> Manifest:
        """Give it its name, and remove those that need not stay."""
        with self._whole_or_gone():
            made = self._finish()
        self._held.close()
        return made

    @contextmanager
    def _whole_or_gone(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.give_up()
            what = "the backup could not be made"
            raise on_disk(what, self.wanted.folder, error) from error
        except BaseException:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Remove what was made."""
        if self._place != Path():
            durable.remove_tree(self._place)
        self._held.close()

    def _begin(self) -> None:
        folder = self.wanted.folder
        if (self.wanted.database.parent / RESTORE_NAME).exists():
            # The database may be without its log there, and nothing would show that.
            raise RestoreUnfinished(self.wanted.database.parent)
        self._held.enter_context(shelf.alone(folder))
        shelf.sweep(folder, MAKING)
        backups = shelf.every(folder)
        self._last = next((one for one in backups if one.good), None)
        self.archives = names_in(folder_of(self.wanted.database))
        self._make_room(backups)
        name = shelf.new_name(folder, self.wanted.now_ms, before_upgrade=self.wanted.before_upgrade)
        self._place = folder / f"{MAKING}{name}"
        self._place.mkdir(mode=durable.FOLDER_MODE)
        durable.give(self._place, folder)
        self._facts = self._copy(self.wanted.database, DATABASE_NAME, _facts_of)
        if self.archives:
            (self._place / FOLDER).mkdir(mode=durable.FOLDER_MODE)
            durable.give(self._place / FOLDER, folder)

    def _make_room(self, backups: list[Backup]) -> None:
        """See to it that the database fits, and what must stay free beside it."""
        needed = (
            sum(size_of(one) for one in files_of(self.wanted.database)[:2]) + self.wanted.reserve
        )
        if free_bytes(self.wanted.folder) < needed:
            self._remove(backups)
        if (free := free_bytes(self.wanted.folder)) < needed:
            raise BackupFailed(
                f"the disk of the backups is too full: {free} bytes are free in"
                f" {self.wanted.folder}, needed are {needed}",
                _NO_ROOM,
            )

    def _add_archive(self, name: str) -> None:
        source = path_of(folder_of(self.wanted.database), name)
        named = f"{FOLDER}/{source.name}"
        found = source.stat()
        looks = f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"
        settled = found.st_mtime_ns <= self.wanted.now_ms * 1_000_000 - _SETTLED_NS
        if settled and (last := self._same(named, looks)) is not None:
            durable.link_or_copy(last, self._place / named)
            known = next(one for one in self._last_files() if one.name == named)
            self._copied.append(known)
            return
        if free_bytes(self.wanted.folder) < found.st_size + self.wanted.reserve:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._copy(source, named, lambda _db: None, looks if settled else "")

    def _same(self, named: str, looks: str) -> Path | None:
        """The copy of an archive in the last backup, if the archive is as it was then."""
        for one in self._last_files():
            if (one.name, one.source) == (named, looks) and self._last is not None:
                return self._last.path / named
        return None

    def _last_files(self) -> tuple[Copied, ...]:
        known = self._last.manifest if self._last is not None else None
        return known.files if known is not None else ()

    def _copy(self, source: Path, named: str, look: Callable[[Database], T], looks: str = "") -> T:
        target = self._place / named
        pause = self.wanted.pause
        found = copy_database(source, target, look, watch=self._watch, pause=pause)
        durable.give(target, self.wanted.folder)
        size = target.stat().st_size
        self._copied.append(Copied(named, size, durable.digest(target), looks))
        return found

    def _watch(self, _copied: int) -> None:
        if free_bytes(self.wanted.folder) < self.wanted.reserve:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _finish(self) -> Manifest:
        assert self._facts is not None
        made = Manifest(
            format=FORMAT,
            version=installed("pulsarack"),
            made_at=self.wanted.now_ms,
            why=self.wanted.why,
            schema=self._facts.schema,
            commit=self._facts.commit,
            newest_order=self._facts.newest_order,
            open_orders=self._facts.open_orders,
            files=tuple(self._copied),
        )
        if self.archives:
            durable.sync_folder(self._place / FOLDER)
        manifest.write(self._place / MANIFEST, made)
        durable.rename(self._place, self.wanted.folder / self._place.name.removeprefix(MAKING))
        self._place = Path()
        durable.sync_folder(self.wanted.folder)
        self._remove(shelf.every(self.wanted.folder))
        return made

    def _remove(self, backups: list[Backup]) -> None:
        for one in surplus(
            backups, self.wanted.rule, now_ms=self.wanted.now_ms, day_of=self.wanted.day_of
        ):
            # First its name: what is half removed must not be listed.
            hidden = one.path.with_name(f"{MAKING}{one.name}")
            durable.rename(one.path, hidden)
            durable.remove_tree(hidden)
            self.removed.append(one.name)


def make(wanted: Wanted) -> Manifest:
    """Make a backup of a database that nobody else archives meanwhile."""
    making = Making(wanted)
    making.begin()
    for name in making.archives:
        making.add_archive(name)
    return making.finish()


def _facts_of(db: Database) -> _Facts:
    def number(query: str) -> int:
        row = sql.one(db, query)
        return int(row[0]) if row else 0

    # As old tables have it, too; each by an index of those alone.
    waiting = number("SELECT count(*) FROM orders WHERE state = 'QUEUED'")
    under_way = number("SELECT count(*) FROM orders WHERE state IN ('SENDING', 'UNKNOWN')")
    newest = number("SELECT coalesce(max(id), 0) FROM orders")
    return _Facts(applied(db), commits(db), newest, waiting + under_way)
