"""Putting a backup back: whole or not at all, whenever it is killed, and never a bad one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import durable
from pulsarack.daemon.backups import restoring
from pulsarack.daemon.backups.errors import BackupError, BadBackup, RestoreRefused
from pulsarack.daemon.store_errors import CommitsLost, RestoreUnfinished, StoreLocked
from pulsarack.daemon.store_files import DATABASE_NAME, MARK_NAME, RESTORE_NAME
from pulsarack.daemon.store_mark import read_mark
from pulsarack.queue.restored import LEFT_OUT, reopen
from tests.backups.yard import Yard
from tests.daemon.archive_world import OldShop
from tests.queue.world import World, iccid

CARD = iccid(1)


class Killed(BaseException):
    """kill -9: nothing is tidied up."""


@pytest.fixture
def yard(shop: World) -> Yard:
    """A shop with an archive, and an order that waits."""
    old = OldShop(shop)
    sold = shop.sent(CARD)
    shop.decide(sold.attempt_id, done=True, figure=500_000 - sold.order.cost)
    old.age()
    shop.order("S10.081200000021")
    assert old.archive().moved == 1
    return Yard(shop)


def test_the_backup_takes_the_place_of_everything_and_what_was_there_stays(
    yard: Yard, shop: World
) -> None:
    made = yard.make()
    yard.verify()
    assert yard.newest().proved
    lost = shop.order("S10.081200000022")
    shop.close()
    (yard.state / MARK_NAME).write_text(f"{made.commit + 500:020}\n")
    done = yard.restore().restored
    assert (done.waiting, done.undecided, done.agents) == (1, 0, 1)
    aside = yard.state / done.aside
    assert {one.name for one in aside.iterdir()} >= {DATABASE_NAME, "archive", "restored.json"}
    assert yard.rows(aside / DATABASE_NAME, f"SELECT id FROM orders WHERE id = {lost.id}")
    yard.begin()  # the mark of the lost commits lets it pass
    assert shop.sql("SELECT count(*) FROM orders") == [(1,)]
    assert OldShop(shop).findings() == []
    assert not (yard.state / restoring.STAGING).exists()
    assert [(yard.state / name).exists() for name in (RESTORE_NAME, "archive")] == [False, True]


def test_an_older_copy_that_was_put_there_by_hand_is_still_refused(yard: Yard, shop: World) -> None:
    made = yard.make()
    shop.close()
    (yard.state / MARK_NAME).write_text(f"{made.commit + 500:020}\n")
    shutil.copyfile(yard.newest().path / DATABASE_NAME, yard.database)
    with pytest.raises(CommitsLost):
        yard.begin()
    yard.restore()
    yard.begin()


def test_a_running_daemon_is_not_touched(yard: Yard, shop: World) -> None:
    yard.make()
    before = sorted(one.name for one in yard.state.iterdir())
    with pytest.raises(StoreLocked):
        yard.restore()
    assert sorted(one.name for one in yard.state.iterdir()) == before


def kill_at(monkeypatch: pytest.MonkeyPatch, number: int) -> list[str]:
    """Every step that changes a name, or makes a file, is counted; the n-th one never returns."""
    steps: list[str] = []

    def mortal(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **more: Any) -> Any:
            steps.append(name)
            if len(steps) == number:
                raise Killed
            return work(*args, **more)

        return step

    for name in ("rename", "write", "copy", "sync_folder", "remove_tree"):
        monkeypatch.setattr(durable, name, mortal(name, getattr(durable, name)))
    return steps


def test_whenever_it_is_killed_the_start_works_or_says_how_it_stands(
    yard: Yard, shop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old database, or the new one, or a refusal that names the command to go on with."""
    yard.make()
    lost = shop.order("S10.081200000022")
    shop.close()
    number, ends, killed = 0, list[str](), True
    # The audit is the same each time; and it takes most of the time.
    monkeypatch.setattr(restoring.audit, "main", lambda _path, **_more: [])
    while killed:
        number += 1
        state = tmp_path / f"killed{number}"
        shutil.copytree(yard.state, state)
        with monkeypatch.context() as patched:
            kill_at(patched, number)
            try:
                moved = Yard(shop)
                moved.state, moved.database = state, state / DATABASE_NAME
                moved.restore()
                killed = False
            except Killed:
                pass
        try:
            moved.begin()
        except RestoreUnfinished as error:
            assert "pulsarack backup restore" in str(error)
            ends.append("unfinished")
            assert moved.restore().finished
            moved.begin()
        orders = shop.sql("SELECT id, reason FROM orders ORDER BY id")
        if len(orders) == 2:  # nothing was touched yet
            assert orders[-1] == (lost.id, None)
            ends.append("old")
        else:
            assert [reason for _, reason in orders] == ["RESTORED"]
            ends.append("new")
        assert OldShop(shop).archive().failed == {}
        shop.close()
        shutil.rmtree(state)
    assert ends[0] == "old" and ends[-1] == "new"
    assert ends.count("unfinished") > 5


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("bit", "SHA-256"),
        ("short", "bytes, not"),
        ("gone", "No such file"),
        ("newer", "newer pulsarack"),
        ("format", "newer pulsarack"),
        ("manifest", "damaged"),
        ("elsewhere", "damaged"),
        ("nothing", "no database"),
    ],
)
def test_a_backup_that_is_not_whole_is_not_put_back(
    yard: Yard, shop: World, what: str, told: str
) -> None:
    yard.make()
    backup = yard.newest()
    copy = backup.path / DATABASE_NAME
    if what == "bit":
        data = bytearray(copy.read_bytes())
        data[len(data) // 2] ^= 1
        copy.write_bytes(data)
    elif what == "short":
        copy.write_bytes(copy.read_bytes()[:-1])
    elif what == "gone":
        copy.unlink()
    elif what == "newer":
        yard.spoil(backup, schema={"queue": 999, "ledger": 1})
    elif what == "format":
        yard.spoil(backup, format=2)
    elif what == "manifest":
        (backup.path / "manifest.json").write_bytes(b"{\xff")
    elif what == "elsewhere":
        yard.spoil(backup, files=[{"name": "../../x", "bytes": 1, "sha256": "0" * 64}])
    else:
        yard.spoil(backup, files=[])
    shop.close()
    before = {one: one.read_bytes() for one in yard.state.iterdir() if one.is_file()}
    (read,) = yard.backups()
    with pytest.raises(BadBackup, match=told):
        yard.restore(read)
    assert {one: one.read_bytes() for one in yard.state.iterdir() if one.is_file()} == before
    assert not yard.verify(read).ok or what == "format"
    yard.begin()


def test_a_backup_that_breaks_a_promise_needs_a_word_more(yard: Yard, shop: World) -> None:
    shop.run(lambda db: db.execute_sql("UPDATE orders SET price = price + 1"))
    yard.make()
    assert not yard.verify().ok
    (bad,) = yard.backups()
    assert not bad.good and bad.verified is not None and "price" in bad.verified.findings[0]
    shop.close()
    with pytest.raises(BadBackup, match="--despite-findings"):
        yard.restore(bad)
    yard.restore(bad, despite_findings=True)
    yard.begin()


def test_without_a_name_only_what_was_broken_off_is_finished(yard: Yard, shop: World) -> None:
    def nobody() -> Any:
        raise RestoreRefused("say which backup")

    shop.close()
    with pytest.raises(RestoreRefused):
        restoring.restore(nobody, yard.state, now_ms=shop.now, hold_agents=True)
    yard.begin()


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"[]",
        b"x" * 70_000,
        json.dumps({"moves": [{"old": "../../etc", "new": "x"}], "done": {}}).encode(),
        json.dumps(
            {
                "moves": [{"old": "pulsarack.db", "new": "/etc/x"}],
                "done": {"backup": "b", "made_at": 1, "restored_at": 1, "newest_order": 1}
                | {"waiting": 0, "undecided": 0, "agents": 0, "aside": "a"},
            }
        ).encode(),
    ],
)
def test_a_journal_that_is_not_ours_is_refused(yard: Yard, shop: World, journal: bytes) -> None:
    shop.close()
    (yard.state / RESTORE_NAME).write_bytes(journal)
    with pytest.raises(RestoreUnfinished):
        yard.begin()
    with pytest.raises(BackupError, match="by hand"):
        yard.restore()
    (yard.state / RESTORE_NAME).unlink()
    yard.begin()


