"""The processes of a demonstration: started, watched, killed on purpose, always ended.

Each is a session of its own, so that Ctrl-C reaches the demonstration alone and the end
comes in order. What a process writes goes to a log file; when it fails its last lines
are part of the error. Only processes that were started here are ever signalled, by
their own handle.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.errors import ChildFailed
from pulsarack.daemon.own_command import surroundings

# What Python runs: the command `pulsarack`. A measurement may put something around it.
PROGRAM = ("-m", "pulsarack.daemon.main")
_LAST_LINES = 12
_LAST_BYTES = 8192
_LOOK_SECONDS = 0.05


class Child:
    """One running `pulsarack` command."""

    def __init__(self, name: str, log: Path, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.killed = False
        self._log = log
        self._process = process

    @classmethod
    async def start(
        cls, name: str, arguments: Sequence[str], log: Path, program: Sequence[str] = PROGRAM
    ) -> "Child":
        """Runs `pulsarack ARGUMENTS`; what it writes is appended to the log."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *program,
                *arguments,
                env=surroundings(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(name, log, process)

    @property
    def pid(self) -> int:
        """Its number, for signals that this class has no word for."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.returncode is not None

    async def wait(self) -> int:
        """Its exit status, once it has ended; minus the signal if one ended it."""
        return await self._process.wait()

    async def ready(self, is_ready: Callable[[], Awaitable[bool]], within_seconds: float) -> None:
        """Waits until it answers; raises ChildFailed if it ends or takes too long."""
        clock = WallClock()
        deadline = clock.monotonic() + within_seconds
        while not await is_ready():
            if self.ended:
                raise self.failure("ended before it was ready")
            if clock.monotonic() > deadline:
                raise self.failure(f"was not ready within {within_seconds:g} seconds")
            await asyncio.sleep(_LOOK_SECONDS)

    def said(self, text: str) -> bool:
        """Whether a line that begins with the text is in its log."""
        return any(line.startswith(text) for line in self._lines())

    def kill(self) -> None:
        """SIGKILL: as a power cut, as far as the process can tell."""
        self.killed = True
        if not self.ended:
            self._process.kill()

    async def stop(self, within_seconds: float) -> int:
        """SIGTERM, and after the time SIGKILL; its exit status."""
        if not self.ended:
            self._process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self._process.wait(), within_seconds)
        except TimeoutError:
            self.kill()
            return await self._process.wait()

    def failure(self, what: str) -> ChildFailed:
        """An error about this process, with what it said last."""
        status = self._process.returncode
        ending = "" if status is None else f" (status {status})"
        return ChildFailed(
            f"the {self.name} {what}{ending}", self._log, self._lines()[-_LAST_LINES:]
        )

    def _lines(self) -> list[str]:
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - _LAST_BYTES))
            return log.read().decode("utf-8", "replace").splitlines()
