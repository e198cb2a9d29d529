"""The store: group commit, jobs that fail alone, snapshots, the lock, a kill -9.

The threads and the file are the real ones; what must happen at the same time is forced
with events, never waited for.
"""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from peewee import Database, IntegrityError, InterfaceError, OperationalError

from pulsarack.daemon.store import Store, Transactions
from pulsarack.daemon.store_errors import (
    DatabaseUnreadable,
    NotAFile,
    NotOurDatabase,
    NotStored,
    StateDirectoryUnusable,
    StoreClosed,
    StoreError,
    StoreLocked,
)
from pulsarack.daemon.store_files import open_read_only
from pulsarack.daemon.store_meter import StoreMeter
from pulsarack.daemon.store_thread import Job
from pulsarack.ledger import accounts, books, journal, sql
from pulsarack.ledger.audit import audit
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.ledger.models import Account
from tests.daemon.store_inline import InlineStore
from tests.daemon.test_store_lanes import Held

NOW = 1_795_000_000_000
BANK = accounts.bank("main")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pulsarack.db"


@pytest.fixture(params=[Store, InlineStore])
def store(request: pytest.FixtureRequest, path: Path) -> Iterator[Transactions]:
    """Both stores keep the same promises."""
    opened: Transactions = request.param.open(path, now_ms=NOW)
    yield opened
    opened.close()


@pytest.fixture
def threaded(path: Path) -> Iterator[Store]:
    # On a stopwatch that stands still nothing is learnt of how large a group is best.
    opened = Store.open(path, now_ms=NOW, meter=StoreMeter(lambda: 0.0))
    yield opened
    opened.close()


def open_accounts(db: Database) -> None:
    journal.open_account(db, BANK, now_ms=NOW)
    journal.open_account(db, accounts.OPENING, now_ms=NOW)


def book(db: Database, number: int) -> Result:
    return journal.transfer(db, Transfer(f"t{number}", BANK, accounts.OPENING, 1), now_ms=NOW)


def booking(number: int) -> Job[Result]:
    return lambda db: book(db, number)


def count(db: Database) -> int:
    return len(sql.run(db, "SELECT id FROM transfer").fetchall())


async def test_what_is_written_is_read(store: Transactions) -> None:
    await store.write(open_accounts)
    assert await store.write(lambda db: book(db, 1)) is Result.OK
    assert await store.read(count) == 1


