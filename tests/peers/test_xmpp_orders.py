"""Orders over XMPP: from an agent's program through a real Prosody to the order, and back to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pulsarack.daemon.channels.marks import Marks
from pulsarack.daemon.channels.xmpp.channel import XmppChannel
from pulsarack.daemon.config_xmpp import XmppSection
from pulsarack.daemon.demo.prosody import DOMAIN, Prosody
from pulsarack.daemon.secrets import Secret
from tests.daemon.channels.chat_house import ChatHouse, comes, house
from tests.daemon.channels.desk_world import PIN
from tests.peers.test_xmpp import AGENT, PASSWORD, SECONDS, Agent

pytestmark = pytest.mark.needs("prosody")

ORDER = f"S5.081200000012.{PIN}"


@asynccontextmanager
async def scene(place: Path) -> AsyncIterator[tuple[ChatHouse, Prosody, Agent]]:
    """A house with its channel up, and the agent's program at the server."""
    server = Prosody(place / "prosody")
    server.add("server", PASSWORD)
    server.add("agen1", "rahasia")
    await server.start()
    try:
        async with house(place) as here:
            here.bind("xmpp", AGENT)
            channel = channel_of(here, server)
            async with here.carried_by(channel):
                agent = Agent(server, "agen1", "toko")
                agent.connect("127.0.0.1", server.port)
                await asyncio.wait_for(agent.up.wait(), SECONDS)
                try:
                    yield here, server, agent
                finally:
                    agent.abort()
                    if agent._run_out_filters is not None:
                        agent._run_out_filters.cancel()
    finally:
        await server.kill()


def channel_of(here: ChatHouse, server: Prosody) -> XmppChannel:
    settings = XmppSection(
        jid=f"server@{DOMAIN}", server="127.0.0.1", port=server.port, ca_file=server.ca_file
    )
    return XmppChannel(
        settings,
        Secret(PASSWORD),
        here.clock,
        here.pressure,
        here.desk,
        here.mailroom,
        Marks(),
    )


async def test_an_order_is_placed_once_and_answered_with_its_reference(tmp_path: Path) -> None:
    async with scene(tmp_path) as (here, _, agent):
        for _ in range(3):
            await agent.say(f"{ORDER} R#dfasdf1234", "order-0001")
        answer = await agent.heard()
        assert answer["body"].startswith("R#dfasdf1234 ")
        await agent.say("S5.081200000013.9999", "order-0002")
        assert "PIN" in (await agent.heard())["body"]
        assert here.orders() == [("S5", "6281200000012", 1)]
        assert agent.got.empty()
        await comes(lambda: here.states() == ["DELIVERED", "DELIVERED"])  # by its receipts
        assert PIN not in here.log.getvalue()
        assert here.sql("SELECT address FROM order_origin") == [(f"{AGENT}/toko",)]


async def test_an_order_over_a_killed_server_is_placed_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as (here, server, agent):
        await agent.say(ORDER, "order-0001")
        await agent.heard()
        await server.kill()
        await server.start()
        agent.connect("127.0.0.1", server.port)
        agent.up.clear()
        await asyncio.wait_for(agent.up.wait(), SECONDS)
        # Its program does not know whether it had left, and says it again.
        await agent.say(ORDER, "order-0001")
        await agent.say(f"SALDO.{PIN}", "question-1")
        assert (await agent.heard())["body"]
        assert len(here.orders()) == 1
        assert len(here.outcomes()) == 2
