"""`bench peers`: SMS a second of other programs on the rack that pulsarack sends on, beside it.

All send the same SMS ("BAGI number denomination PIN", to 168) with modems that take 200 ms for
it. What was sent is counted in the operator's books, each number once, and never by what a
program says of itself; each is fed so that some messages always wait for every modem. CPU and
memory are those of all processes of a program together. Each peer's queue is as durable as it
makes it.

pulsarack is measured twice. Once it does what the peers do: plain texts leave its outbox
(texts.py). Once each of its SMS is an order that was accepted and paid for durably, and the
operator's report, which comes by SMS with the acknowledgement, is received, read, deleted,
understood and booked before the order counts as done. Peers receive nothing.

Only runs when it is named. What is not installed is left out; `peers.sh` installs it.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import click

from benchmarks.figures import Figure, Goal, Reference
from benchmarks.orders import Feeder
from benchmarks.peers_feeder import PeerFeeder
from benchmarks.peers_gammu import GammuFiles, GammuSql
from benchmarks.peers_gsmmodem import GsmModem
from benchmarks.peers_kannel import Kannel
from benchmarks.peers_kind import Peer
from benchmarks.peers_rack import PeersRack
from benchmarks.peers_smstools import Smstools
from benchmarks.processes import cpu_seconds
from benchmarks.rack import slope
from benchmarks.rack_file import XL, destinations
from benchmarks.sessions import Sessions, cpu_between, cpu_of, members, pss_of
from benchmarks.settings import Profile
from benchmarks.site import Books, Site
from benchmarks.texts import SETTINGS, Heard, fill

_BENCH = "peers"
_MS = 1000
_MEGA = 1_000_000
SEND_SECONDS = 0.2
# The operator's report is there when the acknowledgement of the SMS is.
_REPORT_SECONDS = SEND_SECONDS / 2
# Messages that wait or are under way, a modem.
DEPTH = 8
_WARM_UP_SECONDS = 45.0
_SETTLE_SECONDS = 1.0
_LOOK_SECONDS = 0.1
_BEST_RATE = 310.0
_GOAL_MODEMS = 64
OURS = "pulsarack"
OUR_ORDERS = "pulsarack, orders"
KINDS: tuple[type[Peer], ...] = (GammuSql, GammuFiles, Smstools, Kannel, GsmModem)


@dataclass(slots=True)
class Rounds:
    """What was seen of one program with one number of modems, a value each round."""

    rate: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    pss: list[float] = field(default_factory=list)
    rack_cpu: list[float] = field(default_factory=list)
    modems_at_work: int = 0
    durable: bool = True


class PeerError(Exception):
    """A peer could not be measured; the others can."""


@dataclass(frozen=True, slots=True)
class _Moment:
    at: int
    cpu: dict[int, float]
    rack: float


# Figure, unit, its values, the reference, and the goal of pulsarack.
_Row = tuple[str, str, Callable[[Rounds], list[float]], Reference | None, Goal | None]


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """Every number of modems: pulsarack, then each peer that is there."""
    here = []
    for kind in KINDS:
        if lacking := kind.missing():
            click.echo(f"{kind.name} is left out: {', '.join(lacking)} not found")
        else:
            here.append(kind)
    pss: dict[str, dict[int, list[float]]] = {}
    for modems in profile.peers:
        found = {
            OURS: await measure_texts(profile, modems),
            OUR_ORDERS: await measure_orders(profile, modems),
        }
        for kind in here:
            try:
                found[kind.name] = await measure_peer(profile, kind, modems)
            except PeerError as error:
                click.echo(f"{kind.name} with {modems} modems is left out: {error}")
        yield report(modems, found)
        for name, one in found.items():
            pss.setdefault(name, {})[modems] = [value * modems for value in one.pss]
    if figures := memory(pss):
        yield figures


async def measure_texts(profile: Profile, modems: int) -> Rounds:
    """Some rounds of the daemon while it sends what waits in its outbox."""
    root = profile.directory / f"peers-texts-{modems}"
    # Twice what the air carries in that time, with the start.
    seconds = _WARM_UP_SECONDS + profile.rounds * profile.peer_seconds
    async with Site(
        root, [XL] * modems, SEND_SECONDS, speed=profile.speed, settings=SETTINGS
    ) as site:
        await fill(site, round(2 * seconds * modems / SEND_SECONDS))
        heard = Heard(site.place.telephones.with_suffix(".jsonl"))
        rounds = await _our_rounds(profile, site, heard)
        await site.stop_daemon()
    return rounds


async def measure_orders(profile: Profile, modems: int) -> Rounds:
    """Some rounds of the daemon, fed with orders over its socket."""
    root = profile.directory / f"peers-ours-{modems}"
    async with Site(
        root, [XL] * modems, SEND_SECONDS, speed=profile.speed, sms_seconds=_REPORT_SECONDS
    ) as site:
        feeder = Feeder(site, XL, destinations(XL), DEPTH * modems)
        await feeder.fill()
        feeding = asyncio.create_task(feeder.run())
        try:
            rounds = await _our_rounds(profile, site, site.books)
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        await site.stop_daemon()
    return rounds


async def _our_rounds(profile: Profile, site: Site, books: Books | Heard) -> Rounds:
    rounds, modems = Rounds(), len(site.modems)
    leader = frozenset([site.daemon_pid])
    deadline = site.clock.monotonic() + _WARM_UP_SECONDS
    while at_work(books) < modems and site.clock.monotonic() < deadline:
        await site.clock.sleep(_LOOK_SECONDS)
        books.look()
    await site.clock.sleep(_SETTLE_SECONDS)
    for _ in range(profile.rounds):
        before = _our_moment(site)
        await site.clock.sleep(profile.peer_seconds)
        _note(rounds, books, before, _our_moment(site), pss_of(members(leader)) / modems)
    rounds.modems_at_work = at_work(books)
    return rounds


def _our_moment(site: Site) -> _Moment:
    ours = cpu_of(members(frozenset([site.daemon_pid])))
    return _Moment(site.clock.now_ms(), ours, cpu_seconds(site.rack_pid))


async def measure_peer(profile: Profile, kind: type[Peer], modems: int) -> Rounds:
    """Some rounds of one peer on a rack of its own."""
    root = (profile.directory / f"peers-{kind.__name__}-{modems}").absolute()
    rounds = Rounds(durable=kind.durable)
    async with PeersRack(root, modems, SEND_SECONDS) as rack:
        place = root / "peer"
        place.mkdir()
        async with Sessions(place) as sessions:
            peer = kind(place, rack.ports)
            try:
                for command in peer.prepare():
                    await sessions.start(command)
                await _rounds(profile, PeerFeeder(peer, rack.books, DEPTH), rack, sessions, rounds)
            finally:
                peer.close()
    if rounds.modems_at_work == modems:
        shutil.rmtree(root)
    return rounds


async def _rounds(
    profile: Profile, feeder: PeerFeeder, rack: PeersRack, sessions: Sessions, rounds: Rounds
) -> None:
    feeding = asyncio.create_task(feeder.run())
    try:
        await _warm(feeding, rack, sessions)
        for _ in range(profile.rounds):
            before = _Moment(rack.clock.now_ms(), sessions.cpu(), cpu_seconds(rack.pid))
            await asyncio.sleep(profile.peer_seconds)
            after = _Moment(rack.clock.now_ms(), sessions.cpu(), cpu_seconds(rack.pid))
            _note(rounds, rack.books, before, after, sessions.pss() / len(rack.ports))
            _still_there(feeding, sessions)
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    rounds.modems_at_work = at_work(rack.books)


async def _warm(feeding: "asyncio.Task[None]", rack: PeersRack, sessions: Sessions) -> None:
    """Until every modem has sent something; a peer that cannot do that is measured as it is."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _WARM_UP_SECONDS
    while at_work(rack.books) < len(rack.ports) and loop.time() < deadline:
        _still_there(feeding, sessions)
        await asyncio.sleep(_LOOK_SECONDS)
        rack.books.look()
    await asyncio.sleep(_SETTLE_SECONDS)


