"""The hunter on a small process that does nothing but commit."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak import wal
from tests.soak.hunter import Hunter

COMMITS = """
import itertools, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = wal")
db.execute("CREATE TABLE t (x)")
print("ready", flush=True)
for number in itertools.count():
    db.execute("INSERT INTO t VALUES (?)", (bytes(40_000),))
    db.execute("DELETE FROM t")
"""


@pytest.fixture
def committing(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that commits to some.db until it is killed."""
    command = [sys.executable, "-c", COMMITS, str(tmp_path / "some.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_it_catches_a_process_inside_a_commit(
    tmp_path: Path, committing: "subprocess.Popen[str]"
) -> None:
    log, caught = tmp_path / "some.db-wal", threading.Event()
    hunter = Hunter(committing.pid, log, caught.set)
    assert caught.wait(60)
    hunter.end()
    assert hunter.has_caught
    assert hunter.stops > 0
    committing.kill()
    committing.wait()
    assert wal.read(log).uncommitted > 0


def test_who_gives_up_leaves_the_process_running(
    tmp_path: Path, committing: "subprocess.Popen[str]"
) -> None:
    log, looked = tmp_path / "some.db-wal", threading.Event()

    def wants(_: Path) -> bool:
        looked.set()
        return False

    hunter = Hunter(committing.pid, log, lambda: None, wants)
    assert looked.wait(60)
    hunter.end()
    assert not hunter.has_caught
    before = wal.read(log).mark
    while wal.read(log).mark == before:
        assert committing.poll() is None
