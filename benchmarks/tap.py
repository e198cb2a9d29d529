"""A tap on a serial line: the daemon opens its end, and everything goes through to the modem.

Each run of bytes is noted with the time at which it was read, before it is passed on: so the
daemon's first byte is seen when it reaches the line, whatever the rack does with it. The
daemon's end is held open here as well, so that it may come and go.
"""

import asyncio
import contextlib
import os
import time
import tty
from dataclasses import dataclass
from pathlib import Path

_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Heard:
    """Some bytes on the line. `at`: seconds of time.perf_counter."""

    at: float
    to_modem: bool
    data: bytes


class Tap:
    """One tapped line, in the running event loop."""

    def __init__(self, modem: Path, link: Path) -> None:
        """`modem`: the port of the rack; `link`: where the daemon finds its end."""
        self._modem_path = modem
        self._link = link
        self._files: list[int] = []
        self.heard: list[Heard] = []

    def open(self) -> None:
        """Opens both sides and begins to pass on."""
        modem = os.open(self._modem_path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        ours, theirs = os.openpty()
        self._files = [modem, ours, theirs]
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, self._pass_on, ours, modem, True)
        loop.add_reader(modem, self._pass_on, modem, ours, False)
        self._link.symlink_to(os.ttyname(theirs))

    def close(self) -> None:
        """Ends it."""
        if not self._files:
            return
        modem, ours, _ = self._files
        loop = asyncio.get_running_loop()
        loop.remove_reader(ours)
        loop.remove_reader(modem)
        for file in self._files:
            os.close(file)
        self._files = []

    def _pass_on(self, source: int, sink: int, to_modem: bool) -> None:
        at = time.perf_counter()
        with contextlib.suppress(BlockingIOError):
            data = os.read(source, _READ_BYTES)
            self.heard.append(Heard(at, to_modem, data))
            # What does not fit is lost, as on any serial line.
            os.write(sink, data)
