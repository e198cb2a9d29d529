"""The channel as the daemon sees it: what is wrong with it is its own affair, and it ends in order.

And the OpenAPI document, which must be what is served.
"""

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from pulsarack.daemon.channels.carrier import Standing
from pulsarack.daemon.channels.http import json_body, openapi, refusals
from pulsarack.daemon.channels.http.channel import LOOK_AGAIN_SECONDS
from pulsarack.daemon.channels.http.routes import Call, Route
from pulsarack.daemon.channels.http.server import CannotListen
from pulsarack.daemon.channels.http.wire import Balance
from pulsarack.daemon.config_http import split_listen
from pulsarack.daemon.errors import Busy
from tests.daemon.channels.hand_clock import settle
from tests.daemon.channels.http_world import HttpWorld, certificate
from tests.daemon.world import START_MS

OK = Balance("A1", 1, 0, 1)


def route(path: str, handle: Callable[[Call], Awaitable[web.Response]]) -> Route:
    return Route("GET", path, handle)


def settings_of(world: HttpWorld, **changed: object) -> HttpWorld:
    """The same world with other keys in [http], before anything listens."""
    server = world.channel.server
    server._settings = server._settings.model_copy(update=changed)
    return world


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def test_a_port_in_use_is_this_channels_affair(tmp_path: Path) -> None:
    world = HttpWorld(tmp_path)
    channel = world.channel
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings_of(world, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        running = asyncio.create_task(channel.run())
        await until(lambda: channel.state().standing is Standing.MISCONFIGURED)
        state = channel.state()
        assert state.why.endswith("cannot listen there: Address already in use")
        assert state.remedy.startswith("set another address or port as `listen` in [http]")
        await world.clock.pass_by(LOOK_AGAIN_SECONDS + 1)
        assert channel.state() == state
    assert len(world.lines("channel.misconfigured")) == 1
    await world.clock.pass_by(LOOK_AGAIN_SECONDS + 1)
    await until(lambda: channel.state().standing is Standing.UP)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert channel.state().standing is Standing.DOWN
    world.store.close()


@pytest.mark.parametrize(
    ("listen", "why"),
    [
        ("192.0.2.1:0", "Cannot assign requested address"),
        ("no-such-host.invalid:0", "there is no such address"),
    ],
)
async def test_an_address_that_is_not_ours(tmp_path: Path, listen: str, why: str) -> None:
    world = settings_of(HttpWorld(tmp_path), listen=listen)
    running = asyncio.create_task(world.channel.run())
    await until(lambda: world.channel.state().standing is Standing.MISCONFIGURED)
    assert world.channel.state().why == f"{listen}: cannot listen there: {why}"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    world.store.close()


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), ("nonsense", "it is no certificate")],
)
async def test_a_certificate_that_is_none(tmp_path: Path, content: str | None, why: str) -> None:
    certificate = tmp_path / "http.pem"
    if content is not None:
        certificate.write_text(content)
    world = settings_of(HttpWorld(tmp_path), tls_certificate=certificate)
    running = asyncio.create_task(world.channel.run())
    await until(lambda: world.channel.state().standing is Standing.MISCONFIGURED)
    assert world.channel.state().why.startswith(f"{certificate}: {why}")
    assert "tls_certificate and tls_key" in world.channel.state().remedy
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    world.store.close()


def both_families() -> bool:
    """Whether this machine listens on IPv6 and IPv4 with one socket."""
    try:
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True).close()
    except (OSError, ValueError):
        return False
    return True


@pytest.mark.skipif(not both_families(), reason="needs IPv6")
async def test_all_addresses_are_those_of_ipv4_too(tmp_path: Path) -> None:
    async with settings_of(HttpWorld(tmp_path), listen="[::]:0") as world:
        assert (await world.ask("GET", "/v1/balance")).status == 200
        assert world.lines("http.request")[0]["address"] == "127.0.0.1"


async def test_a_key_alone_is_no_reason_to_speak_in_the_clear(tmp_path: Path) -> None:
    world = settings_of(HttpWorld(tmp_path), tls_key=tmp_path / "http.key")
    with pytest.raises(CannotListen, match="tls_key stands without tls_certificate"):
        await world.channel.server.start()
    world.store.close()


