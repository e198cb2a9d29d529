"""Old orders leave for their archives, at any moment's death, and nothing is lost or changed."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsarack.daemon import archivist, audit
from pulsarack.daemon.archive_file import Archives, open_to_read, path_of
from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.store import Store
from pulsarack.queue import archive, outcome
from pulsarack.queue.discrepancies import ClearingKind
from pulsarack.queue.evidence import EvidenceKind
from pulsarack.queue.intake import Accepted, Repeated
from pulsarack.queue.texts import Meaning
from pulsarack.queue.validation import Refusal, RefusalCode
from pulsarack.ussd.outcome import Reason
from tests.daemon.archive_world import Died, OldShop
from tests.queue.world import World, iccid, success

CARD = iccid(1)
OTHER = iccid(2)
MONTH = "2027-01"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("furnished") / "pulsarack.db"
    world = World(path)
    world.agent()
    world.chip(1)
    world.chip(2)
    world.close()
    return path


@pytest.fixture
def old(template: Path, tmp_path: Path) -> Iterator[OldShop]:
    world = World(tmp_path / "pulsarack.db", template)
    yield OldShop(world)
    world.close()


def sold(world: World, number: int, reference: str | None = None, card: str = CARD) -> int:
    """An order that is delivered; its reply names the stock and a serial number."""
    sale = world.sent(card, f"S10.0812000000{number:02}", reference=reference)
    figure = world.stock(card).posted - 10_150
    world.decide(sale.attempt_id, done=True, number=f"SN{number}", figure=figure)
    world.wait(60)
    return sale.order.id


def failed(world: World, number: int) -> int:
    """An order that is refused by the operator."""
    sale = world.sent(CARD, f"S5.0812000000{number:02}")
    world.decide(sale.attempt_id, done=False, reason=Reason.WRONG_NUMBER)
    world.wait(60)
    return sale.order.id


def test_an_old_order_is_shown_as_it_was_and_its_money_stays_explained(old: OldShop) -> None:
    world = old.world
    first, second = sold(world, 11, "r1"), failed(world, 12)
    third = sold(world, 13)
    world.reverse(third, stock_returned=True)
    old.age()
    newest = sold(world, 14)
    stories, books = old.stories(), old.books()
    done = old.archive()
    assert (done.moved, done.archives, done.failed) == (3, {MONTH}, {})
    assert (old.here(), old.gone()) == ({newest}, {first, second, third})
    assert old.stories() == stories
    assert old.books() == books
    assert old.findings() == []
    assert path_of(old.folder, MONTH).stat().st_mode & 0o777 == 0o600
    assert old.folder.stat().st_mode & 0o777 == 0o700
    assert old.archive().moved == 0


def test_with_the_threads_and_the_disk_of_a_running_daemon(old: OldShop) -> None:
    world = old.world
    orders = [sold(world, number) for number in range(10, 40)]
    old.age()
    newest = sold(world, 40)
    world.close()

    async def work() -> None:
        store = Store.open(old.path, now_ms=world.now)
        context = replace(old.context, store=store)
        archives = Archives(old.folder)
        done = await Archivist(context, archives).now()
        assert (done.moved, done.failed) == (len(orders), {})
        past = PastOrders(context, archives)
        listed = await past.listed(agent="A1", state=None, month=None, limit=1000)
        assert [row["id"] for row in listed["orders"]] == orders[::-1]
        found = await past.find(orders[3])
        assert found is not None
        assert (await past.row(found))["serial_number"] == "SN13"
        assert await past.find(newest) is None
        store.close()

    asyncio.run(work())
    assert audit.main(old.path, archives=True) == []


def test_a_reference_and_a_serial_number_are_known_for_ever(old: OldShop) -> None:
    world = old.world
    first = sold(world, 11, "r1")
    old.age()
    sold(world, 12)
    old.archive()
    again = world.accept("S10.081200000011", reference="r1")
    assert isinstance(again, Repeated)
    assert (again.past.id, again.past.state, again.past.serial_number) == (
        first,
        "SUCCEEDED",
        "SN11",
    )
    other = world.accept("S10.081200000012", reference="r1")
    assert isinstance(other, Refusal) and other.code is RefusalCode.REFERENCE_REUSED
    assert isinstance(world.accept("S10.081200000011"), Accepted)
    text = success("SN11", to="6281200000011")
    assert world.text(CARD, text).meaning is Meaning.REPEAT


def test_a_text_that_left_with_its_order_proves_nothing_again(old: OldShop) -> None:
    world = old.world
    sale = world.sent(CARD, "S10.081200000011")
    assert world.text(CARD, success(to="6281200000011"), fingerprint="same").attempt_id
    old.age()
    sold(world, 12)
    old.archive()
    assert sale.order.id in old.gone()
    later = world.sent(CARD, "S10.081200000011")
    received = world.text(CARD, success(to="6281200000011"), fingerprint="same")
    assert received.meaning is Meaning.SEEN_BEFORE
    assert world.attempt(later.attempt_id).outcome is None


def undelivered(old: OldShop) -> None:
    old.world.sql("UPDATE message SET delivered_at = NULL WHERE order_id = 1")


def refuted(old: OldShop) -> None:
    old.world.sql("UPDATE sms SET meaning = 'CONTRADICTION'")


def lately_learnt(old: OldShop) -> None:
    old.world.sql(
        "INSERT INTO evidence (attempt_id, at, kind, verdict, detail, rule)"
        " VALUES (1, ?, 'admin', 'NONE', 'seen to', 'acknowledged')",
        old.world.now,
    )


def never_exact_since(old: OldShop) -> None:
    old.world.sql("UPDATE stock_reading SET exact_after = NULL WHERE exact_after > 0")


def in_an_open_discrepancy(old: OldShop) -> None:
    found = old.world.differ(CARD, old.world.stock(CARD).posted - 7)
    old.world.sql("INSERT OR IGNORE INTO discrepancy_order VALUES (?, 1)", found.id)
    old.age()


def in_one_cleared_lately(old: OldShop) -> None:
    in_an_open_discrepancy(old)
    old.world.clear(1, ClearingKind.LOSS)


@pytest.mark.parametrize(
    "matter",
    [
        undelivered,
        lately_learnt,
        never_exact_since,
        in_an_open_discrepancy,
        in_one_cleared_lately,
    ],
)
def test_what_something_still_points_at_stays(
    old: OldShop, matter: Callable[[OldShop], None]
) -> None:
    sold(old.world, 11)
    old.age()
    matter(old)
    sold(old.world, 12, card=OTHER)
    old.archive()
    assert 1 in old.here()


def test_an_order_that_a_late_text_refutes_waits_for_a_person(old: OldShop) -> None:
    world = old.world
    sale = world.sent(CARD, "S10.081200000011")
    world.decide(
        sale.attempt_id,
        done=False,
        reason=Reason.WRONG_NUMBER,
        kind=EvidenceKind.STOCK,
        answered=False,
    )
    received = world.text(CARD, success("SN9", to="6281200000011"))
    assert received.meaning is Meaning.CONTRADICTION
    old.age()
    sold(world, 12, card=OTHER)
    old.archive()
    assert sale.order.id in old.here()


def test_a_cleared_discrepancy_still_names_its_archived_orders(old: OldShop) -> None:
    world = old.world
    sold(world, 11)
    found = world.differ(CARD, world.stock(CARD).posted - 7)
    world.sql("INSERT OR IGNORE INTO discrepancy_order VALUES (?, 1)", found.id)
    world.clear(found.id, ClearingKind.LOSS)
    old.age()
    sold(world, 12)
    old.archive()
    assert old.gone() == {1}
    assert old.findings() == []


def test_an_order_that_changed_on_the_way_stays_and_is_moved_as_it_is(old: OldShop) -> None:
    """Reversed between the copy and the move: the copy is not what leaves."""
    world = old.world
    first = sold(world, 11)
    old.age()
    sold(world, 12)
    old.steps.die_after = old.steps.taken + 1  # the copy is durable, the order is still here
    with pytest.raises(Died):
        old.archive()
    old.revive()
    world.reverse(first)
    assert old.archive().moved == 0
    sold(world, 13, card=OTHER)
    old.age()
    stories = old.stories()
    assert old.archive().moved == 2
    assert old.stories() == stories
    assert old.findings() == []


def put_back(old: OldShop, tmp_path: Path) -> OldShop:
    """The database as it was before its orders were archived, beside the archives of later."""
    old.world.close()
    later = again(old, tmp_path / "later")
    assert later.archive().moved == 2
    later.world.close()
    shutil.copytree(later.folder, tmp_path / "back" / "archive")
    return again(old, tmp_path / "back")


def again(old: OldShop, place: Path) -> OldShop:
    place.mkdir(exist_ok=True)
    world = World(place / "pulsarack.db", old.path)
    world.now = old.world.now
    return OldShop(world)


@pytest.fixture
def restored(old: OldShop, tmp_path: Path) -> Iterator[OldShop]:
    sold(old.world, 11)
    sold(old.world, 12)
    old.age()
    sold(old.world, 13)
    back = put_back(old, tmp_path)
    yield back
    back.world.close()


def test_an_older_database_that_is_put_back_goes_on(restored: OldShop) -> None:
    assert restored.findings() == []
    stories, books = restored.stories(), restored.books()
    done = restored.archive()
    assert (done.moved, done.failed) == (2, {})
    assert (restored.stories(), restored.books(), restored.findings()) == (stories, books, [])


def test_an_archive_that_says_otherwise_stops_that_order_alone(restored: OldShop) -> None:
    """As when history took another way after an old backup was put back."""
    restored.world.sql("UPDATE orders SET text = 'another' WHERE id = 1")
    done = restored.archive()
    assert (done.moved, list(done.failed)) == (1, ["order 1"])
    assert "orders: the rows are not the same" in done.failed["order 1"]
    assert "put back" in done.failed["order 1"]
    assert restored.here() == {1, 3}
    assert restored.findings() == []


@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data())
def test_at_any_death_every_order_is_found_once_and_no_rupiah_moves(
    template: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    world = World(tmp_path_factory.mktemp("shop") / "pulsarack.db", template)
    old = OldShop(world, "[retention]\ndays = 30")
    numbers = iter(range(10, 99))
    for _ in range(data.draw(st.integers(1, 3))):
        for what in data.draw(st.lists(st.sampled_from("sfrcxuod"), min_size=1, max_size=6)):
            number = next(numbers)
            if what == "f":
                failed(world, number)
            elif what in "uo":
                undecided(world, number, by_text=what == "u")
                old.read_stocks()
            elif what == "d":
                found = world.differ(OTHER, world.stock(OTHER).posted - number)
                if data.draw(st.booleans()):
                    world.clear(found.id)
            elif what == "c":
                world.order(f"S10.0812000000{number:02}", limit_seconds=1)
                world.wait(60)
            else:
                order = sold(world, number, f"r{number}", OTHER if what == "x" else CARD)
                if what == "r":
                    world.reverse(order, stock_returned=data.draw(st.booleans()))
                    old.read_stocks()
        expire(world)
        old.age(data.draw(st.sampled_from([20, 31, 95])))
        stories, books = old.stories(), old.books()
        for _ in range(data.draw(st.integers(0, 3))):
            step = old.steps.taken + data.draw(st.integers(1, 5))
            if data.draw(st.booleans()):
                old.steps.die_before = step
            else:
                old.steps.die_after = step
            with suppress(Died):
                old.archive()
            old.revive()
            assert old.findings() == []
            assert old.stories() == stories
        old.archive()
        assert old.findings() == []
        assert old.stories() == stories
        assert old.books() == books
    for (reference,) in world.sql("SELECT client_reference FROM past_order"):
        if reference is not None:
            answer = world.accept("S5.081200000099", reference=reference)
            assert isinstance(answer, Refusal) and answer.code is RefusalCode.REFERENCE_REUSED
    world.close()


def undecided(world: World, number: int, *, by_text: bool) -> None:
    """An order that nobody knew the end of, until its text came, or its stock proved it."""
    sale = world.sent(CARD, f"S10.0812000000{number:02}")
    world.suspend(sale.attempt_id)
    world.wait(60)
    if by_text:
        world.text(CARD, success(f"SN{number}", to=f"62812000000{number:02}"))
    else:
        done = number % 2 == 0
        reason = None if done else Reason.WRONG_NUMBER
        kind = EvidenceKind.STOCK
        world.decide(sale.attempt_id, done=done, reason=reason, kind=kind, answered=False)
    world.wait(60)


def expire(world: World) -> None:
    """Give up what waited too long for a chip."""
    world.run(lambda db: outcome.expire(db, now_ms=world.now))


def test_an_archive_that_is_missing_is_not_begun_anew(
    old: OldShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is put back, what was written into a new one would be gone."""
    for number in range(11, 15):
        sold(old.world, number)
    old.age()
    sold(old.world, 15)
    monkeypatch.setattr(archivist, "COPIED", 2)
    asyncio.run(old.archivist.now(2))
    assert old.gone() == {1, 2}
    file = old.folder / f"{MONTH}.sqlite"
    file.rename(tmp_path / "backup")
    assert "it is missing" in str(old.archive().failed)
    shutil.copy(tmp_path / "backup", file)
    assert old.findings() == []
    old.archive()
    assert old.findings() == []


