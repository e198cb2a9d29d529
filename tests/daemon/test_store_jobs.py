"""A group of jobs, of which some fail: each is undone alone, whatever its neighbours do.

All groups of three are tried, of every kind of job there is. What is expected is what each job
would have left had it been alone.
"""

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from peewee import Database, IntegrityError

from pulsarack.daemon.store import _write_batch, prepare
from pulsarack.daemon.store_errors import NotStored
from pulsarack.daemon.store_files import database
from pulsarack.daemon.store_mark import CommitMark, commits
from pulsarack.daemon.store_meter import StoreMeter
from pulsarack.daemon.store_thread import Ticket
from pulsarack.ledger import accounts, journal, sql
from pulsarack.ledger.audit import audit
from pulsarack.ledger.journal import Result, Transfer

ROOT = Path(__file__).parents[2]
NOW = 1_795_000_000_000
BANK = accounts.bank("main")
Kind = Callable[[Database, int], object]


class Bench:
    """The writing thread's own work, without the thread."""

    def __init__(self, path: Path) -> None:
        self.db = prepare(database(path, "OFF"), path, NOW, ())
        self.mark = CommitMark(self.db, path)
        self.runs: Counter[int] = Counter()
        self.write(open_accounts)

    def write(self, *jobs: Callable[[Database], object]) -> list[Ticket]:
        loop = asyncio.get_running_loop()
        batch = [Ticket(job, loop, 0.0) for job in jobs]
        everybody = _write_batch(self.db, batch, self.mark, StoreMeter(lambda: 0.0))
        assert everybody is None, everybody
        assert not self.db.connection().in_transaction  # type: ignore[no-untyped-call]
        self.mark.note(self.db)
        return batch

    def job(self, kind: Kind, number: int) -> Callable[[Database], object]:
        def run(db: Database) -> object:
            self.runs[number] += 1
            return kind(db, number)

        return run

    def booked(self) -> list[str]:
        return [row[0] for row in sql.run(self.db, "SELECT id FROM transfer ORDER BY sequence")]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path / "pulsarack.db")
    yield made
    made.mark.close()
    made.db.close()


def open_accounts(db: Database) -> None:
    journal.open_account(db, BANK, now_ms=NOW)
    journal.open_account(db, accounts.OPENING, now_ms=NOW)


def good(db: Database, number: int) -> Result:
    return journal.transfer(db, Transfer(f"t{number}", BANK, accounts.OPENING, 1), now_ms=NOW)


def reads(db: Database, number: int) -> int:
    rows = sql.run(db, "SELECT id FROM transfer WHERE id = ?", f"t{number}").fetchall()
    return len(rows)


def raises_at_once(_db: Database, number: int) -> None:
    raise LookupError(number)


def is_refused_at_once(db: Database, _number: int) -> None:
    sql.run(db, "INSERT INTO transfer (id) VALUES ('x')")


def raises_behind_a_row(db: Database, number: int) -> None:
    good(db, number)
    raise LookupError(number)


def is_refused_behind_a_row(db: Database, number: int) -> None:
    good(db, number)
    sql.run(db, "INSERT INTO transfer (id) VALUES ('x')")


def raises_in_its_own_savepoint(db: Database, number: int) -> None:
    with db.atomic():
        good(db, number)
        raise LookupError(number)


def takes_a_row_back(db: Database, number: int) -> Result:
    with db.atomic() as savepoint:
        good(db, number + 1000)
        savepoint.rollback()
    return good(db, number)


KINDS: dict[Kind, type[Exception] | None] = {
    good: None,
    reads: None,
    takes_a_row_back: None,
    raises_at_once: LookupError,
    is_refused_at_once: IntegrityError,
    raises_behind_a_row: LookupError,
    is_refused_behind_a_row: IntegrityError,
    raises_in_its_own_savepoint: LookupError,
}
WRITE = (good, takes_a_row_back)
LEAVE_ROWS = (raises_behind_a_row, is_refused_behind_a_row, raises_in_its_own_savepoint)


async def test_each_job_is_undone_alone(bench: Bench) -> None:
    numbers, expected = itertools.count(), []
    for group in itertools.product(KINDS, repeat=3):
        mine = [(kind, next(numbers)) for kind in group]
        done = bench.write(*(bench.job(kind, number) for kind, number in mine))
        for (kind, number), ticket in zip(mine, done, strict=True):
            wrong = KINDS[kind]
            assert type(ticket.error) is (wrong or type(None)), (group, kind)
            if kind in WRITE:
                assert ticket.value is Result.OK
                expected.append(f"t{number}")
            elif kind is reads:
                assert ticket.value == 0
        assert bench.booked() == expected, group
    assert audit(bench.db) == []


