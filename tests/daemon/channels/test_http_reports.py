"""Reports: signed, tried again until they are there, and never sent into our own network."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from pulsarack.daemon.channels.carrier import ChannelState, Parcel, Sent, SentKind, Standing
from pulsarack.daemon.channels.http import report_urls, signing
from pulsarack.daemon.channels.http.reports import Post, Report, Reporter
from pulsarack.daemon.channels.postman import Postman
from pulsarack.daemon.config_http import HttpSection
from pulsarack.daemon.secrets import Secret
from pulsarack.queue import messages
from pulsarack.queue.post import outgoing
from tests.daemon.channels.hand_clock import HandClock, settle
from tests.daemon.channels.http_world import KEY, HttpWorld, TestAccount

PARCEL = Parcel(
    id=7,
    address="K1",
    sender="",
    kind="result",
    text="Transaksi S10 BERHASIL",
    agent="A1",
    order_id=1,
    message_id=3,
    answers=None,
    created_at=0,
    tries=1,
)
HOOK = "/report?token=a%20b"


@dataclass
class Receiver:
    """An agent's program: what it was told, and what it answers next."""

    answers: list[web.Response] = field(default_factory=list)
    told: list[tuple[web.Request, bytes]] = field(default_factory=list)
    waits: asyncio.Event | None = None
    port: int = 0

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        assert isinstance(request, web.Request | web.BaseRequest)
        self.told.append((request, await request.read()))  # type: ignore[arg-type]
        if self.waits is not None:
            await self.waits.wait()
        return self.answers.pop(0) if self.answers else web.Response()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{HOOK}"


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """One on a port of its own."""
    found = Receiver()
    runner = web.ServerRunner(web.Server(found), shutdown_timeout=0.1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    found.port = listener.getsockname()[1]
    try:
        yield found
    finally:
        await runner.cleanup()


async def reported(world: HttpWorld, url: str | None, **account: Any) -> Sent:
    """One try with an account that wants its reports there."""
    world.doors.accounts["K1"] = TestAccount(report_url=url, **account)
    return await world.channel.send(PARCEL)


async def test_a_report_is_signed_and_tells_the_order(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world, receiver() as program:
        await world.order("r1")
        assert await reported(world, program.url) == Sent(SentKind.DELIVERED)
        ((request, body),) = program.told
        assert (request.method, request.path_qs) == ("POST", "/report?token=a%20b")
        told = json.loads(body)
        assert (told["id"], told["text"]) == (7, PARCEL.text)
        assert told["order"]["client_reference"] == "r1" and told["order"]["state"] == "QUEUED"
        signed = signing.read(request.headers)
        text = signing.text_to_sign("POST", HOOK, body, signed.timestamp, signed.nonce)
        assert signing.is_right(signed, Secret(KEY), text)
        assert signed.key == "K1"
        await reported(world, program.url, report_secret=Secret("another"))
        signed, again = signing.read(program.told[1][0].headers), signed.nonce
        assert not signing.is_right(signed, Secret(KEY), text) and signed.nonce != again
        assert json.loads(program.told[1][1])["id"] == 7


@pytest.mark.parametrize(
    ("status", "headers", "kind", "again"),
    [
        (204, {}, SentKind.DELIVERED, None),
        (302, {"Location": "http://127.0.0.1:1/"}, SentKind.LATER, None),
        (404, {}, SentKind.LATER, None),
        (410, {}, SentKind.LATER, None),
        (429, {"Retry-After": "17"}, SentKind.LATER, 17.0),
        (503, {"Retry-After": "99999999999999"}, SentKind.LATER, 3600.0),
        (503, {"Retry-After": "0"}, SentKind.LATER, 5.0),
        (503, {"Retry-After": "tomorrow"}, SentKind.LATER, None),
    ],
)
async def test_what_a_receiver_answers_decides(
    tmp_path: Path, status: int, headers: dict[str, str], kind: SentKind, again: float | None
) -> None:
    async with HttpWorld(tmp_path) as world, receiver() as program:
        program.answers = [web.Response(status=status, headers=headers)]
        sent = await reported(world, program.url)
        assert (sent.kind, sent.again_seconds) == (kind, again)
        assert len(program.told) == 1
        assert kind is SentKind.DELIVERED or sent.why == f"the receiver answered {status}"


async def test_the_account_of_another_agent_is_told_nothing(tmp_path: Path) -> None:
    """Its name was given anew while the result waited."""
    async with HttpWorld(tmp_path) as world, receiver() as program:
        await world.order("r1")
        sent = await reported(world, program.url, agent="A2")
        assert (sent.kind, program.told) == (SentKind.NEVER, [])


async def test_who_does_not_answer_may_have_it(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, "report_seconds = 0.05\n") as world, receiver() as program:
        program.waits = asyncio.Event()
        sent = await reported(world, program.url)
        assert (sent.kind, sent.why) == (SentKind.MAYBE, "no answer of the receiver (TimeoutError)")
        program.waits.set()
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            sent = await reported(world, f"http://{host}:{port}/secret-path")
            assert (sent.kind, sent.why) == (SentKind.LATER, "no connection to the receiver")
        assert "secret-path" not in world.log.getvalue()
    for thread in threading.enumerate():
        if thread.name.startswith("resolve"):
            thread.join()


async def test_an_endless_answer_is_not_read(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world, receiver() as program:
        program.answers = [web.Response(body=b"x" * 10_000_000)]
        assert (await reported(world, program.url)).kind is SentKind.DELIVERED


async def test_who_never_ends_his_answer_has_the_report(tmp_path: Path) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, HttpWorld(tmp_path, "report_seconds = 0.3\n") as world:
        sent = await reported(world, f"http://127.0.0.1:{port}/")
        assert sent.kind is SentKind.DELIVERED


async def test_a_slow_host_holds_up_no_other(tmp_path: Path) -> None:
    async with (
        HttpWorld(tmp_path, "reports_per_host = 2\n") as world,
        receiver() as slow,
        receiver() as quick,
    ):
        slow.waits = asyncio.Event()
        world.doors.accounts["K1"] = TestAccount(report_url=slow.url)
        world.doors.accounts["K2"] = TestAccount(member="K2", report_url=quick.url)
        stuck = [asyncio.create_task(world.channel.send(PARCEL)) for _ in range(2)]
        while len(slow.told) < 2:
            await asyncio.sleep(0)
        third = await world.channel.send(PARCEL)
        assert (third.kind, third.again_seconds) == (SentKind.LATER, 2.0)
        again = await world.channel.send(PARCEL._replace(tries=7))
        assert again.again_seconds == 60.0  # thousands of them wait for a host that is dead
        sent = await world.channel.send(PARCEL._replace(address="K2"))
        assert sent.kind is SentKind.DELIVERED
        slow.waits.set()
        assert [(await one).kind for one in stuck] == [SentKind.DELIVERED] * 2
        assert (await world.channel.send(PARCEL)).kind is SentKind.DELIVERED


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (None, "the account has no report URL"),
        ("", "the account has no report URL"),
        ("ftp://example.com/", "report URL: it is no URL of http or https"),
        ("file:///etc/passwd", "report URL: it is no URL of http or https"),
        ("http://", "report URL: it is no URL of http or https"),
        ("//example.com/", "report URL: it is no URL of http or https"),
        ("http://example.com:99999/", "report URL: it is no URL"),
        ("http://u@example.com/", "report URL: it holds a user or a password"),
        ("http://u:p@example.com/", "report URL: it holds a user or a password"),
        ("http://10.1.2.3/", "report URL: 10.1.2.3 is no public address"),
        ("http://169.254.169.254/latest/", "report URL: 169.254.169.254 is no public address"),
        ("http://[::1]/", "report URL: ::1 is no public address"),
        ("http://[::ffff:10.1.2.3]/", "report URL: 10.1.2.3 is no public address"),
        ("http://[64:ff9b::a01:203]/", "report URL: 64:ff9b::a01:203 is no public address"),
        ("http://[2002:a01:203::1]/", "report URL: 2002:a01:203::1 is no public address"),
        ("http://[fe80::1]/", "report URL: fe80::1 is no public address"),
        ("http://224.0.0.1/", "report URL: 224.0.0.1 is no public address"),
        ("http://0.0.0.0/", "report URL: 0.0.0.0 is no public address"),
        ("http://100.64.0.1/", "report URL: 100.64.0.1 is no public address"),
    ],
)
async def test_where_reports_never_go(tmp_path: Path, url: str | None, why: str) -> None:
    async with HttpWorld(tmp_path) as world:
        sent = await reported(world, url)
        assert (sent.kind, sent.why) == (SentKind.NEVER, why)


@pytest.mark.parametrize(
    "host",
    (
        *("127.1", "2130706433", "127.0.0.1.", "0", "017700000001", "\uff11\uff12\uff17.0.0.1"),
        *("[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b:1::7f00:1]"),
    ),
)
def test_no_odd_form_of_an_inner_address_is_taken(host: str) -> None:
    with pytest.raises(report_urls.NotAllowed):
        report_urls.check(f"http://{host}/", ())


class Names(AbstractResolver):
    """Names of the test, each with its addresses."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: Any = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for one in self._names[host]
        ]

    async def close(self) -> None:
        pass


async def test_a_name_is_connected_to_its_allowed_addresses_only() -> None:
    settings = HttpSection(report_private_networks=("127.0.0.0/8",))
    names = Names({"both.test": ["10.0.0.1", "127.0.0.1"], "inner.test": ["10.0.0.1", "::1"]})

    def plain(report: Report) -> Post:
        return Post("GET", report.url)

    async def look() -> tuple[None, None]:
        return None, None

    reporter = Reporter(HandClock(), settings, {"native": plain}, lambda: "n", names)
    await reporter.start()
    try:
        async with receiver() as program:
            for name, kind, why in (
                ("both.test", SentKind.DELIVERED, ""),
                ("inner.test", SentKind.LATER, "report URL: inner.test has no public address"),
            ):
                account = TestAccount(report_url=f"http://{name}:{program.port}/")
                sent = await reporter.report(PARCEL, account, "", look)
                assert (sent.kind, sent.why) == (kind, why)
            assert [request.host for request, _ in program.told] == [f"both.test:{program.port}"]
    finally:
        await reporter.stop()


async def test_names_are_resolved_in_threads_of_their_own() -> None:
    resolver = report_urls.OwnThreads()
    found = await resolver.resolve("localhost", 80)
    assert {one["host"] for one in found} <= {"127.0.0.1", "::1"} and found
    with pytest.raises(report_urls.NotAllowed):
        await report_urls.GuardedResolver((), resolver).resolve("localhost", 80)
    await resolver.close()


def test_an_address_is_public_in_all_its_meanings() -> None:
    for text in ("8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:8.8.8.8"):
        report_urls.check_address(text, ())
    for text in ("127.0.0.1", "192.168.1.1", "::", "fc00::1", "64:ff9b::7f00:1", "no address"):
        with pytest.raises(report_urls.NotAllowed):
            report_urls.check_address(text, ())


async def test_an_order_is_reported_in_the_form_it_came_in(tmp_path: Path) -> None:
    def spoken(report: Report) -> Post:
        url = report.url.update_query(refid=report.order.client_reference if report.order else "")
        return Post("GET", url)

    async with HttpWorld(tmp_path, formatters={"spoken": spoken}) as world, receiver() as program:
        account = TestAccount(report_url=program.url)
        world.doors.accounts["K1"] = account
        from pulsarack.queue.request import Request

        placed = await world.channel.desk.place(
            account, Request("S10", "081200000012", 1), reference="r9", dialect="spoken"
        )
        order_id = getattr(placed, "order").id  # noqa: B009
        sent = await world.channel.send(PARCEL._replace(order_id=order_id))
        assert sent.kind is SentKind.DELIVERED
        assert program.told[0][0].method == "GET"
        assert program.told[0][0].query["refid"] == "r9"
        unknown = await reported(world, program.url, report_dialect="klingon")
        assert unknown.kind is SentKind.DELIVERED  # the order's own form is asked first
        world.store.run_inline(lambda db: db.execute_sql("DELETE FROM order_origin"))
        sent = await world.channel.send(PARCEL._replace(order_id=order_id))
        assert (sent.kind, sent.why) == (SentKind.NEVER, "there is no such dialect of reports")


async def test_a_finished_order_lies_ready_for_its_account(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        await world.order("r1")
        await world.ask("POST", "/v1/orders/r1/cancel")
        (row,) = world.store.read_inline(lambda db: outgoing.listed(db, waiting=True))
        assert (row.channel, row.address, row.kind, row.order_id) == ("http", "K1", "result", 1)


async def test_a_result_is_tried_until_it_is_there(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world, receiver() as program:
        program.answers = [web.Response(status=500), web.Response(status=500)]
        world.doors.accounts["K1"] = TestAccount(report_url=program.url)
        world.channel._state = ChannelState(Standing.UP)
        postman = Postman(world.context, [world.channel])
        (round_,) = postman._rounds.values()
        carrying = asyncio.create_task(round_.run())
        await world.order("r1")
        await world.ask("POST", "/v1/orders/r1/cancel")
        for tries in (1, 2, 3):
            while len(program.told) < tries:
                await asyncio.sleep(0)
            while _waiting(world) and _waiting(world)[0].tries < tries:
                await asyncio.sleep(0)
            await settle()
            await world.clock.pass_by(60)
        while _waiting(world):
            await asyncio.sleep(0)
        told = [json.loads(body) for _, body in program.told]
        assert len({one["id"] for one in told}) == 1
        assert [one["order"]["state"] for one in told] == ["CANCELLED"] * 3
        nonces = {request.headers[signing.NONCE] for request, _ in program.told}
        assert len(nonces) == 3
        (message,) = world.store.read_inline(lambda db: messages.of_order(db, 1))
        assert message.delivered_at is not None
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)


def _waiting(world: HttpWorld) -> list[outgoing.Outgoing]:
    return world.store.read_inline(lambda db: outgoing.listed(db, waiting=True))
