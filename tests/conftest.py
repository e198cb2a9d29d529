"""Options of the whole test suite, and how several workers share it."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.workers import Sharing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--corpus", metavar="DIR", help="also read recorded replies from DIR")
    parser.addoption("--clients", action="store_true", help="let other programs drive the rack")
    parser.addoption("--peers", action="store_true", help="talk to real servers and clients")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "Sharing":
    from tests.workers import Sharing

    config.option.loadscopereorder = False
    return Sharing(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Whoever runs tests by hand gets them in the order of the files.
    if hasattr(config, "workerinput"):
        from tests.workers import put_long_first

        put_long_first(items)


@pytest.fixture
def each_job_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that count what a job does or draws, or plant something that happens once in it."""
    from tests.daemon.store_inline import InlineStore

    monkeypatch.setattr(InlineStore, "rehearses", False)