async def test_a_job_that_raises_leaves_nothing_and_hurts_nobody(store: Transactions) -> None:
    await store.write(open_accounts)

    def spoilt(db: Database) -> None:
        book(db, 999)
        raise LookupError("after the row was written")

    def broken(db: Database) -> None:
        book(db, 998)
        sql.run(db, "INSERT INTO transfer (id) VALUES ('x')")

    answers = await asyncio.gather(
        store.write(lambda db: book(db, 1)),
        store.write(spoilt),
        store.write(lambda db: book(db, 2)),
        store.write(broken),
        store.write(lambda db: book(db, 3)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [
        Result,
        LookupError,
        Result,
        IntegrityError,
        Result,
    ]
    assert await store.read(count) == 3
    assert await store.read(audit) == []


async def test_a_job_may_nest_transactions(store: Transactions) -> None:
    await store.write(open_accounts)

    def job(db: Database) -> None:
        book(db, 1)
        with pytest.raises(LookupError), db.atomic():
            book(db, 2)
            raise LookupError

    await store.write(job)
    assert await store.read(count) == 1


@pytest.mark.parametrize("place", [0, 1])
async def test_a_job_that_ended_the_transaction_is_not_taken_for_stored(
    threaded: Store, place: int
) -> None:
    """As SQLite does by itself on a full disk; here the job does, and goes on."""
    await threaded.write(open_accounts)

    def job(db: Database) -> str:
        book(db, 1)
        sql.run(db, "ROLLBACK")
        return "stored"

    held = Held()
    busy = asyncio.ensure_future(threaded.write(held))
    await asyncio.to_thread(held.began.wait, 30)
    jobs: list[Job[object]] = [lambda db: book(db, 2), lambda db: book(db, 3)]
    jobs.insert(place, job)
    waiters = [asyncio.ensure_future(threaded.write(one)) for one in jobs]
    await asyncio.sleep(0)
    held.let_go()
    await busy
    answers = await asyncio.gather(*waiters, return_exceptions=True)
    assert all(isinstance(one, NotStored) for one in answers), answers
    assert await threaded.read(count) == 0


async def test_a_reader_cannot_write(store: Transactions) -> None:
    await store.write(open_accounts)
    with pytest.raises(OperationalError, match="readonly"):
        await store.read(lambda db: book(db, 1))
    assert await store.write(lambda db: book(db, 1)) is Result.OK


async def test_models_work_inside_jobs_and_only_there(threaded: Store) -> None:
    await threaded.write(open_accounts)
    assert await threaded.read(lambda db: Account.select().count()) == 2
    with pytest.raises(InterfaceError):
        Account.select().count()


async def test_a_statement_outside_a_job_opens_no_connection(threaded: Store) -> None:
    handles: list[Database] = []
    await threaded.write(handles.append)
    with pytest.raises(InterfaceError, match="no connection"):
        sql.one(handles[0], "SELECT 1")


async def test_nothing_is_written_or_read_once_the_store_is_closed(store: Transactions) -> None:
    handles: list[Database] = []
    await store.write(handles.append)
    store.close()
    with pytest.raises(StoreClosed):
        await store.write(open_accounts)
    with pytest.raises(StoreClosed):
        await store.read(count)
    with pytest.raises(InterfaceError, match="no connection"):
        sql.one(handles[0], "SELECT 1")


async def test_jobs_that_gathered_share_one_commit(threaded: Store, path: Path) -> None:
    """What no commit can tell apart: a reader sees none of the group, then all of it."""
    await threaded.write(open_accounts)
    started, go = threading.Event(), threading.Event()

    def slow(db: Database) -> None:
        started.set()
        assert go.wait(30)

    first = asyncio.ensure_future(threaded.write(slow))
    await asyncio.to_thread(started.wait, 30)
    gathered = [asyncio.ensure_future(threaded.write(booking(n))) for n in range(15)]
    await asyncio.sleep(0)  # each has handed its job over now
    commits: list[int] = []

    def committed() -> bool:
        commits.append(1)
        return False  # nothing is said against it

    last = asyncio.ensure_future(
        threaded.write(lambda db: db.connection().set_commit_hook(committed))
    )
    await asyncio.sleep(0)
    assert await threaded.read(count) == 0
    go.set()
    await first
    done, waiting = await asyncio.wait(gathered, return_when=asyncio.FIRST_COMPLETED)
    assert not waiting  # woken by one call
    await last
    assert len(done) == 15
    assert commits == [1]
    assert await threaded.read(count) == 15


async def test_a_read_sees_one_snapshot(threaded: Store) -> None:
    await threaded.write(open_accounts)
    started, go = threading.Event(), threading.Event()

    def twice(db: Database) -> tuple[int, int]:
        before = count(db)
        started.set()
        assert go.wait(30)
        return before, count(db)

    reading = asyncio.ensure_future(threaded.read(twice))
    await asyncio.to_thread(started.wait, 30)
    await threaded.write(lambda db: book(db, 1))
    go.set()
    assert await reading == (0, 0)
    assert await threaded.read(count) == 1


async def test_a_cancelled_waiter_does_not_undo_its_job(threaded: Store) -> None:
    await threaded.write(open_accounts)
    waiter = asyncio.ensure_future(threaded.write(lambda db: book(db, 1)))
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert await threaded.write(lambda db: book(db, 1)) is Result.EXISTS


async def test_when_the_commit_fails_everybody_hears_of_it(store: Transactions) -> None:
    """A deferred foreign key is checked by the COMMIT and by nothing before it."""
    await store.write(
        lambda db: (
            sql.run(
                db,
                "CREATE TABLE late (code TEXT REFERENCES account (code) "
                "DEFERRABLE INITIALLY DEFERRED)",
            )
            and None
        )
    )
    await store.write(open_accounts)
    answers = await asyncio.gather(
        store.write(lambda db: sql.changed(db, "INSERT INTO late VALUES ('asset:none')")),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [NotStored]
    assert "free space" in str(answers[0])
    assert await store.write(lambda db: book(db, 1)) is Result.OK


async def test_a_transaction_that_ends_under_the_jobs_fails_the_group(threaded: Store) -> None:
    await threaded.write(open_accounts)
    started, go = threading.Event(), threading.Event()

    def slow(db: Database) -> None:
        started.set()
        assert go.wait(30)

    def rolled_back(db: Database) -> None:
        sql.run(db, "ROLLBACK")  # as SQLite does by itself when the disk is full

    first = asyncio.ensure_future(threaded.write(slow))
    await asyncio.to_thread(started.wait, 30)
    group = [
        asyncio.ensure_future(threaded.write(job))
        for job in (lambda db: book(db, 1), rolled_back, lambda db: book(db, 2))
    ]
    await asyncio.sleep(0)
    go.set()
    await first
    answers = await asyncio.gather(*group, return_exceptions=True)
    assert [type(answer) for answer in answers] == [NotStored] * 3
    assert await threaded.read(count) == 0
    assert await threaded.write(lambda db: book(db, 3)) is Result.OK


async def test_closing_finishes_what_was_handed_over(path: Path) -> None:
    store = Store.open(path, now_ms=NOW)
    await store.write(open_accounts)
    waiting = [asyncio.ensure_future(store.write(booking(n))) for n in range(50)]
    await asyncio.sleep(0)
    store.close()
    assert await asyncio.gather(*waiting) == [Result.OK] * 50
    with pytest.raises(StoreClosed):
        await store.write(open_accounts)
    store.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_writer_that_dies_says_so(path: Path) -> None:
    store = Store.open(path, now_ms=NOW)

    def exits(db: Database) -> None:
        raise SystemExit

    with pytest.raises(StoreClosed):
        await store.write(exits)
    for thread in threading.enumerate():
        if thread.name == "store-writer":
            thread.join(30)
    (sign, *_) = store.signs_of_life().values()
    assert sign() == sign() is not None  # for the watchdog: it has something to do, and does not
    store.close()
    assert sign() is None


async def test_everything_is_there_after_opening_again(path: Path) -> None:
    for number in range(3):
        store = InlineStore.open(path, now_ms=NOW)
        store.run_inline(open_accounts)
        assert store.run_inline(booking(number)) is Result.OK
        assert store.read_inline(count) == number + 1
        store.close()


def test_the_file_is_set_up_for_durability(path: Path) -> None:
    store = InlineStore.open(path, now_ms=NOW)
    for pragma, value in (
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("busy_timeout", 5000),
    ):
        found = store.run_inline(partial(sql.one, sql=f"PRAGMA {pragma}"))
        assert found == (value,), pragma
    store.close()


# --- the lock -----------------------------------------------------------------------------


@pytest.mark.parametrize("second", [Store, InlineStore])
def test_a_second_store_is_refused(path: Path, second: type[Store] | type[InlineStore]) -> None:
    first = Store.open(path, now_ms=NOW)
    with pytest.raises(StoreLocked, match=rf"process {os.getpid()} .*systemctl stop") as caught:
        second.open(path, now_ms=NOW)
    assert caught.value.pid == os.getpid()
    first.close()
    second.open(path, now_ms=NOW).close()


@pytest.mark.parametrize("content", [b"", b"1\n", b"nonsense", b"99999999999999999999999\n"])
def test_a_stale_lock_file_does_not_matter(path: Path, content: bytes) -> None:
    (path.parent / "lock").write_bytes(content)
    Store.open(path, now_ms=NOW).close()


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "gone"
    with pytest.raises(StateDirectoryUnusable, match=rf"{missing}.*install -d"):
        Store.open(missing / "pulsarack.db", now_ms=NOW)


def test_a_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateDirectoryUnusable, match="Not a directory"):
        Store.open(tmp_path / "state" / "pulsarack.db", now_ms=NOW)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_is_read_only_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StateDirectoryUnusable, match="Permission denied"):
        Store.open(tmp_path / "pulsarack.db", now_ms=NOW)


@pytest.mark.parametrize("content", [b"not a database at all, but long enough" * 100])
def test_a_file_that_is_no_database_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DatabaseUnreadable, match="restore a backup"):
        Store.open(path, now_ms=NOW)
    assert path.read_bytes() == content
    with pytest.raises(DatabaseUnreadable), open_read_only(path):
        pass


