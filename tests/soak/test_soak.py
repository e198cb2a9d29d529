"""The short crash test, as part of all tests: every kind of kill once. See run.py."""

import os
from pathlib import Path

import pytest

from tests.soak import report
from tests.soak.aims import Kind
from tests.soak.run import run


@pytest.mark.timeout(300)
async def test_every_kind_of_kill_once(tmp_path: Path) -> None:
    root = tmp_path / "run"
    outcome = await run(root, orders=60, kills=len(Kind), seed=3, speed=40.0)
    said = "\n".join(report.lines(outcome))
    assert outcome.faults == [], said
    assert outcome.orders >= 60, said
    assert all(outcome.tally.kills[kind] == 1 for kind in Kind), said
    # The proof that it was inside: frames that no commit has closed.
    assert outcome.tally.tails[Kind.COMMIT] == 1, said
    assert outcome.audit == "audit: every promise holds"
    assert said.endswith("all promises were kept")
    log = (root / "daemon.log").read_text(encoding="utf-8")
    assert log.count("daemon.started") >= len(Kind)
    assert not _running_in(root)


def _running_in(directory: Path) -> list[str]:
    """The command lines of processes that name the directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = os.fsdecode(path.read_bytes())
        except OSError:
            continue
        if str(directory) in command:
            found.append(command)
    return found
