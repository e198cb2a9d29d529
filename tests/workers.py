"""Who runs which tests, when several workers share them (`make test`, `pytest -n 2`).

What is handed out is a file, since its fixtures are made once for all its tests. Tests in which
several real processes meet real clocks are one piece, whatever their files: they may share the
machine with tests that compute, but not with each other. Planted bugs share nothing, and each is a
piece. Long pieces come first, so that at the end no worker waits for another.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

# Folders and files whose tests run several processes, or look at a real clock.
_REAL = (
    "tests/benchmarks/",
    "tests/clients/",
    "tests/demo/",
    "tests/soak/",
    "tests/modems/simulator/test_process.py",
    "tests/daemon/test_watchdog.py",
    "tests/test_setup.py",
    "tests/test_layout.py",
)
# In this order before all others.
LONG = (
    *_REAL,
    "tests/simulation/test_simulation.py",
    "tests/simulation/test_planted.py",
)
_EACH = ("tests/simulation/test_planted.py",)
_REAL_PIECE = "real processes and clocks"


class Sharing(LoadScopeScheduling):
    """Hands out pieces in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return piece(nodeid)


def piece(nodeid: str) -> str:
    """The name of what a test is a part of; a piece is run by one worker."""
    if nodeid.startswith(_REAL):
        return _REAL_PIECE
    return nodeid if nodeid.startswith(_EACH) else nodeid.partition("::")[0]


def put_long_first(items: list[pytest.Item]) -> None:
    """Sorts tests by when their piece shall be begun; otherwise their order stays."""
    items.sort(key=lambda item: place(item.nodeid))


def place(nodeid: str) -> int:
    """When a test's piece is begun: the least first."""
    places = [number for number, name in enumerate(LONG) if nodeid.startswith(name)]
    return places[0] if places else len(LONG)
