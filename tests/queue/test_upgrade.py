"""A database of the first version becomes one of this version, and its audit stays clean."""

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon import audit
from pulsarack.daemon.migrations import load_scripts, migrate
from pulsarack.daemon.store_files import database
from pulsarack.ledger import sql
from pulsarack.queue import discrepancies, messages
from pulsarack.queue.evidence import of_attempt
from pulsarack.ussd.outcome import Reason
from tests.daemon.archive_world import OldShop
from tests.daemon.store_inline import InlineStore
from tests.queue.test_discrepancies import proved_late, sell_unread
from tests.queue.world import START, World, iccid

CARD = iccid(1)
Columns = dict[str, str]
# The ledger's newest script when the queue's was at that number, of those that brought one.
LEDGER = {1: 1, 6: 2, 7: 3}
DEPOSITS = 12
# The sums are what the triggers make of the transfers.
LEFT_OUT = {"debits_posted", "credits_posted", "debits_held", "credits_held"}


def as_version(path: Path, old: Path, newest: int) -> None:
    """The same rows in the tables as the queue's scripts up to that number made them."""
    db = database(old, "OFF")
    db.connect()
    upto = {"queue": newest, "ledger": max(n for at, n in LEDGER.items() if at <= newest)}
    scripts = [one for one in load_scripts() if one.number <= upto[one.folder]]
    migrate(db, scripts, now_ms=START)
    sql.run(db, "PRAGMA foreign_keys = OFF")
    sql.run(db, "ATTACH ? AS new", str(path))
    for (table,) in sql.run(
        db,
        "SELECT name FROM main.sqlite_schema WHERE type = 'table'"
        # What a script itself writes stays as it wrote it.
        " AND name NOT IN ('schema_version', 'sqlite_sequence', 'early_credit', 'admin_act_start')",
    ).fetchall():
        names = [row[1] for row in sql.run(db, f"PRAGMA main.table_info({table})")]
        listed = ", ".join(name for name in names if name not in LEFT_OUT)
        order = " ORDER BY sequence" if table == "transfer" else ""
        selected = listed
        if table == "transfer" and newest < DEPOSITS:  # a deposit was one admin's word then
            selected = selected.replace(" id,", " replace(id, 'bank_row:', 'credit:A1:'),")
            selected = selected.replace(" debit,", " replace(debit, ':bank:bank', ':bank:cash'),")
        rows = f"SELECT {selected} FROM new.{table}{order}"
        sql.run(db, f"INSERT OR REPLACE INTO main.{table} ({listed}) {rows}")
    db.close()


def copied(source: Path, to: Path) -> None:
    """With what is still in its log."""
    db = database(source)
    db.connect()
    sql.run(db, "VACUUM INTO ?", str(to))
    db.close()


_SCHEMA = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"


def scripts_after(path: Path) -> int:
    """How many scripts a database lacks."""
    return len(load_scripts()) - len(_rows(path, "SELECT 1 FROM schema_version"))


class Killed(Exception):
    """The machine stopped here."""


def kill_at(db: Database, statement: int) -> None:
    """The connection lives for so many statements more."""
    left = itertools.count(statement, -1)

    def trace(_cursor: object, _text: str, _bindings: object) -> bool:
        if next(left) <= 0:
            raise Killed
        return True

    db.connection().exec_trace = trace  # type: ignore[no-untyped-call]


@pytest.fixture
def at_work(shop: World, tmp_path: Path) -> Path:
    """Orders in every state, in a database of the version before."""
    shop.chip(2)
    shop.chip(3)
    done = shop.sent(CARD, "S10.081200000031")
    shop.decide(done.attempt_id, done=True, figure=489_850)
    shop.wait(60)
    failed = shop.sent(CARD, "S10.081200000032")
    shop.decide(failed.attempt_id, done=False, reason=Reason.WRONG_NUMBER)
    shop.suspend(shop.sent(CARD, "S10.081200000033").attempt_id)
    shop.sent(iccid(2), "S10.081200000034")
    shop.order("S10.081200000035")
    shop.claim(iccid(3))
    shop.order("S10.081200000037")
    shop.clean()
    made, path = tmp_path / "made.db", tmp_path / "before.db"
    # It knew nothing of tries of PINs, of models, of technicians, and of the agents' network.
    as_version(Path(shop.store._db.database), made, 7)
    copied(made, path)
    return path


