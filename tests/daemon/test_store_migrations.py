"""Migrations: each script once and whole, and every way in which numbers can be wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import Database

from pulsarack.daemon.migrations import FOLDERS, check_current, load_scripts, migrate
from pulsarack.daemon.store import Store
from pulsarack.daemon.store_errors import (
    MigrationFault,
    NotOurDatabase,
    NotStored,
    SchemaDiffers,
    SchemaNewer,
    SchemaOlder,
)
from pulsarack.daemon.store_files import database, open_read_only
from pulsarack.ledger import sql
from tests.daemon.store_inline import InlineStore

FIRST = """
CREATE TABLE a (n INTEGER) STRICT;
CREATE TRIGGER a_grows BEFORE INSERT ON a BEGIN
    SELECT RAISE(ABORT, 'too small; give more') WHERE NEW.n < 0;
    SELECT 1;
END;
INSERT INTO a VALUES (1);
"""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    opened = database(tmp_path / "test.db")
    opened.connect()
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "migrations"
    place.mkdir()
    (place / "0001_first.sql").write_text(FIRST)
    return place


def tables(db: Database) -> list[str]:
    rows = sql.run(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return [name for (name,) in rows]


def test_scripts_are_applied_once_and_in_order(db: Database, folder: Path) -> None:
    (folder / "0002_second.sql").write_text("INSERT INTO a VALUES (2);")
    (folder / "notes.txt").write_text("not a script")
    scripts = load_scripts({"x": folder})
    applied = migrate(db, scripts, now_ms=7)
    assert [str(script) for script in applied] == [
        "x/migrations/0001_first.sql",
        "x/migrations/0002_second.sql",
    ]
    assert migrate(db, scripts, now_ms=8) == []
    assert sql.run(db, "SELECT n FROM a").fetchall() == [(1,), (2,)]
    assert sql.run(
        db, "SELECT folder, number, name, applied_at FROM schema_version"
    ).fetchall() == [
        ("x", 1, "0001_first.sql", 7),
        ("x", 2, "0002_second.sql", 7),
    ]
    check_current(db, scripts)


def test_a_script_added_later_is_applied_alone(db: Database, folder: Path) -> None:
    migrate(db, load_scripts({"x": folder}), now_ms=7)
    (folder / "0002_second.sql").write_text("INSERT INTO a VALUES (2);")
    scripts = load_scripts({"x": folder})
    with pytest.raises(SchemaOlder, match=r"lacks x/migrations/0002_second.sql"):
        check_current(db, scripts)
    assert [script.number for script in migrate(db, scripts, now_ms=8)] == [2]


def test_a_script_that_fails_leaves_nothing(db: Database, folder: Path) -> None:
    (folder / "0002_second.sql").write_text("CREATE TABLE b (n INTEGER); SELEKT;")
    with pytest.raises(MigrationFault, match=r"0002_second.sql: could not be applied.*SELEKT"):
        migrate(db, load_scripts({"x": folder}), now_ms=7)
    assert tables(db) == ["a", "schema_version"]
    assert sql.one(db, "SELECT max(number) FROM schema_version") == (1,)


def test_a_script_for_which_there_is_no_room_asks_for_room(db: Database, folder: Path) -> None:
    (folder / "0002_second.sql").write_text("CREATE TABLE b AS SELECT randomblob(100000) AS n;")
    sql.run(db, "PRAGMA max_page_count = 8")
    with pytest.raises(NotStored, match="free some space") as raised:
        migrate(db, load_scripts({"x": folder}), now_ms=7)
    assert raised.value.full
    assert tables(db) == ["a", "schema_version"]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["0001_first.sql", "0003_third.sql"], "0003_third.sql: number 2 was expected"),
        (["0002_second.sql"], "0002_second.sql: number 1 was expected"),
        (["0001_first.sql", "0001_other.sql"], "0001_other.sql: number 2 was expected"),
        (["0000_zero.sql"], "number 1 was expected"),
        (["1_first.sql"], "NNNN_words.sql"),
        (["0001_First.sql"], "NNNN_words.sql"),
        ([], "no script"),
    ],
)
def test_numbers_are_whole_and_in_order(tmp_path: Path, names: list[str], why: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(MigrationFault, match=why):
        load_scripts({"x": tmp_path})


def test_a_missing_folder_is_a_broken_installation(tmp_path: Path) -> None:
    with pytest.raises(MigrationFault, match="missing; install pulsarack again"):
        load_scripts({"x": tmp_path / "none"})


def test_a_newer_database_is_refused_and_left_alone(db: Database, folder: Path) -> None:
    (folder / "0002_second.sql").write_text("SELECT 1;")
    migrate(db, load_scripts({"x": folder}), now_ms=7)
    (folder / "0002_second.sql").unlink()
    for known in (load_scripts({"x": folder}), load_scripts({"y": folder})):
        with pytest.raises(SchemaNewer, match=r"newer.*install the newer version again"):
            migrate(db, known, now_ms=8)
    assert tables(db) == ["a", "schema_version"]


def test_a_renumbered_script_is_refused(db: Database, folder: Path) -> None:
    migrate(db, load_scripts({"x": folder}), now_ms=7)
    (folder / "0001_first.sql").rename(folder / "0001_other.sql")
    with pytest.raises(SchemaDiffers, match=r"0001_first.sql was applied under its number"):
        migrate(db, load_scripts({"x": folder}), now_ms=8)


def test_a_gap_in_what_was_applied_is_refused(db: Database, folder: Path) -> None:
    (folder / "0002_second.sql").write_text("SELECT 1;")
    migrate(db, load_scripts({"x": folder}), now_ms=7)
    sql.run(db, "DELETE FROM schema_version WHERE number = 1")
    with pytest.raises(SchemaDiffers, match="later scripts were applied without it"):
        migrate(db, load_scripts({"x": folder}), now_ms=8)


def test_another_programs_database_is_refused(db: Database, folder: Path) -> None:
    sql.run(db, "CREATE TABLE addressbook (name TEXT)")
    with pytest.raises(NotOurDatabase, match="not one of pulsarack"):
        migrate(db, load_scripts({"x": folder}), now_ms=7)
    assert tables(db) == ["addressbook"]


def test_the_installed_scripts_make_a_database_of_this_version(tmp_path: Path) -> None:
    scripts = load_scripts()
    assert {script.folder for script in scripts} == set(FOLDERS)
    path = tmp_path / "pulsarack.db"
    InlineStore.open(path, now_ms=7).close()
    with open_read_only(path) as db:
        assert "transfer" in tables(db)


def test_the_store_refuses_a_newer_database(tmp_path: Path) -> None:
    path = tmp_path / "pulsarack.db"
    store = InlineStore.open(path, now_ms=7)
    store.run_inline(
        lambda db: sql.changed(
            db, "INSERT INTO schema_version VALUES ('ledger', 999, '0999_later.sql', 8)"
        )
    )
    store.close()
    with pytest.raises(SchemaNewer, match="ledger tables are at 999"):
        Store.open(path, now_ms=8)
    with pytest.raises(SchemaNewer), open_read_only(path):
        pass
