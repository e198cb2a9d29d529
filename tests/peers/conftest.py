"""Tests with real peers run only when they are asked for, and when their peer is there."""

import os
import shutil
from pathlib import Path

import pytest

PEERS = Path(__file__).resolve().parents[2] / ".peers"


@pytest.fixture(autouse=True)
def _asked_for(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.config.getoption("--peers"):
        pytest.skip("talks to real peers, only with --peers (make test-peers)")
    # What install.sh has unpacked.
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{PEERS / 'bin'}")
    for marker in request.node.iter_markers("needs"):
        for name in marker.args:
            if shutil.which(name) is None and not (PEERS / name).exists():
                pytest.skip(f"there is no {name}: sh tests/peers/install.sh")