@pytest.mark.parametrize("name", ["pulsarack.db", "pulsarack.db-wal", "commits", "lock"])
def test_a_directory_in_the_place_of_a_file_is_named(path: Path, name: str) -> None:
    (path.parent / name).mkdir()
    with pytest.raises(NotAFile, match=f"{name} is a directory"):
        Store.open(path, now_ms=NOW)
    assert not (path.parent / "lock").is_file()  # nothing was touched


@pytest.mark.parametrize("name", ["pulsarack.db", "pulsarack.db-wal", "commits", "lock"])
def test_a_link_that_leads_nowhere_is_named(path: Path, name: str) -> None:
    (path.parent / name).symlink_to(name)  # ELOOP for whoever opens it
    with pytest.raises(StoreError):
        Store.open(path, now_ms=NOW)


def test_a_refused_database_is_given_free(path: Path) -> None:
    path.mkdir()
    with pytest.raises(NotAFile):
        Store.open(path, now_ms=NOW)
    path.rmdir()
    Store.open(path, now_ms=NOW).close()


# --- reading beside the daemon ------------------------------------------------------------


async def test_an_audit_beside_the_running_store(threaded: Store, path: Path) -> None:
    await threaded.write(open_accounts)
    with open_read_only(path) as db:
        assert audit(db) == []
        assert len(books.accounts(db)) == 2
        await threaded.write(lambda db: book(db, 1))
        assert count(db) == 0  # one snapshot for the whole block
        with pytest.raises(OperationalError):
            book(db, 2)
    with open_read_only(path) as db:
        assert count(db) == 1


