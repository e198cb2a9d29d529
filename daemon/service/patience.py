"""Asks systemd for more time while something long is being done that must not be cut off.

A check or a migration of a large database takes minutes in which the event loop stands still, so
a thread asks; it says only that the process lives. systemd counts what is asked for only beyond
the unit's own TimeoutStartSec= or TimeoutStopSec= (sd_notify(3), EXTEND_TIMEOUT_USEC). It is
bounded all the same: what hangs for ever is killed in the end.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pulsarack.daemon.service.notify import more_time, notify, status

ASK_SECONDS = 10.0
GRANTED_SECONDS = 30.0
START_SECONDS_MOST = 6 * 3600.0
"""A migration of a database of many years on a slow disk; nothing takes longer."""


class Patience:
    """From `with` to its end."""

    def __init__(
        self,
        seconds_most: float,
        saying: str = "",
        *,
        tell: Callable[..., None] = notify,
    ) -> None:
        self._asks_left = int(seconds_most / ASK_SECONDS)
        self._saying = saying
        self._tell = tell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._main, name="patience", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def ask(self) -> None:
        """Ask once."""
        saying = [status(self._saying)] if self._saying else []
        self._tell(more_time(GRANTED_SECONDS), *saying)

    def _main(self) -> None:
        while self._asks_left > 0 and not self._ended.wait(ASK_SECONDS):
            self._asks_left -= 1
            self.ask()
