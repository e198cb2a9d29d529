"""The WhatsApp channel against the stand-in for Meta's Graph API, over HTTP on this machine."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.carrier import Parcel, Sent, SentKind, Standing
from pulsarack.daemon.channels.http.server import HttpServer
from pulsarack.daemon.channels.whatsapp import graph_errors
from pulsarack.daemon.channels.whatsapp.channel import Keys, WhatsAppChannel
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.config_http import HttpSection
from pulsarack.daemon.config_whatsapp import WhatsAppSection
from pulsarack.daemon.demo.graph_stand_in import (
    APP_SECRET,
    NUMBER_ID,
    TOKEN,
    VERIFY_TOKEN,
    GraphApi,
    body,
    sign,
    value,
)
from pulsarack.daemon.errors import Busy
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secret
from tests.daemon.chat_desk import MemoryDesk, MemoryPost

NUMBER, BSUID = "6281200000001", "ID.1349120865530274"
DAY_MS = 24 * 3600 * 1000
PATH = "/whatsapp/webhook"
UP, WRONG = Standing.UP, Standing.MISCONFIGURED
KEYS = Keys(Secret(TOKEN), Secret(APP_SECRET), Secret(VERIFY_TOKEN))


class Scene:
    """Meta, our channel behind a server, and a clock that passes a hundred times faster."""

    def __init__(self) -> None:
        self.clock = WallClock(100.0)
        self.api = GraphApi(lambda: self.clock.now_ms() / 1000)
        self.desk = MemoryDesk()
        self.post = MemoryPost(NUMBER, BSUID)
        self.pressure = Pressure()
        self.address = ""
        self.base_url = ""
        self.channel: WhatsAppChannel
        self._running: asyncio.Task[None] | None = None

    def open(self, keys: Keys = KEYS, **settings: Any) -> None:
        section = WhatsAppSection(
            # Half a minute of a slow machine's time.
            **{
                "phone_number_id": NUMBER_ID,
                "base_url": self.base_url,
                "timeout_seconds": 3000.0,
                **settings,
            }
        )
        self.channel = WhatsAppChannel(
            section, keys, self.clock, self.pressure, self.desk, self.post
        )

    async def start(self, standing: Standing = Standing.UP) -> None:
        self._running = asyncio.create_task(self.channel.run())
        await self.reaches(standing)

    async def reaches(self, standing: Standing) -> None:
        async with asyncio.timeout(30):
            while self.channel.state().standing is not standing or "not been asked" in (
                self.channel.state().why
            ):
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def send(self, text: str = "SUKSES", address: str = NUMBER) -> Sent:
        parcel = Parcel(7, address, "", "result", text, "A1", 3, 4, None, 1000, 1)
        return await asyncio.wait_for(self.channel.send(parcel), 30)

    def writes(self, text: str, **more: Any) -> dict[str, Any]:
        """Somebody writes; a value for the webhook."""
        self.post.wrote[NUMBER] = self.clock.now_ms()
        return value(messages=[self.api.message(NUMBER, text, **more)])

    async def ask(
        self, method: str, query: str = "", data: bytes = b"", **headers: str
    ) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, f"{self.address}{PATH}{query}", data=data, headers=headers
            ) as answer,
        ):
            return answer.status, await answer.text()

    def refused(self) -> dict[str, int]:
        found: dict[str, int] = self.pressure.figures()["refused"]
        return found


@asynccontextmanager
async def scene(keys: Keys = KEYS, **settings: Any) -> AsyncIterator[Scene]:
    here = Scene()
    async with here.api.running() as here.base_url:
        here.open(keys, **settings)
        server = HttpServer(here.clock, HttpSection(listen="127.0.0.1:0"), here.pressure)
        server.add(here.channel.routes())
        await server.start()
        here.address = f"http://127.0.0.1:{server.port}"
        here.api.webhook = here.address + PATH
        try:
            yield here
        finally:
            await here.stop()
            await server.stop()


# -- the webhook -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        (f"?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=115", 200, "115"),
        ("?hub.mode=subscribe&hub.verify_token=no&hub.challenge=115", 403, None),
        (f"?hub.mode=other&hub.verify_token={VERIFY_TOKEN}&hub.challenge=115", 403, None),
        (f"?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}", 400, None),
        (f"?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=a%20b", 400, None),
        ("?hub.mode=subscribe&hub.verify_token=%ff%00&hub.challenge=115", 403, None),
        ("", 403, None),
    ],
)
async def test_the_handshake(query: str, status: int, text: str | None) -> None:
    async with scene() as here:
        answer = await here.ask("GET", query)
        assert answer[0] == status
        assert VERIFY_TOKEN not in answer[1]
        if text is not None:
            assert answer[1] == text


async def test_what_is_written_arrives_once() -> None:
    async with scene() as here:
        written = here.writes("S5.081200000001.1234")
        assert await here.api.deliver(written) == [200]
        assert await here.api.deliver(written) == [200]
        (letter,) = here.desk.letters
        assert letter.text == "S5.081200000001.1234"
        assert here.refused() == {"whatsapp_repeated": 1}


async def test_what_could_not_be_kept_is_delivered_again() -> None:
    async with scene() as here:
        here.desk.failing = Busy(1000)
        written = here.writes("S5.081200000001.1234")
        assert await here.api.deliver(written, tries=2) == [503, 503]
        here.desk.failing = None
        assert await here.api.deliver(written) == [200]
        assert len(here.desk.letters) == 1


async def test_a_report_that_could_not_be_kept_is_delivered_again() -> None:
    async with scene() as here:
        here.post.failing = Busy(1000)
        report = value(statuses=[{"id": "wamid.OUT1", "status": "delivered"}])
        both = (report, here.writes("SALDO.1234"))
        assert await here.api.deliver(*both, tries=1) == [503]
        assert len(here.desk.letters) == 1  # the other part is kept at once
        here.post.failing = None
        assert await here.api.deliver(*both) == [200]
        assert here.post.reports.get_nowait() == ("wamid.OUT1", True, "")


async def test_a_failure_that_comes_before_its_id_is_on_disk_is_delivered_again() -> None:
    async with scene() as here:
        await here.start()
        here.post.knows_all = False
        failed = value(statuses=[{"id": "wamid.X", "status": "failed"}])
        arrived = value(statuses=[{"id": "wamid.X", "status": "delivered"}])
        assert await here.api.deliver(failed, tries=1) == [200]  # of another program's message
        assert await here.api.deliver(here.writes("SALDO.1234")) == [200]
        assert (await here.send()).kind is SentKind.SENT
        here.channel._sent_at = here.clock.monotonic() + 1000.0  # this clock runs fast
        assert await here.api.deliver(failed, tries=1) == [503]
        assert await here.api.deliver(arrived, tries=1) == [200]
        here.post.knows_all = True
        assert await here.api.deliver(failed) == [200]


async def test_a_picture_is_answered_and_not_read() -> None:
    async with scene() as here:
        await here.api.deliver(here.writes("", type="image", image={"caption": "S5.0812.1234"}))
        assert here.desk.refused == [("", "only_text")]


GOOD = body(value(messages=[{"from": NUMBER, "id": "wamid.1", "type": "text"}]))
BAD_BODIES: list[tuple[bytes, dict[str, str], int, str]] = [
    (GOOD, {}, 401, "whatsapp_unsigned"),
    (GOOD, {"X-Hub-Signature": sign(GOOD)}, 401, "whatsapp_unsigned"),
    (GOOD, {"X-Hub-Signature-256": ""}, 403, "whatsapp_wrong_signature"),
    (GOOD, {"X-Hub-Signature-256": "sha256=" + "0" * 64}, 403, "whatsapp_wrong_signature"),
    (GOOD, {"X-Hub-Signature-256": sign(GOOD)[7:]}, 403, "whatsapp_wrong_signature"),
    (GOOD, {"X-Hub-Signature-256": sign(GOOD, "other")}, 403, "whatsapp_wrong_signature"),
    (GOOD + b" ", {"X-Hub-Signature-256": sign(GOOD)}, 403, "whatsapp_wrong_signature"),
    (GOOD, {"X-Hub-Signature-256": sign(GOOD).upper()}, 403, "whatsapp_wrong_signature"),
    (b"x", {"X-Hub-Signature-256": sign(b"x")}, 400, "whatsapp_not_json"),
    (b"\xff\xff", {"X-Hub-Signature-256": sign(b"\xff\xff")}, 400, "whatsapp_not_utf8"),
    (b"[" * 999, {"X-Hub-Signature-256": sign(b"[" * 999)}, 400, "whatsapp_"),
    (b"{}", {"X-Hub-Signature-256": sign(b"{}")}, 400, "whatsapp_not_for_us"),
]


@pytest.mark.parametrize(("raw", "headers", "status", "kind"), BAD_BODIES)
async def test_a_bad_body_is_refused_by_name_and_counted(
    raw: bytes, headers: dict[str, str], status: int, kind: str
) -> None:
    stream = io.StringIO()
    logging.configure("info", "json", stream)
    async with scene(body_limit_bytes=1024) as here:
        answer, text = await here.ask("POST", data=raw, **headers)
        assert answer == status
        assert text.startswith(kind)
        assert here.refused() == {text: 1}
        assert not here.desk.taken
    assert text in stream.getvalue()
    for secret in (APP_SECRET, TOKEN, VERIFY_TOKEN):
        assert secret not in stream.getvalue()


async def test_a_body_that_is_too_large_is_not_read() -> None:
    async with scene(body_limit_bytes=1024) as here:
        assert (await here.ask("POST", data=b"x" * 1025))[0] == 413
        assert list(here.refused()) == ["HTTP_BODY_TOO_LARGE"]
    async with scene(body_limit_bytes=100_000) as here:
        # More than the server takes elsewhere.
        assert (await here.ask("POST", data=b"x" * 100_000))[0] == 401


async def test_a_body_for_another_number_is_counted_and_taken() -> None:
    async with scene() as here:
        written = here.writes("S5.081200000001.1234")
        written["metadata"]["phone_number_id"] = "999"
        assert await here.api.deliver(written) == [200]
        assert not here.desk.taken
        assert here.refused() == {"whatsapp_wrong_number_id": 1}


async def test_without_its_secrets_it_is_misconfigured_and_takes_nothing() -> None:
    for keys in (
        Keys(None, Secret(APP_SECRET), Secret(VERIFY_TOKEN)),
        Keys(Secret(TOKEN), None, Secret(VERIFY_TOKEN)),
        Keys(Secret(TOKEN), Secret(APP_SECRET), None),
    ):
        async with scene(keys) as here:
            await here.start(Standing.MISCONFIGURED)
            assert "_file" in here.channel.state().remedy
            assert (await here.send()).kind is SentKind.LATER
            if keys.app_secret is None:
                assert (await here.ask("POST", data=GOOD))[0] == 503
            if keys.verify_token is None:
                assert (await here.ask("GET", "?hub.mode=subscribe"))[0] == 503


# -- sending ---------------------------------------------------------------------------------


async def test_who_has_just_written_is_answered() -> None:
    async with scene() as here:
        await here.start()
        await here.api.deliver(here.writes("S5.081200000001.1234"))
        sent = await here.send("S5 SUKSES\nSN: 123\x00\ud800")
        assert sent.kind is SentKind.SENT
        assert sent.provider_id is not None
        assert here.api.delivered == [(NUMBER, "S5 SUKSES\nSN: 123  ")]
        statuses = [{"id": sent.provider_id, "status": "delivered"}]
        await here.api.deliver(value(statuses=statuses))
        assert here.post.reports.get_nowait() == (sent.provider_id, True, "")


async def test_who_has_taken_a_name_is_reached_by_his_id() -> None:
    async with scene() as here:
        await here.start()
        here.api.wrote[BSUID] = here.clock.now_ms() / 1000
        here.post.wrote[BSUID] = here.clock.now_ms()
        assert (await here.send(address=BSUID)).kind is SentKind.SENT
        assert here.api.bodies[-1]["recipient"] == BSUID
        assert "to" not in here.api.bodies[-1]


@pytest.mark.parametrize("age_ms", [None, DAY_MS, DAY_MS - 30_000, 30 * DAY_MS])
async def test_after_a_day_a_text_is_not_sent_or_goes_as_a_template(age_ms: int | None) -> None:
    async with scene() as here:
        await here.start()
        if age_ms is not None:
            here.post.wrote[NUMBER] = here.clock.now_ms() - age_ms
        sent = await here.send()
        assert (sent.kind, sent.why) == (SentKind.NEVER, "its owner has not written for 24 hours")
        assert not here.api.bodies
    async with scene(template_name="hasil_transaksi") as here:
        await here.start()
        assert (await here.send("S5 SUKSES\n\tSN:     1")).kind is SentKind.SENT
        assert here.api.templates == ["S5 SUKSES SN: 1"]
        assert (await here.send("x" * 1025)).kind is SentKind.NEVER
    async with scene(template_name="other") as here:
        await here.start()
        assert "template" in (await here.send()).why


async def test_a_window_that_meta_finds_closed_is_closed() -> None:
    async with scene() as here:
        await here.start()
        here.post.wrote[NUMBER] = here.clock.now_ms()  # we believe that he wrote
        assert (await here.send()).kind is SentKind.NEVER
    async with scene(template_name="hasil_transaksi") as here:
        await here.start()
        here.post.wrote[NUMBER] = here.clock.now_ms()
        assert (await here.send()).kind is SentKind.SENT
        assert here.api.templates == ["SUKSES"]


async def test_what_a_report_says_holds_until_somebody_writes_again() -> None:
    async with scene() as here:
        await here.start()
        await here.api.deliver(here.writes("SALDO.1234"))
        sent = await here.send()
        failed = {"id": sent.provider_id, "status": "failed", "recipient_id": NUMBER}
        for code in (131026, 131047):
            report = value(statuses=[failed | {"errors": [{"code": code, "title": "no"}]}])
            await here.api.deliver(report)
            assert here.post.reports.get_nowait() == (sent.provider_id, False, f"{code}: no")
            assert (await here.send()).kind is SentKind.NEVER
            await here.clock.sleep(0.01)
            await here.api.deliver(here.writes("SALDO.1234"))
            assert (await here.send()).kind is SentKind.SENT


@pytest.mark.parametrize(
    ("instead", "kind", "standing"),
    [
        ((500, b"oops"), SentKind.MAYBE, UP),
        ((503, {"error": {"code": 2}}), SentKind.MAYBE, UP),
        ((429, b""), SentKind.LATER, UP),
        ((400, {"error": {"code": 130429}}), SentKind.LATER, UP),
        ((400, {"error": {"code": 80007}}), SentKind.LATER, UP),
        ((400, {"error": {"code": 131026}}), SentKind.NEVER, UP),
        ((400, {"error": {"code": 131047}}), SentKind.NEVER, UP),
        ((400, {"error": {"code": "190"}}), SentKind.NEVER, UP),
        ((400, {"error": [1]}), SentKind.NEVER, UP),
        ((400, {"error": {"code": 190}}), SentKind.LATER, WRONG),
        ((401, b"<html>"), SentKind.LATER, WRONG),
        ((403, {"error": {"code": 200}}), SentKind.LATER, WRONG),
        ((400, {"error": {"code": 100, "error_subcode": 33}}), SentKind.LATER, WRONG),
        ((302, b""), SentKind.NEVER, UP),
        ((200, b"{"), SentKind.SENT, UP),
        ((200, {"messages": [{"id": "x" * 300}]}), SentKind.SENT, UP),
        ((200, b"x" * 200_000), SentKind.SENT, UP),
        ((200, {"error": {"code": 131026}}), SentKind.NEVER, UP),
        ((500, b"[" * 60_000), SentKind.MAYBE, UP),
    ],
)
async def test_what_meta_may_answer(
    instead: tuple[int, Any], kind: SentKind, standing: Standing
) -> None:
    async with scene() as here:
        await here.start()
        here.post.wrote[NUMBER] = here.clock.now_ms()
        here.api.wrote[NUMBER] = here.clock.now_ms() / 1000
        here.api.instead.append(instead)
        sent = await here.send()
        assert sent.kind is kind
        assert TOKEN not in repr(sent) + repr(here.channel.state())
        assert here.channel.state().standing is standing


async def test_a_wrong_token_is_said() -> None:
    async with scene(Keys(Secret("other"), Secret(APP_SECRET), Secret(VERIFY_TOKEN))) as here:
        await here.start(Standing.MISCONFIGURED)
        assert "token" in here.channel.state().why
        assert "token_file" in here.channel.state().remedy


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    async with scene() as here:
        here.open(base_url="http://127.0.0.1:1")
        await here.start(Standing.DOWN)
        assert "cannot be reached" in here.channel.state().why
    async with scene() as here:
        await here.start()
        here.post.wrote[NUMBER] = here.clock.now_ms()
        here.api.wrote[NUMBER] = here.clock.now_ms() / 1000
        here.api.instead.append(None)
        assert (await here.send()).kind is SentKind.MAYBE
        await here.reaches(Standing.UP)  # it has asked again by itself
        assert (await here.send()).kind is SentKind.SENT


async def test_a_server_that_does_not_answer_is_not_waited_for() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server, scene() as here:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        here.open(base_url=address, timeout_seconds=20.0)
        await here.start(Standing.DOWN)
        assert here.channel.state().why == "Meta did not answer in time"
        await here.stop()


async def test_what_is_no_address_is_never_reached() -> None:
    async with scene() as here:
        await here.start()
        for address in ("", "+62812", "agen1@pulsa.test", "0812 0000"):
            assert (await here.send(address=address)).kind is SentKind.NEVER


def test_every_code_has_words_and_every_fault_a_remedy() -> None:
    codes = [*range(1000), *range(80_000, 80_010), *range(130_000, 134_000)]
    known = [found for code in codes if (found := graph_errors.of_code(code)) is not None]
    assert len({one.why for one in known}) > 10
    for one in known:
        assert one.why
        assert one.kind is not SentKind.SENT
        assert one.fault is None or one.fault.remedy
