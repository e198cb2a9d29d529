"""A power cut at any moment: what was acknowledged is there, and the file opens clean.

The product's real store with its real settings writes through the diary of power.py; then
the disk is made as it is after a cut at many moments, in three kinds of bad luck, and the
product opens what is left. That the harness sees losses at all is proved with a store that
does not wait for the disk.
"""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from peewee import Database

from pulsarack.daemon import store as store_module
from pulsarack.daemon.migrations import load_scripts, schema_differences
from pulsarack.daemon.store import Store
from pulsarack.daemon.store_files import open_read_only
from pulsarack.ledger import accounts, journal, sql
from pulsarack.ledger.audit import audit
from pulsarack.ledger.journal import Transfer
from tests.daemon.power import Acknowledged, Diary, Keep, Synced, Written, recorded
from tests.daemon.store_inline import InlineStore

NOW = 1_795_000_000_000
BANK = accounts.bank("main")
KEEPS: tuple[Keep, ...] = ("nothing", "everything", "parts")


def open_accounts(db: Database) -> None:
    journal.open_account(db, BANK, now_ms=NOW)
    journal.open_account(db, accounts.OPENING, now_ms=NOW)


def book(db: Database, name: str) -> None:
    journal.transfer(db, Transfer(name, BANK, accounts.OPENING, 1), now_ms=NOW)


async def work(store: Store, diary: Diary, prefix: str, rounds: int) -> None:
    """Orders of several callers at a time, as many as it takes for checkpoints to come."""

    async def one(name: str) -> None:
        await store.write(lambda db: book(db, name))
        diary.note(Acknowledged(name))

    for number in range(rounds):
        names = [f"{prefix}-{number}-{caller}" for caller in range(1 + number % 4)]
        await asyncio.gather(*(one(name) for name in names))


@pytest.fixture(scope="module")
def diary(tmp_path_factory: pytest.TempPathFactory) -> Diary:
    """A life from a directory without a database, with checkpoints and a restart in it."""
    directory = tmp_path_factory.mktemp("disk")
    path = directory / "pulsarack.db"

    async def live(diary: Diary) -> None:
        for life, rounds in (("a", 160), ("b", 30)):
            store = Store.open(path, now_ms=NOW)
            await store.write(open_accounts)
            await work(store, diary, life, rounds)
            store.close()

    with recorded(directory) as found:
        asyncio.run(live(found))
    return found


