"""Files that are read-only, damaged, older than they should be, or gone: refused in words."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest
from peewee import Database, OperationalError

from pulsarack.daemon import config, doctor_store, store_check, store_files
from pulsarack.daemon.doctor import Level, Subject
from pulsarack.daemon.service import exits
from pulsarack.daemon.store import Store
from pulsarack.daemon.store_errors import (
    CommitsLost,
    DatabaseDamaged,
    DatabaseLocked,
    DatabaseMoved,
    DatabaseUnreadable,
    NotStored,
    StateDirectoryFull,
    StateDirectoryUnusable,
    StoreBroken,
    StoreError,
)
from pulsarack.daemon.store_files import MARK_NAME, check_place, open_read_only
from pulsarack.ledger import accounts, journal, sql
from pulsarack.ledger.journal import Transfer
from tests.daemon.machine_tree import NOWHERE
from tests.daemon.store_inline import InlineStore

NOW = 1_795_000_000_000
BANK = accounts.bank("main")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "pulsarack.db"


def open_accounts(db: Database) -> None:
    journal.open_account(db, BANK, now_ms=NOW)
    journal.open_account(db, accounts.OPENING, now_ms=NOW)


def book(db: Database, name: str) -> None:
    journal.transfer(db, Transfer(name, BANK, accounts.OPENING, 1), now_ms=NOW)


def names(db: Database) -> set[str]:
    return {name for (name,) in sql.run(db, "SELECT id FROM transfer")}


async def filled(path: Path, *, close: bool = True) -> Store:
    """A store with some transfers, each in a commit of its own."""
    store = Store.open(path, now_ms=NOW)
    await store.write(open_accounts)
    for number in range(20):
        await store.write(lambda db, number=number: book(db, f"t{number}"))  # type: ignore[misc]
    if close:
        store.close()
    return store


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.name != "lock"}


# --- what may only be read ----------------------------------------------------------------

CHILD = """
import importlib.readers, os, sys
from pathlib import Path
from pulsarack.daemon.store import Store
from pulsarack.daemon.migrations import load_scripts
from pulsarack.daemon.service import exits
from pulsarack.daemon.store_errors import StoreError
load_scripts()
os.setgid(65534)
os.setuid(65534)
try:
    Store.open(Path(sys.argv[1]), now_ms=0).close()
except StoreError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("unwritable", ["", "pulsarack.db", "pulsarack.db-wal", "commits", "lock"])
def test_what_may_not_be_written_is_named(path: Path, unwritable: str) -> None:
    """Some of the files belong to another user, as after a start by root."""
    asyncio.run(filled(path))
    Path(f"{path}-wal").touch()
    for place in (path.parent, *path.parent.iterdir()):
        place.chmod(0o777)
        for parent in place.parents:
            if parent.stat().st_mode & 0o001 == 0:
                parent.chmod(0o711)
    assert child(path).returncode == 0
    (path.parent / unwritable).touch()
    (path.parent / unwritable).chmod(0o555 if not unwritable else 0o444)
    before = contents(path.parent)
    process = child(path)
    assert process.returncode == 1
    assert process.stderr.startswith("StateDirectoryUnusable"), process.stderr
    assert "install -d -o pulsarack" in process.stderr
    assert unwritable in process.stderr or unwritable == "lock"
    assert contents(path.parent) == before


def child(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=False
    )


def test_a_file_system_that_is_read_only_is_named(small_disk: Path) -> None:
    asyncio.run(filled(small_disk / "pulsarack.db"))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StateDirectoryUnusable, match="Read-only file system"):
        Store.open(small_disk / "pulsarack.db", now_ms=NOW)


def test_a_file_system_that_is_full_is_named_before_anything_is_begun(small_disk: Path) -> None:
    path = small_disk / "pulsarack.db"
    asyncio.run(filled(path))
    with (
        (small_disk / "filler").open("wb", buffering=0) as file,
        pytest.raises(OSError, match="space"),
    ):
        while True:
            file.write(bytes(4096))
    before = contents(small_disk)
    with pytest.raises(StateDirectoryFull, match=r"full.*df -h"):
        Store.open(path, now_ms=NOW)
    assert contents(small_disk) == before
    (small_disk / "filler").unlink()
    Store.open(path, now_ms=NOW).close()


