"""The serial port over real ptys."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulsarack.modems.errors import NotATty, PortBusy, PortMissing
from pulsarack.modems.port import SerialPort, open_port
from pulsarack.modems.port_holder import holder_of


class Pty:
    def __init__(self) -> None:
        self.master, slave = os.openpty()
        self.path = os.ttyname(slave)
        self.slave = slave

    def hang_up(self) -> None:
        os.close(self.slave)
        os.close(self.master)
        self.slave = self.master = -1

    def close(self) -> None:
        if self.master >= 0:
            self.hang_up()


@pytest.fixture
async def pty() -> AsyncIterator[Pty]:
    made = Pty()
    yield made
    made.close()


async def closed(port: SerialPort) -> None:
    port.close()
    assert await port.wait_closed(5)


async def test_bytes_go_both_ways(pty: Pty) -> None:
    port = await open_port(pty.path)
    came: asyncio.Queue[bytes] = asyncio.Queue()
    port.on_bytes = came.put_nowait
    os.write(pty.master, b"\r\nOK\r\n")
    assert await asyncio.wait_for(came.get(), 5) == b"\r\nOK\r\n"
    port.write(b"AT\r")
    assert os.read(pty.master, 100) == b"AT\r"
    await closed(port)
    port.write(b"lost")


async def test_a_vanished_port_is_told_once_and_at_once(pty: Pty) -> None:
    port = await open_port(pty.path)
    gone: asyncio.Queue[str] = asyncio.Queue()
    port.on_gone = gone.put_nowait
    pty.hang_up()
    assert await asyncio.wait_for(gone.get(), 0.1)
    port.write(b"AT\r")
    await asyncio.sleep(0)
    assert gone.empty()
    assert await port.wait_closed(5)


async def test_a_port_that_takes_nothing_is_given_up(pty: Pty) -> None:
    port = await open_port(pty.path)
    gone: asyncio.Queue[str] = asyncio.Queue()
    port.on_gone = gone.put_nowait
    for _ in range(200):
        port.write(b"x" * 1024)
    assert "no more" in await asyncio.wait_for(gone.get(), 5)
    assert await port.wait_closed(5)


async def test_a_second_opener_learns_that_it_is_busy(pty: Pty) -> None:
    port = await open_port(pty.path)
    with pytest.raises(PortBusy, match="stop it"):
        await open_port(pty.path)
    await closed(port)
    again = await open_port(pty.path)
    await closed(again)


async def test_what_is_no_port(tmp_path: Path) -> None:
    with pytest.raises(PortMissing, match="no such port"):
        await open_port(str(tmp_path / "ttyUSB9"))
    with pytest.raises(NotATty):
        await open_port("/dev/null")
    plain = tmp_path / "file"
    plain.write_text("")
    with pytest.raises(NotATty):
        await open_port(str(plain))


def test_the_holder_is_named(tmp_path: Path) -> None:
    fd = tmp_path / "4242" / "fd"
    fd.mkdir(parents=True)
    (tmp_path / "4242" / "comm").write_text("minicom\n")
    (fd / "3").symlink_to("/dev/null")
    (tmp_path / "self").mkdir()
    assert holder_of("/dev/null", tmp_path) == "minicom (pid 4242)"
    assert holder_of("/dev/zero", tmp_path) is None
    assert holder_of("/dev/null", tmp_path / "missing") is None
