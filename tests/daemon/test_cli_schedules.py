"""`schedule`, `report day` and `chip expiry`, against a server with canned answers."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pulsarack.daemon.cli.root import root
from pulsarack.daemon.control_protocol import CallError

AT = 1_795_366_799_000  # 2026-11-22 23:59:59 in Jakarta
JOBS = [
    {"name": "audit", "when": "daily at 04:10", "due_at": AT, "began_at": AT, "outcome": "failed",
     "failures": 2, "said": "3 findings\x1b[31m; pulsarack audit"},
    {"name": "backup", "when": "by hand", "due_at": None, "began_at": None, "outcome": None,
     "failures": 0, "said": ""},
]  # fmt: skip
LINE = {"agent": "A1", "name": "=1+1", "sold": 2, "revenue": 21_000, "cost": 20_300,
        "profit": 700, "failed": 1, "begin": 0, "reasons": {"WRONG_NUMBER": 1}}  # fmt: skip
DAY = {"day": "2026-11-22", "complete": False, "lines": [LINE], "total": LINE | {"agent": "total"}}


@pytest.fixture
def run(fake_daemon: Any, tmp_path: Path) -> Any:
    """A command line against the canned daemon, with times of Jakarta."""
    path = tmp_path / "pulsarack.toml"
    path.write_text('[daemon]\ntimezone = "Asia/Jakarta"\n')

    def run_(*args: str) -> Any:
        line = ["--config", str(path), "--socket", str(fake_daemon.path), *args]
        return CliRunner().invoke(root, line)

    return run_


def test_the_jobs_are_listed_and_one_is_run(fake_daemon: Any, run: Any) -> None:
    fake_daemon.answers = {"schedule.list": {"jobs": JOBS}, "schedule.run": {"said": "done"}}
    shown = run("schedule", "list").output
    assert "daily at 04:10" in shown and "2026-11-22 23:59:59" in shown and "\x1b" not in shown
    assert json.loads(run("schedule", "list", "--json").output) == {"jobs": JOBS}
    assert run("schedule", "run", "audit").output == "done\n"
    assert fake_daemon.asked[-1] == ("schedule.run", {"name": "audit"})
    fake_daemon.answers["schedule.run"] = CallError("JOB_FAILED", "the disk is full", "make room")
    failed = run("schedule", "run", "audit")
    assert failed.exit_code == 1 and "the disk is full; make room" in failed.output


def test_a_day_is_a_table_csv_or_json(fake_daemon: Any, run: Any) -> None:
    fake_daemon.answers = {"report.day": DAY}
    shown = run("report", "day", "--by", "agent").output
    assert fake_daemon.asked[-1] == ("report.day", {"by": "agent"})
    assert shown.startswith("2026-11-22, which is not over, rupiah")
    heads, _, line, total = shown.splitlines()[2:6]
    assert heads.split() == ["agent", "name", "sold", "revenue", "cost", "profit", "failed"]
    assert line.split() == ["A1", "=1+1", "2", "21.000", "20.300", "700", "1"]
    assert total.startswith("total") and "WRONG_NUMBER" in shown
    (row,) = csv.DictReader(io.StringIO(run("report", "day", "--by", "agent", "--csv").output))
    assert (row["name"], row["profit"], row["undecided"]) == ("'=1+1", "700", "")
    assert json.loads(run("report", "day", "2026-11-22", "--json").output) == DAY
    assert fake_daemon.asked[-1][1] == {"day": "2026-11-22", "by": "operator"}


def test_the_last_day_of_a_chip_is_noted(fake_daemon: Any, run: Any) -> None:
    fake_daemon.answers = {"chip.expiry": {}}
    said = run("chip", "expiry", "8962100000000000001", "2027-01-31", "--who", "me").output
    assert said == "the last day of chip 8962100000000000001 is 2027-01-31\n"
    forgotten = run("chip", "expiry", "8962100000000000001", "--unknown", "--who", "me")
    assert forgotten.output.endswith("is not known\n")
    assert run("chip", "expiry", "8962100000000000001").exit_code == 2