def test_a_database_that_is_not_ours_stays_as_it_is(old: OldShop) -> None:
    sold(old.world, 11)
    old.age()
    sold(old.world, 12)
    old.folder.mkdir(exist_ok=True)
    file = old.folder / f"{MONTH}.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute("CREATE TABLE t (a)")
    before = file.read_bytes()
    assert old.archive().failed
    assert file.read_bytes() == before


def test_a_file_where_the_folder_of_archives_belongs_is_a_finding_of_its_own(old: OldShop) -> None:
    sold(old.world, 11)
    old.folder.write_text("x")
    (found,) = old.findings()
    assert (found.rule, found.subject) == ("P1", "archives")
    assert "is no directory; move it away" in found.detail


def test_an_equal_order_of_today_that_left_stands_in_the_way(old: OldShop) -> None:
    """The clock was far ahead for a while."""
    (first, second) = (sold(old.world, 11), sold(old.world, 12))
    old.age()
    sold(old.world, 13)
    old.archive()
    assert old.gone() == {first, second}
    (day,) = {day for (day,) in old.world.sql("SELECT local_day FROM past_order")}
    number = old.world.sql("SELECT destination FROM past_order WHERE id = ?", first)[0][0]
    product = old.world.sql("SELECT product FROM past_order WHERE id = ?", first)[0][0]
    old.world.day = day
    refused = old.world.accept(f"{product}.0{number[2:]}")
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.REPEATED


