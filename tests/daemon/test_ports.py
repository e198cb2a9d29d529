"""Which ports there are: told at the start, looked at twice a second, opened in turn."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import log as logging
from pulsarack.daemon import openings
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.config import Config, PortSection
from pulsarack.daemon.openings import Openings
from pulsarack.daemon.port_scan import PortScan
from pulsarack.daemon.ports import SerialPorts, problems
from pulsarack.modems.errors import PortStuck, PortUnreachable
from pulsarack.modems.transport import Port
from pulsarack.modems.watch import PortKey, Replaced, Vanished, difference, scan


def sections(*paths: object) -> list[PortSection]:
    return [PortSection(path=str(path)) for path in paths]


def test_a_character_device_and_a_glob_are_no_problem(tmp_path: Path) -> None:
    link = tmp_path / "port"
    link.symlink_to("/dev/null")
    assert problems(sections("/dev/null", link, tmp_path / "none*")) == []


def test_what_is_no_port_is_told_with_its_remedy(tmp_path: Path) -> None:
    file, dangling, missing = tmp_path / "file", tmp_path / "dangling", tmp_path / "missing"
    file.touch()
    dangling.symlink_to(missing)
    found = problems(sections(missing, dangling, file, tmp_path, file / "below", "/dev/null"))
    assert [(problem.path, problem.why) for problem in found] == [
        (str(missing), "there is no such port"),
        (str(dangling), "there is no such port"),
        (str(file), "it is no character device"),
        (str(tmp_path), "it is no character device"),
        (str(file / "below"), "Not a directory"),
    ]
    assert all(problem.remedy for problem in found)


# --- looking twice a second -----------------------------------------------------------------


def test_what_is_looked_at_cheaply_is_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "by-path"
    patterns = [str(folder / "usb*"), str(folder / "usb-1"), str(tmp_path / "*" / "usb*")]
    patterns += [str(folder / ".usb*"), str(folder / "u[rs]b-?"), f"{folder}/"]
    looks = {pattern: PortScan(pattern) for pattern in patterns}

    def compare() -> dict[str, PortKey]:
        for pattern, look in looks.items():
            assert look.look() == scan([pattern]), pattern
        return looks[patterns[0]].look()

    assert compare() == {}
    folder.mkdir()
    assert compare() == {}
    one, two, hidden = folder / "usb-1", folder / "usb-2", folder / ".usb-3"
    one.symlink_to("/dev/null")
    two.symlink_to("/dev/zero")
    hidden.symlink_to("/dev/full")
    (folder / "other").symlink_to("/dev/null")
    (folder / "usb-file").touch()
    (folder / "usb-folder").mkdir()
    (folder / "usb-dangling").symlink_to(tmp_path / "nowhere")
    before = compare()
    assert [before[str(path)].realpath for path in (one, two)] == ["/dev/null", "/dev/zero"]
    assert len(before) == 2
    # Made anew, with another device behind it.
    one.unlink()
    one.symlink_to("/dev/full")
    two.unlink()
    after = compare()
    assert {path: key.realpath for path, key in after.items()} == {str(one): "/dev/full"}
    assert difference(before, after) == [Vanished(str(two)), Replaced(str(one))]
    (folder / "usb-dangling").rename(two)
    (tmp_path / "nowhere").symlink_to("/dev/zero")  # a link to a link, complete now
    assert compare()[str(two)].realpath == "/dev/zero"


def test_another_target_of_the_target_is_another_device(tmp_path: Path) -> None:
    port, name = tmp_path / "usb-1", tmp_path / "ttyUSB0"
    name.symlink_to("/dev/null")
    port.symlink_to(name)
    looking = PortScan(str(port))
    assert looking.look()[str(port)].realpath == "/dev/null"
    name.unlink()
    assert looking.look() == {}
    name.symlink_to("/dev/zero")
    assert looking.look()[str(port)].realpath == "/dev/zero"


def test_a_port_is_resolved_once_and_what_is_gone_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = tmp_path / "usb-1"
    port.symlink_to("/dev/null")
    looking = PortScan(str(tmp_path / "*"))
    resolved: list[str] = []
    resolve = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path: resolved.append(path) or resolve(path))
    first = looking.look()
    assert all(looking.look()[path] is key for path, key in first.items())
    assert resolved == [str(port)]
    port.unlink()
    assert looking.look() == {}
    assert not looking._known


def test_a_path_of_two_sections_belongs_to_the_first(tmp_path: Path) -> None:
    (tmp_path / "usb-1").symlink_to("/dev/null")
    (tmp_path / "usb-2").symlink_to("/dev/null")
    both = [
        PortSection(path=str(tmp_path / "usb-1"), baud=9600),
        PortSection(path=str(tmp_path / "usb*"), baud=115200),
    ]
    ports = SerialPorts(Config(port=tuple(both)), WallClock(), logging.get())
    one, two = str(tmp_path / "usb-1"), str(tmp_path / "usb-2")
    assert sorted(ports.look()) == [one, two]
    assert {path: found.baud for path, found in ports._found.items()} == {one: 9600, two: 115200}
    (tmp_path / "usb-2").unlink()
    ports.look()
    assert list(ports._found) == [one]


# --- opening --------------------------------------------------------------------------------


class Hanging:
    """Takes the place of `open_port`: its threads end when the test says so."""

    def __init__(self) -> None:
        self.most = self.now = 0
        self.tried: list[str] = []
        self.gate = asyncio.Event()
        self.driver = threading.Event()

    async def open_port(self, path: str, baud: int, *, start: Callable[..., None]) -> Port:
        self.tried.append(path)
        self.now += 1
        self.most = max(self.most, self.now)
        start(self.driver.wait)
        await self.gate.wait()
        self.now -= 1
        raise PortStuck(path, 10.0)


async def test_only_so_many_ports_are_opened_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = Hanging()
    monkeypatch.setattr(openings, "open_port", hanging.open_port)
    opened = Openings()
    tasks = [
        asyncio.ensure_future(opened.open(f"/dev/tty{n}", 115200))
        for n in range(3 * openings.OPENING_LIMIT)
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    assert hanging.now == openings.OPENING_LIMIT
    hanging.gate.set()
    assert {type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)} == {
        PortStuck
    }
    assert hanging.most == openings.OPENING_LIMIT
    assert len(hanging.tried) == len(tasks)
    hanging.driver.set()


async def test_a_port_whose_driver_hangs_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = Hanging()
    hanging.gate.set()
    monkeypatch.setattr(openings, "open_port", hanging.open_port)
    opened = Openings()
    for _ in range(3):
        with pytest.raises(PortStuck):
            await opened.open("/dev/tty1", 115200)
    assert hanging.tried == ["/dev/tty1"]
    hanging.driver.set()
    while opened._threads:
        await asyncio.sleep(0)
    with pytest.raises(PortStuck):
        await opened.open("/dev/tty1", 115200)
    assert len(hanging.tried) == 2


# --- on the network -------------------------------------------------------------------------


async def test_a_port_on_the_network_is_always_there_and_opened_by_its_url() -> None:
    async def say_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"OK")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_ok, "127.0.0.1", 0)
    url = f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    ports = SerialPorts(Config(port=(PortSection(path=url),)), WallClock(), logging.get())
    assert list(ports.look()) == [url]
    assert ports.place(url) is None
    assert problems(sections(url)) == []
    port = await ports.open(url)
    heard = asyncio.get_running_loop().create_future()
    port.on_bytes = heard.set_result
    assert await asyncio.wait_for(heard, 10) == b"OK"
    port.close()
    server.close()
    await server.wait_closed()
    assert list(ports.look()) == [url], "who waits for its return tries"
    with pytest.raises(PortUnreachable):
        await ports.open(url)


async def test_without_libudev_that_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ImportError("No library named udev")

    monkeypatch.setattr("pyudev.Context", missing)
    told: list[tuple[str, str]] = []

    class Log:
        def error(self, event: str, *, why: str, remedy: str) -> None:
            told.append((event, remedy))

    log: Any = Log()
    ports = SerialPorts(Config(), WallClock(), log)
    ports.start()
    assert ports.look() == {} == ports.look()
    assert told == [("udev.missing", "install libudev1, or name each port in a section [[port]]")]
    ports.stop()
