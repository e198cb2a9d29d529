"""Ports on the network: telnet against pyserial's own server side, and TCP on this machine."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import serial
import serial.rfc2217
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems import net_port, port_url
from pulsarack.modems.errors import PortUnreachable
from pulsarack.modems.net_port import NetPort, open_url
from pulsarack.modems.port_url import PortUrl
from pulsarack.modems.telnet import Telnet, escape

IAC, DONT, DO, WONT, WILL = 255, 254, 253, 252, 251


class Server:
    """The server side of RFC 2217, as pyserial has it, in front of a looped-back port."""

    def __init__(self) -> None:
        self.port = serial.serial_for_url("loop://", timeout=0)
        self.sent = bytearray()
        self.line = bytearray()
        self._manager = serial.rfc2217.PortManager(self.port, self)

    def write(self, data: bytes) -> None:
        self.sent += data

    def feed(self, data: bytes) -> bytes:
        """What it says to what came."""
        self.line += b"".join(self._manager.filter(data))
        said, self.sent = bytes(self.sent), bytearray()
        return said

    def escape(self, data: bytes) -> bytes:
        return b"".join(self._manager.escape(data))


def talk(ours: Telnet, server: Server, first: bytes) -> bytes:
    """Let both talk until they are done; the bytes of the line that came to us."""
    heard, data = b"", first
    for _ in range(20):
        said = server.feed(data)
        line, data = ours.feed(said)
        heard += line
        if not data and not said:
            return heard
    raise AssertionError("they thank each other for ever")


def test_pyserials_server_agrees_and_sets_the_line() -> None:
    ours, server = Telnet(57_600), Server()
    talk(ours, server, ours.hello())
    assert ours.controls is True
    assert server.port.baudrate == 57_600
    assert (server.port.bytesize, server.port.parity, server.port.stopbits) == (8, "N", 1)
    assert (server.port.dtr, server.port.rts) == (True, True)


def test_a_baud_rate_of_every_octet_arrives() -> None:
    for baud in (9600, 115_200, 0x00FF_FF00 >> 8, 921_600):
        ours, server = Telnet(baud), Server()
        talk(ours, server, ours.hello())
        assert server.port.baudrate == baud


@given(st.binary(max_size=300), st.integers(1, 7))
def test_bytes_go_over_the_line_as_they_are(data: bytes, piece: int) -> None:
    ours, server = Telnet(115_200), Server()
    talk(ours, server, ours.hello())
    server.line.clear()
    server.feed(escape(data))
    assert bytes(server.line) == data
    over = server.escape(data)
    back = b""
    for place in range(0, len(over), piece):
        line, reply = ours.feed(over[place : place + piece])
        back += line
        assert not reply
    assert back == data


@given(st.binary(max_size=400))
def test_no_bytes_break_it_or_make_it_talk_for_ever(data: bytes) -> None:
    ours = Telnet(115_200)
    ours.hello()
    _, reply = ours.feed(data)
    assert len(reply) <= 3 * len(data) + 200
    other = Telnet(115_200)
    for _ in range(10):
        _, reply = other.feed(reply)
        if not reply:
            break
    else:
        raise AssertionError("they thank each other for ever")


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ((WILL, 24), (DONT, 24)),  # terminal type
        ((DO, 31), (WONT, 31)),  # window size
        ((WONT, 24), ()),
        ((DONT, 31), ()),
        ((DO, 0), ()),  # agrees to what we asked
        ((WILL, 1), ()),
        ((DONT, 44), ()),
    ],
)
def test_what_is_offered_is_declined_once(said: tuple[int, int], reply: tuple[int, ...]) -> None:
    ours = Telnet(115_200)
    ours.hello()
    expected = bytes((IAC, *reply)) if reply else b""
    assert ours.feed(bytes((IAC, *said))) == (b"", expected)


def test_a_server_that_will_not_be_controlled_says_so() -> None:
    ours = Telnet(115_200)
    ours.hello()
    ours.feed(bytes((IAC, DONT, 44)))
    assert ours.controls is False


# --- over TCP ---------------------------------------------------------------------------------

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """A server on this machine; its port."""
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await handler(reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


class Ear:
    """Who drives a port."""

    def __init__(self, port: NetPort) -> None:
        self.heard = bytearray()
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.news = asyncio.Event()
        port.on_bytes = self._hear
        port.on_gone = self.gone.set_result

    def _hear(self, data: bytes) -> None:
        self.heard += data
        self.news.set()

    async def until(self, wanted: bytes) -> None:
        async with asyncio.timeout(10):
            while wanted not in self.heard:
                await self.news.wait()
                self.news.clear()


async def answer_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        if b"BYE" in data:
            writer.close()
            return
        writer.write(b"\r\nOK\r\n\xff")


async def test_a_socket_is_the_bytes_alone() -> None:
    async with serving(answer_ok) as number:
        port = await open_url("socket://here", PortUrl("socket", "127.0.0.1", number), 115_200)
        ear = Ear(port)
        port.write(b"AT\r")
        await ear.until(b"OK\r\n\xff")
        port.write(b"BYE")
        assert await asyncio.wait_for(ear.gone, 10) == "the server hung up"
        port.write(b"into the void")
        port.close()


async def test_telnet_is_agreed_upon_before_the_port_is_given() -> None:
    managers = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = Server()
        managers.append(server)
        while data := await reader.read(100):
            writer.write(server.feed(data))
            if server.line:
                writer.write(server.escape(b"\xffOK"))
                server.line.clear()

    async with serving(handle) as number:
        port = await open_url("rfc2217://here", PortUrl("rfc2217", "127.0.0.1", number), 19_200)
        ear = Ear(port)
        port.write(b"AT\r")
        await ear.until(b"\xffOK")
        assert managers[0].port.baudrate == 19_200
        port.close()
        await asyncio.sleep(0)
        assert not ear.gone.done(), "who closes it knows"


async def test_what_cannot_be_reached_says_why() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        number = unused.getsockname()[1]
        with pytest.raises(
            PortUnreachable, match=r"socket://here: cannot be reached \(Connection refused\)"
        ):
            await open_url("socket://here", PortUrl("socket", "127.0.0.1", number), 115_200)


async def test_a_server_without_rfc_2217_is_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    monkeypatch.setattr(net_port, "AGREE_SECONDS", 0.05)
    for handler in (mute, hang_up):
        async with serving(handler) as number:
            with pytest.raises(PortUnreachable, match="does not agree to RFC 2217"):
                await open_url("x", PortUrl("rfc2217", "127.0.0.1", number), 115_200)


async def test_a_server_that_takes_no_bytes_is_gone_before_they_pile_up() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(deaf) as number:
        port = await open_url("x", PortUrl("socket", "127.0.0.1", number), 115_200)
        ear = Ear(port)
        for _ in range(10_000):
            port.write(b"x" * 4096)
            if ear.gone.done():
                break
            await asyncio.sleep(0)
        assert "takes no more" in await asyncio.wait_for(ear.gone, 10)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("socket://192.0.2.7:4001", PortUrl("socket", "192.0.2.7", 4001)),
        ("rfc2217://rack-2.example:1", PortUrl("rfc2217", "rack-2.example", 1)),
        ("socket://[2001:db8::1]:65535", PortUrl("socket", "2001:db8::1", 65_535)),
        ("socket://192.0.2.7", None),
        ("socket://192.0.2.7:0", None),
        ("socket://192.0.2.7:99999", None),
        ("spy:///dev/ttyUSB0", None),
        ("/dev/ttyUSB0", None),
    ],
)
def test_urls(text: str, found: PortUrl | None) -> None:
    assert port_url.parse(text) == found


async def test_a_server_that_asks_for_ever_and_hears_no_answer_is_gone() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        writer.write(bytes((IAC, DO, 44)))
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(bytes((IAC, DO, 5)) * 20_000)
                await writer.drain()

    async with serving(flood) as number:
        port = await open_url("x", PortUrl("rfc2217", "127.0.0.1", number), 115_200)
        async with asyncio.timeout(30):
            while port._transport is not None:
                await asyncio.sleep(0.01)
