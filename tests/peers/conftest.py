"""Tests with real peers run only when they are asked for."""

import pytest


@pytest.fixture(autouse=True)
def _asked_for(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--peers"):
        pytest.skip("talks to real peers, only with --peers (make test-peers)")
