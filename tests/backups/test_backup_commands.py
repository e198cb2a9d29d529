"""`pulsarack backup`: without a daemon it works on the files, with one through it."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon.cli.root import root
from pulsarack.daemon.control_protocol import CallError
from pulsarack.daemon.store_files import DATABASE_NAME, StateLock
from tests.daemon.conftest import fake_daemon
from tests.queue.world import World

__all__ = ["fake_daemon"]


@pytest.fixture
def run(shop: World, tmp_path: Path) -> Any:
    """Commands on the shop's own files, with its daemon gone."""
    shop.order()
    state = Path(shop.store._db.database).parent
    shop.close()
    config = tmp_path / "pulsarack.toml"
    config.write_text(
        f'[daemon]\nstate_dir = "{state}"\nsocket = "control.sock"\n[backup]\ndir = "kept"\n'
    )

    def run(*args: str) -> Result:
        return CliRunner().invoke(
            root, ["--config", str(config), "backup", *args], prog_name="pulsarack"
        )

    run.state = state  # type: ignore[attr-defined]
    yield run
    shop.store = type(shop.store).open(state / DATABASE_NAME, now_ms=shop.now, synchronous="OFF")


def test_a_round_of_all_commands_without_a_daemon(run: Any, tmp_path: Path) -> None:
    assert run("list").stdout == f"there is no backup in {tmp_path / 'kept'}\n"
    assert "there is no usable backup" in run("verify").stderr
    assert "up to order 1" in run("now").stdout
    assert run("now", "--if-due").stdout == "no backup is due\n"
    (listed,) = json.loads(run("list", "--json").stdout)["backups"]
    assert (listed["verified"], listed["open_orders"]) == ("no", 1)
    assert run("verify").stdout == f"backup {listed['name']}: every promise holds\n"
    assert run("list").stdout.splitlines()[-1].split()[-1] == "yes"
    told = run("restore", listed["name"]).stdout
    for words in ("1 orders that waited", "1 agents may not order", "before-restore-", "reopen"):
        assert words in told
    again = json.loads(run("restore", listed["name"], "--sell-at-once", "--json").stdout)
    assert (again["agents"], again["finished"]) == (0, False)


def test_a_database_that_litestream_gave_back_becomes_a_backup(run: Any, tmp_path: Path) -> None:
    given = tmp_path / "given.db"
    given.write_bytes((run.state / DATABASE_NAME).read_bytes())
    db = sqlite3.connect(given)
    db.execute("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
    db.execute("CREATE TABLE _litestream_lock (id INTEGER)")
    db.close()
    assert "up to order 1" in run("now", "--database", str(given)).stdout
    assert "every promise holds" in run("verify").stdout


def test_what_is_refused_says_why(run: Any) -> None:
    assert "say which backup" in run("restore").stderr
    assert "there is no backup 'x'" in run("restore", "x").stderr
    lock = StateLock(run.state)
    try:
        assert "already works in" in run("restore", "x").stderr
    finally:
        lock.release()


def test_a_damaged_backup_is_shown_as_such(run: Any, tmp_path: Path) -> None:
    run("now")
    (backup,) = (tmp_path / "kept").glob("2*")
    with (backup / DATABASE_NAME).open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff\x00\xff")
    result = run("verify", backup.name)
    assert result.exit_code == 1 and "SHA-256" in result.stdout
    shown = run("list")
    assert "DAMAGED" in shown.stdout and "SHA-256" in shown.stderr
    (backup / "manifest.json").unlink()
    assert "UNUSABLE" in run("list").stdout


def test_a_running_daemon_makes_it_itself(run: Any, fake_daemon: Any) -> None:
    made = {"made": True, "folder": "/b", "bytes": 4096, "newest_order": 7, "at": 1}
    fake_daemon.answers["backup.now"] = made
    fake_daemon.answers["backup.reopen"] = {"agents": ["A1", "A2"]}
    lock = StateLock(run.state)
    try:
        assert run("now").stdout == "backup made in /b: 4.096 bytes, up to order 7\n"
        assert run("now", "--if-due").exit_code == 0
        assert fake_daemon.args_of("backup.now") == {"if_due": True}
        assert run("reopen").stdout == "2 agents may order again\n"
        fake_daemon.answers["backup.now"] = CallError("BACKUP_FAILED", "the disk is full", "df -h")
        assert "the disk is full; df -h" in run("now").stderr
    finally:
        lock.release()
