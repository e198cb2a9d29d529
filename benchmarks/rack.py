"""`bench rack`: a rack at full work, and what the daemon takes from it and costs.

Line occupancy is counted at the operator: for every top-up the network is busy with a chip's
dialogue for exactly the latency of a screen, around the moment at which the operator booked
it. The share of a round that these times fill, averaged over all chips, is the occupancy; all
the rest of a round lies between dialogues (the daemon's work, the modem's answers to its other
commands, and what the rack itself comes late by), while more orders wait than there are chips.
1.0 is a line that never rests; what the bare loop reaches on the same rack is shown as well.

CPU is that of the whole process in a round, divided by the top-ups booked in it: accepting the
orders, selling and settling. The rack and the feeder of orders are processes of their own and
are shown apart.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from benchmarks import bytes_loop, dialogue
from benchmarks.child import helper
from benchmarks.figures import Figure, Goal, Reference
from benchmarks.orders import Feeder
from benchmarks.processes import cpu_seconds, pss_bytes
from benchmarks.rack_file import TELKOMSEL, destinations
from benchmarks.settings import Profile
from benchmarks.site import Booking, Site
from benchmarks.steps import Recorded

_BENCH = "rack"
_MS = 1000
_KILO = 1000
_MEGA = 1_000_000
# Unsold orders a chip: one under way, and more waiting than the chips can take in a look.
ORDERS_A_CHIP = 4
# Dialogues a chip has before anything is counted.
_WARM_UP = 1.5
_LOOP_FIRST_NUMBER = 5_000_000

OCCUPANCY_NOTE = (
    "occupancy: share of a round in which the network is busy with a chip's dialogue, "
    "mean of all chips, while orders for it wait"
)
CPU_NOTE = "CPU of the whole process in a round, by top-ups booked in it; intake included"


@dataclass(slots=True)
class Rounds:
    """What was seen of one rack, a value each round."""

    occupancy: list[float] = field(default_factory=list)
    worst_chip: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    daemon_cpu: list[float] = field(default_factory=list)
    rack_cpu: list[float] = field(default_factory=list)
    feeder_cpu: list[float] = field(default_factory=list)
    daemon_pss: list[float] = field(default_factory=list)
    loop_cpu: list[float] = field(default_factory=list)
    loop_occupancy: list[float] = field(default_factory=list)
    loop_gap: list[float] = field(default_factory=list)
    least_waiting: int = 1_000_000


@dataclass(frozen=True, slots=True)
class _Moment:
    """Clock and CPU times at one instant. `at`: virtual milliseconds."""

    at: int
    daemon: float
    rack: float
    feeder: float


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """All racks of a profile, one after the other."""
    recorded = await dialogue.record(profile.directory / "record")
    yield _line_bytes(recorded)
    sizes: dict[int, list[float]] = {}
    for modems, seconds in profile.racks:
        rounds = await measure(profile, modems, seconds, recorded)
        yield report(modems, seconds, rounds)
        sizes.setdefault(modems, rounds.daemon_pss)
    if figures := memory(sizes):
        yield figures


async def measure(
    profile: Profile,
    modems: int,
    seconds: float,
    recorded: Recorded | None,
    history: Path | None = None,
) -> Rounds:
    """One rack, some rounds with the daemon and as many with the bare loop, if that is recorded.

    `history`: a database to go on from a copy of.
    """
    root = profile.directory / f"rack-{modems}-{seconds:g}"
    line = [TELKOMSEL] * modems
    rounds = Rounds()
    async with Site(root, line, seconds, speed=profile.speed, history=history) as site:
        feeder = Feeder(site, TELKOMSEL, destinations(TELKOMSEL), ORDERS_A_CHIP * modems)
        await feeder.fill()
        feeding = asyncio.create_task(feeder.run())
        try:
            await site.clock.sleep(_WARM_UP * seconds)
            for _ in range(profile.rounds):
                await _round(site, feeder, seconds, profile.rack_seconds, rounds)
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        await site.stop_daemon()
        if recorded is not None:
            await _bare_loop(site, profile, seconds, recorded, rounds)
    return rounds


async def _round(site: Site, feeder: Feeder, seconds: float, length: float, rounds: Rounds) -> None:
    feeder.begin_round()
    before = _moment(site)
    await site.clock.sleep(length)
    after = _moment(site)
    rounds.daemon_pss.append(pss_bytes(site.daemon_pid))
    # Dialogues of the round's end are booked in their middle.
    await site.clock.sleep(seconds)
    site.books.look()
    shares, gap = _lines(site, seconds, before.at, after.at)
    bookings = within(site.books.bookings, before.at, after.at)
    rounds.occupancy.append(sum(shares) / len(shares))
    rounds.worst_chip.append(min(shares))
    rounds.gap.append(gap)
    rounds.rate.append(len(bookings) * _MS / (after.at - before.at))
    done = max(1, len(bookings))
    rounds.daemon_cpu.append((after.daemon - before.daemon) * _MS / done)
    rounds.rack_cpu.append((after.rack - before.rack) * _MS / done)
    rounds.feeder_cpu.append((after.feeder - before.feeder) * _MS / done)
    rounds.least_waiting = min(rounds.least_waiting, feeder.least_unsold - len(site.chips))


async def _bare_loop(
    site: Site, profile: Profile, seconds: float, recorded: Recorded, rounds: Rounds
) -> None:
    spec = Path(f"{site.place.root}.spec.json")
    bytes_loop.write_spec(spec, site.rack_ports, recorded, _LOOP_FIRST_NUMBER)
    async with helper("benchmarks.bytes_loop", str(spec)) as process:
        await site.clock.sleep(_WARM_UP * seconds)
        for _ in range(profile.rounds):
            began, cpu = site.clock.now_ms(), cpu_seconds(process.pid)
            await site.clock.sleep(max(profile.loop_seconds, 2 * seconds))
            ended, cpu = site.clock.now_ms(), cpu_seconds(process.pid) - cpu
            await site.clock.sleep(seconds)
            site.books.look()
            done = len(within(site.books.bookings, began, ended))
            shares, gap = _lines(site, seconds, began, ended)
            rounds.loop_cpu.append(cpu * _MS / max(1, done))
            rounds.loop_occupancy.append(sum(shares) / len(shares))
            rounds.loop_gap.append(gap)


def _lines(site: Site, seconds: float, began: int, ended: int) -> tuple[list[float], float]:
    """Each chip's occupancy in a round, and the mean gap between two dialogues in ms."""
    by_chip = times_by_chip(site.books.bookings)
    latency = seconds * _MS
    shares, between = [], []
    for chip in site.chips:
        times = by_chip.get(chip, [])
        shares.append(occupancy(times, latency, began, ended))
        between += gaps(times, latency, began, ended)
    return shares, sum(between) / max(1, len(between))