def as_it_stands(path: Path, names: Columns) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, as far as the version before has columns for them."""
    db = database(path, "OFF")
    db.connect()
    found = {
        name: sql.run(db, f"SELECT {columns} FROM {name}").fetchall()
        for name, columns in names.items()
    }
    db.close()
    return {name: lines for name, lines in found.items() if lines}


def columns_of(path: Path) -> Columns:
    """The columns of each table."""
    db = database(path, "OFF")
    db.connect()
    names = [
        name
        for (name,) in sql.run(
            db,
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'schema_version'"
            " AND name NOT GLOB 'sqlite_*'",
        )
    ]
    found = {
        name: ", ".join(row[1] for row in sql.run(db, f"PRAGMA table_info({name})"))
        for name in names
    }
    db.close()
    return found


def everything(path: Path) -> list[Any]:
    """Every row of every table, and what the tables, indexes and triggers are."""
    return [_rows(path, _SCHEMA), as_it_stands(path, columns_of(path))]


def test_orders_in_every_state_are_there_whenever_the_upgrade_was_killed(
    at_work: Path, tmp_path: Path
) -> None:
    names = columns_of(at_work)
    before, statement, killed = as_it_stands(at_work, names), 0, True
    audited: list[list[Any]] = []
    seen: list[list[tuple[Any, ...]]] = []
    states = {row[0] for row in _rows(at_work, "SELECT state FROM orders")}
    assert states == {"SUCCEEDED", "FAILED", "UNKNOWN", "SENDING", "QUEUED"}
    while killed:
        path = tmp_path / f"killed{statement}.db"
        shutil.copyfile(at_work, path)
        db, killed = database(path, "OFF"), False
        db.connect()
        kill_at(db, statement)
        try:
            migrate(db, load_scripts(), now_ms=START)
        except Killed:
            killed = True
        db.connection().exec_trace = None  # type: ignore[no-untyped-call]
        db.close()
        assert as_it_stands(path, names) == before
        # A kill within a script leaves what the script before left: from there it goes on once.
        if (schema := _rows(path, _SCHEMA)) not in seen:
            seen.append(schema)
            InlineStore.open(path, now_ms=START, synchronous="OFF").close()
            assert as_it_stands(path, names) == before
            # The audit takes most of the time; what is the same in every row passed it already.
            if (contents := everything(path)) not in audited:
                assert audit.main(path) == []
                audited.append(contents)
        path.unlink()
        statement += 1
    assert statement > 10
    assert (len(audited), len(seen)) == (1, scripts_after(at_work) + 1)


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    db = database(path, "OFF")
    db.connect()
    found: list[tuple[Any, ...]] = sql.run(db, query).fetchall()
    db.close()
    return found


@pytest.fixture
def old(shop: World, tmp_path: Path) -> Path:
    """Sales, a failure, falls and rises of the stock, one of them taken back by its order."""
    shop.differ(CARD, 499_000)
    shop.wait(60)
    for number in range(3):
        sell_unread(shop, f"08120000002{number}")
    shop.wait(60)
    shop.differ(CARD, 470_000)
    failed = shop.sent(CARD, "S10.081200000031")
    shop.decide(failed.attempt_id, done=False, reason=Reason.WRONG_NUMBER)
    shop.wait(60)
    proved_late(shop, left=100)
    shop.wait(60)
    shop.differ(CARD, 200)
    shop.clean()
    path = tmp_path / "old.db"
    as_version(Path(shop.store._db.database), path, 1)
    return path


def test_an_old_database_is_brought_up_and_clean(shop: World, old: Path) -> None:
    InlineStore.open(old, now_ms=START, synchronous="OFF").close()
    assert audit.main(old) == []


def test_orders_of_an_old_database_are_archived(shop: World, old: Path) -> None:
    """What was written before anything was ever archived leaves, too, and is shown as it was."""
    later = World(old)
    later.now = shop.now
    aged = OldShop(later)
    aged.age()
    spans = later.sql("SELECT * FROM discrepancy_order")
    assert spans
    for one in later.run(discrepancies.listed):
        later.clear(one.id)
    aged.age()
    later.order("S5.081200000077")
    stories, books = aged.stories(), aged.books()
    done = aged.archive()
    assert (done.moved, done.failed) == (len(stories) - 1, {})
    assert (aged.stories(), aged.books(), aged.findings()) == (stories, books, [])
    assert later.sql("SELECT * FROM discrepancy_order") == spans
    later.close()


def test_earlier_discrepancies_get_their_rows(shop: World, old: Path) -> None:
    store = InlineStore.open(old, now_ms=START, synchronous="OFF")
    made = store.run_inline(lambda db: discrepancies.listed(db, cleared=True))
    known = shop.run(lambda db: discrepancies.listed(db, cleared=True))
    figures = [(one.difference, one.stock, one.ledger, one.at) for one in made]
    taken_back = (10_150, None, None, START + 180_000)
    assert taken_back in figures
    figures.remove(taken_back)
    assert figures == [(one.difference, one.stock, one.ledger, one.at) for one in known]
    sold = next(one for one in made if one.ledger == 499_000 - 3 * 10_150)
    assert (sold.orders, sold.first_order, sold.last_order, sold.since) == (3, 1, 3, START)
    store.close()


def test_messages_keep_their_ids_and_get_their_states(shop: World, old: Path) -> None:
    store = InlineStore.open(old, now_ms=START, synchronous="OFF")
    made = store.run_inline(lambda db: messages.waiting(db, None))
    assert made == shop.run(lambda db: messages.waiting(db, None))
    assert {one.state for one in made} == {"SUCCEEDED", "FAILED"}
    before = store.run_inline(lambda db: of_attempt(db, 1))
    assert [one.rule for one in before] == ["unrecorded"]
    store.close()
