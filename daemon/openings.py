"""The ports that are being opened.

Opening takes a thread each, since a driver may hang in it: only so many are open at once,
however many modems are plugged in, and one port has one thread, however often it is tried
while its driver hangs.
"""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

from pulsarack.modems.errors import PortFailed, PortStuck
from pulsarack.modems.port import OPEN_SECONDS, open_port
from pulsarack.modems.transport import Port

OPENING_LIMIT = 32
"""Ports that are being opened at once; the others wait for their turn."""


class Openings:
    """The ports that are being opened."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(OPENING_LIMIT)
        self._threads: set[str] = set()

    async def open(self, path: str, baud: int) -> Port:
        """Open a port when its turn has come; raises PortError."""
        async with self._free:
            if path in self._threads:
                # An earlier try hangs in the driver still; a second thread would join it there.
                raise PortStuck(path, OPEN_SECONDS)
            return await open_port(path, baud, start=partial(self._start, path))

    def _start(self, path: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(
            target=self._run, args=(path, work), name="port-open", daemon=True
        )
        self._threads.add(path)
        try:
            thread.start()
        except RuntimeError as error:  # there are no more threads to be had at present
            self._threads.discard(path)
            raise PortFailed(path, str(error)) from error

    def _run(self, path: str, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._threads.discard(path)
