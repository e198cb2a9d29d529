"""Making backups: of one moment, whole or not listed, cheap where nothing changed, and bounded."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon import durable
from pulsarack.daemon.backups import copying, keep, making, shelf, standing
from pulsarack.daemon.backups.copying import copy_database
from pulsarack.daemon.backups.errors import BackupFailed, NoBackup
from pulsarack.daemon.backups.keep import HOUR_MS, KeepRule
from pulsarack.daemon.backups.maker import is_due
from pulsarack.daemon.backups.manifest import Copied, Manifest, Verified
from pulsarack.daemon.backups.shelf import Backup
from pulsarack.daemon.backups.verifying import check
from pulsarack.daemon.config_backup import BackupSection
from pulsarack.daemon.store_errors import DatabaseGone
from pulsarack.daemon.store_files import DATABASE_NAME
from tests.backups.yard import Yard
from tests.daemon.archive_world import OldShop
from tests.queue.world import World, iccid

CARD = iccid(1)
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def yard(shop: World) -> Yard:
    """A shop."""
    return Yard(shop)


def test_a_backup_says_what_it_is_and_is_the_daemon_s_and_the_group_s_alone(
    yard: Yard, shop: World
) -> None:
    order = shop.order()
    made = yard.make()
    assert (made.newest_order, made.open_orders, made.made_at) == (order.id, 1, shop.now)
    assert made.schema.keys() == {"ledger", "queue"}
    (backup,) = yard.backups()
    assert backup.manifest == made and backup.good and not backup.proved
    assert backup.path.stat().st_mode & 0o777 == durable.FOLDER_MODE
    assert {one.stat().st_mode & 0o777 for one in backup.path.iterdir()} == {durable.FILE_MODE}
    assert standing.figures(yard.folder).newest_at_ms == shop.now


def test_what_is_sold_while_it_is_made_is_not_in_it_and_does_not_make_it_begin_anew(
    yard: Yard, shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is of one moment, however much is committed between its slices."""
    monkeypatch.setattr(copying, "SLICE_PAGES", 8)
    slices = []

    def trade(_seconds: float) -> None:
        slices.append(shop.order(f"S10.0812{len(slices):08}").id)

    made = yard.make(pause=trade)
    assert len(slices) > 10
    copy = yard.newest().path / DATABASE_NAME
    assert made.newest_order == 0
    assert yard.rows(copy, "SELECT count(*) FROM orders") == [(0,)]
    assert yard.rows(copy, "PRAGMA integrity_check") == [("ok",)]


def test_a_log_that_grows_ends_the_pauses(yard: Yard, shop: World) -> None:
    pauses: list[float] = []
    copying_log, copying.LOG_BYTES = copying.LOG_BYTES, 0
    try:
        yard.make(pause=pauses.append)
    finally:
        copying.LOG_BYTES = copying_log
    assert set(pauses) == {0.0}


def test_the_log_of_a_daemon_that_was_killed_is_in_it_and_stays(yard: Yard, shop: World) -> None:
    order = shop.order()
    log = Path(f"{yard.database}-wal")
    before = log.read_bytes()
    assert before
    assert yard.make().newest_order == order.id
    assert log.read_bytes() == before


def test_an_archive_that_did_not_change_is_not_copied_again(yard: Yard, shop: World) -> None:
    old = OldShop(shop)
    for number in range(2):
        sold = shop.sent(CARD, f"S10.08120000001{number}")
        shop.decide(sold.attempt_id, done=True, figure=shop.stock(CARD).posted - sold.order.cost)
        old.age()
    assert old.archive().moved
    (archive,) = old.folder.iterdir()
    os.utime(archive, ns=(0, 0))  # the world's time is its own
    shop.now += 10_000
    yard.make()
    shop.now += 10_000
    yard.make()
    newest, first = yard.backups()
    copies = [one.path / "archive" / archive.name for one in (newest, first)]
    assert copies[0].samefile(copies[1]) and not copies[0].samefile(archive)
    assert yard.verify().ok
    os.utime(archive, ns=(1, 1))
    shop.now += 10_000
    yard.make()
    assert not (yard.newest().path / "archive" / archive.name).samefile(copies[0])