async def test_only_what_has_to_be_undone_costs_a_second_run(bench: Bench) -> None:
    numbers = itertools.count()
    for group in itertools.product(KINDS, repeat=3):
        mine = [(kind, next(numbers)) for kind in group]
        bench.write(*(bench.job(kind, number) for kind, number in mine))
        runs = [bench.runs[number] for _, number in mine]
        failing = [at for at, kind in enumerate(group) if kind in LEAVE_ROWS]
        # Those behind the first one that has something to undo have not been run when it fails.
        first = failing[0] if failing else len(group)
        assert runs == [2 if at <= first < len(group) else 1 for at in range(3)], group


async def test_a_job_alone_is_not_run_again(bench: Bench) -> None:
    for number, kind in enumerate(KINDS):
        bench.write(bench.job(kind, number))
    assert set(bench.runs.values()) == {1}


async def test_a_job_is_run_again_from_the_same_rows(bench: Bench) -> None:
    seen: list[int] = []

    def counts(db: Database) -> int:
        seen.append(len(sql.run(db, "SELECT id FROM transfer").fetchall()))
        good(db, 1)
        return seen[-1]

    first, _ = bench.write(counts, lambda db: raises_behind_a_row(db, 2))
    assert seen == [0, 0]
    assert first.value == 0
    assert bench.booked() == ["t1"]


async def test_what_failed_for_a_neighbour_s_sake_is_not_held_against_it(bench: Bench) -> None:
    """It met the rows of one that failed, which were undone with it."""

    def only_if_new(db: Database) -> str:
        if reads(db, 7):
            raise LookupError("there already")
        good(db, 7)
        return "new"

    spoilt, second = bench.write(lambda db: raises_behind_a_row(db, 7), only_if_new)
    assert type(spoilt.error) is LookupError
    assert (second.error, second.value) == (None, "new")
    assert bench.booked() == ["t7"]


async def test_what_failed_in_the_undone_run_only_is_no_failure(bench: Bench) -> None:
    """As on a disk that was full for a moment."""
    runs = itertools.count()

    def fails_once(db: Database) -> str:
        good(db, 1)
        if next(runs) == 0:
            raise LookupError
        return "stored"

    first, second = bench.write(fails_once, lambda db: good(db, 2))
    assert (first.error, first.value, second.error) == (None, "stored", None)
    assert bench.booked() == ["t1", "t2"]


@pytest.mark.parametrize("jobs", [1, 2, 3])
async def test_a_group_that_left_nothing_is_no_commit(bench: Bench, jobs: int) -> None:
    before = commits(bench.db)
    bench.write(*(bench.job(raises_behind_a_row, number) for number in range(jobs)))
    assert commits(bench.db) == before
    bench.write(*(bench.job(kind, 9) for kind in (raises_behind_a_row, good)))
    assert commits(bench.db) == before + 1


def test_no_job_uses_returning() -> None:
    """What is not read of it to its end counts as not changed, and would fail the commit of all."""
    for folder in ("queue", "ledger", "daemon"):
        for file in (ROOT / folder).rglob("*.py"):
            text = re.sub(
                r"^\s*#.*|\"\"\".*?\"\"\"", "", file.read_text("utf-8"), flags=re.M | re.S
            )
            assert " RETURNING " not in text, file


@pytest.mark.parametrize("place", range(3))
async def test_a_job_that_ends_the_transaction_fails_the_group(bench: Bench, place: int) -> None:
    """In either run of it: as SQLite does by itself on a full disk."""
    runs = itertools.count()

    def ends(db: Database) -> None:
        good(db, 9)
        if next(runs) == 1:
            sql.run(db, "ROLLBACK")

    jobs: list[Callable[[Database], object]] = [
        lambda db: good(db, 1),
        lambda db: raises_behind_a_row(db, 2),
    ]
    jobs.insert(place, ends)
    if place == 2:  # it is run for the first time behind the one that fails
        next(runs)
    loop = asyncio.get_running_loop()
    batch = [Ticket(job, loop, 0.0) for job in jobs]
    before = commits(bench.db)
    everybody = _write_batch(bench.db, batch, bench.mark, StoreMeter(lambda: 0.0))
    assert isinstance(everybody, NotStored)
    bench.mark.forget()
    assert bench.booked() == []
    assert commits(bench.db) == before
