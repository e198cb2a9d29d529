"""`bench recovery`: a daemon is killed while a whole rack sells, and thousands of orders wait.

The chips rest while the orders are queued, since a rack sells faster than anybody queues; then
they are woken, and the kill comes when there is a booking for every chip. How many orders wait
then is read in the database of the dead daemon. Were it too few, the round is made again with
more.

It is started again when the operators have booked what was under way. What is measured ends
with the first new sale that an operator books, less the half of a screen that lies between its
first byte and the booking: until then the daemon has loaded its code, checked its file,
recovered the open attempts, opened the ports and set up the modems, and asked the stock of a
chip whose sale it does not know the end of. The modems' and the operators' own answering times
are part of that: they show in the reference, the same with one modem and a few orders waiting.
What is above it, and the CPU time that the daemon took, is the daemon's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Goal, Reference
from benchmarks.orders import Feeder
from benchmarks.processes import cpu_seconds
from benchmarks.rack_file import TELKOMSEL, destinations
from benchmarks.settings import Profile
from benchmarks.site import Site
from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.store_files import open_read_only
from pulsarack.ledger import sql

_BENCH = "recovery"
_MS = 1000
# Quick operators: what is measured is the daemon.
_USSD_SECONDS = 0.2
_LOOK_SECONDS = 0.01
# Virtual seconds: what was under way is booked, and texts about it have come.
_QUIET_SECONDS = 3.0
# Real seconds until a booking that must come: a large rack on a busy machine needs some.
_PATIENCE_SECONDS = 60.0
# Orders a chip beyond those that shall wait: what is sold until the kill. Each is a try.
_AHEAD = (4, 8, 16, 32)
_GOAL_SECONDS = 3.0
_BESIDE = "the same with one modem and a few orders waiting: the answers of modem and operator"
NOTE = "seconds from the start of the process to the first byte of a new sale on any line"


@dataclass(frozen=True, slots=True)
class Left:
    """What a killed daemon left in its database: orders that wait, and orders being sent."""

    waiting: int
    under_way: int


@dataclass(slots=True)
class Rounds:
    """What was seen of one rack, a value each kill. Seconds of the shared clock, CPU, orders."""

    socket: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    under_way: list[float] = field(default_factory=list)


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """The rack, and one modem beside it."""
    alone = await measure(profile, 1, 1)
    yield report(profile, await measure(profile, profile.killed, profile.queued), alone)


async def measure(profile: Profile, modems: int, queued: int) -> Rounds:
    """Some kills in one rack; at least so many orders wait each time."""
    root = profile.directory / f"recovery-{modems}"
    rounds = Rounds()
    line = [TELKOMSEL] * modems
    async with Site(root, line, _USSD_SECONDS, speed=profile.speed) as site:
        feeder = Feeder(site, TELKOMSEL, destinations(TELKOMSEL), 0)
        for _ in range(profile.rounds):
            left = await until_enough_wait(
                lambda depth: _kill_at_work(site, feeder, depth), queued, modems
            )
            rounds.waiting.append(left.waiting)
            rounds.under_way.append(left.under_way)
            await _start_again(site, rounds)
    return rounds


async def until_enough_wait(
    kill: Callable[[int], Awaitable[Left]], queued: int, modems: int
) -> Left:
    """Kills, until so many orders wait at a kill: each time with more of them queued before.

    `kill`: with so many queued. Raises DemoError if even the last try leaves too few.
    """
    for ahead in _AHEAD:
        left = await kill(queued + ahead * modems)
        if left.waiting >= queued:
            return left
    raise DemoError(
        f"the rack sold all but {left.waiting} orders before the kill; {queued} should wait",
        "measure on a machine that does less beside it, or queue more",
    )


async def _kill_at_work(site: Site, feeder: Feeder, depth: int) -> Left:
    """The whole rack sells, of so many orders, and its daemon is killed."""
    if site.stage.daemon.ended:
        await site.stage.start_daemon(site.link)
    await _every_chip(site, "chip.rest", because="orders are queued")
    while (lacking := depth - left_in(site.place.database).waiting) > 0:
        await feeder.add(lacking)
    before = site.books.look()
    await _every_chip(site, "chip.enable")
    await booked(site, before + len(site.chips))
    site.stage.daemon.kill()
    await site.stage.daemon.wait()
    return left_in(site.place.database)


async def _every_chip(site: Site, name: str, **args: str) -> None:
    await asyncio.gather(*(site.link.call(name, iccid=chip, **args) for chip in site.chips))


def left_in(database: Path) -> Left:
    """How many orders wait and are being sent, as it is on disk."""
    with open_read_only(database) as db:
        counts = {
            state: sql.one(db, "SELECT count(*) FROM orders WHERE state = ?", state) or (0,)
            for state in ("QUEUED", "SENDING")
        }
    return Left(counts["QUEUED"][0], counts["SENDING"][0])


async def _start_again(site: Site, rounds: Rounds) -> None:
    await site.clock.sleep(_QUIET_SECONDS)
    before = site.books.look()
    began = site.clock.now_ms()
    await site.stage.start_daemon(site.link)
    rounds.socket.append((site.clock.now_ms() - began) / _MS)
    half = before + max(1, len(site.chips) // 2)
    await booked(site, before + 1)
    rounds.cpu.append(cpu_seconds(site.daemon_pid))
    await booked(site, half)
    for values, count in ((rounds.first, before + 1), (rounds.half, half)):
        at = site.books.bookings[count - 1].at - _USSD_SECONDS * _MS / 2
        values.append((at - began) / _MS)


async def booked(site: Site, count: int) -> None:
    """Waits until the operators have booked so many top-ups; raises DemoError if they do not."""
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    while (found := site.books.look()) < count:
        if time.perf_counter() > deadline:
            raise DemoError(
                f"{found} top-ups are booked, {count} should be: the rack does not sell",
                f"read the daemon's log {site.place.daemon_log}",
            )
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

    def left(name: str, values: list[float], goal: Goal | None = None) -> Figure:
        return Figure(_BENCH, f"{name}, {size}", "", tuple(values), goal=goal)

    enough = Goal(profile.queued, at_least=True)
    return [
        left("orders waiting at the kill", rounds.waiting, enough),
        left("orders being sent at the kill", rounds.under_way),
        figure("until the socket answers", rounds.socket, alone.socket),
        figure("until the first new sale", rounds.first, alone.first),
        figure("of that, above one modem", above, None, goal),
        figure("daemon CPU until then", rounds.cpu, alone.cpu, goal),
        figure("until half of the chips sold", rounds.half, alone.half),
    ]
