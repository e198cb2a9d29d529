"""The XMPP channel without a server: what it is without one. With one: tests/peers/test_xmpp.py."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pulsarack.daemon.channels.carrier import ChannelState, Parcel, SentKind, Standing
from pulsarack.daemon.channels.marks import Marks
from pulsarack.daemon.channels.within import within
from pulsarack.daemon.channels.xmpp.channel import XmppChannel
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.config_xmpp import XmppSection
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secret
from tests.daemon.chat_desk import MemoryDesk, MemoryPost

PARCEL = Parcel(1, "agen1@pulsa.test/toko", "", "answer", "SUKSES", "A1", None, None, None, 1000, 1)


def channel(password: Secret | None, port: int = 5222, ca_file: Path | None = None) -> XmppChannel:
    clock = WallClock(100.0)
    settings = XmppSection(jid="server@pulsa.test", server="127.0.0.1", port=port, ca_file=ca_file)
    return XmppChannel(
        settings,
        password,
        clock,
        Pressure(),
        MemoryDesk(),
        MemoryPost("agen1@pulsa.test"),
        Marks(),
    )


@asynccontextmanager
async def running(one: XmppChannel) -> AsyncIterator[None]:
    task = asyncio.create_task(one.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for _ in range(5):  # what is closed is gone some rounds of the loop later
            await asyncio.sleep(0)


@asynccontextmanager
async def server(noise: bytes) -> AsyncIterator[int]:
    """Says that to everybody and then listens until he goes; its port."""
    writers: list[asyncio.StreamWriter] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(noise)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    listening = await asyncio.start_server(speak, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def says(one: XmppChannel, words: str) -> ChannelState:
    async with asyncio.timeout(30):
        while words not in one.state().why:
            await asyncio.sleep(0.01)
    return one.state()


async def test_without_a_password_nothing_is_tried() -> None:
    one = channel(None)
    async with running(one):
        state = await says(one, "no password")
        assert state.standing is Standing.MISCONFIGURED
        assert "password_file" in state.remedy
        assert (await one.send(PARCEL)).kind is SentKind.LATER


async def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "ca.pem"
    bad.write_text("nothing")
    for path in (bad, tmp_path / "missing.pem"):
        one = channel(Secret("rahasia"), ca_file=path)
        async with running(one):
            state = await says(one, path.name)
            assert state.standing is Standing.MISCONFIGURED
            assert "ca_file" in state.remedy


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))  # nobody listens
        one = channel(Secret("rahasia"), place.getsockname()[1])
        async with running(one):
            state = await says(one, "cannot be reached")
            assert state.standing is Standing.DOWN
            assert "rahasia" not in repr(state)


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async with server(b"") as port:
        one = channel(Secret("rahasia"), port)
        async with running(one):
            await says(one, "did not answer within")


@pytest.mark.parametrize("noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\xff" * 100, b"<a><b"])
async def test_a_server_that_speaks_something_else_is_left(noise: bytes) -> None:
    async with server(noise) as port:
        one = channel(Secret("rahasia"), port)
        async with running(one):
            async with asyncio.timeout(30):
                while "not been connected" in one.state().why:
                    await asyncio.sleep(0.01)
            assert one.state().standing is Standing.DOWN


async def test_a_limit_passes_by_the_daemons_clock() -> None:
    clock = WallClock(1000.0)
    with pytest.raises(TimeoutError):
        async with within(clock, 60.0):
            await asyncio.get_running_loop().create_future()
    async with within(clock, 60.0):
        pass
