"""A simulated rack for the peers: the same as pulsarack's, with nobody else on it.

The modems have started, are logged on and have heard their first line (which some models only
take their baud rate from) before a peer gets the ports: it begins with modems that stand ready.
Reports of the operator are an hour on their way, so a peer never has one to receive.
"""

import asyncio
import os
import tty
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.rack_file import XL, rack_text
from benchmarks.site import Books, start_rack
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.processes import Child
from pulsarack.daemon.demo.stage import STOP_SECONDS

_REPORT_SECONDS = 3600.0
# Until a SIM800 has logged on and said all that it says when it starts.
_BOOT_SECONDS = 7.0
_WAKE = b"ATE1\r"
_WAKES = 2


class PeersRack:
    """The rack's process. Use it as a context manager."""

    def __init__(
        self, root: Path, modems: int, send_seconds: float, text: str | None = None
    ) -> None:
        """`send_seconds`: how long a modem takes to send an SMS. `text`: another rack file than
        the bench's, with as many modems.
        """
        root.mkdir(parents=True)
        self.root = root
        self.clock = WallClock()
        self.ports = [root / "ports" / f"modem{place}" for place in range(modems)]
        self._file = root / "rack.toml"
        text = text or rack_text([XL] * modems, send_seconds, _REPORT_SECONDS)
        self._file.write_text(text, encoding="utf-8")
        self.truth = root / "truth.jsonl"
        self.books = Books(self.truth)
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._child is not None
        return self._child.pid

    async def __aenter__(self) -> Self:
        ports, log = self.root / "ports", self.root / "rack.log"
        child = await start_rack(self._file, ports, self.truth, log, self.clock)
        self._child = child
        try:
            await asyncio.sleep(_BOOT_SECONDS)
            await wake(self.ports)
        except BaseException:
            await child.stop(STOP_SECONDS)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._child is not None
        await self._child.stop(STOP_SECONDS)


async def wake(ports: Sequence[Path]) -> None:
    """Says a line or two on every port, and takes away what has been said there."""
    files = [os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK) for port in ports]
    try:
        for file in files:
            tty.setraw(file)
        for _ in range(_WAKES):
            for file in files:
                os.write(file, _WAKE)
            await asyncio.sleep(0.3)
        for file in files:
            os.read(file, 4096)
    finally:
        for file in files:
            os.close(file)
