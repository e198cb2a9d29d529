"""What the process is told by signals: to end (SIGTERM, SIGINT), to read its files anew (SIGHUP).

SIGHUP is heard from the first line on, so that a reload that comes while the daemon starts or
ends never kills it; one that comes early is done once the daemon runs. SIGTERM and SIGINT end
the process at once as long as the database is being opened, which may take minutes of a check or a
migration: nothing was taken over by then, and a transaction that was not finished is undone at
the next start, as after a power cut. From `attach` on they are requests, however often they come.

The handlers stay when the loop is gone: whoever asks again while the process closes its files
asks for what is happening. Python hears signals in its main thread only; in another nothing is.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any


class Signals:
    """One for the process; made and attached in its main thread."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.reload = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: dict[signal.Signals, Any] = {}

    def hear_reload(self) -> None:
        """Remember a SIGHUP from now on, instead of ending by it."""
        self._handle(signal.SIGHUP, self.reload)

    def attach(self) -> None:
        """From now on SIGTERM and SIGINT are requests to the running loop."""
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handle(number, self.stop)

    def forget(self) -> None:
        """Handle signals as before: for who goes on when the daemon has ended."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _handle(self, number: signal.Signals, event: asyncio.Event) -> None:
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(number, self._handler(event))
            self._before.setdefault(number, before)

    def _handler(self, event: asyncio.Event) -> Callable[[int, FrameType | None], None]:
        def heard(_number: int, _frame: FrameType | None) -> None:
            if self._loop is None:
                event.set()  # nobody waits for it yet
                return
            with suppress(RuntimeError):  # the loop is closed: all is over anyway
                self._loop.call_soon_threadsafe(event.set)

        return heard
