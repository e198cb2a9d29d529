"""What a newcomer reads when something is missing: its name, and the command that installs it."""

import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parent.parent / "setup.sh"
INSTALL = "apt-get install python3 python3-venv"


def set_up(python: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(SETUP), python, str(directory / "venv")]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)


def fake_python(directory: Path, fails_at: str) -> str:
    """A python that fails the check whose code holds a word."""
    path = directory / "python"
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\n'
        f'case "$2" in *{fails_at}*) exit 1;; esac\nexit 0\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("fails_at", "says"),
    [
        ("version_info", "is too old, 3.11 or later is needed"),
        ("venv", "the venv module is missing"),
    ],
)
def test_a_missing_prerequisite_is_named(tmp_path: Path, fails_at: str, says: str) -> None:
    ended = set_up(fake_python(tmp_path, fails_at), tmp_path)
    assert ended.returncode == 1
    assert says in ended.stderr and "apt-get install" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "venv").exists()


def test_no_python_at_all(tmp_path: Path) -> None:
    ended = set_up("no-such-python", tmp_path)
    assert ended.returncode == 1
    assert INSTALL in ended.stderr
