"""The corpus test exists only where a corpus is given."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path.name == "test_corpus.py" and not config.getoption("--corpus"):
        return True
    return None
