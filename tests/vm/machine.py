"""The virtual machine: QEMU without acceleration, a snapshot of the booted guest, ssh, a bus.

A guest takes half a minute to boot and two seconds to be brought back from a snapshot, so it is
booted once for each disk that image.sh makes. The snapshot holds memory and disk; each run works
on a copy. The network of the guest is cut off but for one ssh connection, which carries every
command, and the control socket of the daemon to the host. Everything lies in one directory.
"""

import asyncio
import contextlib
import json
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from pathlib import Path
from typing import Any

from pulsarack.daemon.clock import WallClock

BOOT_SECONDS = 300.0
COMMAND_SECONDS = 300.0
_LOOK_SECONDS = 0.3
_SNAPSHOT = "booted"


class MachineError(Exception):
    """The virtual machine did not do what it was told."""


class Machine:
    """One guest; `directory` holds what image.sh made."""

    def __init__(self, directory: Path, control: Path, cpus: int = 2) -> None:
        self.directory = directory
        self.control = control
        self._cpus = cpus
        self._clock = WallClock()
        self._qemu: Process | None = None
        self._master: Process | None = None
        self._port = 0
        self._monitor: Monitor | None = None

    @property
    def monitor(self) -> "Monitor":
        """QEMU's own control."""
        assert self._monitor is not None, "the machine does not run"
        return self._monitor

    async def start(self) -> float:
        """Bring the booted guest up; how many seconds that took."""
        if not (self.directory / "booted.qcow2").exists():
            await self._make_snapshot()
        began = self._clock.monotonic()
        shutil.copy(self.directory / "booted.qcow2", self.directory / "disk.qcow2")
        await self._launch("-loadvm", _SNAPSHOT)
        return self._clock.monotonic() - began

    async def cut_power(self) -> None:
        """The machine is dead from one instant to the next; its disk stays as it is."""
        await self.stop()

    async def boot(self) -> float:
        """Power again, after it was cut; how many seconds it took until it could be reached."""
        began = self._clock.monotonic()
        await self._launch()
        return self._clock.monotonic() - began

    async def stop(self) -> None:
        """Pull the plug; the next start takes a new copy of the disk."""
        if self._qemu is not None and self._qemu.returncode is None:
            self._qemu.kill()
            await self._qemu.wait()
        if self._master is not None and self._master.returncode is None:
            self._master.terminate()
            await self._master.wait()
        if self._monitor is not None:
            await self._monitor.close()
        self._qemu = self._master = self._monitor = None

    async def run(
        self,
        command: str,
        data: bytes = b"",
        check: bool = True,
        within: float = COMMAND_SECONDS,
    ) -> str:
        """What a shell command in the guest says; raises MachineError if it fails."""
        process = await self.spawn(command, stderr=STDOUT)
        try:
            async with asyncio.timeout(within):
                said, _ = await process.communicate(data)
        except TimeoutError:
            process.kill()
            raise MachineError(f"no end within {within:g} s: {command}") from None
        text = said.decode("utf-8", "replace")
        if check and process.returncode != 0:
            raise MachineError(f"status {process.returncode}: {command}\n{text}")
        return text

    async def put(self, path: str, data: bytes, mode: str = "644") -> None:
        """Write a file of the guest."""
        await self.run(f"mkdir -p $(dirname {path}) && cat >{path} && chmod {mode} {path}", data)

    async def spawn(self, command: str, stderr: int = DEVNULL) -> Process:
        """A command in the guest with pipes to it."""
        return await asyncio.create_subprocess_exec(
            *self._ssh(), "rack", command, stdin=PIPE, stdout=PIPE, stderr=stderr, limit=1 << 24
        )

    async def _make_snapshot(self) -> None:
        disk = self.directory / "disk.qcow2"
        disk.unlink(missing_ok=True)
        base = self.directory / "base.raw"
        await _succeed("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, disk)
        await self._launch()
        # What systemd does in its first seconds is better over.
        await self.run("systemctl is-system-running --wait; udevadm settle; sync", check=False)
        await self.monitor.human(f"savevm {_SNAPSHOT}")
        await self.stop()
        disk.rename(self.directory / "booted.qcow2")

    async def _launch(self, *more: str) -> None:
        self._port = _free_port()
        here = self.directory
        # A run that was killed leaves its sockets behind, and ssh makes none beside an old one.
        for left in ("qmp", "ssh"):
            (here / left).unlink(missing_ok=True)
        arguments = (
            *("-accel", "tcg,thread=multi", "-cpu", "max", "-M", "q35", "-m", "1024"),
            *("-smp", str(self._cpus), "-nodefaults", "-no-user-config", "-display", "none"),
            *("-kernel", here / "vmlinuz", "-initrd", here / "initrd.img", "-append"),
            "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 systemd.show_status=0",
            *("-drive", f"file={here}/disk.qcow2,if=virtio,cache=writeback"),
            *("-serial", f"file:{here}/console.log"),
            *("-qmp", f"unix:{here}/qmp,server=on,wait=off"),
            "-netdev",
            f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:22",
            *("-device", "virtio-net-pci,netdev=net,romfile="),
            *("-device", "qemu-xhci,id=xhci,p2=15,p3=4"),
            *("-device", "usb-hub,id=hub,bus=xhci.0,port=1"),
            *("-object", "rng-random,id=rng,filename=/dev/urandom"),
            *("-device", "virtio-rng-pci,rng=rng"),
        )
        with (here / "qemu.log").open("w") as log:
            self._qemu = await asyncio.create_subprocess_exec(
                "qemu-system-x86_64", *arguments, *more, stdin=DEVNULL, stdout=log, stderr=log
            )
        deadline = self._clock.monotonic() + BOOT_SECONDS
        while not await self._connected():
            if self._qemu.returncode is not None or self._clock.monotonic() > deadline:
                said = (here / "qemu.log").read_text("utf-8", "replace")
                raise MachineError(f"the guest cannot be reached: {said}")
            await asyncio.sleep(_LOOK_SECONDS)
        self._monitor = await Monitor.connect(here / "qmp")

    async def _connected(self) -> bool:
        """Whether the one ssh connection stands, which the others go through."""
        if self._master is None or self._master.returncode is not None:
            self.control.unlink(missing_ok=True)
            forward = f"{self.control}:/run/pulsarack/control.sock"
            options = ("-M", "-N", "-p", str(self._port), "-L", forward)
            self._master = await asyncio.create_subprocess_exec(
                *self._ssh(), *options, "root@127.0.0.1", stdin=DEVNULL, stdout=DEVNULL,
                stderr=DEVNULL,
            )  # fmt: skip
        return await _status(*self._ssh(), "-O", "check", "rack") == 0

    def _ssh(self) -> tuple[str, ...]:
        options = (
            "BatchMode=yes",
            "ConnectTimeout=5",
            f"ControlPath={self.directory}/ssh",
            f"IdentityFile={self.directory}/key",
            "LogLevel=ERROR",
            "ServerAliveInterval=0",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
        )
        return "ssh", "-F", "none", *(word for option in options for word in ("-o", option))


class Monitor:
    """QEMU's machine protocol: one command after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, path: Path) -> "Monitor":
        """Connected and past the greeting."""
        reader, writer = await asyncio.open_unix_connection(path)
        monitor = cls(reader, writer)
        await reader.readline()
        await monitor.do("qmp_capabilities")
        return monitor

    async def do(self, name: str, **arguments: Any) -> Any:
        """The result of a command; raises MachineError."""
        async with self._turn:
            command = {"execute": name, "arguments": arguments}
            self._writer.write(json.dumps(command).encode() + b"\n")
            while True:
                answer = json.loads(await self._reader.readline())
                if "error" in answer:
                    raise MachineError(f"{name}: {answer['error']['desc']}")
                if "return" in answer:
                    return answer["return"]

    async def human(self, line: str) -> str:
        """A command for people; raises MachineError if it says anything."""
        said = str(await self.do("human-monitor-command", **{"command-line": line}))
        if said.strip():
            raise MachineError(f"{line}: {said.strip()}")
        return said

    async def close(self) -> None:
        """Leave."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def _status(*command: str | Path) -> int:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
    )
    return await process.wait()


async def _succeed(*command: str | Path) -> None:
    if await _status(*command) != 0:
        raise MachineError(f"failed: {' '.join(map(str, command))}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
