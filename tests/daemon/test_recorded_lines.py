"""The daemon as it runs, against a pty played by a plain script of recorded lines.

No part of the simulated rack is here: what the daemon says to this modem was written
down from what such modems were seen to answer.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from pulsarack.daemon import config
from pulsarack.daemon.async_client import AsyncClient
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.deposit import pay_in
from pulsarack.daemon.run import serve
from pulsarack.daemon.service.signals import Signals
from tests.trace_player import TRACES, TracePty

ICCID = "8962100000000000012"
SPEED = 20.0


def _settings(directory: Path, port: str) -> config.Config:
    secrets = directory / "secrets.toml"
    secrets.touch(mode=0o600)
    secrets.write_text(f'["{ICCID}"]\nchip_pin = "1234"\n')
    path = directory / "pulsarack.toml"
    path.write_text(
        f'[daemon]\nstate_dir = "{directory}"\nsocket = "{directory}/s"\n'
        f'secrets_file = "{secrets}"\n[rehearsal]\nspeed = {SPEED}\n[[port]]\npath = "{port}"\n'
    )
    return config.load(path)


async def _connect(path: Path) -> AsyncClient:
    while not path.exists():
        await asyncio.sleep(0)
    return await AsyncClient.connect(path)


async def _sell(client: AsyncClient) -> tuple[dict[str, Any], dict[str, Any]]:
    """Adopt the chip, order, and wait for the final message; the order's story and the chip."""
    await client.call("chip.adopt", iccid=ICCID, operator="telkomsel", recipe="telkomsel-mkios")
    row = {"code": "S10", "operator": "telkomsel", "denomination": 10}
    await client.call("product.import", rows=[{**row, "price": 10_500, "cost": 10_150}])
    await client.call("agent.new", code="A1", name="Satu")
    await pay_in(client, "A1", 50_000)
    order = await client.call("order.new", agent="A1", text="S10.081200000012")
    async for message in client.stream("messages.follow", agent="A1"):
        await client.call("messages.ack", id=message["id"])
        break
    chips = (await client.call("chip.list"))["chips"]
    return await client.call("order.show", id=order["id"]), chips[0]


async def test_a_sale_on_recorded_lines(tmp_path: Path) -> None:
    modem = TracePty(TRACES / "wavecom.trace", SPEED)
    settings = _settings(tmp_path, modem.path)
    signals = Signals()
    daemon = asyncio.create_task(serve(tmp_path / "none.toml", settings, WallClock(SPEED), signals))
    try:
        client = await _connect(tmp_path / "s")
        story, chip = await _sell(client)
        await client.close()
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        status = await daemon
        signals.forget()
        modem.close()
    assert status == 0
    assert story["order"]["state"] == "SUCCEEDED"
    assert story["order"]["serial_number"] == "51012345678901"
    assert story["messages"][0]["delivered_at"]
    said = [line["text"] for line in story["attempts"][0]["exchanges"]]
    assert said[0] == "*777*081200000012*10*****#"
    assert (chip["stock_posted"], chip["stock_read"]) == (479_850, 479_850)
