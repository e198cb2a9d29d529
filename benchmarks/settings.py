"""How much is measured: the quick profile takes some minutes, the full one most of an hour."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Profile:
    """What the benches need to know.

    `racks`: (modems, seconds of a USSD screen); `profiled`: the one to be looked into. `busy`:
    how many chips are at work while the latency of an idle one is measured; `idle`: how many
    could take the order, with one at work. `histories`: finished orders in the file, beside none;
    `grown`: the rack that sells on from them. `killed`: modems of the rack whose daemon is killed,
    `queued`: the orders that wait then. `storm`: orders, agents, modems; `plugged`: how many
    modems are plugged in at once. `peers`: modems of the racks on which other programs send as
    well, `peer_seconds` a round. The seconds are those of a round of each bench.
    """

    directory: Path
    rounds: int = 3
    racks: tuple[tuple[int, float], ...] = ((1, 2.0), (8, 2.0), (64, 2.0), (64, 0.2))
    rack_seconds: float = 8.0
    loop_seconds: float = 4.0
    busy: tuple[int, ...] = (1, 64)
    idle: tuple[int, ...] = (64,)
    dispatches: int = 25
    round_seconds: float = 3.0
    starts: int = 10
    storm: tuple[int, int, int] = (10_000, 1_000, 64)
    plugged: tuple[int, ...] = (64,)
    profiled: tuple[int, float] = (64, 0.2)
    histories: tuple[int, ...] = (1_000_000,)
    grown: tuple[int, float] = (64, 0.2)
    killed: int = 64
    queued: int = 10_000
    peers: tuple[int, ...] = (1, 8, 64)
    peer_seconds: float = 5.0
    speed: float = 1.0


def full(directory: Path) -> Profile:
    """Everything that the goals speak of."""
    return Profile(
        directory,
        rounds=5,
        racks=tuple((modems, seconds) for seconds in (2.0, 0.2) for modems in (1, 8, 64, 512)),
        rack_seconds=20.0,
        loop_seconds=10.0,
        busy=(1, 64, 512),
        idle=(64, 512),
        dispatches=200,
        round_seconds=10.0,
        starts=30,
        histories=(1_000_000, 10_000_000),
        killed=512,
        plugged=(64, 512),
    )


def narrowed(profile: Profile, *, rounds: int | None, modems: Sequence[int]) -> Profile:
    """The profile with other rounds, or with racks of these sizes only."""
    if rounds is not None:
        profile = replace(profile, rounds=rounds)
    if modems:
        latencies = sorted({seconds for _, seconds in profile.racks}, reverse=True)
        racks = tuple((count, seconds) for count in modems for seconds in latencies)
        profile = replace(profile, racks=racks, busy=tuple(modems), idle=tuple(modems))
        profile = replace(profile, plugged=tuple(modems), peers=tuple(modems))
    return profile
