"""The whole daemon on virtual time: orders are sold, a month passes, they are archived, and shown.

Then an archive is damaged, lost, or of a newer version, and it alone is.
"""

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import audit, config, doctor_store, truth_books
from pulsarack.daemon.archive_file import VERSION, Archives
from pulsarack.daemon.doctor import Finding, Subject
from pulsarack.daemon.store_errors import ArchiveError
from pulsarack.ledger import accounts
from tests.daemon.machine_tree import NOWHERE
from tests.daemon.virtual_loop import run
from tests.daemon.world import START_MS, World, rack_plan

DAY_SECONDS = 86_400.0
SETTINGS = '[retention]\ndays = 30\nat = "15:00"\n[chips]\npoll_sms_seconds = 3600\n'
MONTH = "2026-11"
AGENT = accounts.agent("A1")

Story = Callable[[World], Coroutine[Any, Any, None]]


def in_old_world(tmp_path: Path, story: Story, settings: str = SETTINGS) -> None:
    """A month after three orders were sold and one was cancelled or failed."""

    async def main() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")), settings=settings)
        await world.set_up()
        await world.order("S10.081200000012", "r1")
        await world.order("S5.081200000013")
        await world.order("S10.081200000000")  # a number that is not registered
        await world.settle()
        await world.call("order.reverse", id=2, because="test", who="admin1", stock_returned=False)
        for order_id in await world.states():
            for message in (await world.show(order_id))["messages"]:
                await world.call("messages.ack", id=message["id"])
        await world.stop()
        await world.clock.sleep(31 * DAY_SECONDS)
        await world.start()
        await world.order("S10.081200000014")
        await world.settle()
        await story(world)
        await world.stop()

    run(main(), within_days=40)


async def night(world: World) -> None:
    """Until the daily run is over: it is a quarter past two when a story begins."""
    await world.clock.sleep(3600)


