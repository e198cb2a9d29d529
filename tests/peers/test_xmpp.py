"""The XMPP channel against a real Prosody, with slixmpp as the agent's side."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from slixmpp import ClientXMPP

from pulsarack.daemon.channels.carrier import Parcel, Sent, SentKind, Standing
from pulsarack.daemon.channels.marks import Marks
from pulsarack.daemon.channels.xmpp.channel import XmppChannel
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.config_xmpp import XmppSection
from pulsarack.daemon.demo.prosody import DOMAIN, Prosody, write_certificate
from pulsarack.daemon.errors import Busy
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secret
from tests.daemon.chat_desk import MemoryDesk, MemoryPost

pytestmark = pytest.mark.needs("prosody")
SECONDS = 30
LEFT = (SentKind.SENT, SentKind.DELIVERED)
PASSWORD = "rahasia-server"
AGENT = f"agen1@{DOMAIN}"
# Pauses and limits pass faster.
SPEED = 4.0


class Agent(ClientXMPP):
    """An agent's program: one resource."""

    def __init__(self, server: Prosody, user: str, resource: str) -> None:
        context = ssl.create_default_context(cafile=server.ca_file)
        super().__init__(f"{user}@{DOMAIN}/{resource}", "rahasia", ssl_context=context)
        self.enable_direct_tls = False
        self.got: asyncio.Queue[Any] = asyncio.Queue()
        self.presences: asyncio.Queue[str] = asyncio.Queue()
        self.up = asyncio.Event()
        self.register_plugin("xep_0184", {"auto_ack": True})
        self.register_plugin("xep_0203")
        self.add_event_handler("message", self.got.put_nowait)
        self.add_event_handler("session_start", self._started)
        for kind in ("presence_subscribed", "presence_unsubscribed"):
            self.add_event_handler(kind, lambda one: self.presences.put_nowait(one["type"]))

    def _started(self, _: object) -> None:
        self.send_presence()
        self.up.set()

    async def say(self, text: str, stanza_id: str = "", kind: str = "chat") -> None:
        message = self.make_message(f"server@{DOMAIN}", mbody=text, mtype=kind)  # type: ignore[arg-type]
        if stanza_id:
            message["id"] = stanza_id
        message.send()

    async def heard(self) -> Any:
        return await asyncio.wait_for(self.got.get(), SECONDS)


class Scene:
    """A server, our channel, and agents."""

    def __init__(self, server: Prosody) -> None:
        self.server = server
        self.desk = MemoryDesk()
        self.post = MemoryPost(AGENT)
        self.clock = WallClock(SPEED)
        self.pressure = Pressure()
        self.channel = self.make()
        self._running: asyncio.Task[None] | None = None
        self._agents: list[Agent] = []

    def make(self, password: str = PASSWORD, **settings: Any) -> XmppChannel:
        section = XmppSection(
            jid=f"server@{DOMAIN}",
            server="127.0.0.1",
            port=self.server.port,
            **{"ca_file": self.server.ca_file, "keepalive_seconds": 10.0, **settings},
        )
        return XmppChannel(
            section, Secret(password), self.clock, self.pressure, self.desk, self.post, Marks()
        )

    async def start(self, standing: Standing = Standing.UP) -> None:
        self._running = asyncio.create_task(self.channel.run())
        await self.reaches(standing)

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def reaches(self, standing: Standing) -> None:
        """The channel's state is polled: it belongs to nobody who could tell of a change."""
        async with asyncio.timeout(SECONDS):
            while self.channel.state().standing is not standing or "not been connected" in (
                self.channel.state().why
            ):
                await asyncio.sleep(0.02)

    async def agent(self, user: str = "agen1", resource: str = "toko") -> Agent:
        agent = Agent(self.server, user, resource)
        self._agents.append(agent)
        agent.connect("127.0.0.1", self.server.port)
        await asyncio.wait_for(agent.up.wait(), SECONDS)
        return agent

    async def leave(self, agent: Agent) -> None:
        gone = agent.disconnected
        agent.disconnect()
        await asyncio.wait_for(gone, SECONDS)

    async def send(self, address: str, text: str, number: int = 1) -> Sent:
        parcel = Parcel(number, address, "", "answer", text, "A1", None, None, None, 1000, 1)
        return await asyncio.wait_for(self.channel.send(parcel), SECONDS)

    async def close(self) -> None:
        await self.stop()
        for agent in self._agents:
            agent.abort()
            if agent._run_out_filters is not None:
                agent._run_out_filters.cancel()
        await self.server.kill()
        await asyncio.sleep(0)