def test_a_place_without_anything_is_fine(tmp_path: Path) -> None:
    check_place(tmp_path / "pulsarack.db")


# --- damage -------------------------------------------------------------------------------


def test_every_page_that_is_overwritten_is_noticed_at_the_start(path: Path) -> None:
    asyncio.run(filled(path))
    sound = path.read_bytes()
    size = int.from_bytes(sound[16:18])
    unnoticed = []
    for page in range(len(sound) // size):
        torn = bytearray(sound)
        torn[page * size : page * size + 64] = b"\xa5" * 64
        path.write_bytes(torn)
        try:
            InlineStore.open(path, now_ms=NOW).close()
        except (DatabaseDamaged, DatabaseUnreadable) as error:
            assert "backup" in error.remedy
        else:
            unnoticed.append(page)
        for name in ("-wal", "-shm"):
            Path(f"{path}{name}").unlink(missing_ok=True)
    assert unnoticed == []


def test_of_a_large_file_the_small_tables_are_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(filled(path))
    monkeypatch.setattr(store_check.check_file, "__defaults__", (1,))
    InlineStore.open(path, now_ms=NOW).close()
    store = InlineStore.open(path, now_ms=NOW)
    roots = dict(
        store.read_inline(
            lambda db: sql.run(
                db, "SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'"
            ).fetchall()
        )
    )
    store.close()
    sound = path.read_bytes()
    size = int.from_bytes(sound[16:18])
    for table in store_check.SMALL_TABLES:
        torn, root = bytearray(sound), (roots[table] - 1) * size
        torn[root : root + 8] = b"\xa5" * 8
        path.write_bytes(torn)
        with pytest.raises(DatabaseDamaged, match="doctor"):
            InlineStore.open(path, now_ms=NOW)


@pytest.mark.parametrize("how", ["read", "write"])
async def test_damage_that_shows_later_ends_the_store(path: Path, how: str) -> None:
    store = await filled(path)
    store = Store.open(path, now_ms=NOW)
    torn = bytearray(path.read_bytes())
    torn[4096:] = b"\xa5" * (len(torn) - 4096)
    path.write_bytes(torn)
    job = names if how == "read" else lambda db: book(db, "late")
    with pytest.raises(DatabaseDamaged, match=r"damaged.*backup"):
        await (store.read(job) if how == "read" else store.write(job))  # type: ignore[arg-type]
    for again in (store.read(lambda db: 1), store.write(lambda db: 1)):
        with pytest.raises(StoreBroken):
            await again
    with pytest.raises(DatabaseDamaged):
        await store.watch()
    store.close()


async def test_nothing_of_a_group_that_met_damage_is_stored(path: Path) -> None:
    store = await filled(path, close=False)
    started, go = threading.Event(), threading.Event()

    def slow(db: Database) -> None:
        started.set()
        assert go.wait(30)

    def damaged(db: Database) -> None:
        raise apsw.CorruptError("database disk image is malformed")

    first = asyncio.ensure_future(store.write(slow))
    await asyncio.to_thread(started.wait, 30)
    jobs = (lambda db: book(db, "before"), damaged, lambda db: book(db, "after"))
    group = [asyncio.ensure_future(store.write(job)) for job in jobs]
    await asyncio.sleep(0)
    go.set()
    await first
    answers = await asyncio.gather(*group, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseDamaged] * 3
    store.close()
    opened = InlineStore.open(path, now_ms=NOW)
    assert opened.read_inline(names) == {f"t{n}" for n in range(20)}
    opened.close()


async def test_a_mistake_of_a_job_is_no_damage(path: Path) -> None:
    store = await filled(path, close=False)
    with pytest.raises(OperationalError, match="no such table"):
        await store.write(lambda db: sql.run(db, "SELECT * FROM nowhere") and None)
    assert store.fault is None
    store.close()


# --- commits that vanish ------------------------------------------------------------------


async def killed(path: Path, place: Path) -> Path:
    """The directory as a kill -9 leaves it: the newest commits are in the log only."""
    store = await filled(path, close=False)
    shutil.copytree(path.parent, place)
    store.close()
    return place / path.name


async def test_a_log_that_was_kept_is_used(path: Path, tmp_path: Path) -> None:
    left = await killed(path, tmp_path / "left")
    store = Store.open(left, now_ms=NOW)
    assert len(await store.read(names)) == 20
    store.close()


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize("how", ["removed", "emptied", "shortened"])
async def test_the_log_of_a_database_that_is_gone_is_not_touched(
    path: Path, tmp_path: Path, how: str, mark: bool
) -> None:
    """SQLite deletes the log of a database that is not there; its orders were acknowledged."""
    left = await killed(path, tmp_path / "left")
    if how == "removed":
        left.unlink()
    else:
        os.truncate(left, 0 if how == "emptied" else left.stat().st_size // 4096 // 2 * 4096)
    if not mark:
        (left.parent / MARK_NAME).unlink()
    before = contents(left.parent)
    with pytest.raises(StoreError):
        Store.open(left, now_ms=NOW)
    with pytest.raises(StoreError), open_read_only(left):
        pass
    settings = config.parse({"daemon": {"state_dir": str(left.parent)}}, tmp_path / "p.toml")
    subject = Subject(settings, tmp_path / "socket", {}, NOW, True, NOWHERE)
    assert any(found.level is Level.BAD for found in doctor_store.database(subject))
    left_over = {"pulsarack.db-shm"}
    after = contents(left.parent)
    assert {n: after[n] for n in after if n not in left_over} == {
        n: before[n] for n in before if n not in left_over
    }


def test_a_locked_database_is_not_called_damaged(path: Path) -> None:
    error = OperationalError("database is locked")
    error.__cause__ = apsw.BusyError("database is locked")
    told = store_files.unreadable(path, error)
    assert isinstance(told, DatabaseLocked)
    assert "fuser" in told.remedy and "not damaged" in told.remedy


def spoil_delete(left: Path) -> None:
    Path(f"{left}-wal").unlink()


def spoil_tear(left: Path) -> None:
    log = Path(f"{left}-wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0xFF
    log.write_bytes(content)


def spoil_restore(left: Path) -> None:
    """An older copy of everything but the mark."""
    spoil_delete(left)
    old = left.parent.parent / "old" / left.name
    old.parent.mkdir()
    InlineStore.open(old, now_ms=NOW).close()
    shutil.copyfile(old, left)


@pytest.mark.parametrize("spoil", [spoil_delete, spoil_tear, spoil_restore])
async def test_commits_that_are_gone_are_missed(path: Path, tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    left = await killed(path, tmp_path / "left")
    log = Path(f"{left}-wal").read_bytes()
    sound = left.read_bytes()
    spoil(left)
    for _ in range(2):  # looking does not change the answer
        with pytest.raises(CommitsLost, match=r"newest \d+ commits.*compare.*remove") as error:
            Store.open(left, now_ms=NOW)
        assert error.value.missing > 0
    # What was put back in time is as good as ever.
    shutil.copytree(left.parent, tmp_path / "again")
    again = tmp_path / "again" / left.name
    again.write_bytes(sound)
    Path(f"{again}-wal").write_bytes(log)
    Path(f"{again}-shm").unlink(missing_ok=True)
    store = Store.open(again, now_ms=NOW)
    assert len(await store.read(names)) == 20
    store.close()
    # And a person may decide to go on without.
    (left.parent / MARK_NAME).unlink()
    Store.open(left, now_ms=NOW).close()
    Store.open(left, now_ms=NOW).close()


@pytest.mark.parametrize("mark", [b"", b"12", b"x" * 21, b"0" * 21, bytes(21)])
def test_a_mark_that_says_nothing_raises_no_alarm(path: Path, mark: bytes) -> None:
    asyncio.run(filled(path))
    (path.parent / MARK_NAME).write_bytes(mark)
    Store.open(path, now_ms=NOW).close()
    assert (path.parent / MARK_NAME).read_bytes().isdigit() is False  # ends in a newline
    assert int((path.parent / MARK_NAME).read_bytes()) > 0


async def test_commits_that_failed_do_not_count(path: Path) -> None:
    store = await filled(path, close=False)

    def breaks_at_commit(db: Database) -> None:
        sql.run(db, "PRAGMA defer_foreign_keys = ON")
        sql.run(db, "INSERT INTO prefix VALUES ('62899', 'x')")
        sql.run(
            db,
            "INSERT INTO stock_reading (chip, at, stock, ledger, source)"
            " VALUES ('nobody', 1, 1, 1, 'query')",
        )

    before = int((path.parent / MARK_NAME).read_bytes())
    with pytest.raises(NotStored):
        await store.write(breaks_at_commit)
    await store.read(names)
    await store.write(lambda db: None)
    assert int((path.parent / MARK_NAME).read_bytes()) == before
    await store.write(lambda db: book(db, "one more"))
    assert int((path.parent / MARK_NAME).read_bytes()) == before + 1
    store.close()
    Store.open(path, now_ms=NOW).close()


async def test_counting_begins_anew_before_the_numbers_are_used_up(path: Path) -> None:
    await filled(path)
    store = InlineStore.open(path, now_ms=NOW)
    store.run_inline(lambda db: sql.run(db, "PRAGMA user_version = 2000000000") and None)
    store.close()
    opened = Store.open(path, now_ms=NOW)
    await opened.write(lambda db: book(db, "anew"))
    assert int((path.parent / MARK_NAME).read_bytes()) == 1
    opened.close()
    (path.parent / MARK_NAME).write_bytes(b"%020d\n" % 2_000_000_000)  # written before the wrap
    Store.open(path, now_ms=NOW).close()


# --- files that go while the store is open ------------------------------------------------


async def test_a_log_that_is_deleted_under_the_store_loses_nothing(path: Path) -> None:
    store = await filled(path, close=False)
    Path(f"{path}-wal").unlink()
    await store.write(lambda db: book(db, "into the void"))  # acknowledged, so it must be there
    with pytest.raises(DatabaseMoved, match=r"nothing is lost") as error:
        await store.watch()
    assert error.value.saved
    with pytest.raises(DatabaseMoved):
        await store.write(lambda db: book(db, "no more"))
    shutil.copytree(path.parent, path.parent.parent / "killed")
    store.close()
    for place in (path, path.parent.parent / "killed" / path.name):
        opened = Store.open(place, now_ms=NOW)
        assert await opened.read(names) == {*(f"t{n}" for n in range(20)), "into the void"}
        opened.close()


async def test_a_database_that_is_replaced_under_the_store_ends_it(path: Path) -> None:
    store = await filled(path, close=False)
    other = path.parent / "other.db"
    shutil.copyfile(path, other)
    other.replace(path)
    with pytest.raises(DatabaseMoved, match="put the files back"):
        await store.write(lambda db: book(db, "nowhere"))
    with pytest.raises(StoreError):
        await store.write(lambda db: book(db, "no more"))
    store.close()


# --- the daemon ---------------------------------------------------------------------------

DAEMON = """
import asyncio, sys
from pathlib import Path
from pulsarack.daemon import run
from pulsarack.daemon.dispatcher import Dispatcher

async def meet_damage(self):
    import apsw
    def job(db):
        raise apsw.CorruptError("database disk image is malformed")
    try:
        await self._context.store.read(job)
    except Exception:
        await asyncio.get_running_loop().create_future()  # nobody else would end the daemon

Dispatcher.run = meet_damage
sys.exit(run.main(Path(sys.argv[1])))
"""


def test_a_daemon_that_meets_damage_ends(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    config = tmp_path / "pulsarack.toml"
    config.write_text('[daemon]\nstate_dir = "state"\nsocket = "socket"\n')
    process = subprocess.run(
        [sys.executable, "-c", DAEMON, str(config)], capture_output=True, text=True, check=False
    )
    assert process.returncode == exits.CONFIG
    assert "daemon.part_failed" in process.stderr
    assert "is damaged" in process.stderr and "restore" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_daemon_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    asyncio.run(filled(state / "pulsarack.db"))
    (state / MARK_NAME).write_bytes(b"%020d\n" % 1000)
    config = tmp_path / "pulsarack.toml"
    config.write_text('[daemon]\nstate_dir = "state"\nsocket = "socket"\n')
    command = [sys.executable, "-m", "pulsarack.daemon.main", "--config", str(config), "run"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == exits.CONFIG
    (line,) = process.stderr.strip().splitlines()
    assert line.startswith("pulsarack: the newest ") and "missing" in line
