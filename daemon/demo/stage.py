"""The two processes of a demonstration and the killing of one of them.

The rack lives through everything; the daemon is killed at the points that were drawn and
started again on the same state. That a process ends when nobody asked it to is the end
of the demonstration.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from pulsarack.daemon.client import ClientError
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.place import Place
from pulsarack.daemon.demo.processes import PROGRAM, Child
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.workload import KillPoint

# Real seconds; a start takes one or two, on a loaded machine some more.
START_SECONDS = 60.0
# The daemon waits a virtual minute for chips past their point of no return.
STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.02


class Stage:
    """Rack and daemon of one run; without `start_rack` the rack is the caller's."""

    def __init__(self, place: Place, program: Sequence[str] = PROGRAM) -> None:
        self._place = place
        self._program = program
        self._rack: Child | None = None
        self._daemon: Child | None = None
        self._replaced = asyncio.Event()

    @property
    def daemon(self) -> Child:
        """The daemon that was started last."""
        assert self._daemon is not None
        return self._daemon

    async def start_rack(
        self, rack: Path, seed: int, speed: float, anchor: float, telephones: Path | None = None
    ) -> None:
        """Starts the simulated rack and waits for its ports; `telephones`: their socket."""
        arguments = ["simulate", str(rack), "--dir", str(self._place.ports)]
        arguments += ["--truth", str(self._place.truth), "--seed", str(seed)]
        arguments += ["--speed", repr(speed), "--anchor", repr(anchor)]
        if telephones is not None:
            arguments += ["--telephones", str(telephones)]
        rack_child = await Child.start("simulated rack", arguments, self._place.rack_log)
        self._rack = rack_child
        await rack_child.ready(_once(lambda: rack_child.said("ready")), START_SECONDS)

    async def start_daemon(self, link: Link) -> None:
        """Starts the daemon and waits until its socket answers."""
        arguments = ["--config", str(self._place.config), "run"]
        self._daemon = await Child.start("daemon", arguments, self._place.daemon_log, self._program)
        self._replaced.set()

        async def answers() -> bool:
            try:
                await link.try_call("status")
            except ClientError:
                return False
            return True

        await self._daemon.ready(answers, START_SECONDS)

    async def watch(self) -> None:
        """Runs until a process ends by itself, and raises ChildFailed then."""
        rack = asyncio.create_task(self._rack.wait()) if self._rack else None
        try:
            while True:
                daemon = self.daemon
                self._replaced.clear()
                waiting = asyncio.create_task(daemon.wait())
                ends = {waiting, rack} if rack else {waiting}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if self._rack and self._rack.ended:
                    raise self._rack.failure("ended by itself")
                if not daemon.killed:
                    raise daemon.failure("ended by itself")
                if self._daemon is daemon:
                    await self._replaced.wait()
        finally:
            if rack:
                rack.cancel()

    async def kill_at(self, points: Sequence[KillPoint], progress: Progress, link: Link) -> None:
        """Kills the daemon whenever a point is reached, and starts it again."""
        for point in points:
            await _reached(progress, point)
            self.daemon.kill()
            await self.daemon.wait()
            progress.kills += 1
            await self.start_daemon(link)

    async def stop(self) -> list[str]:
        """Ends the daemon, then the rack; what was wrong with their ends."""
        problems = []
        for child in (self._daemon, self._rack):
            if child is not None and (status := await child.stop(STOP_SECONDS)) != 0:
                problems.append(f"the {child.name} ended with status {status} when told to stop")
        return problems

    async def abandon(self) -> None:
        """Ends whatever still runs, at once."""
        running = [one for one in (self._daemon, self._rack) if one is not None and not one.ended]
        # All are signalled before anything is waited for: who waits may be interrupted.
        for child in running:
            child.kill()
        for child in running:
            await child.wait()


async def _reached(progress: Progress, point: KillPoint) -> None:
    while True:
        count = progress.accepted if point.what == "accepted" else progress.finished
        if count >= point.count:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _once(ask: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return ask()

    return asked
