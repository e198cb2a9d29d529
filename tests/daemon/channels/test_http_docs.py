"""The examples of docs/http-api.md, run as they stand there against a server."""

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from pulsarack.daemon.channels.http import native
from pulsarack.daemon.channels.http.refusals import Why
from pulsarack.daemon.clock import WallClock
from tests.daemon.channels.http_world import KEY, HttpWorld

SOURCES = sorted(Path(native.__file__).parent.glob("*.py"))
DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "http-api.md").read_text("utf-8")


def example(language: str) -> str:
    """The one example in that language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(found)


async def run(*command: str) -> str:
    """A program that is given the key and prints what it was answered."""
    program = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await program.communicate(f"{KEY}\n".encode())
    assert program.returncode == 0
    return printed.decode()


async def world_of_today(world: HttpWorld) -> None:
    """The programs sign with the machine's own time."""
    await world.clock.pass_by((WallClock().now_ms() - world.clock.now_ms()) / 1000)


@pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("curl")), reason="needs openssl and curl"
)
async def test_the_shell_signs_as_documented(tmp_path: Path) -> None:
    script = tmp_path / "order.sh"
    script.write_text(example("sh"))
    async with HttpWorld(tmp_path) as world:
        await world_of_today(world)
        found = json.loads(await run("sh", str(script), world.base, "K1"))
        assert found["client_reference"] == "inv-1001" and found["state"] == "QUEUED", found


async def test_python_signs_as_documented(tmp_path: Path) -> None:
    script = tmp_path / "balance.py"
    script.write_text(example("python"))
    async with HttpWorld(tmp_path) as world:
        await world_of_today(world)
        found = json.loads(await run(sys.executable, "-I", str(script), world.base, "K1"))
        assert found == {"agent": "A1", "posted": 100_000, "held": 0, "available": 100_000}


def test_every_refusal_and_every_path_is_documented() -> None:
    for why in Why:
        assert f"`{why}`" in DOCUMENT, why
    paths = re.findall(r'"(/v1/[a-z-]+)', "".join(one.read_text("utf-8") for one in SOURCES))
    assert len(set(paths)) >= 9
    for path in {*paths} - {"/v1/openapi"}:
        assert f" {path}" in DOCUMENT, path
