"""A child of the demonstration: its readiness, its end, and what an error tells of it."""

from pathlib import Path

import pytest

from pulsarack.daemon.demo.errors import ChildFailed
from pulsarack.daemon.demo.main import RACK
from pulsarack.daemon.demo.processes import Child


def simulate(directory: Path) -> list[str]:
    return ["simulate", str(RACK), "--dir", str(directory), "--truth", str(directory) + ".jsonl"]


async def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = await Child.start("daemon", ["--config", str(tmp_path / "none"), "run"], log)

    async def never() -> bool:
        return False

    with pytest.raises(ChildFailed) as caught:
        await child.ready(never, 60)
    first, *said = caught.value.lines()
    assert first.startswith("the daemon ended before it was ready (status 78); read its log")
    assert any("there is no such file" in line for line in said)
    assert await child.stop(1) == 78, "to stop it once more is harmless"


async def test_a_child_is_stopped_in_order(tmp_path: Path) -> None:
    child = await Child.start("rack", simulate(tmp_path / "ports"), tmp_path / "log")

    async def ready() -> bool:
        return child.said("ready")

    await child.ready(ready, 60)
    assert await child.stop(30) == 0
    assert child.ended
    assert not child.killed


async def test_a_child_is_killed_and_that_is_known(tmp_path: Path) -> None:
    child = await Child.start("rack", simulate(tmp_path / "ports"), tmp_path / "log")
    child.kill()
    assert await child.wait() == -9
    assert child.killed
    assert "(status -9)" in str(child.failure("ended"))


async def test_a_child_that_takes_too_long(tmp_path: Path) -> None:
    child = await Child.start("rack", simulate(tmp_path / "ports"), tmp_path / "log")

    async def never() -> bool:
        return False

    with pytest.raises(ChildFailed, match="not ready within 0 seconds"):
        await child.ready(never, 0)
    await child.stop(30)