def test_orders_are_archived_by_themselves__shown_as_before(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        stories = [await world.show(order_id) for order_id in (1, 2, 3, 4)]
        books = [await world.call("ledger.statement", account=AGENT, limit=n) for n in (1, 4, 50)]
        assert sorted(await world.states()) == [1, 2, 3, 4]
        await night(world)
        assert sorted(await world.states()) == [4]
        file = str(tmp_path / "archive" / f"{MONTH}.sqlite")
        for before in stories:
            after = await world.show(before["order"]["id"])
            place = after["order"].pop("archive", None)
            assert after == before
            assert place == (None if before["order"]["id"] == 4 else file)
        assert books == [
            await world.call("ledger.statement", account=AGENT, limit=n) for n in (1, 4, 50)
        ]
        listed = await world.call("order.list", archived=True)
        assert [(row["id"], row["archive"]) for row in listed["orders"]] == [
            (3, file),
            (2, file),
            (1, file),
        ]
        (row,) = (await world.call("archive.list"))["archives"]
        assert (row["month"], row["orders"], row["file"]) == (MONTH, 3, file)
        assert row["bytes"] > 10_000
        assert world.findings() == []

    in_old_world(tmp_path, story)


def test_lists_of_archived_orders_by_agent_month_and_state(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await night(world)
        for asked, ids in (
            ({"month": MONTH}, [3, 2, 1]),
            ({"month": MONTH, "limit": 2}, [3, 2]),
            ({"month": "2026-10"}, []),
            ({"archived": True, "agent": "A1", "state": "REVERSED"}, [2]),
            ({"archived": True, "agent": "A2"}, []),
        ):
            found = await world.call("order.list", **asked)
            assert [row["id"] for row in found["orders"]] == ids, asked
        assert (await world.refusal("order.list", month="2026-13")).code == "BAD_ARGUMENT"

    in_old_world(tmp_path, story)


def test_nothing_is_done_to_an_archived_order(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await night(world)
        by = {"because": "test", "who": "admin1"}
        refusals = [
            await world.refusal("order.cancel", id=1),
            await world.refusal("order.resolve", id=1, delivered=True, **by),
            await world.refusal("order.reverse", id=1, **by),
            await world.refusal("order.acknowledge", id=3, **by),
        ]
        assert {error.code for error in refusals} == {"ARCHIVED"}
        assert str(refusals[2]) == (
            "order 1 is SUCCEEDED since 2026-11-22 and archived in 2026-11; see: pulsarack order"
            " show 1; to give money back: pulsarack agent credit A1 AMOUNT --because TEXT,"
            " which another admin confirms"
        )
        again = await world.call(
            "order.new", agent="A1", text="S10.081200000012", client_reference="r1"
        )
        assert (again["id"], again["repeated"], again["price"]) == (1, True, 10_500)
        error = await world.refusal(
            "order.new", agent="A1", text="S5.081200000012", client_reference="r1"
        )
        assert error.code == "REFERENCE_REUSED"
        assert (await world.refusal("order.show", id=99)).code == "NOT_FOUND"
        (message,) = (await world.show(1))["messages"]
        await world.call("messages.ack", id=message["id"])  # a repeat is harmless for ever
        assert (await world.refusal("messages.ack", id=99)).code == "NOT_FOUND"

    in_old_world(tmp_path, story)


def test_now_by_hand_and_never_when_it_is_off(tmp_path: Path) -> None:
    async def moved(world: World) -> None:
        first = await world.call("archive.now", limit=1)
        assert (first["moved"], first["more"]) == (3, True)  # a batch is moved as a whole
        assert (await world.call("archive.now"))["moved"] == 0

    async def off(world: World) -> None:
        answer = await world.call("archive.now")
        assert (answer["moved"], answer["days"]) == (0, 0)
        await night(world)
        assert len(await world.states()) == 4

    (tmp_path / "on").mkdir()
    in_old_world(tmp_path / "on", moved)
    (tmp_path / "off").mkdir()
    in_old_world(tmp_path / "off", off, SETTINGS.replace("days = 30", "days = 0"))


def test_the_operators_books_agree_with_archived_orders(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"

    async def story(world: World) -> None:
        await night(world)
        truth.write_text("".join(json.dumps(line) + "\n" for line in world.truth))

    in_old_world(tmp_path, story)
    assert audit.main(tmp_path / "pulsarack.db", truth, archives=True) == []
    assert len(truth_books.read(truth).top_ups) >= 3
    (tmp_path / "archive" / f"{MONTH}.sqlite").unlink()
    with pytest.raises(ArchiveError, match="it is missing; put it back from a backup"):
        audit.main(tmp_path / "pulsarack.db", truth)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 16] = b"\xff" * 16
    path.write_bytes(content)


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")


def make_foreign(path: Path) -> None:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE diary (day TEXT)")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (Path.unlink, "it is missing"),
        (flip, "it is damaged"),
        (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: path.write_bytes(b"not a database" * 99), "it is damaged"),
        (make_newer, f"made by a newer pulsarack (version {VERSION + 1}, known is {VERSION})"),
        (make_foreign, "no archive of pulsarack"),
        (make_folder, "it is no file"),
    ],
)
def test_an_archive_that_cannot_be_read_hurts_nothing_else(
    tmp_path: Path, harm: Callable[[Path], object], what: str
) -> None:
    file = tmp_path / "archive" / f"{MONTH}.sqlite"

    async def story(world: World) -> None:
        whole = await world.call("ledger.statement", account=AGENT)
        await night(world)
        harm(file)
        error = await world.refusal("order.show", id=1)
        assert error.code == "ARCHIVE_UNREADABLE"
        assert str(file) in error.message and what in error.message and error.remedy
        listed = await world.call("order.list", archived=True)
        assert listed["orders"] == [] and what in listed["unreadable"][0]
        # The lines whose balances are known are shown, and the file that has the others is named.
        lines = await world.call("ledger.statement", account=AGENT)
        assert lines["lines"] == whole["lines"][: len(lines["lines"])] != []
        assert what in lines["unreadable"][0]
        # The reference is known all the same, and the order is what it was.
        again = await world.call(
            "order.new", agent="A1", text="S10.081200000012", client_reference="r1"
        )
        assert (again["id"], again["state"], again["repeated"]) == (1, "SUCCEEDED", True)
        # Work goes on.
        await world.order("S10.081200000015")
        await world.settle()
        assert world.findings() == []

    in_old_world(tmp_path, story)
    found = audit.main(tmp_path / "pulsarack.db", archives=True)
    assert [one.subject for one in found] == [f"archive {MONTH}: it"]
    assert what in found[0].detail
    assert audit.main(tmp_path / "pulsarack.db") == []
    (said,) = [one for one in examined(tmp_path) if one.check == "archives"]
    damaged_inside = harm is flip
    assert (said.level == "ok") == damaged_inside
    assert damaged_inside or str(file) in said.what


def examined(state_dir: Path) -> list[Finding]:
    """What `pulsarack doctor` finds in a database that no daemon uses."""
    settings = config.parse({"daemon": {"state_dir": str(state_dir)}}, state_dir / "p.toml")
    return list(
        doctor_store.database(Subject(settings, state_dir / "c.sock", {}, START_MS, None, NOWHERE))
    )


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a daemon leaves that has archived three orders."""
    place: Path = tmp_path_factory.mktemp("archived")

    async def story(world: World) -> None:
        await night(world)

    in_old_world(place, story)
    return place


@pytest.fixture
def copy(archived: Path, tmp_path: Path) -> Path:
    """The same, to be harmed."""
    place = tmp_path / "copy"
    shutil.copytree(archived, place)
    return place


def said_of_archives(state_dir: Path) -> list[str]:
    """What the doctor finds bad in the archives, with its remedies."""
    found = [one for one in examined(state_dir) if one.check == "archives"]
    return [f"{one.what}; {one.remedy}" for one in found if one.level == "bad"]


def test_the_doctor_sees_that_an_archive_was_shortened(copy: Path) -> None:
    file = copy / "archive" / f"{MONTH}.sqlite"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2 // 4096 * 4096])
    (said,) = said_of_archives(copy)
    assert f"{file}: it is damaged: it was shortened" in said
    assert "put it back from a backup" in said


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda path: path.write_bytes(b"junk" * 99), "it is damaged: no database"),
        (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: path.mkdir(), "it is no file"),
        (lambda path: make_foreign(path), "no archive of pulsarack"),
        (lambda path: path.with_suffix(".new").mkdir(), "it is no file"),
    ],
)
def test_the_doctor_sees_what_stands_where_the_next_archive_belongs(
    copy: Path, harm: Callable[[Path], object], what: str
) -> None:
    next_month = copy / "archive" / "2026-12.sqlite"
    harm(next_month)
    (said,) = said_of_archives(copy)
    assert what in said
    assert "move it away" in said
    # The archivist says the same when it comes to it, and touches nothing.
    with pytest.raises(ArchiveError, match=what) as raised:
        asyncio.run(
            Archives(copy / "archive", threads=False).write("2026-12", lambda db: None, begin=True)
        )
    assert "move it away" in raised.value.remedy


@pytest.mark.parametrize("there", ["a file", "a closed pipe"])
def test_a_folder_of_archives_that_is_none_is_told_beside_all_else(copy: Path, there: str) -> None:
    folder = copy / "archive"
    shutil.rmtree(folder)
    folder.write_text("x") if there == "a file" else os.mkfifo(folder)
    with closing(sqlite3.connect(copy / "pulsarack.db")) as db, db:
        db.execute("UPDATE account SET debits_posted = debits_posted + 1 WHERE code = ?", (AGENT,))
    found = audit.main(copy / "pulsarack.db", archives=True)
    assert {"P1", "P3"} <= {one.rule for one in found}
    (told,) = [one for one in found if "no directory" in one.detail]
    assert f"{folder} is no directory; move it away" in told.detail
    assert told.subject == f"archive {MONTH}: it"
    assert any(f"{folder} is no directory; move it away" in one for one in said_of_archives(copy))
    with pytest.raises(ArchiveError, match="is no directory; move it away"):
        asyncio.run(Archives(folder, threads=False).write("2026-12", lambda db: None, begin=True))


def change(statement: str) -> Callable[[Path], None]:
    def harm(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(statement)

    return harm


@pytest.mark.parametrize(
    ("statement", "rule", "subject"),
    [
        ("DELETE FROM transition WHERE order_id = 1", "P1", "order 1"),
        ("UPDATE orders SET serial_number = 'x' WHERE id = 1", "P1", "order 1"),
        ("UPDATE orders SET id = 77 WHERE id = 1", "P1", "order 77"),
        ("UPDATE attempt SET outcome = 'NOT_DONE' WHERE order_id = 1", "P4", "order 1"),
        ("DELETE FROM message WHERE order_id = 1", "P6", "order 1"),
        ("DELETE FROM transfer WHERE id = 'order:1:price:post'", "P3", "order 1"),
        ("DELETE FROM transfer WHERE id = 'order:1:price:post'", "P3", f"account {AGENT}"),
        (
            "UPDATE transfer SET amount = 7 WHERE reference = 'order:1'",
            "P3",
            "account income:sales",
        ),
        ("UPDATE transfer SET amount = 7 WHERE id = 'order:1:price'", "P3", "order:1:price:post"),
        ("UPDATE transfer SET sequence = 999 WHERE id = 'order:1:price'", "P3", "its journal"),
    ],
)
def test_the_audit_finds_what_was_changed_in_an_archive(
    copy: Path, statement: str, rule: str, subject: str
) -> None:
    database = copy / "pulsarack.db"
    assert audit.main(database, archives=True) == []
    change(statement)(copy / "archive" / f"{MONTH}.sqlite")
    found = audit.main(database, archives=True)
    assert (rule, f"archive {MONTH}: {subject}") in {(one.rule, one.subject) for one in found}


def test_a_daemon_that_starts_after_its_hour_makes_up_for_it(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await night(world)
        assert len(await world.states()) == 1

    in_old_world(tmp_path, story, SETTINGS.replace("15:00", "14:00"))


def test_a_daemon_that_never_archives_says_so(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        said = await world.schedule.run_now("retention")
        assert said == "nothing is archived: [retention] days is 0"

    in_old_world(tmp_path, story, SETTINGS.replace("days = 30", "days = 0"))