def moments(diary: Diary, rng: random.Random, count: int, only: Callable[[int], bool]) -> list[int]:
    """When the power goes: right around syncs, and anywhere."""
    numbers = [n for n in range(1, len(diary.events) + 1) if only(n)]
    syncs = [n for n in numbers if isinstance(diary.events[n - 1], Synced)]
    around = {n + by for n in syncs for by in (-1, 0, 1)} & set(numbers)
    some = rng.sample(sorted(around), min(count // 2, len(around)))
    return sorted({*some, *rng.sample(numbers, min(count - len(some), len(numbers)))})


def anywhere(number: int) -> bool:
    return True


def lay_out(files: dict[str, bytes], directory: Path) -> Path:
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory / "pulsarack.db"


def survivors(path: Path) -> set[str]:
    """Open what the cut has left, as a starting daemon does; all transfers that are in it."""
    store = InlineStore.open(path, now_ms=NOW, synchronous="OFF")
    try:
        assert store.read_inline(lambda db: sql.run(db, "PRAGMA integrity_check").fetchall()) == [
            ("ok",)
        ]
        assert store.read_inline(audit) == []
        assert store.read_inline(lambda db: list(schema_differences(db, load_scripts()))) == []
        found = store.read_inline(lambda db: sql.run(db, "SELECT id FROM transfer").fetchall())
        store.run_inline(open_accounts)
        store.run_inline(lambda db: book(db, "afterwards"))
    finally:
        store.close()
    return {str(name) for (name,) in found}


@pytest.mark.parametrize("keep", KEEPS)
def test_what_was_acknowledged_survives_a_power_cut(
    diary: Diary, tmp_path: Path, keep: Keep
) -> None:
    rng = random.Random(f"cuts {keep}")
    numbers = itertools.count()
    for moment in moments(diary, rng, 80, anywhere):
        files = diary.after_cut(moment, keep, rng)
        there = survivors(lay_out(files, tmp_path / str(next(numbers))))
        lost = diary.acknowledged(moment) - there
        assert not lost, (moment, keep, sorted(lost))


@pytest.mark.parametrize("keep", ["nothing", "parts"])
def test_a_cut_during_a_checkpoint_loses_nothing(diary: Diary, tmp_path: Path, keep: Keep) -> None:
    def checkpointing(number: int) -> bool:
        event = diary.events[number - 1]
        written = isinstance(event, Written | Synced) and not event.path.endswith("-wal")
        return written and bool(diary.acknowledged(number))

    rng = random.Random(f"checkpoint {keep}")
    found = moments(diary, rng, 40, checkpointing)
    assert found  # there were checkpoints while the store was at work
    for number, moment in enumerate(found):
        files = diary.after_cut(moment, keep, rng)
        assert survivors(lay_out(files, tmp_path / str(number))) >= diary.acknowledged(moment)


def test_a_cut_during_a_migration_leaves_it_to_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old database with rows in it, and the power goes while it is brought up to date."""
    directory = tmp_path / "disk"
    directory.mkdir()
    path = directory / "pulsarack.db"
    scripts = load_scripts()
    old = [script for script in scripts if script.number == 1]
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "load_scripts", lambda: old)
        store = InlineStore.open(path, now_ms=NOW)
        store.run_inline(open_accounts)
        store.run_inline(lambda db: book(db, "before"))
        store.close()
    with recorded(directory) as diary:
        InlineStore.open(path, now_ms=NOW).close()
    assert len(scripts) > len(old)
    rng = random.Random("migration")
    for number, moment in enumerate(moments(diary, rng, 20, anywhere)):
        for keep in KEEPS:
            files = diary.after_cut(moment, keep, rng)
            assert "before" in survivors(lay_out(files, tmp_path / f"{number}{keep}"))


def test_the_harness_sees_what_is_lost_without_waiting_for_the_disk(tmp_path: Path) -> None:
    """The same with synchronous=OFF: acknowledged writes are gone, or the file is broken."""
    directory = tmp_path / "disk"
    directory.mkdir()
    path = directory / "pulsarack.db"
    store = InlineStore.open(path, now_ms=NOW)
    store.run_inline(open_accounts)
    store.close()
    with recorded(directory) as diary:
        store = InlineStore.open(path, now_ms=NOW, synchronous="OFF")
        for number in range(20):
            store.run_inline(lambda db, number=number: book(db, f"t{number}"))  # type: ignore[misc]
            diary.note(Acknowledged(f"t{number}"))
        until = len(diary.events)
        store.close()
    rng = random.Random("control")
    seen: Counter[str] = Counter()
    for number, keep in enumerate(KEEPS * 3):
        there = survivors(lay_out(diary.after_cut(until, keep, rng), tmp_path / str(number)))
        seen[keep] += bool(diary.acknowledged(until) - there)
    assert seen == {"nothing": 3, "everything": 0, "parts": 3}


def test_the_real_disk_holds_the_same_as_the_diary(tmp_path: Path) -> None:
    """The diary is the whole truth: what it rebuilds is what was written, byte for byte."""
    directory = tmp_path / "disk"
    directory.mkdir()
    path = directory / "pulsarack.db"
    with recorded(directory) as diary:
        store = InlineStore.open(path, now_ms=NOW)
        store.run_inline(open_accounts)
        everything = diary.after_cut(len(diary.events), "everything", random.Random(1))
        on_disk = {
            file.name: file.read_bytes()
            for file in directory.iterdir()
            if file.name in ("pulsarack.db", "pulsarack.db-wal")
        }
        with open_read_only(path) as db:
            assert sql.one(db, "SELECT count(*) FROM account") == (2,)
        store.close()
    assert {name: everything[name] for name in on_disk} == on_disk