def test_what_is_half_put_back_is_not_backed_up(
    yard: Yard, shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old database stands there without its log, as if nothing had been committed since."""
    yard.make()
    shop.close()
    rename = durable.rename

    def killed_at_the_database(old: Path, new: Path) -> None:
        if old == yard.database:
            raise Killed
        rename(old, new)

    monkeypatch.setattr(durable, "rename", killed_at_the_database)
    with pytest.raises(Killed):
        yard.restore()
    with pytest.raises(RestoreUnfinished):
        yard.make()
    assert len(yard.names()) == 1 and yard.database.exists()


def test_numbers_told_after_a_restore_are_not_given_again_by_the_next(
    yard: Yard, shop: World
) -> None:
    """The same backup twice: whether the database given up can be read, or another backup knows."""
    yard.make()
    first = yard.newest()
    shop.close()

    def sold_after_restore() -> int:
        yard.restore(first)
        yard.begin()
        shop.run(reopen)
        return shop.order("S10.081200000023").id

    once = sold_after_restore()
    shop.close()
    twice = sold_after_restore()
    for _ in range(2):
        shop.now += 60_000
        yard.make()
    shop.close()
    yard.spoil(yard.newest(), newest_order=2**62)  # no rack sells so much: it is not believed
    yard.database.write_bytes(b"not a database")
    thrice = sold_after_restore()
    assert LEFT_OUT < once < once + LEFT_OUT <= twice < twice + LEFT_OUT <= thrice


def test_who_is_held_already_is_said_to_be_held(yard: Yard, shop: World) -> None:
    yard.make()
    shop.close()
    assert yard.restore().restored.agents == 1
    yard.begin()
    shop.now += 60_000
    yard.make()
    shop.close()
    assert yard.restore().restored.agents == 1
    assert yard.restore(hold_agents=False).restored.agents == 1


def test_a_clock_that_is_behind_is_followed_and_an_impossible_one_refused(
    yard: Yard, shop: World
) -> None:
    yard.make()
    shop.close()
    now, shop.now = shop.now, 3_600_000
    with pytest.raises(RestoreRefused, match="the clock says 1970-01-01 01:00"):
        yard.restore()
    shop.now = now - 10 * 86_400_000
    yard.restore()
    yard.begin()
    steps = [step for (step,) in shop.sql("SELECT step FROM clock_step") if step < 0]
    assert steps and sum(steps) < -9 * 86_400_000


def test_a_newer_mark_is_kept(yard: Yard, shop: World) -> None:
    """What the mark says was committed stays below what the new database counts."""
    yard.make()
    shop.close()
    (yard.state / MARK_NAME).write_text(f"{700:020}\n")
    yard.restore()
    assert read_mark(yard.state) == 700
    yard.begin()
    assert shop.sql("PRAGMA user_version") == [(701,)]
