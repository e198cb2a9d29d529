"""The operator's manual, played from its first command to its last against a real daemon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsarack.daemon import audit
from tests.manual.blocks import read
from tests.manual.stage import Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage(tmp_path, monkeypatch)
    yield made
    made.close()


def test_every_command_of_the_manual(stage: Stage) -> None:
    blocks = read()
    names = [block.name for block in blocks]
    assert len(names) == len(set(names))
    stage.start_rack()
    for block in blocks:
        stage.play(block)
    stage.close()
    # What was sold on the way agrees with the operators' own books.
    assert audit.main(stage.state / "pulsarack.db", stage.truth) == []
