"""Bringing the tables up to date: numbered SQL scripts, forward only.

Each folder that keeps tables has `migrations/NNNN_name.sql`, numbered from 1 without
gaps. A script is applied in one transaction together with its row in `schema_version`,
so that a crash leaves it applied or not, never half. Names are compared as well as
numbers: a script that was renumbered after it had been applied somewhere is refused.
A database that holds more than this version knows is refused, never touched.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import apsw
from peewee import Database
from playhouse.apsw_ext import APSWDatabase

from pulsarack.daemon.store_errors import (
    MigrationFault,
    NotOurDatabase,
    NotStored,
    SchemaDiffers,
    SchemaNewer,
    SchemaOlder,
)
from pulsarack.ledger import sql

FOLDERS = ("ledger", "queue")
"""In the order in which they are applied: the queue's tables lean on the ledger's."""

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

_SCHEMA_VERSION = """
CREATE TABLE IF NOT EXISTS schema_version (
    folder TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    name TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (folder, number)
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Script:
    """One migration: the folder and number it stands under, and what it runs."""

    folder: str
    number: int
    name: str
    sql: str

    def __str__(self) -> str:
        return f"{self.folder}/migrations/{self.name}"


def load_scripts(folders: Mapping[str, Traversable] | None = None) -> list[Script]:
    """All scripts of the installation, or of the given folders, in the order to apply.

    Raises MigrationFault if a folder is missing or its numbers are not 1, 2, 3, ...
    """
    if folders is None:
        folders = {folder: files(f"pulsarack.{folder}") / "migrations" for folder in FOLDERS}
    return [script for folder, place in folders.items() for script in _load(folder, place)]


def migrate(
    db: Database,
    scripts: Iterable[Script],
    *,
    now_ms: int,
    before: Callable[[], None] | None = None,
) -> list[Script]:
    """Apply what is missing; the scripts that were applied. Raises before touching anything
    if the database is newer, different, or not ours.

    `before` is called if something is missing in a database that is not new.
    """
    scripts = list(scripts)
    missing = _missing(db, scripts)
    if before is not None and missing and len(missing) < len(scripts):
        before()
    for script in missing:
        _apply(db, script, now_ms)
    return missing


def check_current(db: Database, scripts: Iterable[Script]) -> None:
    """Raises unless the database is exactly at this version; changes nothing."""
    missing = _missing(db, list(scripts))
    if missing:
        raise SchemaOlder(db.database, str(missing[0]))


def applied(db: Database) -> dict[str, int]:
    """The newest script of each folder that was applied to a database, whatever its version."""
    newest: dict[str, int] = {}
    for folder, number in _applied(db):
        newest[folder] = max(number, newest.get(folder, 0))
    return newest


def schema_differences(db: Database, scripts: Iterable[Script]) -> Iterator[tuple[str, str]]:
    """The tables, indexes and triggers (kind and name) that are not as the scripts make
    them, each with what is the matter; SQLite's own are left out."""
    found, wanted = _objects(db), _made_by(scripts)
    for kind, name in sorted(found.keys() | wanted.keys()):
        key = kind, name
        if key not in found:
            yield f"{kind} {name}", "it is missing"
        elif key not in wanted:
            yield f"{kind} {name}", "it is not one of pulsarack"
        elif found[key] != wanted[key]:
            yield f"{kind} {name}", "it was changed"


def _made_by(scripts: Iterable[Script]) -> dict[tuple[str, str], str]:
    fresh: Database = APSWDatabase(":memory:", autoconnect=False)
    fresh.connect()
    try:
        migrate(fresh, scripts, now_ms=0)
        return _objects(fresh)
    finally:
        fresh.close()


# The two tables in which litestream, where one runs it beside the daemon, counts (docs/backups.md).
_LITESTREAM = {("table", "_litestream_seq"), ("table", "_litestream_lock")}


def _objects(db: Database) -> dict[tuple[str, str], str]:
    rows = sql.run(db, "SELECT type, name, sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'")
    found = {(kind, name): text for kind, name, text in rows}
    return {key: text for key, text in found.items() if key not in _LITESTREAM}


def _load(folder: str, place: Traversable) -> list[Script]:
    if not place.is_dir():
        raise MigrationFault(f"{folder}/migrations", "the folder is missing")
    scripts = []
    for file in sorted(place.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql"):
            continue
        match = _NAME.fullmatch(file.name)
        if not match:
            raise MigrationFault(
                f"{folder}/migrations/{file.name}", "the name must be NNNN_words.sql"
            )
        scripts.append(Script(folder, int(match[1]), file.name, file.read_text(encoding="utf-8")))
    for expected, script in enumerate(scripts, start=1):
        if script.number != expected:
            raise MigrationFault(str(script), f"number {expected} was expected here")
    if not scripts:
        raise MigrationFault(f"{folder}/migrations", "there is no script in it")
    return scripts


def _missing(db: Database, scripts: list[Script]) -> list[Script]:
    """The scripts that were not applied yet, after everything applied was recognised."""
    known = {(script.folder, script.number): script for script in scripts}
    applied = _applied(db)
    for (folder, number), name in applied.items():
        script = known.get((folder, number))
        if script is None:
            newest = max((n for f, n in known if f == folder), default=0)
            raise SchemaNewer(db.database, folder, number, newest)
        if script.name != name:
            raise SchemaDiffers(db.database, str(script), f"{name} was applied under its number")
    missing = [script for key, script in known.items() if key not in applied]
    for script in missing:
        if (script.folder, script.number + 1) in applied:
            raise SchemaDiffers(db.database, str(script), "later scripts were applied without it")
    return missing


def _applied(db: Database) -> dict[tuple[str, int], str]:
    tables = {name for (name,) in sql.run(db, "SELECT name FROM sqlite_schema")}
    if not tables:
        return {}
    if "schema_version" not in tables:
        raise NotOurDatabase(db.database)
    rows = sql.run(db, "SELECT folder, number, name FROM schema_version ORDER BY folder, number")
    return {(folder, number): name for folder, number, name in rows}


def _apply(db: Database, script: Script, now_ms: int) -> None:
    try:
        with db.atomic("IMMEDIATE"):
            sql.run(db, _SCHEMA_VERSION)
            # The raw connection runs all statements of a script, with the semicolons inside
            # triggers where they belong; splitting the text ourselves would not.
            db.connection().execute(script.sql)  # type: ignore[no-untyped-call]
            sql.run(
                db,
                "INSERT INTO schema_version (folder, number, name, applied_at) VALUES (?, ?, ?, ?)",
                script.folder,
                script.number,
                script.name,
                now_ms,
            )
    except apsw.FullError as error:
        raise NotStored(error) from error
    except apsw.Error as error:
        raise MigrationFault(str(script), f"could not be applied: {error}") from error
