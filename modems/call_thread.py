"""Blocking calls of a foreign library, one after the other in a thread of their own.

Such a call may hang for ever, and a thread cannot be ended from outside. So each has a time;
one that is not back by then is given up: the thread is left where it is, named, and takes
nothing more. It never holds up the event loop, nor the end of the process. Should it come
back after all it ends by itself.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from pulsarack.modems.errors import CallHangs
from pulsarack.modems.timing import Clock

Result = TypeVar("Result")
_Work = Callable[[], None]


class CallThread:
    """One thread; whoever uses it waits for one call before making the next."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._hangs_in = ""
        self._work: deque[_Work | None] = deque()  # None: end
        self._bell = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs, perhaps in a call that never ends."""
        return self._thread.is_alive()

    async def call(self, what: str, seconds: float, call: Callable[[], Result]) -> Result:
        """Carry out a call; what it raises is raised here. CallHangs after its time."""
        if self._hangs_in:
            raise CallHangs(self.name, self._hangs_in, seconds)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()

        def work() -> None:
            try:
                result = call()
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
                _hand_over(loop, done, lambda error=error: done.set_exception(error))  # type: ignore[misc]
            else:
                _hand_over(loop, done, lambda: done.set_result(result))

        def give_up() -> None:
            if not done.done():
                self._hangs_in = what
                done.set_exception(CallHangs(self.name, what, seconds))
                self.end()

        self._put(work)
        timer = self._clock.call_at(self._clock.monotonic() + seconds, give_up)
        try:
            return await done
        finally:
            timer.cancel()

    def end(self, last: _Work | None = None) -> None:
        """Let the thread end behind what it is doing, after one last call; waits for nothing."""
        if last is not None:
            self._put(last)
        self._put(None)

    def _put(self, work: _Work | None) -> None:
        self._work.append(work)
        self._bell.release()

    def _run(self) -> None:
        while True:
            self._bell.acquire()
            work = self._work.popleft()
            if work is None:
                return
            work()


def _hand_over(
    loop: asyncio.AbstractEventLoop, done: "asyncio.Future[Result]", settle: Callable[[], None]
) -> None:
    def in_loop() -> None:
        if not done.done():
            settle()

    # A loop that is closed by now has nobody who waits.
    if not loop.is_closed():
        try:
            loop.call_soon_threadsafe(in_loop)
        except RuntimeError:
            return
