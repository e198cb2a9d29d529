"""One modem's pty: a stable symlink in front of a device that may come back under another name.

The simulator keeps the slave side open itself, so that a daemon may close, die and open again
without the master ever seeing a hang-up; the terminal is raw, so that every byte is the modem's
own. A reader that never reads loses bytes, as on a real serial line: nothing blocks here.
"""

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable
from pathlib import Path

READ_SIZE = 4096


class PtyPort:
    """A pty with a symlink; open() and close() may alternate."""

    def __init__(
        self, link: Path, loop: asyncio.AbstractEventLoop, receive: Callable[[bytes], None]
    ) -> None:
        self.link = link
        self._loop = loop
        self._receive = receive
        self._ends: tuple[int, int] | None = None

    def open(self) -> None:
        """Make the pty and point the symlink to it."""
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._ends = (master, slave)
        self._loop.add_reader(master, self._read)
        new_link = self.link.with_name(self.link.name + ".new")
        with contextlib.suppress(FileNotFoundError):
            new_link.unlink()
        new_link.symlink_to(os.ttyname(slave))
        new_link.replace(self.link)

    def reopen(self) -> None:
        """Come back on the bus, under another number where that is to be had."""
        # Held while the new pty is made, this one takes the number that was just given up.
        placeholder = os.openpty()
        self.open()
        for end in placeholder:
            os.close(end)

    def close(self) -> None:
        """Leave the bus: no symlink, and a hang-up for whoever has the device open."""
        if self._ends is None:
            return
        ends, self._ends = self._ends, None
        self._loop.remove_reader(ends[0])
        with contextlib.suppress(FileNotFoundError):
            self.link.unlink()
        for end in ends:
            os.close(end)

    def write(self, data: bytes) -> None:
        """Say something; what does not fit into the line's buffer is lost."""
        if self._ends is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._ends[0], data)

    def _read(self) -> None:
        if self._ends is None:
            return
        try:
            data = os.read(self._ends[0], READ_SIZE)
        except BlockingIOError:
            return
        if data:
            self._receive(data)
