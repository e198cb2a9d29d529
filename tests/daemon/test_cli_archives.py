"""What the commands show of archives; the daemon's answers are canned."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon.cli.root import root
from pulsarack.daemon.control_protocol import CallError

AT = 1_795_366_799_000  # 2026-11-22 23:59:59 in Jakarta
FILE = "/var/lib/pulsarack/archive/2026-08.sqlite"
ORDER = {
    "id": 1234,
    "state": "SUCCEEDED",
    "agent": "kios1",
    "destination": "6281200000012",
    "received_at": AT,
    "archive": FILE,
}
BROKEN = f"the archive {FILE}: it is missing; put it back from a backup; nothing else is hurt"


@pytest.fixture
def run(fake_daemon: Any, tmp_path: Path) -> Any:
    config = tmp_path / "pulsarack.toml"
    config.write_text('[daemon]\nsocket = "control.sock"\ntimezone = "Asia/Jakarta"\n')

    def run(*args: str) -> Result:
        return CliRunner().invoke(root, ["--config", str(config), *args], prog_name="pulsarack")

    return run


def test_the_archives_are_listed(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["archive.list"] = {
        "archives": [
            {"month": "2026-07", "orders": 12, "moved_at": AT, "bytes": None, "file": "x"},
            {"month": "2026-08", "orders": 1500, "moved_at": AT, "bytes": 9_000_000, "file": FILE},
        ]
    }
    shown = run("archive", "list").stdout.splitlines()
    assert shown[0].split() == ["month", "orders", "bytes", "last", "moved", "file"]
    assert shown[-1].split() == [
        "2026-08", "1.500", "9.000.000", "2026-11-22", "23:59:59", FILE,
    ]  # fmt: skip
    fake_daemon.answers["archive.list"] = {"archives": []}
    assert run("archive", "list").stdout == "nothing is archived yet\n"


def test_now_goes_on_until_nothing_is_old(run: Any, fake_daemon: Any) -> None:
    answers = [
        {"days": 90, "moved": 1000, "archives": ["2026-07"], "failed": [], "more": True},
        {"days": 90, "moved": 12, "archives": ["2026-08"], "failed": [], "more": False},
    ]
    left = iter(answers)
    fake_daemon.answers["archive.now"] = lambda _: next(left)
    result = run("archive", "now")
    assert (result.exit_code, result.stdout) == (0, "1012 orders moved to 2026-07, 2026-08\n")
    left = iter(answers)
    shown = json.loads(run("archive", "now", "--json").stdout)
    assert shown == {"moved": 1012, "archives": ["2026-07", "2026-08"], "failed": []}


def test_now_says_what_could_not_be_moved_and_that_it_is_off(run: Any, fake_daemon: Any) -> None:
    failed = [{"what": "2026-08", "why": BROKEN}]
    answer = {"days": 90, "moved": 0, "archives": [], "failed": failed, "more": False}
    fake_daemon.answers["archive.now"] = answer
    result = run("archive", "now")
    assert (result.exit_code, result.stderr) == (1, f"2026-08: {BROKEN}\n")
    fake_daemon.answers["archive.now"] = answer | {"days": 0, "failed": []}
    assert run("archive", "now").stdout == "nothing is archived: [retention] days is 0\n"


def test_archived_orders_are_shown_with_their_file(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["order.list"] = {"orders": [ORDER], "unreadable": [BROKEN]}
    result = run("order", "list", "--month", "2026-08")
    assert FILE in result.stdout and "1234" in result.stdout
    assert result.stderr == f"pulsarack: {BROKEN}\n"
    fake_daemon.answers["order.show"] = {"order": ORDER}
    assert f"archive      {FILE}" in run("order", "show", "1234").stdout


def test_a_statement_says_which_archive_it_lacks(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["ledger.statement"] = {"lines": [], "unreadable": [BROKEN]}
    result = run("ledger", "statement", "liability:agent:kios1")
    assert result.stderr == f"pulsarack: older lines cannot be shown: {BROKEN}\n"


def test_what_is_refused_says_so(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["order.reverse"] = CallError("ARCHIVED", "order 7 is archived", "see it")
    result = run("order", "reverse", "7", "--because", "x")
    assert (result.exit_code, result.stderr) == (1, "pulsarack: order 7 is archived; see it\n")
