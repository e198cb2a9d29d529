"""What the doctor finds in the database: version, damage, what is missing, what waits.

One opening for all checks of rows, since each opening beside a running daemon holds its
log back for as long as it lasts.
"""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote

import apsw
from peewee import Database, PeeweeException

from pulsarack.daemon import audit, doctor_clock, doctor_identity, doctor_trade
from pulsarack.daemon.archive_file import faults, folder_of
from pulsarack.daemon.doctor import Check, Finding, Subject, bad, error, ok, warn
from pulsarack.daemon.migrations import check_current, load_scripts
from pulsarack.daemon.store_check import first_damage
from pulsarack.daemon.store_errors import (
    CommitsLost,
    DatabaseDamaged,
    DatabaseLocked,
    NotAFile,
    SchemaNewer,
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
from pulsarack.queue import archive

NAME = "database"
_START = "sudo systemctl start pulsarack"
_BACKUPS = "sudo pulsarack backup list"
_UPGRADE = "sudo apt-get install ./pulsarack_*.deb"
READ_BYTES = 256 * 1024 * 1024
"""Up to this size all of the file is read: some seconds on a slow machine."""


def log_file(subject: Subject) -> Iterator[Finding]:
    """A log that a killed daemon left is used at the next start, if nobody removes it."""
    log = files_of(subject.database)[1]
    if subject.running is None and log.exists() and log.stat().st_size:
        what = f"{log} holds what a daemon that was killed had not written back yet"
        remedy = "leave it there: the next start reads it; removed, orders are lost"
        yield warn(NAME, what, _START, remedy)


def database(subject: Subject) -> Iterator[Finding]:
    """Everything about the file and the rows in it."""
    path, running = subject.database, subject.running is not None
    try:
        check_files(path)
        check_not_torn(path)
    except StoreError as found:
        yield wrong(found, subject)
        return
    if not path.exists():
        yield warn(NAME, f"there is no {path} yet", _START, "its first start makes it")
        return
    mark = read_mark(path.parent)  # before the rows are read: it can only grow
    try:
        with look(path, in_use=running) as db:
            yield from _look(db, subject, mark)
    except StoreError as found:
        yield wrong(found, subject)
    except (PeeweeException, apsw.Error, UnicodeDecodeError) as found:
        told = unreadable(path, found)
        if not isinstance(told, DatabaseLocked):
            told = DatabaseDamaged(path, " ".join(str(found).split()))
        yield wrong(told, subject)


def _look(db: Database, subject: Subject, mark: int | None) -> Iterator[Finding]:
    path = subject.database
    damage = first_damage(db, READ_BYTES)
    if damage is not None:
        yield wrong(DatabaseDamaged(path, damage), subject)
        return
    if path.stat().st_size > READ_BYTES:
        what = "the file is large: only the small tables were read"
        yield warn(NAME, what, "pulsarack audit", "it reads all of it: in a quiet hour")
    else:
        yield ok(NAME, f"{path} can be read to its end")
    if missing := missing_commits(db, mark):
        yield wrong(CommitsLost(path, path.parent / MARK_NAME, missing), subject)
    elif mark is None:
        remedy = "the next start writes it; until then a log that was removed is not noticed"
        what = f"{path.parent / MARK_NAME} is missing, or no number"
        yield warn(NAME, what, "sudo systemctl restart pulsarack", remedy)
    try:
        check_current(db, load_scripts())
    except SchemaOlder as found:
        yield warn(NAME, found.message, _START, found.remedy)
        return
    except StoreError as found:
        yield wrong(found, subject)
        return
    yield from _schema(db)
    yield from doctor_clock.rows(db, subject.now_ms)
    yield from doctor_trade.waiting(db, subject)
    yield from doctor_trade.selling(db, subject)
    yield from doctor_identity.unsigned_accounts(db)
    yield from doctor_identity.keys_in_use(db, subject.config, subject.environ)
    yield from _archives(db, folder_of(path))


def _archives(db: Database, folder: Path) -> Iterator[Finding]:
    known = {one.name for one in archive.archives(db)}
    wrong = faults(folder, known)
    for fault in wrong:
        yield error("archives", fault, "pulsarack audit --archives")
    if known and not wrong:
        what = f"all {len(known)} are there, at a glance; pulsarack audit --archives reads them"
        yield ok("archives", what)


def _schema(db: Database) -> Iterator[Finding]:
    found = [f"{one.subject}: {one.detail}" for one in audit.check_schema(db)]
    for what in found:
        yield bad(NAME, what, _BACKUPS, "stop the daemon and restore one, or report this")
    if not found:
        yield ok(NAME, "it is of this version, every table and guard in its place")


def wrong(found: StoreError, subject: Subject) -> Finding:
    """An error of the store with its command: mostly to look at what there is to go back to."""
    path = quote(str(subject.database))
    commands: dict[type[StoreError], str] = {
        DatabaseLocked: f"sudo fuser -v {path}",
        SchemaNewer: _UPGRADE,
        NotAFile: f"sudo ls -l {quote(str(subject.state_dir))}",
    }
    return error(NAME, found, commands.get(type(found), _BACKUPS))


# The reset of the log that can lose what another connection wrote (sqlite.org, 3.51.3).
_WAL_RESET_FIXED = (3, 51, 3)


def sqlite_version(_subject: Subject) -> Iterator[Finding]:
    """The SQLite that the daemon brings along is one that does not damage a log in use."""
    version = apsw.sqlite_lib_version()
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    if numbers < _WAL_RESET_FIXED:
        what = f"SQLite {version} can damage a log that two programs use; 3.51.3 is the first sound"
        yield bad("sqlite", what, _UPGRADE)
    else:
        yield ok("sqlite", f"version {version}")


CHECKS: tuple[Check, ...] = (log_file, database)