@asynccontextmanager
async def scene(place: Path, **server: Any) -> AsyncIterator[Scene]:
    prosody = Prosody(place / "prosody", **server)
    prosody.add("server", PASSWORD)
    for user in ("agen1", "agen2"):
        prosody.add(user, "rahasia")
    await prosody.start()
    stage = Scene(prosody)
    try:
        yield stage
    finally:
        await stage.close()


async def test_the_resource_that_asks_is_answered(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        shop, phone = await here.agent(), await here.agent(resource="hp")
        await shop.say("S5.081200000001.1234 R#abc1", "order-0001")
        await here.desk.until(lambda: bool(here.desk.letters))
        (letter,) = here.desk.letters
        assert (letter.sender, letter.answer_to) == (AGENT, f"{AGENT}/toko")
        assert letter.text == "S5.081200000001.1234 R#abc1"
        assert letter.receiver == f"server@{DOMAIN}"
        assert letter.answer_to is not None
        sent = await here.send(letter.answer_to, "R#abc1 S5 ke 081200000001 <diproses> & lain\x07")
        answer = await shop.heard()
        assert answer["body"] == "R#abc1 S5 ke 081200000001 <diproses> & lain "
        assert phone.got.empty()
        # The agent's program gives a receipt by itself: before our server has answered, or after.
        if sent.kind is SentKind.SENT:
            report = await asyncio.wait_for(here.post.reports.get(), SECONDS)
            assert report == (sent.provider_id, True, "")
        else:
            assert sent.kind is SentKind.DELIVERED


async def test_a_message_is_receipted_only_when_it_is_kept(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        shop = await here.agent()
        here.desk.gate = asyncio.Event()
        receipts: asyncio.Queue[Any] = asyncio.Queue()
        shop.add_event_handler("receipt_received", receipts.put_nowait)
        message = shop.make_message(f"server@{DOMAIN}", mbody="SALDO.1234", mtype="chat")
        message["request_receipt"] = True
        message["id"] = "question-1"
        message.send()
        await here.desk.until(lambda: here.desk.asked == 1)
        assert receipts.empty()
        here.desk.gate.set()
        receipt = await asyncio.wait_for(receipts.get(), SECONDS)
        assert receipt["receipt"] == "question-1"


async def test_what_was_not_kept_comes_again_after_a_crash(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        shop = await here.agent()
        here.desk.gate = asyncio.Event()
        await shop.say("S5.081200000001.1234", "order-0001")
        await here.desk.until(lambda: here.desk.asked == 1)
        await here.stop()
        assert not here.desk.taken
        here.desk.gate = None
        here.channel = here.make()
        await here.start()
        await here.desk.until(lambda: bool(here.desk.letters))
        assert here.desk.letters[0].text == "S5.081200000001.1234"
        # Once kept it is not sent again.
        await here.stop()
        here.channel = here.make()
        await here.start()
        await shop.say("SALDO.1234", "order-0002")
        await here.desk.until(lambda: len(here.desk.letters) == 2)
        assert here.desk.asked == 3


async def test_what_cannot_be_kept_costs_the_connection_and_not_the_message(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        shop = await here.agent()
        here.desk.failing = Busy(1000)
        await shop.say("S5.081200000001.1234", "order-0001")
        await here.reaches(Standing.DOWN)
        assert "could not be kept" in here.channel.state().why
        here.desk.failing = None
        await here.reaches(Standing.UP)
        await here.desk.until(lambda: bool(here.desk.letters))


async def test_the_account_gets_what_a_resource_that_left_cannot(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        shop, phone = await here.agent(), await here.agent(resource="hp")
        await here.leave(shop)
        sent = await here.send(f"{AGENT}/toko", "SUKSES")
        assert sent.kind in LEFT
        assert (await phone.heard())["body"] == "SUKSES"


async def test_who_is_not_there_finds_it_later(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        assert (await here.send(f"{AGENT}/toko", "SUKSES")).kind in LEFT
        shop = await here.agent()
        late = await shop.heard()
        assert late["body"] == "SUKSES"
        assert late["delay"]["stamp"] is not None


async def test_a_resource_that_comes_back_is_answered_again(tmp_path: Path) -> None:
    async with scene(tmp_path, keeps=False) as here:
        await here.start()
        shop = await here.agent()
        await here.leave(shop)
        sent = await here.send(f"{AGENT}/toko", "SUKSES")
        assert (sent.kind, sent.why) == (SentKind.LATER, "it came back: service-unavailable")
        shop, phone = await here.agent(), await here.agent(resource="hp")
        await shop.say("SALDO.1234", "question-1")
        await here.desk.until(lambda: bool(here.desk.letters))
        assert (await here.send(f"{AGENT}/toko", "SUKSES")).kind in LEFT
        assert (await shop.heard())["body"] == "SUKSES"
        assert phone.got.empty()


async def test_nobody_is_not_reached(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        sent = await here.send(f"nobody@{DOMAIN}", "SUKSES")
        assert sent.kind in (SentKind.LATER, SentKind.NEVER)
        assert "came back" in sent.why
        assert (await here.send("not an address", "SUKSES")).kind is SentKind.NEVER


async def test_a_message_that_lay_too_long_is_refused(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        shop = await here.agent()
        await shop.say("S5.081200000001.1234", "order-0001")
        await shop.plugin["xep_0030"].get_info(DOMAIN)  # it has been stored by now
        await asyncio.sleep(1)  # the limit counts virtual seconds: four of them
        here.channel = here.make(delayed_limit_seconds=1.0)
        await here.start()
        await here.desk.until(lambda: bool(here.desk.taken))
        assert here.desk.refused == [("S5.081200000001.1234", "too_old")]


@pytest.mark.parametrize("managed", [True, False])
async def test_a_killed_server_is_found_again(tmp_path: Path, managed: bool) -> None:
    async with scene(tmp_path, managed=managed) as here:
        await here.start()
        await here.server.kill()
        await here.reaches(Standing.DOWN)
        assert (await here.send(AGENT, "SUKSES")).kind is SentKind.LATER
        await here.server.start()
        await here.reaches(Standing.UP)
        assert bool(here.channel.state().why) is not managed
        shop = await here.agent()
        assert (await here.send(f"{AGENT}/toko", "SUKSES")).kind in LEFT
        assert (await shop.heard())["body"] == "SUKSES"


async def test_a_stopped_server_is_found_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        await here.server.stop()
        await here.reaches(Standing.DOWN)
        await here.server.start()
        await here.reaches(Standing.UP)


async def test_half_a_connection_is_noticed_and_nothing_is_lost(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        shop = await here.agent()
        here.server.freeze()
        assert (await here.send(f"{AGENT}/toko", "SUKSES")).kind is SentKind.MAYBE
        await here.reaches(Standing.DOWN)
        here.server.thaw()
        await here.reaches(Standing.UP)
        sent = await here.send(f"{AGENT}/toko", "SUKSES")
        assert sent.kind in LEFT
        ids = {(await shop.heard())["id"]}
        while not shop.got.empty():
            ids.add(shop.got.get_nowait()["id"])
        # However often it came: the agent's program knows it by its id.
        assert len(ids) == 1


async def test_a_wrong_password_is_said(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        here.channel = here.make(password="salah")
        await here.start(Standing.MISCONFIGURED)
        assert "password" in here.channel.state().why
        assert "salah" not in repr(here.channel.state())


async def test_a_strange_certificate_is_refused(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        other = tmp_path / "other"
        other.mkdir()
        write_certificate(other, DOMAIN)
        here.channel = here.make(ca_file=other / "cert.pem")
        await here.start(Standing.MISCONFIGURED)
        assert "certificate" in here.channel.state().why


async def test_no_password_goes_over_an_open_line(tmp_path: Path) -> None:
    async with scene(tmp_path, tls=False) as here:
        await here.start(Standing.MISCONFIGURED)
        assert "no login that is safe" in here.channel.state().why
        await here.stop()
        # On this machine it may, if somebody says so; and even then only hashed.
        here.channel = here.make(security="none")
        await here.start()


async def test_only_agents_see_when_we_are_here(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        for user, answer in (("agen1", "subscribed"), ("agen2", "unsubscribed")):
            agent = await here.agent(user)
            await agent.get_roster()  # only then is it told what becomes of its subscriptions
            agent.send_presence_subscription(f"server@{DOMAIN}")
            assert await asyncio.wait_for(agent.presences.get(), SECONDS) == answer


async def test_many_at_once_are_all_kept(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.start()
        shop = await here.agent()
        here.desk.gate = asyncio.Event()
        for number in range(200):
            await shop.say(f"S5.0812000{number:05}.1234", f"order-{number:05}")
        await here.desk.until(lambda: here.desk.asked >= 64)
        here.desk.gate.set()
        await here.desk.until(lambda: len(here.desk.letters) == 200)
