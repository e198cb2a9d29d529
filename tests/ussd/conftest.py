"""Recipes for the tests of this room, read once."""

from pathlib import Path

import pytest

from pulsarack.ussd.shelf import PACKAGED, Shelf, load_shelf


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without --corpus there is nothing in test_corpus.py to run, not even to skip."""
    absent = config.getoption("--corpus", default=None) is None
    return True if absent and collection_path.name == "test_corpus.py" else None


@pytest.fixture(scope="session")
def shelf() -> Shelf:
    """The recipes that come along."""
    return load_shelf()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A directory with a copy of one packaged recipe, to be changed."""
    name = "telkomsel-mkios.toml"
    (tmp_path / name).write_bytes((PACKAGED / name).read_bytes())
    return tmp_path / name
