"""The operator's manual, played from its first command to its last against a real daemon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsarack.daemon import audit
from tests.manual.blocks import machine_names, read
from tests.manual.stage import Stage
from tests.vm import service as in_machine
from tests.vm.manual_blocks import MANUAL_BLOCKS


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage(tmp_path, monkeypatch)
    yield made
    made.close()


def test_every_command_of_the_manual(stage: Stage) -> None:
    blocks = read()
    stage.start_rack()
    for block in blocks:
        stage.play(block)
    stage.close()
    # What was sold on the way agrees with the operators' own books.
    assert audit.main(stage.state / "pulsarack.db", stage.truth) == []


def test_every_block_has_a_name_of_its_own() -> None:
    names = [block.name for block in read() if block.kind != "file"]
    assert len(names) == len(set(names))


def test_the_virtual_machine_plays_what_needs_a_machine() -> None:
    assert sorted(MANUAL_BLOCKS) == sorted(machine_names())
    story = Path(in_machine.__file__).read_text(encoding="utf-8")
    assert [name for name in MANUAL_BLOCKS if f'"{name}"' not in story] == []
