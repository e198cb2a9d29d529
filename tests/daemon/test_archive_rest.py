"""What belongs to no order leaves for the archives too: the readings of idle chips, loose texts."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pulsarack.daemon.archive_file import open_to_read, open_to_write, path_of
from pulsarack.queue import archive_rest, stock, texts
from pulsarack.queue.rows import execute, tuples
from pulsarack.queue.texts import Meaning, ReadText, TextKind
from tests.daemon.archive_world import Died, OldShop
from tests.daemon.test_archivist import CARD, MONTH, OTHER, sold
from tests.queue.world import World, stock_in, success

ADVERT = ReadText(TextKind.OTHER)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[OldShop]:
    """An idle hour after every order, a stock-in, an advert, a text that says it again."""
    world = World(tmp_path / "pulsarack.db")
    world.agent()
    world.chip(1)
    world.chip(2)
    shop = OldShop(world)
    for number in (11, 12):
        sold(world, number)
        world.text(
            CARD, success(f"SN{number}", to=f"62812000000{number}"), fingerprint=f"r{number}"
        )
        world.text(CARD, ADVERT, fingerprint=f"a{number}")
        world.run(lambda db: texts.keep_unparsed(db, CARD, "sms", "3636", "?", now_ms=world.now))
        for _ in range(3):
            world.wait(3600)
            shop.read_stocks()
    world.text(CARD, stock_in(50_000), fingerprint="in")
    shop.read_stocks()
    yield shop
    world.close()


def test_a_reading_of_a_time_to_come_holds_nothing_back(old: OldShop) -> None:
    """The clock was ahead for an hour, by years."""
    real, old.world.now = old.world.now, old.world.now + 5 * 365 * 86_400_000
    old.read_stocks()
    (ahead,) = old.world.sql("SELECT max(id) FROM stock_reading")[0]
    old.world.now = real
    for _ in range(5):
        old.world.wait(3600)
        old.read_stocks()
    old.age()
    sold(old.world, 13)
    behind = "SELECT count(*) FROM stock_reading WHERE id > ?"
    assert old.world.sql(behind, ahead)[0][0] >= 10
    old.archive()
    assert old.world.sql(behind, ahead)[0][0] <= 4  # of each chip the last, and the last exact one


def test_one_row_that_differs_stays_alone(old: OldShop) -> None:
    """As after an older database was put back."""
    (other,) = old.world.sql("SELECT min(id) FROM sms WHERE meaning = 'OTHER'")[0]
    old.age()
    sold(old.world, 13)
    old.archive()
    for number in range(10):
        old.world.text(CARD, ADVERT, fingerprint=f"late{number}")
    ids = [one for (one,) in old.world.sql("SELECT id FROM sms WHERE fingerprint GLOB 'late*'")]
    old.world.sql("UPDATE sms SET received_at = received_at - 100 * 86400000 WHERE id > ?", other)
    month = old.world.sql(
        "SELECT DISTINCT strftime('%Y-%m', received_at / 1000, 'unixepoch') FROM sms"
        " WHERE fingerprint GLOB 'late*'"
    )
    assert month == [(MONTH,)]
    with open_to_write(path_of(old.folder, MONTH)) as db, db.atomic():
        execute(
            db,
            "INSERT INTO sms (id, chip, fingerprint, sender, text, received_at, meaning)"
            " VALUES (?, ?, 'other', 'x', 'another text', 1, 'OTHER')",
            (ids[5], CARD),
        )
    run = old.archive()
    left = [one for (one,) in old.world.sql("SELECT id FROM sms WHERE fingerprint GLOB 'late*'")]
    assert left == [ids[5]]
    assert list(run.failed) == [f"texts {ids[5]} of {MONTH}"]


def here(old: OldShop) -> dict[str, set[tuple[object, ...]]]:
    """The rows of the database, by table."""
    return {
        one.name: set(old.world.sql(f"SELECT {one.columns} FROM {one.name}"))
        for one in archive_rest.TABLES
    }


def there(old: OldShop) -> dict[str, set[tuple[object, ...]]]:
    """The rows of the archive, by table."""
    path = path_of(old.folder, MONTH)
    if not path.exists():
        return {one.name: set() for one in archive_rest.TABLES}
    with open_to_read(path) as db:
        return {
            one.name: set(tuples(db, f"SELECT {one.columns} FROM {one.name}"))
            for one in archive_rest.TABLES
        }


def both(old: OldShop) -> dict[str, set[tuple[object, ...]]]:
    """Every row wherever it is."""
    away = there(old)
    return {name: rows | away[name] for name, rows in here(old).items()}


def test_what_nothing_needs_leaves_and_what_the_books_need_stays(old: OldShop) -> None:
    world = old.world
    old.age()
    sold(world, 13)
    before, books = both(old), old.books()
    done = old.archive()
    assert (done.moved, done.failed) == (2, {})
    assert done.rest > 10
    assert both(old) == before
    assert {(row[2], row[6]) for row in here(old)["sms"]} == {("in", "STOCK_IN")}
    assert here(old)["unparsed"] == set()
    # First, last exact and last: of the chip that sold since, and of the idle one.
    kept = [chip for (chip,) in world.sql("SELECT chip FROM stock_reading ORDER BY id")]
    assert (kept.count(CARD), kept.count(OTHER)) == (3, 2)
    assert old.books() == books
    assert old.findings() == []
    assert old.archive().rest == 0


def test_a_text_that_left_is_not_taken_for_a_new_one(old: OldShop) -> None:
    old.age()
    sold(old.world, 13)
    old.archive()
    for fingerprint in ("r11", "a12", "in"):
        received = old.world.text(CARD, stock_in(50_000), fingerprint=fingerprint)
        assert received.meaning is Meaning.SEEN_BEFORE


def test_what_was_read_while_an_order_was_sent_stays_with_it(old: OldShop) -> None:
    world = old.world
    sale = world.sent(CARD, "S10.081200000020")
    world.wait(600)
    world.run(lambda db: stock.compare(db, CARD, 7, now_ms=world.now))
    world.wait(600)
    figure = world.stock(CARD).posted - 10_150
    world.decide(sale.attempt_id, done=True, number="SN20", figure=figure)
    old.age()
    sold(world, 21)
    world.sql("UPDATE message SET delivered_at = NULL WHERE order_id = ?", sale.order.id)
    story = old.story(sale.order.id)
    assert story is not None and len(story["attempts"][0]["readings"]) == 2
    assert old.archive().rest
    assert sale.order.id in old.here()
    assert old.story(sale.order.id) == story


def test_a_month_without_orders_gets_no_archive(old: OldShop) -> None:
    old.age()
    old.world.sql("UPDATE message SET delivered_at = NULL")  # no order leaves
    rows = here(old)
    assert (old.archive().rest, here(old), old.folder.exists()) == (0, rows, False)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_at_any_death_no_row_is_lost(old: OldShop, before: bool) -> None:
    old.age()
    sold(old.world, 13)
    rows = both(old)
    for step in range(1, 20):
        taken = old.steps.taken
        if before:
            old.steps.die_before = taken + step
        else:
            old.steps.die_after = taken + step
        with suppress(Died):
            old.archive()
            break
        old.revive()
        assert both(old) == rows
        assert old.findings() == []
    old.revive()
    old.archive()
    assert (both(old), old.findings()) == (rows, [])
    assert {row[6] for row in here(old)["sms"]} == {"STOCK_IN"}


def test_a_number_that_means_something_else_there_stops_its_rows_alone(old: OldShop) -> None:
    """As when an older database was put back, and numbers were issued again."""
    old.age()
    sold(old.world, 13)
    old.steps.die_before = old.steps.taken + 6  # the readings have left, the texts are copied
    with suppress(Died):
        old.archive()
    old.revive()
    ours = here(old)
    assert there(old)["sms"] & ours["sms"]
    old.world.sql("UPDATE sms SET text = 'another' WHERE meaning = 'OTHER'")
    archived = there(old)
    done = old.archive()
    others = {one for (one,) in old.world.sql("SELECT id FROM sms WHERE meaning = 'OTHER'")}
    assert set(done.failed) == {f"texts {one} of {MONTH}" for one in others}
    assert all("the rows are not the same" in why for why in done.failed.values())
    assert {row[6] for row in here(old)["sms"]} == {"OTHER", "STOCK_IN"}
    assert len(others) == len({row for row in ours["sms"] if row[6] == "OTHER"})
    assert there(old)["sms"] == archived["sms"]
    assert here(old)["unparsed"] == set()