class Killed(BaseException):
    """kill -9."""


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Killed()])
def test_what_is_broken_off_is_never_listed_and_goes_with_the_next(
    yard: Yard, shop: World, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    yard.make()
    shop.now += 60_000
    steps, done = 0, False
    while not done:
        steps += 1
        with monkeypatch.context() as patched:
            break_off(patched, steps, error)
            if isinstance(error, Killed):  # nothing is tidied up
                patched.setattr(making.Making, "give_up", lambda self: self._held.close())
            try:
                yard.make()
                done = True
            except (BackupFailed, Killed):
                pass
        for one in yard.backups():
            assert check(one)  # it has its name already, and every byte
    assert steps > 8
    assert [one.name for one in yard.folder.iterdir() if one.name.startswith(".making")] == []


def break_off(patched: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
    """The n-th thing that is done to a file fails."""
    count = 0

    def mortal(work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **more: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                raise error
            return work(*args, **more)

        return step

    for where, name in ((durable, "write"), (durable, "sync_folder"), (durable, "digest")):
        patched.setattr(where, name, mortal(getattr(where, name)))
    patched.setattr(making, "copy_database", mortal(making.copy_database))
    patched.setattr(making, "free_bytes", mortal(making.free_bytes))
    patched.setattr(durable, "rename", mortal(durable.rename))


def test_a_disk_that_fills_is_left_with_its_reserve(
    yard: Yard, shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackupFailed, match="too full"):
        yard.make(reserve=2**60)
    free = iter([2**40] * 2)
    monkeypatch.setattr(making, "free_bytes", lambda _place: next(free, 1000))
    with pytest.raises(BackupFailed, match="No space left"):
        yard.make(reserve=5000)
    assert [one.name for one in yard.folder.iterdir()] == [".lock"]


def test_when_there_is_no_room_those_go_first_that_need_not_stay(
    yard: Yard, shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        yard.make()
        shop.now += HOUR_MS
    monkeypatch.setattr(making, "free_bytes", lambda _place: 2**40 if len(yard.names()) == 1 else 0)
    yard.make(KeepRule(0, 0, 0), reserve=1)
    assert len(yard.names()) == 1


def test_only_one_is_made_at_a_time(yard: Yard, shop: World) -> None:
    with shelf.alone(yard.folder), pytest.raises(BackupFailed, match="another program"):
        yard.make()
    yard.make()


def test_no_database_is_no_backup(yard: Yard, shop: World, tmp_path: Path) -> None:
    shop.close()
    Path(f"{yard.database}-wal").write_bytes(b"x")
    yard.database.unlink()
    with pytest.raises(DatabaseGone):
        yard.make()
    assert yard.names() == []
    with pytest.raises(NoBackup):
        yard.newest()
    (tmp_path / "x").mkdir()
    with pytest.raises(Exception, match="cannot read"):
        copy_database(tmp_path / "x" / "no.db", tmp_path / "copy.db", lambda _db: None)


# --- which stay --------------------------------------------------------------------------


def backup(
    name: str, at: int, *, proved: bool | None = None, size: int = 10, schema: int = 1
) -> Backup:
    """One as it is listed."""
    said = Manifest(
        format=1,
        version="1",
        made_at=at,
        why="",
        schema={"queue": schema},
        commit=1,
        newest_order=1,
        open_orders=0,
        files=(Copied(DATABASE_NAME, size, f"{abs(hash(name)):064x}"[:64]),),
    )
    verified = (
        None if proved is None else Verified(at=at, version="1", ok=proved, manifest="0" * 64)
    )
    return Backup(Path(name), said, verified)


def day_of(at_ms: int) -> str:
    """Days of thirty a month."""
    day = at_ms // DAY_MS
    return f"{2000 + day // 360:04}-{day % 360 // 30 + 1:02}-{day % 30 + 1:02}"


def kept(backups: list[Backup], rule: KeepRule, now_ms: int) -> list[str]:
    gone = {one.name for one in keep.surplus(backups, rule, now_ms=now_ms, day_of=day_of)}
    return [one.name for one in backups if one.name not in gone]


def test_all_of_the_last_hours_stay_then_one_a_day_then_one_a_month() -> None:
    now = 400 * DAY_MS + 12 * HOUR_MS
    every = [backup(f"b{n}", now - n * HOUR_MS) for n in range(24 * 100)]
    left = kept(every, KeepRule(3, 4, 3), now)
    assert left[:4] == ["b0", "b1", "b2", "b3"]
    assert left[4:7] == ["b13", "b37", "b61"]  # the newest of the days before
    assert len(left) == 4 + 3 + 2


def test_the_last_verified_one_stays_and_so_does_the_last_before_an_upgrade() -> None:
    now = 400 * DAY_MS
    old = [
        backup("new", now),
        backup("x", now - DAY_MS, proved=False),
        backup("u-before-upgrade", now - 50 * DAY_MS),
        backup("v", now - 60 * DAY_MS, proved=True),
        backup("w", now - 70 * DAY_MS, proved=True),
    ]
    assert kept(old, KeepRule(0, 0, 0), now) == ["new", "u-before-upgrade", "v"]
    assert kept(old, KeepRule(0, 0, 0, most_bytes=1), now) == ["new", "u-before-upgrade", "v"]
    assert kept(old, KeepRule(10_000, 0, 0, most_bytes=40), now) == [
        "new",
        "x",
        "u-before-upgrade",
        "v",
    ]


def test_an_upgrade_that_was_broken_off_costs_no_way_back() -> None:
    now = 400 * DAY_MS
    every = [
        backup("new", now),
        backup("again-before-upgrade", now - 20 * DAY_MS, schema=16),
        backup("half-before-upgrade", now - 21 * DAY_MS, schema=16),
        backup("true-before-upgrade", now - 22 * DAY_MS, schema=15),
    ]
    left = ["new", "again-before-upgrade", "true-before-upgrade"]
    assert kept(every, KeepRule(0, 0, 0), now) == left


def test_a_clock_that_was_wrong_does_not_cost_what_is_made_since() -> None:
    now = 400 * DAY_MS
    every = [
        backup("f", now + 900 * DAY_MS, proved=True),
        backup("new", now),
        backup("v", now - DAY_MS, proved=True),
        backup("w", now - 2 * DAY_MS, proved=True),
    ]
    assert kept(every, KeepRule(0, 0, 0), now) == ["f", "new", "v"]
    assert kept(every, KeepRule(3, 14, 6, most_bytes=1), now) == ["f", "new", "v"]


@given(
    st.lists(st.tuples(st.integers(0, 500), st.sampled_from([None, True, False])), max_size=30),
    st.integers(0, 100),
    st.integers(0, 20),
    st.integers(0, 5),
    st.sampled_from([0, 1, 50]),
)
def test_what_must_stay_always_stays(
    made: list[tuple[int, bool | None]], hours: int, days: int, months: int, most: int
) -> None:
    backups = [
        backup(f"b{n}", 500 * DAY_MS - at * HOUR_MS, proved=proved)
        for n, (at, proved) in enumerate(sorted(made, key=lambda one: one[0]))
    ]
    left = kept(backups, KeepRule(hours, days, months, most), 500 * DAY_MS)
    for wanted in (lambda b: b.good, lambda b: b.proved):
        first = next((one.name for one in backups if wanted(one)), None)
        assert first is None or first in left
    assert bool(left) == bool(backups)


def test_when_one_is_due() -> None:
    settings = BackupSection(every_minutes=15)
    assert is_due(None, settings, 0)
    assert not is_due(1000, settings, 1000 + 14 * 60_000)
    assert is_due(1000, settings, 1000 + 15 * 60_000 - 20_000)
    assert is_due(10**13, settings, 1000)  # the clock was set back
    assert not is_due(None, BackupSection(every_minutes=0), 0)  # only by hand


def test_what_lies_about_there_is_no_backup(yard: Yard, shop: World) -> None:
    yard.make()
    (yard.folder / "lost+found").mkdir()
    (yard.folder / "20261130T031500Z").write_text("a file")
    (yard.folder / "20261130T031501Z").mkdir()
    (yard.folder / "20261130T031503Z").mkdir()
    os.mkfifo(yard.folder / "20261130T031503Z" / "manifest.json")
    (yard.folder / "20261130T031502Z").mkdir()
    (yard.folder / "20261130T031502Z" / "manifest.json").write_bytes(b"x" * 2_000_000)
    problems = [one.problem for one in yard.backups() if one.problem]
    assert len(yard.names()) == 4 and len(problems) == 3
    for said, expected in zip(problems, ("is no file", "too large", "No such file"), strict=True):
        assert expected in said
    assert standing.figures(yard.folder).unusable == 3
