"""What Prometheus itself says of the rules, of their tests, and of what is exported."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.daemon.metrics.monitored import ON
from tests.daemon.metrics.test_monitoring import MONITORING, expressions
from tests.daemon.metrics.test_served import running

SECONDS = 60


async def promtool(*arguments: str, given: str = "") -> str:
    """What promtool says; fails if it is not content."""
    program = await asyncio.create_subprocess_exec(
        "promtool",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(program.communicate(given.encode()), SECONDS)
    assert program.returncode == 0, said.decode()
    return said.decode()


@pytest.mark.needs("promtool")
async def test_the_rules_are_rules_and_ring_when_they_should() -> None:
    assert "SUCCESS" in await promtool("check", "rules", str(MONITORING / "alerts.yml"))
    assert "SUCCESS" in await promtool("check", "config", str(MONITORING / "prometheus.yml"))
    assert "SUCCESS" in await promtool("test", "rules", str(MONITORING / "alerts.test.yml"))


@pytest.mark.needs("prometheus", "promtool")
async def test_a_prometheus_reads_it_and_evaluates_everything(tmp_path: Path) -> None:
    async with running(tmp_path, ON) as (_, base), aiohttp.ClientSession() as session:
        async with session.get(f"{base}/metrics") as answer:
            # It wants a line of help for each, base units, and names that say their kind.
            assert await promtool("check", "metrics", given=await answer.text()) == ""
        settings = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(MONITORING / "alerts.yml")],
            "scrape_configs": [
                {
                    "job_name": "pulsarack",
                    "static_configs": [{"targets": [base.removeprefix("http://")]}],
                }
            ],
        }
        (tmp_path / "prometheus.yml").write_text(json.dumps(settings))  # JSON is YAML, too
        server = await asyncio.create_subprocess_exec(
            "prometheus",
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/tsdb",
            "--web.listen-address=127.0.0.1:0",
            "--log.format=json",
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            there = await asyncio.wait_for(_address(server), SECONDS)
            await asyncio.wait_for(_until_scraped(session, there), SECONDS)
            for where, expr in expressions():
                asked = expr.replace("$instance", ".+").replace("$__rate_interval", "30s")
                said = await _ask(session, there, asked)
                assert said["status"] == "success", (where, said)
        finally:
            server.terminate()
            await server.wait()


async def _address(server: asyncio.subprocess.Process) -> str:
    assert server.stderr is not None
    async for line in server.stderr:
        said = json.loads(line)
        if said.get("msg") == "Listening on":
            return f"http://{said['address']}"
    raise AssertionError("Prometheus has ended")


async def _until_scraped(session: aiohttp.ClientSession, base: str) -> None:
    while True:
        said = await _ask(session, base, "pulsarack_build_info")
        if said.get("data", {}).get("result"):
            return
        await asyncio.sleep(0.2)


async def _ask(session: aiohttp.ClientSession, base: str, expr: str) -> dict[str, Any]:
    async with session.get(f"{base}/api/v1/query?{urlencode({'query': expr})}") as answer:
        if answer.status == 503:  # it is still starting
            return {}
        found: dict[str, Any] = await answer.json()
        return found