def test_reading_what_is_not_there(path: Path) -> None:
    with (
        pytest.raises(DatabaseUnreadable, match="check that the path is right"),
        open_read_only(path),
    ):
        pass
    assert not path.exists()


def test_reading_another_programs_database(path: Path) -> None:
    store = InlineStore.open(path, now_ms=NOW)
    store.run_inline(lambda db: sql.run(db, "DROP TABLE schema_version") and None)
    store.close()
    with pytest.raises(NotOurDatabase), open_read_only(path):
        pass
    with pytest.raises(StoreError):
        Store.open(path, now_ms=NOW)


# --- kill -9 ------------------------------------------------------------------------------

CHILD = """
import asyncio, sys
from pathlib import Path
from pulsarack.daemon.store import Store
from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Transfer

BANK = accounts.bank("main")

def open_accounts(db):
    journal.open_account(db, BANK, now_ms=0)
    journal.open_account(db, accounts.OPENING, now_ms=0)

async def writer(store, name):
    number = 0
    while True:
        id = f"{name}-{number}"
        wanted = Transfer(id, BANK, accounts.OPENING, 1)
        await store.write(lambda db: journal.hold(db, wanted, now_ms=0))
        await store.write(lambda db: journal.post(db, id, now_ms=0))
        sys.stdout.write(id + "\\n")
        sys.stdout.flush()
        number += 1

async def main():
    store = Store.open(Path(sys.argv[1]), now_ms=0)
    await store.write(open_accounts)
    await asyncio.gather(*(writer(store, f"w{n}") for n in range(20)))

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 77, 400])
def test_what_was_acknowledged_survives_a_kill(path: Path, lines: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child, child.stdout:
        acknowledged = [child.stdout.readline().strip() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        # What it still said before the signal came counts as well; a torn line does not.
        acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    store = Store.open(path, now_ms=NOW)  # the lock went with the process
    store.close()
    with open_read_only(path) as db:
        posted = {row[0] for row in sql.run(db, "SELECT hold_id FROM transfer WHERE phase='post'")}
        assert len(acknowledged) >= lines
        assert posted >= set(acknowledged)
        assert audit(db) == []
        assert sql.one(db, "PRAGMA integrity_check") == ("ok",)


@pytest.mark.parametrize(("umask", "most"), [(0, 0o640), (0o022, 0o640), (0o077, 0o600)])
@pytest.mark.parametrize("kind", [Store, InlineStore])
def test_nobody_else_may_read_the_files(
    path: Path, kind: type[Store] | type[InlineStore], umask: int, most: int
) -> None:
    before = os.umask(umask)
    try:
        store = kind.open(path, now_ms=NOW)
        asyncio.run(store.write(lambda db: sql.run(db, "CREATE TABLE numbers (msisdn)") and None))
        found = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert {path.name, f"{path.name}-wal", f"{path.name}-shm"} <= set(found)
    assert {name: mode for name, mode in found.items() if mode & ~most} == {}
