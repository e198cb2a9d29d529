"""Tests in which other programs drive the simulated rack run only when they are asked for."""

import pytest


@pytest.fixture(autouse=True)
def _asked_for(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--clients"):
        pytest.skip("drives the rack with other programs, only with --clients (make clients-test)")
