"""How a simulated modem hangs on the guest: as a USB stick, or behind a USB-serial cable.

Both can be plugged in, pulled, and carry bytes. A stick is made in the guest (sticks.py), since
only there a device of any maker with several interfaces can be had; one connection carries the
bytes of all of them. A cable is QEMU's own usb-serial, whose far end is a socket of ours.
"""

import asyncio
import base64
import contextlib
import json
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tests.vm.machine import Machine, MachineError

_UNPLUG_SECONDS = 60.0
_CLOCK_SECONDS = 120.0
_LOOK_SECONDS = 0.05
_PROGRAM = Path(__file__).with_name("sticks.py")

Hear = Callable[[bytes], None]


class Wire(Protocol):
    """One modem's way into the guest."""

    async def plug(self, port: int) -> None:
        """Put it into a port of the rack; it must be out."""

    async def pull(self) -> None:
        """Take it out; nothing if it is out already."""

    def say(self, data: bytes) -> None:
        """Bytes of the modem for the guest; lost while it is out."""


class GuestBus:
    """The sticks in the guest, and its clock: one program there and its standard streams."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ears: dict[int, Hear] = {}
        self._clock: asyncio.Queue[float] = asyncio.Queue()
        self._clock_turn = asyncio.Lock()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, machine: Machine) -> "GuestBus":
        """Begin without a stick."""
        await machine.put("/opt/sticks.py", _PROGRAM.read_bytes())
        return cls(await machine.spawn("exec python3 -u /opt/sticks.py 2>/run/sticks.log"))

    def tell(self, do: str, **order: Any) -> None:
        """An order to the program there."""
        assert self._process.stdin is not None
        if self._process.returncode is not None:
            raise MachineError("the sticks' program in the guest has ended: see /run/sticks.log")
        self._process.stdin.write(json.dumps({"do": do, **order}).encode() + b"\n")

    def listen(self, stick: int, hear: Hear) -> None:
        """Who hears what a stick hears."""
        self._ears[stick] = hear

    async def clock(self, forward: float = 0.0) -> float:
        """The guest's time, Unix seconds, after it was set forward by so much."""
        async with self._clock_turn:
            self.tell("clock", forward=forward)
            return await asyncio.wait_for(self._clock.get(), _CLOCK_SECONDS)

    async def stop(self) -> None:
        """Pull all sticks."""
        if self._process.returncode is None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        self._reading.cancel()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "heard":
                self._ears[event["stick"]](base64.b64decode(event["data"]))
            elif event["event"] == "clock":
                self._clock.put_nowait(event["now"])


class Stick:
    """A USB stick of its own maker; what says AT is one of its interfaces."""

    def __init__(self, bus: GuestBus, number: int, model: dict[str, Any], hear: Hear) -> None:
        self._bus, self._number, self._model = bus, number, model
        self._in = False
        bus.listen(number, hear)

    async def plug(self, port: int) -> None:
        """Put it into a port of the virtual controller, counted from 0."""
        self._bus.tell("plug", stick=self._number, port=port, **self._model)
        self._in = True

    async def pull(self) -> None:
        """Take it out."""
        self._in = False
        self._bus.tell("unplug", stick=self._number)

    def say(self, data: bytes) -> None:
        """Bytes for the guest."""
        if self._in:
            text = base64.b64encode(data).decode("ascii")
            self._bus.tell("say", stick=self._number, data=text)


class Cable:
    """A modem behind a USB-serial cable in the hub."""

    def __init__(self, machine: Machine, number: int, directory: Path, hear: Hear) -> None:
        self._machine, self._hear = machine, hear
        self._name = f"cable{number}"
        self._path = directory / f"{self._name}.sock"
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def plug(self, port: int) -> None:
        """Put it into a port of the hub, counted from 1."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        address = {"type": "unix", "data": {"path": str(self._path)}}
        backend = {"type": "socket", "data": {"addr": address, "server": False}}
        monitor = self._machine.monitor
        await monitor.do("chardev-add", id=f"{self._name}-line", backend=backend)
        await monitor.do(
            "device_add",
            driver="usb-serial",
            id=self._name,
            chardev=f"{self._name}-line",
            bus="xhci.0",
            port=f"1.{port}",
        )

    async def pull(self) -> None:
        """Take it out."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        monitor = self._machine.monitor
        await monitor.do("device_del", id=self._name)
        # The line is in use until the device has gone.
        async with asyncio.timeout(_UNPLUG_SECONDS):
            while True:
                with contextlib.suppress(MachineError):
                    await monitor.do("chardev-remove", id=f"{self._name}-line")
                    return
                await asyncio.sleep(_LOOK_SECONDS)

    def say(self, data: bytes) -> None:
        """Bytes for the guest."""
        if self._writer is not None:
            self._writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                self._hear(data)
        if self._writer is writer:
            self._writer = None
        writer.close()
