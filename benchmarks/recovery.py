"""`bench recovery`: a daemon is killed while a whole rack sells, and thousands of orders wait.

It is started again when the operators have booked what was under way. What is measured ends
with the first new sale that an operator books, less the half of a screen that lies between its
first byte and the booking: until then the daemon has loaded its code, checked its file,
recovered the open attempts, opened the ports and set up the modems, and asked the stock of a
chip whose sale it does not know the end of. The modems' and the operators' own answering times
are part of that: they show in the reference, the same with one modem and no more than one order
waiting. What is above it, and the CPU time that the daemon took, is the daemon's.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from statistics import median

from benchmarks.figures import Figure, Goal, Reference
from benchmarks.orders import Feeder
from benchmarks.processes import cpu_seconds
from benchmarks.rack_file import TELKOMSEL, destinations
from benchmarks.settings import Profile
from benchmarks.site import Site

_BENCH = "recovery"
_MS = 1000
# Quick operators: what is measured is the daemon.
_USSD_SECONDS = 0.2
_LOOK_SECONDS = 0.01
# Virtual seconds: what was under way is booked, and texts about it have come.
_QUIET_SECONDS = 3.0
_PATIENCE_SECONDS = 300.0
_GOAL_SECONDS = 3.0
_BESIDE = "the same with one modem and one order waiting: the answers of modem and operator"
NOTE = "seconds from the start of the process to the first byte of a new sale on any line"


@dataclass(slots=True)
class Rounds:
    """What was seen of one rack, a value each kill. Seconds of the shared clock, and CPU."""

    socket: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """The rack, and one modem beside it."""
    alone = await measure(profile, 1, 1)
    yield report(profile, await measure(profile, profile.killed, profile.queued), alone)


async def measure(profile: Profile, modems: int, queued: int) -> Rounds:
    """Some kills in one rack; so many orders wait each time."""
    root = profile.directory / f"recovery-{modems}"
    rounds = Rounds()
    line = [TELKOMSEL] * modems
    async with Site(root, line, _USSD_SECONDS, speed=profile.speed) as site:
        feeder = Feeder(site, TELKOMSEL, destinations(TELKOMSEL), modems + queued)
        for _ in range(profile.rounds):
            await feeder.fill()
            feeding = asyncio.create_task(feeder.run())
            try:
                await site.sold(site.books.look() + modems)
            finally:
                # Nobody orders while there is no daemon: the link would try for ever.
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
            await _kill(site, rounds)
    return rounds


async def _kill(site: Site, rounds: Rounds) -> None:
    site.stage.daemon.kill()
    await site.stage.daemon.wait()
    await site.clock.sleep(_QUIET_SECONDS)
    before = site.books.look()
    began = site.clock.now_ms()
    await site.stage.start_daemon(site.link)
    rounds.socket.append((site.clock.now_ms() - began) / _MS)
    half = before + max(1, len(site.chips) // 2)
    await _booked(site, before + 1)
    rounds.cpu.append(cpu_seconds(site.daemon_pid))
    await _booked(site, half)
    for values, count in ((rounds.first, before + 1), (rounds.half, half)):
        at = site.books.bookings[count - 1].at - _USSD_SECONDS * _MS / 2
        values.append((at - began) / _MS)


async def _booked(site: Site, count: int) -> None:
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    while site.books.look() < count:
        if time.perf_counter() > deadline:
            raise TimeoutError("the rack did not sell again after the daemon was killed")
        await asyncio.sleep(_LOOK_SECONDS)


def report(profile: Profile, rounds: Rounds, alone: Rounds) -> list[Figure]:
    """The rack beside the one modem."""
    size = f"{profile.killed} modem{'s' if profile.killed > 1 else ''}, {profile.queued} queued"
    goal = Goal(_GOAL_SECONDS)
    above = [one - median(alone.first) for one in rounds.first]

    def figure(
        name: str, values: list[float], beside: list[float] | None, goal: Goal | None = None
    ) -> Figure:
        reference = Reference(_BESIDE, tuple(beside)) if beside else None
        return Figure(_BENCH, f"{name}, {size}", "s", tuple(values), reference, goal, NOTE)

    return [
        figure("until the socket answers", rounds.socket, alone.socket),
        figure("until the first new sale", rounds.first, alone.first),
        figure("of that, above one modem", above, None, goal),
        figure("daemon CPU until then", rounds.cpu, alone.cpu, goal),
        figure("until half of the chips sold", rounds.half, alone.half),
    ]
