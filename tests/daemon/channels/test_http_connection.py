"""Connections: what is no HTTP, what comes slowly, in pieces, or all at once, and how many.

Most of it in memory: octets into the server's end of a connection, and what it writes.
"""

import asyncio
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from pulsarack.queue import orders
from tests.daemon.channels.hand_clock import settle
from tests.daemon.channels.http_world import HttpWorld, certificate, hang_up

SETTINGS = "body_octets = 2048\nheader_octets = 1024\nheaders = 20\n"
NOISE = (b"\r\n", b"\0", b":", b" ", b"\r\n\r\n", b"{", b"\xff")
FAST = "requests_per_second = 1000\nburst = 1000\n"
HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\n"
NOT_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /v1/orders\r\n\r\n",
    b"GET  HTTP/1.1\r\n\r\n",
    b"G\x00T / HTTP/1.1\r\n\r\n",
    HEAD + b"Content-Length: -1\r\n\r\n",
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
    HEAD + b"A : b\r\n\r\n",
    HEAD + b"A: b\r\n c\r\n\r\n",
    HEAD + b"X: " + b"y" * 4000 + b"\r\n\r\n",
    HEAD + b"".join(b"X%d: y\r\n" % n for n in range(200)) + b"\r\n",
    b"GET /" + b"p" * 4000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
]  # fmt: skip


@pytest.mark.parametrize("octets", NOT_HTTP)
async def test_what_is_no_http_is_told_so(tmp_path: Path, octets: bytes) -> None:
    async with HttpWorld(tmp_path, SETTINGS) as world:
        found = await world.raw(octets)
        assert b" 400 Bad Request" in found[:30], found
        assert b'"code":"BAD_HTTP"' in found, found
        assert world.refused() == {"HTTP_BAD_HTTP": 1}
        assert (await world.order("r1")).status == 201


