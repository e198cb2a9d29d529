"""One pty: bytes both ways, and coming back under another name."""

import asyncio
import os
from pathlib import Path

from pulsarack.modems.simulator.pty_port import PtyPort


async def test_bytes_both_ways_and_a_reader_that_never_reads(tmp_path: Path) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    port = PtyPort(tmp_path / "modem0", asyncio.get_running_loop(), heard.put_nowait)
    port.open()
    te = os.open(tmp_path / "modem0", os.O_RDWR | os.O_NOCTTY)
    os.write(te, b"AT\x03\r\n\x00")
    assert await asyncio.wait_for(heard.get(), 10) == b"AT\x03\r\n\x00"
    port.write(b"\r\nOK\xff\r\n")
    assert os.read(te, 100) == b"\r\nOK\xff\r\n"
    for _ in range(1000):
        port.write(b"\r\n^RSSI:99\r\n" * 10)  # nobody reads, and nothing blocks
    os.close(te)
    port.close()


async def test_unplugged_and_back_under_another_name(tmp_path: Path) -> None:
    link = tmp_path / "modem0"
    port = PtyPort(link, asyncio.get_running_loop(), lambda data: None)
    port.open()
    before = link.readlink()
    te = os.open(link, os.O_RDWR | os.O_NOCTTY)
    port.close()
    assert not link.is_symlink()
    assert os.read(te, 10) == b""  # a hang-up
    port.write(b"nobody hears this")
    port.reopen()
    assert link.readlink() != before
    os.close(te)
    port.close()
    port.close()
