"""`bench peers`: SMS a second of other programs on the rack that pulsarack sends on, beside it.

All send the same SMS ("BAGI number denomination PIN", to 168) with modems that take 200 ms for
it. What was sent is counted in the operator's books, each number once, and never by what a
program says of itself; each is fed so that some messages always wait for every modem. CPU and
memory are those of all processes of a program together. Each peer's queue is as durable as it
makes it: peers_kind.py says what that was seen to be, and it is shown with the figures. What is
a goal of pulsarack, and what only stands beside it, is said in peers_figures.py.

pulsarack is measured twice. Once it does what the peers do: plain texts leave its outbox
(texts.py). Once each of its SMS is an order that was accepted and paid for durably, and the
operator's report, which comes by SMS with the acknowledgement, is received, read, deleted,
understood and booked before the order counts as done. Peers receive nothing.

Only runs when it is named. What is not installed is left out; `peers.sh` installs it.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import click

from benchmarks.figures import Figure
from benchmarks.orders import Feeder
from benchmarks.peers_feeder import PeerFeeder
from benchmarks.peers_figures import (
    OUR_ORDERS,
    OURS,
    SEND_SECONDS,
    Found,
    Rounds,
    memory,
    report,
)
from benchmarks.peers_gammu import GammuFiles, GammuSql
from benchmarks.peers_gsmmodem import GsmModem
from benchmarks.peers_kannel import Kannel
from benchmarks.peers_kind import Peer
from benchmarks.peers_rack import PeersRack
from benchmarks.peers_smstools import Smstools
from benchmarks.processes import cpu_seconds
from benchmarks.rack_file import XL, destinations
from benchmarks.sessions import Sessions, cpu_between, cpu_of, members, pss_of
from benchmarks.settings import Profile
from benchmarks.site import Books, Site
from benchmarks.texts import SETTINGS, Heard, fill

_MS = 1000
_MEGA = 1_000_000
# The operator's report is there when the acknowledgement of the SMS is.
_REPORT_SECONDS = SEND_SECONDS / 2
# Messages that wait or are under way, a modem.
DEPTH = 8
_WARM_UP_SECONDS = 45.0
_SETTLE_SECONDS = 1.0
_LOOK_SECONDS = 0.1
KINDS: tuple[type[Peer], ...] = (GammuSql, GammuFiles, Smstools, Kannel, GsmModem)


class PeerError(Exception):
    """A peer could not be measured; the others can."""


@dataclass(frozen=True, slots=True)
class _Moment:
    at: int
    cpu: dict[int, float]
    rack: float


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """Every number of modems: pulsarack, then each peer that is there."""
    here = []
    for kind in KINDS:
        if lacking := kind.missing():
            click.echo(f"{kind.name} is left out: {', '.join(lacking)} not found")
        else:
            here.append(kind)
    racks: dict[int, Found] = {}
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
        racks[modems] = found
    if figures := memory(racks):
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
    rounds = Rounds(kept=kind.kept)
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
