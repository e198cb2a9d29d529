"""schemathesis against the native API: whatever fits its document is served, nothing breaks it.

It reads the document that is served, makes requests of it and beside it, signs them (its hooks
share no code with the product), and checks statuses, schemas, headers and authentication. It runs
from an environment of its own, see install.sh.
"""

import asyncio
import os
from pathlib import Path

import pytest

from pulsarack.daemon.clock import WallClock
from pulsarack.ledger import audit as ledger_audit
from pulsarack.queue import audit as queue_audit
from tests.daemon.channels.http_world import KEY, HttpWorld
from tests.peers.conftest import PEERS

HERE = Path(__file__).resolve().parent
PROGRAM = PEERS / "schemathesis" / "bin" / "schemathesis"
SETTINGS = "requests_per_second = 100000\nburst = 100000\n"
EXAMPLES = 15


@pytest.mark.timeout(600)
@pytest.mark.needs("schemathesis/bin/schemathesis")
async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, SETTINGS, deposit=10**9, clock=WallClock()) as world:
        environment = {
            **os.environ,
            "PEER_ACCOUNT": "K1",
            "PEER_KEY": KEY,
            "PYTHONPATH": str(HERE),
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        }
        program = await asyncio.create_subprocess_exec(
            str(PROGRAM),
            "--config-file",
            str(HERE / "schemathesis.toml"),
            "run",
            f"{world.base}/v1/openapi.json",
            f"--max-examples={EXAMPLES}",
            "--seed=1",
            "--no-color",
            cwd=tmp_path,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await program.communicate()
        assert program.returncode == 0, printed.decode()
        assert world.lines("http.failed") == []
        for audit in (ledger_audit.audit, queue_audit.audit):
            assert list(world.store.read_inline(audit)) == []
