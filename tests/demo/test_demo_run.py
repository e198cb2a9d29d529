"""Whole demonstrations, small ones: the real daemon and the simulated rack as processes."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pulsarack.daemon import audit
from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.demo.main import run

COMMAND = [sys.executable, "-m", "pulsarack.daemon.main", "demo", "--plain"]
GOOD = "the books balance and agree with the operators' books."


def demo(directory: Path | None, *, orders: int = 12, kill: int = 0, seed: int = 1) -> int:
    return run(
        orders=orders, kill=kill, seed=seed, speed=40.0, rack=None, directory=directory, plain=True
    )


def children_in(directory: Path) -> list[str]:
    """The command lines of running processes that name the directory, but for the demo."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(directory) in command and " demo " not in command:
            found.append(command)
    return found


def test_a_small_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "run"
    assert demo(directory, seed=2) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert last.startswith("12 orders: ")
    assert last.endswith(GOOD)
    assert int(last.split()[2]) > 0
    assert any("/12 finished" in line for line in lines)
    assert audit.main(directory / "state" / "pulsarack.db", directory / "truth.jsonl") == []
    assert not children_in(directory)


@pytest.mark.parametrize("seed", [3, 5])
def test_a_day_with_three_kills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    directory = tmp_path / "run"
    assert demo(directory, kill=3, seed=seed) == 0
    out = capsys.readouterr().out
    assert "the daemon was killed 3 times" in out
    assert out.splitlines()[-1].endswith(GOOD)
    log = (directory / "daemon.log").read_text(encoding="utf-8")
    assert log.count("daemon.started") == 4
    assert not children_in(directory)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_whoever_interrupts_it_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    directory = tmp_path / "run"
    command = [*COMMAND, "--orders", "100", "--speed", "10", "--dir", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "/100 finished" not in process.stdout.readline():
            assert process.poll() is None
        assert len(children_in(directory)) == 2
        process.send_signal(number)
        assert process.wait() == status
    assert not children_in(directory)


def test_a_directory_that_was_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(DemoError, match="not empty"):
        demo(tmp_path)
