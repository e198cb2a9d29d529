"""The units as systemd reads them: nothing to complain of, and little that they leave open."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = ("pulsarack.service", "pulsarack-backup.service", "pulsarack-backup.timer")
MOST_EXPOSED = 15  # tenths
LEAST_PATIENCE = 90  # a stop of the daemon may take 60 s, and 20 s more


@pytest.fixture(autouse=True)
def _analyzer() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here: apt-get install systemd")


def analyzed(*arguments: str) -> str:
    """What it says; fails if it ends with an error."""
    done = subprocess.run(
        ["systemd-analyze", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_units_are_verified_without_a_word(tmp_path: Path) -> None:
    """All together; the command that they name is only looked for."""
    program = tmp_path / "pulsarack"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in UNITS:
        text = (ROOT / "systemd" / name).read_text(encoding="utf-8")
        text = text.replace("/usr/bin/pulsarack", str(program))
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert analyzed("verify", "--man=no", *(str(tmp_path / name) for name in UNITS)) == ""


@pytest.mark.parametrize("name", [unit for unit in UNITS if unit.endswith(".service")])
def test_little_is_left_open(name: str) -> None:
    unit = str(ROOT / "systemd" / name)
    analyzed("security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)


def test_systemd_is_more_patient_than_the_daemon() -> None:
    text = (ROOT / "systemd/pulsarack.service").read_text(encoding="utf-8")
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    assert int(lines["TimeoutStopSec"]) >= LEAST_PATIENCE
    assert int(lines["WatchdogSec"]) > 60, "the default of [daemon] watchdog_seconds"
