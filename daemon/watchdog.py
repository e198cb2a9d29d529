"""The watchdog: a part of the daemon that is stuck ends the process.

A daemon whose event loop or writing thread stands still looks alive and sells nothing;
its socket accepts and never answers. So a thread of its own looks, some times within the
limit, whether each part has given a sign of life or has nothing to do. A part that gave
none for the whole limit ends the process at once, with the stacks of all threads on the
standard error and one line that says which part it was: whoever started the daemon starts
it anew, and what was being sent is recovered as after a kill.

Time is counted in looks and not by a clock: a machine that was suspended, or a process
that was stopped, has not missed any. systemd is told at every look at which all parts were
alive, so that it notices if this thread is stuck too (sd_notify(3), WatchdogSec=).
"""

import asyncio
import faulthandler
import math
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from pulsarack.daemon import log as logging
from pulsarack.daemon.service.exits import STUCK
from pulsarack.daemon.service.notify import WATCHDOG, notify

LOOKS = 8
"""How often, at least, the parts are looked at within the limit."""

# How long the last words may take: the standard error may be what everything waits for.
LAST_WORDS_SECONDS = 10.0

Sign = Callable[[], int | None]
"""A number that is another one at each look while a part lives; None: it has nothing to do."""


def service_limit(environ: Mapping[str, str] = os.environ, pid: int | None = None) -> float | None:
    """Within how many seconds systemd wants to hear of us, if it does (WATCHDOG_USEC)."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    meant = environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or (meant and meant != str(pid or os.getpid())):
        return None
    return int(microseconds) / 1_000_000 or None


def end_process(part: str, seconds: float) -> None:
    """Say what is stuck and end this process, whatever its threads are doing."""
    # The log's lock may be held by the very thread that is stuck.
    sure = threading.Timer(LAST_WORDS_SECONDS, os._exit, (STUCK,))
    sure.daemon = True
    sure.start()
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    logging.get().error(
        "daemon.stuck",
        part=part,
        seconds=seconds,
        remedy="the daemon ends and has to be started anew (systemd does it); if it comes"
        " again look at the disk, and report the stacks above",
    )
    os._exit(STUCK)


class LoopPulse:
    """The sign of life of an event loop: it runs what another thread asks it to."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked = self._answered = 0

    def __call__(self) -> int:
        """How often it has answered; asks again once it has."""
        if self._asked == self._answered:
            self._asked += 1
            with suppress(RuntimeError):  # the loop is closed: no answer comes any more
                self._loop.call_soon_threadsafe(self._answer)
        return self._answered

    def _answer(self) -> None:
        self._answered += 1


class Watchdog:
    """Looks at the parts from a thread of its own, from `with` to its end."""

    def __init__(
        self,
        parts: Mapping[str, Sign],
        limit_seconds: float,
        *,
        service_seconds: float | None = None,
        end: Callable[[str, float], None] = end_process,
        tell: Callable[[str], None] = notify,
    ) -> None:
        self._parts = parts
        self._limit = limit_seconds
        self._end = end
        self._tell = tell
        self._silent = dict.fromkeys(parts, 0)
        self._last: dict[str, int | None] = dict.fromkeys(parts)
        self.seconds_between = min(limit_seconds / LOOKS, (service_seconds or math.inf) / 2)
        self._most = math.ceil(limit_seconds / self.seconds_between)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._main, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def look(self) -> None:
        """Look at every part once."""
        for part, sign in self._parts.items():
            now = sign()
            silent = now is not None and now == self._last[part]
            self._silent[part] = self._silent[part] + 1 if silent else 0
            self._last[part] = now
            if self._silent[part] >= self._most:
                self._end(part, self._limit)
        if not any(self._silent.values()):
            self._tell(WATCHDOG)

    def _main(self) -> None:
        while not self._stopping.wait(self.seconds_between):
            self.look()
