"""Programs that fork, as one: what all processes of a session cost, and how all of it is ended.

Each program is started as the leader of a session of its own (setsid(2)), and what it starts
stays in it. Only processes of such a session are ever asked or signalled, by their own numbers.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import cpu_seconds, pss_bytes

# Places in /proc/PID/stat after the command's name (proc(5)).
_STATE, _SESSION = 0, 3
_LOOK_SECONDS = 0.05
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, where, and with what more in the environment."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Sessions:
    """Some programs that run at once. Use it as a context manager: none is left after it."""

    def __init__(self, directory: Path) -> None:
        """`directory`: where they run, and where what they say goes."""
        self._directory = directory
        self._started: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> "Sessions":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, command: Command) -> None:
        """Runs one; its output is appended to one file for all."""
        with (self._directory / "output.log").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command.arguments,
                cwd=self._directory,
                env={**os.environ, **command.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started.append(process)

    @property
    def ended(self) -> list[int]:
        """The statuses of those that ended by themselves."""
        return [one.returncode for one in self._started if one.returncode is not None]

    def members(self) -> list[int]:
        """All processes of all sessions."""
        return list(members(frozenset(one.pid for one in self._started)))

    def cpu(self) -> dict[int, float]:
        """CPU seconds of each."""
        return cpu_of(self.members())

    def pss(self) -> float:
        """Bytes of all together."""
        return pss_of(self.members())

    async def stop(self) -> None:
        """SIGTERM to all of them, SIGKILL to whatever is left after a while."""
        self._signal(signal.SIGTERM)
        deadline = asyncio.get_running_loop().time() + _STOP_SECONDS
        # A process that nobody here has started says nothing when it ends.
        while self.members() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        self._signal(signal.SIGKILL)
        for process in self._started:
            await process.wait()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def members(leaders: frozenset[int]) -> Iterator[int]:
    """The processes whose session one of these leads."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            session = session_of(path.read_text(encoding="utf-8", errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if session in leaders:
            yield int(path.parent.name)


def session_of(text: str) -> int | None:
    """The session out of a line of /proc/PID/stat; None for a process that is only not reaped."""
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE] == "Z" else int(fields[_SESSION])


def cpu_of(pids: Iterable[int]) -> dict[int, float]:
    """CPU seconds of each process that still runs."""
    return {pid: _quietly(cpu_seconds, pid) for pid in pids}


def pss_of(pids: Iterable[int]) -> float:
    """Bytes of all together that still run."""
    return sum(_quietly(pss_bytes, pid) for pid in pids)


def cpu_between(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """CPU seconds spent by those that run now; one that is new counts with all it has spent."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def _quietly(ask: Callable[[int], float], pid: int) -> float:
    try:
        return ask(pid)
    except OSError:
        return 0.0  # it has just ended