def _moment(site: Site) -> _Moment:
    return _Moment(
        site.clock.now_ms(),
        cpu_seconds(site.daemon_pid),
        cpu_seconds(site.rack_pid),
        cpu_seconds(os.getpid()),
    )


# --- arithmetic ---------------------------------------------------------------------------


def occupancy(booked_at: Iterable[float], latency: float, began: float, ended: float) -> float:
    """The share of a round that a chip's dialogues fill; all times in one unit.

    A dialogue lasts `latency` and is booked in its middle; one that reaches over an end of
    the round counts by its part in it.
    """
    half = latency / 2
    busy = sum(max(0.0, min(at + half, ended) - max(at - half, began)) for at in booked_at)
    return min(1.0, busy / (ended - began))


def gaps(booked_at: Sequence[float], latency: float, began: float, ended: float) -> list[float]:
    """The times between the dialogues of a chip, for those booked within a round."""
    times = [at for at in booked_at if began <= at < ended]
    return [later - earlier - latency for earlier, later in pairwise(times)]


def within(bookings: Sequence[Booking], began: int, ended: int) -> list[Booking]:
    """What was booked in a round."""
    return [one for one in bookings if began <= one.at < ended]


def times_by_chip(bookings: Iterable[Booking]) -> Mapping[str, list[float]]:
    """When each chip's top-ups were booked; refused ones took their time as well."""
    times: dict[str, list[float]] = defaultdict(list)
    for one in bookings:
        times[one.chip].append(one.at)
    return times


def slope(sizes: Mapping[int, float]) -> float:
    """What one modem more takes, between the smallest and the largest rack."""
    least, most = min(sizes), max(sizes)
    return (sizes[most] - sizes[least]) / (most - least)


# --- figures ------------------------------------------------------------------------------


def report(modems: int, seconds: float, rounds: Rounds) -> list[Figure]:
    """The figures of one rack."""
    size = f"{modems} modem{'s' if modems > 1 else ''}, {seconds:g} s USSD"

    def figure(
        name: str,
        unit: str,
        values: Sequence[float],
        reference: Reference | None = None,
        goal: Goal | None = None,
        note: str = "",
    ) -> Figure:
        return Figure(_BENCH, f"{name}, {size}", unit, tuple(values), reference, goal, note)

    full = Reference("a line that never rests", (1.0,))
    bare = Reference("an event loop that does the same bytes", tuple(rounds.loop_gap))
    most = Reference("the air: one dialogue after the other on every line", (modems / seconds,))
    loop = Reference("an event loop that does the same bytes", tuple(rounds.loop_cpu))
    return [
        figure(
            "occupancy",
            "",
            rounds.occupancy,
            full,
            Goal(occupancy_goal(seconds), at_least=True),
            OCCUPANCY_NOTE,
        ),
        figure("occupancy of the worst chip", "", rounds.worst_chip, full),
        figure("occupancy by the bare loop", "", rounds.loop_occupancy, full),
        figure("gap between dialogues", "ms", rounds.gap, bare),
        figure("top-ups", "/s", rounds.rate, most),
        figure("orders waiting at least", "", (rounds.least_waiting,)),
        figure("daemon CPU", "ms/top-up", rounds.daemon_cpu, loop, Goal(1.5), CPU_NOTE),
        figure("rack CPU", "ms/top-up", rounds.rack_cpu, None, Goal(0.5)),
        figure("feeder CPU", "ms/top-up", rounds.feeder_cpu),
        figure("daemon PSS", "MB", [value / _MEGA for value in rounds.daemon_pss]),
    ]


def occupancy_goal(seconds: float) -> float:
    """What the daemon should reach; a quicker operator leaves it less time."""
    return 0.98 if seconds >= 1 else 0.95


def memory(sizes: Mapping[int, Sequence[float]]) -> list[Figure]:
    """What a modem more takes, round by round."""
    if len(sizes) < 2:
        return []
    rounds = min(len(values) for values in sizes.values())
    slopes = [
        slope({modems: values[number] for modems, values in sizes.items()}) / _KILO
        for number in range(rounds)
    ]
    name = f"PSS a modem, from {min(sizes)} to {max(sizes)}"
    return [Figure(_BENCH, name, "kB", tuple(slopes), goal=Goal(150))]


def _line_bytes(recorded: Recorded) -> list[Figure]:
    return [
        Figure(_BENCH, "bytes written a top-up", "B", (float(recorded.octets_out),)),
        Figure(_BENCH, "bytes heard a top-up", "B", (float(recorded.octets_in),)),
    ]
