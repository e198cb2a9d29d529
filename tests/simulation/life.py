"""One life of the daemon: everything that dies with the process.

Each coroutine of the daemon runs inside a `_Stepped`, which counts the awaits it comes
back from and can end the life at any of them. When the life ends, what remains of its
coroutines is unwound, but nothing of it reaches the world any more: store, ports and
clock of a dead life refuse every touch. That is what a SIGKILL leaves.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from tests.daemon.virtual_loop import LoopClock
from tests.simulation.crashes import Armed, CrashPoint, Killed

_LIFE: "ContextVar[Life | None]" = ContextVar("life", default=None)


class Life:
    """Alive until `end`. `on_end` is told where it ended, None if by hand."""

    def __init__(self, armed: Armed, on_end: Callable[[CrashPoint | None], None]) -> None:
        self.dead = False
        self.armed = armed
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self._on_end = on_end

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        """Run a coroutine as part of this life."""
        token = _LIFE.set(self)
        try:
            return asyncio.create_task(coro, name=name)
        finally:
            _LIFE.reset(token)

    def check(self) -> None:
        """Raise Killed in whatever still runs of a dead life."""
        if self.dead:
            raise Killed

    def die_at(self, point: CrashPoint) -> bool:
        """Pass a point; True if the life ended there."""
        if not self.dead and self.armed.strikes_at(point):
            self.end(point)
        return self.dead

    def end(self, point: CrashPoint | None = None) -> None:
        """Die."""
        if self.dead:
            return
        self.dead = True
        for task in self.tasks:
            task.cancel()
        self._on_end(point)

    async def unwound(self) -> None:
        """Return when nothing of a dead life runs any more."""
        assert self.dead
        for _ in range(50):
            if not self.tasks:
                return
            for task in list(self.tasks):
                task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        raise AssertionError(f"these do not end: {[task.get_coro() for task in self.tasks]}")


class _Stepped(Coroutine[Any, Any, Any]):
    """A coroutine of a life, one await at a time."""

    def __init__(self, coro: Coroutine[Any, Any, Any], life: Life) -> None:
        self._coro = coro
        self._life = life

    def send(self, value: Any) -> Any:
        life = self._life
        if life.dead or life.die_at(CrashPoint.AWAIT):
            return self._coro.throw(Killed())
        return self._coro.send(value)

    def throw(
        self,
        typ: Any,
        val: Any = None,
        tb: TracebackType | None = None,
    ) -> Any:
        return self._coro.throw(typ if val is None else val)

    def close(self) -> None:
        self._coro.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coro.__await__()


def make_task(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **context: Any
) -> "asyncio.Task[Any]":
    """The task factory of the simulation's loop: tasks of a life belong to it."""
    life = _LIFE.get()
    if life is None:
        return asyncio.Task(coro, loop=loop, **context)
    task = asyncio.Task(_Stepped(coro, life), loop=loop, **context)
    life.tasks[task] = None
    task.add_done_callback(lambda done: life.tasks.pop(done, None))
    if life.dead:
        task.cancel()
    return task


class LifeClock:
    """The clock of one life: its monotonic time begins anew, the wall clock may be stepped."""

    def __init__(self, life: Life, wall: "SteppedWall", base: float) -> None:
        self._life = life
        self._wall = wall
        self._base = base - asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self._base

    def now_ms(self) -> int:
        return self._wall.now_ms()

    async def sleep(self, seconds: float) -> None:
        self._life.check()
        await asyncio.sleep(max(0.0, seconds))

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        def call() -> None:
            if not self._life.dead:
                callback()

        return asyncio.get_running_loop().call_at(when - self._base, call)


class SteppedWall(LoopClock):
    """The machine's wall clock, which somebody may set."""

    def __init__(self, start_ms: int) -> None:
        super().__init__(start_ms)
        self.offset_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.offset_ms