class Line(asyncio.Transport):
    """The server's end of a connection, in memory."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000)})
        self.sent = b""
        self.open = True

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def writelines(self, pieces: Any) -> None:
        self.sent += b"".join(bytes(one) for one in pieces)

    def close(self) -> None:
        self.open = False

    abort = close

    def is_closing(self) -> bool:
        return not self.open

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def connected(world: HttpWorld, octets: bytes) -> tuple[Line, Any]:
    """A connection in memory on which these octets came."""
    line, end = Line(), world.channel.server.connect("127.0.0.1")
    assert end is not None
    end.connection_made(line)
    await settle()
    if octets:
        end.data_received(octets)
    await settle()
    return line, end


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        (b"", b""),
        (HEAD, b"HTTP/1.1 408 "),
        (b"P", b"HTTP/1.1 408 "),
        (HEAD + b"Content-Length: 10\r\n\r\n12345", b"HTTP/1.1 408 "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", b"HTTP/1.1 408 "),
    ],
)
async def test_who_sends_slowly_is_cut_off(tmp_path: Path, octets: bytes, answer: bytes) -> None:
    async with HttpWorld(tmp_path) as world:
        line, end = await connected(world, octets)
        await world.clock.pass_by(9.9)
        assert line.open and not line.sent
        await world.clock.pass_by(0.2)
        assert not line.open
        assert line.sent.startswith(answer) and bool(line.sent) == bool(answer), line.sent
        assert world.refused() == ({"HTTP_TOO_SLOW": 1} if octets else {})
        end.connection_lost(None)
        await settle()
        assert world.refused() == ({"HTTP_TOO_SLOW": 1} if octets else {})


async def test_a_drop_now_and_then_gains_no_time(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        line, end = await connected(world, HEAD)
        for n in range(11):
            end.data_received(b"X%d: y\r\n" % n)
            await world.clock.pass_by(1.0)
        assert not line.open and line.sent.startswith(b"HTTP/1.1 408 ")
        end.connection_lost(None)


async def test_an_idle_connection_is_closed_without_a_word(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        ask = b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        line, end = await connected(world, ask)
        for _ in range(2):
            await world.clock.pass_by(29.0)
            assert line.open and line.sent.startswith(b"HTTP/1.1 200 "), line.sent
            line.sent = b""
            end.data_received(ask)  # asked in time, it is served again
            await settle()
        line.sent = b""
        await world.clock.pass_by(30.1)
        assert not line.open and not line.sent
        assert world.refused() == {}
        end.connection_lost(None)


async def test_who_takes_no_answer_is_cut_off(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        line, end = await connected(world, b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        end.pause_writing()
        await world.clock.pass_by(9.0)
        end.resume_writing()
        await world.clock.pass_by(2.0)
        assert line.open
        end.pause_writing()
        await world.clock.pass_by(10.1)
        assert not line.open
        assert world.refused() == {"HTTP_TOO_SLOW": 1}
        end.connection_lost(None)


async def test_connections_are_bounded_for_each_address(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, "connections_per_address = 2\n") as world:
        port = world.channel.server.port
        ends = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await world.raw(b"GET / HTTP/1.1\r\n\r\n")
        assert refused.startswith(b"HTTP/1.1 503 ") and b"TOO_MANY_CONNECTIONS" in refused
        assert world.refused() == {"HTTP_TOO_MANY_CONNECTIONS": 1}
        for _, writer in ends:
            await hang_up(writer)
        while world.pressure.figures()["http_connections"]:
            await asyncio.sleep(0)
        assert (await world.order("r1")).status == 201


def on_the_line(world: HttpWorld, reference: str, close: bool = False) -> bytes:
    """A signed order as octets."""
    record = {"client_reference": reference, "product": "S10", "destination": "081200000012"}
    body = json.dumps(record).encode()
    headers = world.signed("POST", "/v1/orders", body) | {"Content-Length": str(len(body))}
    if close:
        headers["Connection"] = "close"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /v1/orders HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode() + body


def answers(sent: bytes) -> list[tuple[int, Any]]:
    """What was answered, one after the other: status and JSON."""
    found = []
    while sent:
        head, _, rest = sent.partition(b"\r\n\r\n")
        length = int(re.findall(rb"(?i)content-length: ([0-9]+)", head)[0])
        found.append((int(head.split()[1]), json.loads(rest[:length])))
        sent = rest[length:]
    return found


async def test_octet_by_octet_it_is_the_same_order(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        line, end = await connected(world, b"")
        for octet in on_the_line(world, "r1"):
            end.data_received(bytes([octet]))
        await settle()
        ((status, found),) = answers(line.sent)
        assert (status, found["client_reference"]) == (201, "r1")
        end.connection_lost(None)


async def test_requests_behind_each_other_are_answered_in_turn(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        octets = [on_the_line(world, name) for name in ("r1", "r1", "r2")]
        line, end = await connected(world, b"".join(octets))
        while len(answers(line.sent)) < 3:
            await settle()
        told = [(status, one.get("client_reference")) for status, one in answers(line.sent)]
        assert told == [(201, "r1"), (200, "r1"), (409, None)]
        end.connection_lost(None)


async def test_who_hangs_up_has_ordered_all_the_same(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        _, end = await connected(world, on_the_line(world, "r1"))
        end.connection_lost(None)
        await settle()
        assert (await world.ask("GET", "/v1/orders/r1")).status == 200
        half = on_the_line(world, "r2")[:-10]
        _, end = await connected(world, half)
        end.connection_lost(None)
        await settle()
        assert (await world.ask("GET", "/v1/orders/r2")).status == 404
        assert world.lines("http.failed") == []


def edited(octets: bytes, rng: random.Random) -> bytes:
    """The same octets with a few of them taken out, doubled, or others."""
    found = bytearray(octets)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(found))
        choice = rng.randrange(4)
        if choice == 0:
            del found[place : place + rng.randint(1, 20)]
        elif choice == 1:
            found[place:place] = found[place : place + rng.randint(1, 20)]
        elif choice == 2:
            found[place] = rng.randrange(256)
        else:
            found[place:place] = rng.choice(
                [b"\r\n", b"\0", b":", b" ", b"\r\n\r\n", b"{", b"\xff"]
            )
        if not found:
            break
    return bytes(found)


@pytest.mark.parametrize("seed", range(4))
async def test_no_octets_do_harm(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with HttpWorld(tmp_path, FAST) as world:
        for count in range(40):
            line, end = await connected(world, edited(on_the_line(world, f"r{count}"), rng))
            await world.clock.pass_by(11)
            for status, found in answers(line.sent):
                # An edit that the signature does not cover may leave the order as it was.
                assert status in (200, 201, 400, 401, 404, 405, 408, 409, 413, 415, 429), found
                assert status < 400 or set(found) == {"code", "message", "remedy"}
            end.connection_lost(None)
            await settle()
            world.doors.wrongs.clear()
        assert world.lines("http.failed") == []
        assert world.pressure.figures()["http_connections"] == 0
        kept = world.store.read_inline(lambda db: orders.listed(db, limit=100))
        assert all(one.product == "S10" and one.destination == "6281200000012" for one in kept)


async def test_handshakes_that_never_end_are_counted(tmp_path: Path) -> None:
    path = certificate(tmp_path / "http.pem")
    world = HttpWorld(tmp_path, "connections_per_address = 2\n")
    server = world.channel.server
    server._settings = server._settings.model_copy(update={"tls_certificate": path})
    async with world:
        ends = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        while world.pressure.figures()["http_connections"] < 2:
            await asyncio.sleep(0)
        assert await world.raw(b"") == b""
        assert world.refused() == {"HTTP_TOO_MANY_CONNECTIONS": 1}
        await hang_up(ends[0][1])
        while world.pressure.figures()["http_connections"] > 1:
            await asyncio.sleep(0)
    # At the end nobody is waited for who has not ended his.
    assert world.pressure.figures()["http_connections"] == 0
    assert await ends[1][0].read() == b""
    await hang_up(ends[1][1])
