"""What the doctor finds in the database: version, damage, what is missing, what waits.

One opening for all checks of rows, since each opening beside a running daemon holds its
log back for as long as it lasts.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
from peewee import Database, PeeweeException

from pulsarack.daemon import audit, doctor_identity
from pulsarack.daemon.archive_file import faults, folder_of
from pulsarack.daemon.doctor import Check, Finding, Subject, bad, error, ok, warn
from pulsarack.daemon.migrations import check_current, load_scripts
from pulsarack.daemon.store_check import first_damage
from pulsarack.daemon.store_errors import (
    CommitsLost,
    DatabaseDamaged,
    DatabaseLocked,
    SchemaOlder,
    StoreError,
)
from pulsarack.daemon.store_files import (
    MARK_NAME,
    check_files,
    check_not_torn,
    files_of,
    look,
    unreadable,
)
from pulsarack.daemon.store_mark import missing_commits, read_mark
from pulsarack.queue import archive, clock_steps, contradiction, discrepancies

NAME = "database"
READ_BYTES = 256 * 1024 * 1024
"""Up to this size all of the file is read: some seconds on a slow machine."""


def log_file(subject: Subject) -> Iterator[Finding]:
    """A log that a killed daemon left is used at the next start, if nobody removes it."""
    log = files_of(subject.database)[1]
    if subject.running is None and log.exists() and log.stat().st_size:
        what = f"{log} holds what a daemon that was killed had not written back yet"
        yield warn(NAME, what, "leave it there: the next start reads it; removed, orders are lost")


def database(subject: Subject) -> Iterator[Finding]:
    """Everything about the file and the rows in it."""
    path, running = subject.database, subject.running is not None
    try:
        check_files(path)
        check_not_torn(path)
    except StoreError as found:
        yield error(NAME, found)
        return
    if not path.exists():
        yield warn(NAME, f"there is no {path} yet", "the daemon makes it at its first start")
        return
    mark = read_mark(path.parent)  # before the rows are read: it can only grow
    try:
        with look(path, in_use=running) as db:
            yield from _look(db, subject, mark)
    except StoreError as found:
        yield error(NAME, found)
    except (PeeweeException, apsw.Error, UnicodeDecodeError) as found:
        told = unreadable(path, found)
        if not isinstance(told, DatabaseLocked):
            told = DatabaseDamaged(path, " ".join(str(found).split()))
        yield error(NAME, told)


def _look(db: Database, subject: Subject, mark: int | None) -> Iterator[Finding]:
    path = subject.database
    damage = first_damage(db, READ_BYTES)
    if damage is not None:
        yield error(NAME, DatabaseDamaged(path, damage))
        return
    if path.stat().st_size > READ_BYTES:
        what = "the file is large: only the small tables were read"
        yield warn(NAME, what, "read all of it in a quiet hour: pulsarack audit")
    else:
        yield ok(NAME, f"{path} can be read to its end")
    if missing := missing_commits(db, mark):
        yield error(NAME, CommitsLost(path, path.parent / MARK_NAME, missing))
    elif mark is None:
        remedy = "the next start writes it; until then a log that was removed is not noticed"
        yield warn(NAME, f"{path.parent / MARK_NAME} is missing, or no number", remedy)
    try:
        check_current(db, load_scripts())
    except SchemaOlder as found:
        yield warn(NAME, found.message, found.remedy)
        return
    except StoreError as found:
        yield error(NAME, found)
        return
    for part in _ROWS:
        yield from part(db, subject.now_ms)
    yield from doctor_identity.unsigned_accounts(db)
    yield from doctor_identity.keys_in_use(db, subject.config, subject.environ)
    yield from _archives(db, folder_of(path))


def _archives(db: Database, folder: Path) -> Iterator[Finding]:
    known = {one.name for one in archive.archives(db)}
    wrong = faults(folder, known)
    for fault in wrong:
        yield error("archives", fault)
    if known and not wrong:
        what = f"all {len(known)} are there, at a glance; pulsarack audit --archives reads them"
        yield ok("archives", what)


def _schema(db: Database, now_ms: int) -> Iterator[Finding]:
    found = [f"{one.subject}: {one.detail}" for one in audit.check_schema(db)]
    for what in found:
        yield bad(NAME, what, "stop the daemon, and restore a backup or report this")
    if not found:
        yield ok(NAME, "it is of this version, every table and guard in its place")


def _clock(db: Database, now_ms: int) -> Iterator[Finding]:
    newest = clock_steps.newest_entry(db)
    ahead = 0 if newest is None else newest - now_ms
    if ahead > clock_steps.SMALL_MS:
        what = f"the machine's clock is {ahead // 1000} s behind the newest entry"
        remedy = "set it right (timedatectl); the daemon moves what waits along by itself"
        yield warn("clock", what, remedy)
    for operator in clock_steps.operators_that_differ(db):
        what = f"the texts of {operator} bear times that differ from ours by more than 5 minutes"
        remedy = (
            "compare the machine's clock and time zone with a telephone's (timedatectl);"
            " if they are right, it is that operator's clock"
        )
        yield warn("clock", what, remedy)


def _waiting(db: Database, now_ms: int) -> Iterator[Finding]:
    if orders := len(contradiction.undecided(db)):
        what = f"{orders} orders are undecided; their money is held"
        yield warn("orders", what, "see: pulsarack order undecided")
    if differences := discrepancies.waiting(db):
        what = f"{differences} discrepancies of stock were not looked at"
        yield warn("stock", what, "see: pulsarack discrepancies")


_ROWS: tuple[Callable[[Database, int], Iterator[Finding]], ...] = (_schema, _clock, _waiting)

CHECKS: tuple[Check, ...] = (log_file, database)
