"""A stick that says thousands of lines a second while an order is sold, and somebody listens."""

import asyncio
import io
import json
from collections import Counter
from pathlib import Path

import pytest

from pulsarack.daemon import log as logging
from pulsarack.daemon.control_protocol import check_arguments
from pulsarack.daemon.logs.storms import FIRST
from pulsarack.queue import rows
from tests.daemon.test_orders_and_chips import in_world, until_idle
from tests.daemon.world import PEER, World

SECONDS, BURSTS_A_SECOND, LINES_A_BURST = 3.0, 100, 20
PDU = "0791269846010068040BD0"
STORMS = {
    "ussd": ['+CUSD: 0,"Promo hari ini",15'],
    "direct": [f"+CMT: ,23\r\n{PDU}{{:06X}}"],
    "announced": ['+CMTI: "SM",3'],
    "noise": ["^RSSI:12", "\xff{{}}"],
}


@pytest.mark.parametrize("kind", STORMS)
def test_orders_end_and_nothing_grows(tmp_path: Path, kind: str) -> None:
    async def story(world: World) -> None:
        await until_idle(world)
        sink = io.StringIO()
        logging.configure("info", "json", sink, now_ms=world.clock.now_ms)
        world.daemon.rack.slots["/rack/modem0"]._log = logging.get(slot="modem0")
        modem, clock = world.simulation.modems[0], world.clock
        stream = world.daemon.calls.find("modem.trace")
        heard = Counter[str]()

        async def listen() -> None:
            assert stream.stream is not None
            async for line in stream.stream(check_arguments(stream, {"slot": "modem0"}), PEER):
                heard[line["way"]] += 1
                await asyncio.sleep(0.05)

        listener = asyncio.create_task(listen())
        orders = [await world.order("S10.081200000012"), await world.order("I10.085600000015")]
        for number in range(int(SECONDS * BURSTS_A_SECOND)):
            for one in range(LINES_A_BURST):
                for line in STORMS[kind]:
                    modem.unsolicited(line.format(number * LINES_A_BURST + one))
            await clock.sleep(1 / BURSTS_A_SECOND)
        await world.settle()
        assert [(await world.states())[one] for one in orders] == ["SUCCEEDED", "SUCCEEDED"]
        assert len(world.delivered()) == 2
        assert heard["lost"] > 0
        said = Counter(json.loads(line)["event"] for line in sink.getvalue().splitlines())
        assert max(said.values(), default=0) <= 2 * FIRST, said
        unparsed = world.daemon.store.read_inline(
            lambda db: rows.scalar(db, "SELECT count(*) FROM unparsed")
        )
        assert int(unparsed) < 300
        listener.cancel()
        logging.configure("error", "json", io.StringIO())

    in_world(tmp_path, story, ("huawei-e1550", "telkomsel"), ("wavecom", "indosat"))
