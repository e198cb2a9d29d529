"""`bench dispatch`: from an accepted order to the first byte on the line of an idle chip.

Some chips of one operator are kept at work. Chips of another operator stand idle on tapped
lines; now and then an order for them is sent, one at a time, and timed: from the answer of the
socket (and from the moment the request was sent) to the first byte of its sale on one of
the lines. That byte begins the card check, the first command of a sale, or the USSD code itself
where a chip goes on from another order; which sale it is shows the number in the code. The first
byte may come before the answer does: then the latency from the answer is below zero.

The reference is a bare pty round trip of the same bytes, with another process as the echo.
"""

import asyncio
import os
import time
import tty
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.child import helper
from benchmarks.figures import Figure, Goal, Reference, percentile
from benchmarks.orders import Feeder, order
from benchmarks.rack_file import TELKOMSEL, TRI, destinations
from benchmarks.settings import Profile
from benchmarks.site import Site
from benchmarks.tap import Heard

_BENCH = "dispatch"
_MS = 1000
_USSD_SECONDS = 2.0
IDLE_CHIPS = 8
_ORDERS_A_CHIP = 4
_FIRST_COMMAND = b"AT+CCID"
_CODE = b"AT+CUSD=1,"
_PINGS = 500
_LOOK_SECONDS = 0.01
# A chip is idle again some virtual seconds after its last order; the pause is drawn, so that
# the orders do not keep step with anything.
_PAUSE_SECONDS = (0.35, 0.6)
_PATIENCE_SECONDS = 30.0

NOTE = "ms from the socket's answer (or the request) to the first byte of the sale on the line"


@dataclass(slots=True)
class Latencies:
    """Seconds, one for each order of a round."""

    from_answer: list[float] = field(default_factory=list)
    from_request: list[float] = field(default_factory=list)


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """All numbers of busy chips, and the bare round trip."""
    trips = await bare_round_trips(profile.rounds)
    cases = [(busy, IDLE_CHIPS) for busy in profile.busy] + [(1, idle) for idle in profile.idle]
    for busy, idle in cases:
        yield report(busy, idle, await measure(profile, busy, idle), trips)


async def measure(
    profile: Profile, busy: int, idle: int, history: Path | None = None
) -> list[Latencies]:
    """Some rounds beside so many chips at work, and so many that could take the order.

    `history`: a database to go on from a copy of.
    """
    modems = [TELKOMSEL] * busy + [TRI] * idle
    tapped = range(busy, busy + idle)
    root = profile.directory / f"dispatch-{busy}-{idle}"
    rng = Random(busy)
    async with Site(
        root, modems, _USSD_SECONDS, tapped=tapped, speed=profile.speed, history=history
    ) as site:
        feeder = Feeder(site, TELKOMSEL, destinations(TELKOMSEL), _ORDERS_A_CHIP * busy)
        await feeder.fill()
        feeding = asyncio.create_task(feeder.run())
        numbers = destinations(TRI)
        rounds = [Latencies() for _ in range(profile.rounds)]
        try:
            await site.clock.sleep(_USSD_SECONDS)
            for latencies in rounds:
                for _ in range(profile.dispatches):
                    await _one(site, next(numbers), latencies)
                    await site.clock.sleep(rng.uniform(*_PAUSE_SECONDS))
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
    return rounds


async def _one(site: Site, number: str, latencies: Latencies) -> None:
    for tap in site.taps.values():
        tap.heard.clear()
    sent = time.perf_counter()
    await site.link.call("order.new", **order(TRI, number))
    answered = time.perf_counter()
    while (first := first_byte((tap.heard for tap in site.taps.values()), number)) is None:
        if time.perf_counter() - answered > _PATIENCE_SECONDS:
            raise TimeoutError(f"no idle chip took the order for {number}")
        await asyncio.sleep(_LOOK_SECONDS)
    latencies.from_answer.append(first - answered)
    latencies.from_request.append(first - sent)


def first_byte(lines: Iterable[Sequence[Heard]], number: str) -> float | None:
    """When the sale to a number began on one of the lines; None if it has not yet."""
    for heard in lines:
        began: float | None = None
        for one in heard:
            if one.to_modem and one.data.startswith(_FIRST_COMMAND):
                began = one.at
            elif one.to_modem and number.encode() in one.data:
                return one.at if began is None else began
            elif one.to_modem and one.data.startswith(_CODE):
                began = None
    return None


async def bare_round_trips(rounds: int) -> list[list[float]]:
    """Seconds of each round trip of the first command's bytes over a bare pty."""
    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)
        async with helper("benchmarks.pty_echo", os.ttyname(theirs)):
            return [[_round_trip(ours) for _ in range(_PINGS)] for _ in range(rounds)]
    finally:
        os.close(ours)
        os.close(theirs)


def _round_trip(file: int) -> float:
    data = _FIRST_COMMAND + b"\r"
    began = time.perf_counter()
    os.write(file, data)
    heard = b""
    while len(heard) < len(data):
        heard += os.read(file, len(data))
    return time.perf_counter() - began


def report(
    busy: int, idle: int, rounds: Sequence[Latencies], trips: Sequence[Sequence[float]]
) -> list[Figure]:
    """p50 and p99 of each round, and those of the bare round trip."""
    figures = []
    for share, limit in ((0.50, 5.0), (0.99, 25.0)):
        beside = Reference(
            "a bare pty round trip of the same bytes",
            tuple(percentile(trip, share) * _MS for trip in trips),
        )
        for name, values, goal in (
            ("answer to first byte", [one.from_answer for one in rounds], Goal(limit)),
            ("request to first byte", [one.from_request for one in rounds], None),
        ):
            figures.append(
                Figure(
                    _BENCH,
                    f"{name} p{share * 100:.0f}, {busy} busy, {idle} idle",
                    "ms",
                    tuple(percentile(each, share) * _MS for each in values),
                    beside,
                    goal,
                    NOTE,
                )
            )
    return figures
