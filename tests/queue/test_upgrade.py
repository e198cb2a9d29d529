"""A database of the first version becomes one of this version, and its audit stays clean."""

from pathlib import Path

import pytest

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
# The sums are what the triggers make of the transfers.
LEFT_OUT = {"debits_posted", "credits_posted", "debits_held", "credits_held"}


def as_first_version(path: Path, old: Path) -> None:
    """The same rows in the tables as 0001 made them."""
    db = database(old)
    db.connect()
    migrate(db, [one for one in load_scripts() if one.number == 1], now_ms=START)
    sql.run(db, "PRAGMA foreign_keys = OFF")
    sql.run(db, "ATTACH ? AS new", str(path))
    for (table,) in sql.run(
        db,
        "SELECT name FROM main.sqlite_schema WHERE type = 'table'"
        " AND name NOT IN ('schema_version', 'sqlite_sequence')",
    ).fetchall():
        names = [row[1] for row in sql.run(db, f"PRAGMA main.table_info({table})")]
        listed = ", ".join(name for name in names if name not in LEFT_OUT)
        order = " ORDER BY sequence" if table == "transfer" else ""
        sql.run(db, f"INSERT INTO main.{table} ({listed}) SELECT {listed} FROM new.{table}{order}")
    db.close()


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
    as_first_version(Path(shop.store._db.database), path)
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