def _still_there(feeding: "asyncio.Task[None]", sessions: Sessions) -> None:
    if feeding.done():
        raise PeerError(f"it takes no messages: {feeding.exception()}")
    if sessions.ended:
        raise PeerError(f"it ended by itself with status {sessions.ended[0]}")


def _note(
    rounds: Rounds, books: Books | Heard, before: _Moment, after: _Moment, pss: float
) -> None:
    books.look()
    done = sent(books, before.at, after.at)
    rounds.rate.append(done * _MS / (after.at - before.at))
    rounds.cpu.append(cpu_between(before.cpu, after.cpu) * _MS / max(1, done))
    rounds.rack_cpu.append((after.rack - before.rack) * _MS / max(1, done))
    rounds.pss.append(pss / _MEGA)


def sent(books: Books | Heard, began: int, ended: int) -> int:
    """Messages that reached the operator in a round; one that came again was refused."""
    return sum(one.delivered and began <= one.at < ended for one in books.bookings)


def at_work(books: Books | Heard) -> int:
    """How many modems have sent anything."""
    return len(Counter(one.chip for one in books.bookings))


# --- figures ------------------------------------------------------------------------------


def report(modems: int, found: dict[str, Rounds]) -> list[Figure]:
    """All programs with so many modems: rate, CPU, memory, each with pulsarack first.

    The goals are those of a rack: what a program takes for itself is not a modem's.
    """
    air = Reference("the air: one SMS after the other on every modem", (modems / SEND_SECONDS,))
    others = [one for name, one in found.items() if name not in (OURS, OUR_ORDERS)]
    goals: dict[str, Goal | None] = dict.fromkeys(("rate", "cpu", "pss"))
    if modems >= _GOAL_MODEMS:
        best = max((median(one.rate) for one in others), default=0.0)
        goals["rate"] = Goal(max(best, _BEST_RATE), at_least=True)
        goals["cpu"] = _least([one.cpu for one in others if one.durable])
        goals["pss"] = _least([one.pss for one in others])
    cpu, pss = (Reference(OURS, tuple(each)) for each in (found[OURS].cpu, found[OURS].pss))
    rows: list[_Row] = [
        ("SMS sent", "/s", lambda one: one.rate, air, goals["rate"]),
        ("CPU", "ms/SMS", lambda one: one.cpu, cpu, goals["cpu"]),
        ("PSS a modem", "MB", lambda one: one.pss, pss, goals["pss"]),
        ("rack CPU", "ms/SMS", lambda one: one.rack_cpu, None, None),
    ]
    figures = [
        _figure(what, unit, modems, name, values(one), reference, goal)
        for what, unit, values, reference, goal in rows
        for name, one in found.items()
    ]
    return figures + _idle(modems, found)