async def test_it_speaks_tls(tmp_path: Path) -> None:
    path = certificate(tmp_path / "http.pem")
    async with settings_of(HttpWorld(tmp_path), tls_certificate=path) as world:
        context = ssl.create_default_context(cafile=str(path))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", world.channel.server.port, ssl=context, server_hostname="localhost"
        )
        writer.write(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await writer.wait_closed()
        assert b"HTTP" not in await world.raw(b"GET / HTTP/1.1\r\n\r\n")


async def test_a_way_in_the_clear_is_told(tmp_path: Path) -> None:
    for listen, proxies, told in (
        ("127.0.0.1:0", (), 0),
        ("0.0.0.0:0", (), 1),
        ("0.0.0.0:0", ("10.0.0.1",), 0),
    ):
        directory = tmp_path / f"{told}{len(proxies)}{listen[:3]}"
        directory.mkdir()
        names = ", ".join(f'"{one}"' for one in proxies)
        world = settings_of(HttpWorld(directory, f"trusted_proxies = [{names}]\n"), listen=listen)
        async with world:
            assert len(world.lines("http.in_the_clear")) == told


async def test_what_has_begun_is_answered_at_the_end(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call) -> web.Response:
        begun.set()
        await go_on.wait()
        return json_body.answer(OK)

    world = HttpWorld(tmp_path)
    world.channel.add([route("/slow", slow)])
    async with world:
        asking = asyncio.create_task(world.send("GET", "/slow"))
        await begun.wait()
        port = world.channel.server.port
        stopping = asyncio.create_task(world.channel.server.stop())
        await settle()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert not stopping.done()
        go_on.set()
        assert (await asking).status == 200
        await stopping


async def test_faults_of_a_handler_are_its_requests_own(tmp_path: Path) -> None:
    async def broken(_call: Call) -> web.Response:
        raise KeyError("a fault of ours")

    async def busy(_call: Call) -> web.Response:
        raise Busy(500)

    world = HttpWorld(tmp_path)
    world.channel.add([route("/broken", broken), route("/busy", busy)])
    world.channel.add([Route("GET", "/worse", broken, refuse=lambda *_: 1 // 0)])  # type: ignore[arg-type,return-value]
    async with world:
        found = await world.send("GET", "/broken")
        assert (found.status, found.code) == (500, "INTERNAL")
        assert "a fault of ours" not in found.body.decode()
        (line,) = world.lines("http.failed")
        assert line["path"] == "/broken" and "a fault of ours" in line["exception"]
        found = await world.send("GET", "/busy")
        assert (found.status, found.code, found.headers["Retry-After"]) == (503, "BUSY", "1")
        assert world.refused() == {"HTTP_BUSY": 1, "HTTP_INTERNAL": 1}
        found = await world.send("GET", "/worse")
        assert (found.status, found.code) == (500, "INTERNAL")
        assert "ZeroDivisionError" in world.lines("http.failed")[-1]["exception"]
        with pytest.raises(CannotListen, match="served already"):
            world.channel.add([route("/busy", busy)])
        for path in ("irs", "/{", "/a{b"):
            with pytest.raises(CannotListen, match="is no path"):
                world.channel.add([route(path, busy)])


async def test_requests_in_flight_are_bounded(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def slow(_call: Call) -> web.Response:
        await go_on.wait()
        return json_body.answer(OK)

    world = HttpWorld(tmp_path, "in_flight = 2\n")
    world.channel.add([route("/slow", slow)])
    async with world:
        asking = [asyncio.create_task(world.send("GET", "/slow")) for _ in range(2)]
        await until(lambda: world.pressure.figures()["http_in_flight"] == 2)
        found = await world.send("GET", "/slow")
        assert (found.status, found.code) == (503, "BUSY")
        go_on.set()
        assert [(await one).status for one in asking] == [200, 200]


async def test_the_log_names_the_route_and_no_more(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        await world.ask("GET", "/v1/orders/r738291?pin=738291")
        (line,) = world.lines("http.request")
        assert {key: line[key] for key in ("method", "path", "status", "account")} == {
            "method": "GET",
            "path": "/v1/orders/{reference}",
            "status": 404,
            "account": "K1",
        }
        await world.send("GET", "/738291?pin=738291")
        assert "738291" not in world.log.getvalue()


def test_where_to_listen() -> None:
    assert split_listen("127.0.0.1:8080") == ("127.0.0.1", 8080)
    assert split_listen("[::]:8443") == ("::", 8443)
    for text in ("8080", ":8080", "::1:8080", "host:", "host:99999", "host:8o8o", "[]:1"):
        with pytest.raises(ValueError, match="write HOST:PORT"):
            split_listen(text)


def test_every_refusal_has_a_status_and_a_remedy() -> None:
    for why in refusals.Why:
        found = refusals.HttpRefusal(why, "so it is")
        assert 400 <= found.status < 600 and found.remedy, why


# --- the OpenAPI document ---


async def test_the_document_is_what_is_served(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        found = (await world.send("GET", "/v1/openapi.json")).json
        documented = {
            (method.upper(), path) for path, one in found["paths"].items() for method in one
        }
        assert documented == {(one.method, one.path) for one in world.channel.server.routes}
        assert found["openapi"] == "3.1.0"
        for path, methods in found["paths"].items():
            for method, one in methods.items():
                names = {p["name"] for p in one.get("parameters", ()) if p["in"] == "path"}
                assert names == set(re.findall(r"{(\w+)}", path))
                assert {"400", "500"} < set(one["responses"])
                assert ("requestBody" in one) <= (method == "post")


def references(node: object) -> set[str]:
    """Every schema that is referred to."""
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*(references(one) for one in node.values()))
    return set().union(*(references(one) for one in node)) if isinstance(node, list) else set()


async def test_every_schema_is_there_and_of_use(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        found = openapi.document(world.channel.server.routes)
        there = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
        assert references(found) == there
        assert "\\Z" not in json.dumps(found)
        assert found["components"]["schemas"]["NewOrder"]["additionalProperties"] is False


async def test_time_stands_in_milliseconds(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        assert (await world.order("r1")).json["received_at"] == START_MS
