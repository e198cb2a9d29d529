"""`bench ledger`: pairs of hold and post a second, through the store of the daemon.

Callers are coroutines: each holds an amount, waits until that is durable, posts it, waits
again. The store groups what gathers into one commit, as in the daemon. The reference writes
the same transfers into the same tables with as many in a commit.
"""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median

from peewee import Database

from benchmarks import replay
from benchmarks.figures import Figure, Goal, Reference
from benchmarks.machine import database
from benchmarks.replay import Written
from benchmarks.settings import Profile
from pulsarack.daemon.store import Store
from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Transfer
from pulsarack.ledger.result import Result

_BENCH = "ledger"
_MS = 1000
_CALLERS = (1, 64)
_DEPOSIT = 10**12
_AMOUNT = 5600
_BANK = accounts.bank("cash")
_AGENT = accounts.agent("kios1")
_NOW_MS = 1_795_366_799_000
# No order of a history has such a number.
_FIRST = 10**9


@dataclass(slots=True)
class Rounds:
    """What was seen with one number of callers, a value each round."""

    rate: list[float] = field(default_factory=list)
    group: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    raw_rate: list[float] = field(default_factory=list)


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """One caller and many."""
    for callers in _CALLERS:
        yield report(callers, await measure(profile, callers))


async def measure(profile: Profile, callers: int) -> Rounds:
    """Some rounds in one database, behind each its transfers again without the store."""
    path = profile.directory / f"ledger-{callers}" / "pulsarack.db"
    path.parent.mkdir()
    done = 0

    def again(rounds: Rounds) -> None:
        nonlocal done
        written = _written(path)
        mine = Written(written.before, written.units[done:])
        done = len(written.units)
        copy = profile.directory / f"raw-ledger-{callers}-{done}" / "pulsarack.db"
        copy.parent.mkdir()
        taken = replay.seconds(copy, mine, replay.whole(rounds.group[-1]))
        rounds.raw_rate.append(len(mine.units) / 2 / taken)

    return await pair_up(profile, path, callers, again)


async def pair_up(
    profile: Profile,
    path: Path,
    callers: int,
    behind_each: Callable[[Rounds], None] = lambda _rounds: None,
) -> Rounds:
    """Some rounds in the database at `path`; it may hold finished orders."""
    store = Store.open(path, now_ms=_NOW_MS)
    rounds = Rounds()
    try:
        await store.write(open_accounts)
        numbers = count(_FIRST)
        for _ in range(profile.rounds):
            await _round(store, path, callers, numbers, profile.round_seconds, rounds)
            behind_each(rounds)
    finally:
        store.close()
    return rounds


async def _round(
    store: Store, path: Path, callers: int, numbers: "count[int]", length: float, rounds: Rounds
) -> None:
    commits, cpu, began = replay.commits(path), _own_cpu(), time.perf_counter()
    ends = began + length
    pairs = sum(await asyncio.gather(*(_pairs(store, numbers, ends) for _ in range(callers))))
    taken = time.perf_counter() - began
    rounds.rate.append(pairs / taken)
    rounds.cpu.append((_own_cpu() - cpu) * _MS / pairs)
    rounds.group.append(2 * pairs / max(1, replay.commits(path) - commits))


async def _pairs(store: Store, numbers: "count[int]", ends: float) -> int:
    done = 0
    while time.perf_counter() < ends:
        await pair(store, f"order:{next(numbers)}")
        done += 1
    return done


async def pair(store: Store, key: str) -> None:
    hold = Transfer(f"{key}:price", _AGENT, accounts.SALES, _AMOUNT, reference=key, memo="price")
    held = await store.write(lambda db: journal.hold(db, hold, now_ms=_NOW_MS))
    posted = await store.write(lambda db: journal.post(db, hold.id, now_ms=_NOW_MS))
    assert held is posted is Result.OK, (held, posted)


def open_accounts(db: Database) -> None:
    for code in (_BANK, accounts.SALES):
        journal.open_account(db, code, now_ms=_NOW_MS)
    journal.open_account(db, _AGENT, limited=True, now_ms=_NOW_MS)
    journal.transfer(db, Transfer("deposit", _BANK, _AGENT, _DEPOSIT), now_ms=_NOW_MS)


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _written(path: Path) -> Written:
    with database(path) as connection:
        before = [
            *replay.accounts(connection),
            *replay.rows(connection, "transfer", "phase = 'posted'"),
        ]
        units = [[row] for row in replay.rows(connection, "transfer", "phase <> 'posted'")]
    return Written(before, units)


def report(callers: int, rounds: Rounds) -> list[Figure]:
    """The figures of one number of callers."""
    many = f"{callers} caller{'s' if callers > 1 else ''}"
    raw = Reference(
        "raw apsw writing the same rows with the same group size", tuple(rounds.raw_rate)
    )
    half = Goal(median(rounds.raw_rate) / 2, at_least=True)
    rows: Sequence[tuple[str, str, list[float], Reference | None, Goal | None]] = (
        ("hold and post", "pairs/s", rounds.rate, raw, half),
        ("transfers a commit", "", rounds.group, None, None),
        ("CPU of callers and store", "ms/pair", rounds.cpu, None, None),
    )
    return [
        Figure(_BENCH, f"{name}, {many}", unit, tuple(values), beside, goal)
        for name, unit, values, beside, goal in rows
    ]