def memory(sizes: Mapping[str, Mapping[int, Sequence[float]]]) -> list[Figure]:
    """What a modem more takes in each program, round by round."""
    slopes = {
        name: [
            slope({modems: values[place] for modems, values in rounds.items()})
            for place in range(min(map(len, rounds.values())))
        ]
        for name, rounds in sizes.items()
        if len(rounds) > 1
    }
    ours = slopes.get(OURS)
    if ours is None:
        return []
    goal = _least([each for name, each in slopes.items() if name not in (OURS, OUR_ORDERS)])
    least, most = min(sizes[OURS]), max(sizes[OURS])
    return [
        Figure(
            _BENCH,
            f"PSS of one modem more, {least} to {most}, {name}",
            "MB",
            tuple(values),
            None if name == OURS else Reference(OURS, tuple(ours)),
            goal if name == OURS else None,
        )
        for name, values in slopes.items()
    ]


def _idle(modems: int, found: dict[str, Rounds]) -> list[Figure]:
    """Programs that never sent with all of their modems."""
    return [
        _figure("modems that sent", "", modems, name, [float(one.modems_at_work)])
        for name, one in found.items()
        if one.modems_at_work != modems
    ]


def _least(all_rounds: Sequence[Sequence[float]]) -> Goal | None:
    return Goal(min(map(median, all_rounds))) if all_rounds else None


def _figure(
    what: str,
    unit: str,
    modems: int,
    program: str,
    values: Sequence[float],
    reference: Reference | None = None,
    goal: Goal | None = None,
) -> Figure:
    size = f"{modems} modem{'s' if modems > 1 else ''}"
    ours = program == OURS
    if reference is not None and reference.name == OURS and ours:
        reference = None
    return Figure(
        _BENCH,
        f"{what}, {size}, {program}",
        unit,
        tuple(values),
        reference,
        goal if ours else None,
    )
