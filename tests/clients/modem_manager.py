"""ModemManager through its test interface, and mmcli, on a message bus of their own.

ModemManager takes its ports from the kernel, where no pseudo terminal is listed. Its test interface
(`--test-enable`, SetProfile) takes sockets in their place, so each port of the rack is led to one.
No systemd, udev or system bus is asked: mmcli is told that the bus of the test is the system's.
"""

import asyncio
import json
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.peers_kind import absent
from benchmarks.sessions import Command, Sessions
from tests.clients.client import Client, say
from tests.clients.socket_line import SocketLine
from tests.clients.stand import GATEWAY, Line, Seat, Stand

_DAEMON = "/usr/sbin/ModemManager"
_BUS = f"unix:abstract=pulsarack-clients-{os.getpid()}"
_ENVIRONMENT = {"DBUS_SESSION_BUS_ADDRESS": _BUS, "DBUS_SYSTEM_BUS_ADDRESS": _BUS}
_OBJECT = "org.freedesktop.ModemManager1"
_MANAGER = "/org/freedesktop/ModemManager1"
_TESTS = ["--test-session", "--test-enable", "--test-no-udev", "--test-no-qrtr"]
_DEBUG = ["--test-no-suspend-resume", "--no-auto-scan", "--log-level=DEBUG", "--log-file=mm.log"]
# Plugins of makers that run on the ports of the test interface; Huawei's ends the daemon there.
_PLUGINS = {"simcom": "simtech", "quectel": "quectel", "wavecom": "wavecom"}
_SHORT, _LONG, _FIND_SECONDS = 20.0, 60.0, 40.0
_AT_ONCE = 4
# An answer that ends the session (m=2) is not shown, so another order may have to follow.
_DIALS = 6
_LOOK_SECONDS = 0.3


class ModemManager(Client):
    """One daemon for all modems."""

    name = "ModemManager"

    @classmethod
    def missing(cls) -> list[str]:
        """The daemon, its command, and what belongs to a bus."""
        return absent([_DAEMON, "mmcli", "dbus-daemon", "dbus-send"])

    async def drive(self, stand: Stand) -> None:
        """Some models at once."""
        async with AsyncExitStack() as ends:
            lines = [line for seat in stand.seats for line in (seat.sms, seat.ussd)]
            for line in lines:
                await ends.enter_async_context(SocketLine(_socket(line), line.port))
            sessions = await ends.enter_async_context(Sessions(stand.root))
            bus = ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={_BUS}"]
            await sessions.start(Command(bus))
            await _answers(stand.root, "org.freedesktop.DBus")
            await sessions.start(Command([_DAEMON, *_TESTS, *_DEBUG], _ENVIRONMENT))
            await _answers(stand.root, _OBJECT)
            turns = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._in_turn(turns, stand, seat) for seat in stand.seats))

    async def _in_turn(self, turns: asyncio.Semaphore, stand: Stand, seat: Seat) -> None:
        async with turns:
            await self._send(stand, seat)
            await self._dial(stand, seat)

    async def _send(self, stand: Stand, seat: Seat) -> None:
        seen = stand.seen[seat.dialect]
        modem = await _enabled(stand.root, seat.dialect, seat.sms)
        seen.identified = modem is not None
        if modem is not None:
            told = f"number={GATEWAY},text='{stand.text()}'"
            said = await _mmcli(stand.root, "-m", modem, f"--messaging-create-sms={told}")
            message = said.strip().rpartition(" ")[2]
            await _mmcli(stand.root, "-s", message, "--send", f"--timeout={_LONG:.0f}")
        seen.sms = stand.sold(seat.sms)

    async def _dial(self, stand: Stand, seat: Seat) -> None:
        seen = stand.seen[seat.dialect]
        modem = await _enabled(stand.root, seat.dialect, seat.ussd)
        seen.answer = False
        for _ in range(_DIALS if modem is not None else 0):
            asked = f"--3gpp-ussd-initiate={stand.code()}"
            said = await _mmcli(stand.root, "-m", str(modem), asked, f"--timeout={_LONG:.0f}")
            seen.answer = stand.has_answer(seat.ussd, said)
            if seen.answer or not stand.sold(seat.ussd):
                break
        seen.ussd = stand.sold(seat.ussd)


def _socket(line: Line) -> str:
    return f"abstract:pulsarack-{os.getpid()}-{line.iccid}"


async def _enabled(root: Path, dialect: str, line: Line) -> str | None:
    """The modem's object once it is registered; None if it is not taken for one."""
    plugin = _PLUGINS.get(dialect.partition("-")[0], "generic")
    profile = [f"string:{line.iccid}", f"string:{plugin}", f"array:string:{_socket(line)}"]
    await _call(
        root, _OBJECT, "/org/freedesktop/ModemManager1", f"{_OBJECT}.Test.SetProfile", *profile
    )
    modem = await _found(root, line)
    if modem is None:
        return None
    await _mmcli(root, "-m", modem, "-e", f"--timeout={_LONG:.0f}")
    for _ in range(int(_SHORT / _LOOK_SECONDS)):
        if (await _told(root, modem)).get("state") == "registered":
            return modem
        await asyncio.sleep(_LOOK_SECONDS)
    return None


async def _found(root: Path, line: Line) -> str | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _FIND_SECONDS
    while loop.time() < deadline:
        listed = _read(await _mmcli(root, "-L", "-J")).get("modem-list", [])
        for modem in listed:
            told = await _told(root, modem)
            if told.get("equipment-identifier") == line.imei:
                return str(modem)
        await asyncio.sleep(_LOOK_SECONDS)
    return None


async def _told(root: Path, modem: str) -> dict[str, Any]:
    generic = _read(await _mmcli(root, "-m", modem, "-J")).get("modem", {}).get("generic", {})
    return dict(generic)


def _read(said: str) -> dict[str, Any]:
    try:
        return dict(json.loads(said))
    except ValueError:
        return {}  # an error in words


async def _answers(root: Path, service: str) -> None:
    """Waits until a service is on the bus."""
    for _ in range(int(_SHORT / _LOOK_SECONDS)):
        asked = ("org.freedesktop.DBus.NameHasOwner", f"string:{service}")
        if "true" in await _call(root, "org.freedesktop.DBus", "/org/freedesktop/DBus", *asked):
            return
        await asyncio.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"{service} does not come to the bus; see {root}")


async def _call(root: Path, service: str, path: str, *what: str) -> str:
    send = ["dbus-send", "--session", "--print-reply", f"--dest={service}", path, *what]
    return await say(send, _SHORT, root, _ENVIRONMENT)


async def _mmcli(root: Path, *arguments: str) -> str:
    return await say(["mmcli", *arguments], _LONG + _SHORT, root, _ENVIRONMENT)