def rows_of(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that an archive holds, by table."""
    with closing(sqlite3.connect(file)) as db:
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")
        ]
        return {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


def test_what_a_killed_run_has_not_noted_is_noted_by_the_next(old: OldShop) -> None:
    """The orders have left; the archive still has them down as on their way."""
    first, second = sold(old.world, 11), sold(old.world, 12)
    old.age()
    sold(old.world, 13)
    old.steps.die_after = old.steps.taken + 2  # the copy, and the transaction that moved them
    with pytest.raises(Died):
        old.archive()
    assert old.gone() == {first, second}
    file = path_of(old.folder, MONTH)
    assert rows_of(file)["arriving"] == [(first,), (second,)]
    before = rows_of(file)
    old.revive()
    assert (old.archive().moved, old.archive().failed) == (0, {})
    assert rows_of(file) == before | {"arriving": []}


def test_a_copy_that_never_followed_stays_down_as_one(old: OldShop) -> None:
    first = sold(old.world, 11)
    old.age()
    sold(old.world, 12)
    old.steps.die_after = old.steps.taken + 1
    with pytest.raises(Died):
        old.archive()
    old.revive()
    old.world.sql("UPDATE message SET delivered_at = NULL")  # it is needed again
    old.archive()
    assert (old.here() >= {first}, old.gone()) == (True, set())
    assert rows_of(path_of(old.folder, MONTH))["arriving"] == [(first,)]


@pytest.mark.parametrize("cut_off", [1, 2, None], ids=["copied", "moved", "noted"])
def test_an_id_that_is_issued_again_does_not_touch_the_archived_original(
    old: OldShop, tmp_path: Path, cut_off: int | None
) -> None:
    """A database from before an order came in is put back beside the archive that has it."""
    sold(old.world, 11)
    old.world.close()
    later = again(old, tmp_path / "later")
    sold(later.world, 12, "r1")
    later.age()
    sold(later.world, 13, card=OTHER)
    with suppress(Died):
        later.steps.die_after = cut_off and later.steps.taken + cut_off
        later.archive()
    later.world.close()
    shutil.copytree(later.folder, tmp_path / "back" / "archive")
    file = path_of(tmp_path / "back" / "archive", MONTH)
    original = order_in(file, 2)
    assert original["orders"]

    back = again(old, tmp_path / "back")
    failed(back.world, 14)  # the second order of this history
    newer = sold(back.world, 15)  # its attempt bears a number that the archive knows
    back.age()
    sold(back.world, 16, card=OTHER)
    done = back.archive()
    assert "put back" in done.failed["order 2"]
    assert 2 in back.here()
    assert order_in(file, 2) == original
    assert newer in back.gone() or f"order {newer}" in done.failed
    back.world.close()


def order_in(file: Path, order_id: int) -> archive.Rows:
    """What an archive has of an order."""
    with open_to_read(file) as db:
        return archive.read(db, [order_id])


def test_rows_of_two_histories_are_never_mixed(old: OldShop, tmp_path: Path) -> None:
    """An order that is new to the archive while the numbers of its attempt or transfers are not."""
    sold(old.world, 11)
    old.world.close()
    later = again(old, tmp_path / "later")
    sold(later.world, 12)
    later.age()
    sold(later.world, 13, card=OTHER)
    later.archive()
    later.world.close()
    shutil.copytree(later.folder, tmp_path / "back" / "archive")
    file = path_of(tmp_path / "back" / "archive", MONTH)
    archived = rows_of(file)

    back = again(old, tmp_path / "back")
    back.world.sql("UPDATE sqlite_sequence SET seq = 7 WHERE name = 'orders'")
    newer = sold(back.world, 14)
    assert newer == 8
    back.age()
    sold(back.world, 15, card=OTHER)
    done = back.archive()
    assert list(done.failed) == ["order 8"]
    assert newer in back.here()
    assert rows_of(file) == archived
    back.world.close()
