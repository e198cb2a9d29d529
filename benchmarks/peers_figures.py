"""What `bench peers` saw, as figures, and which of them are goals of pulsarack.

Goals are those of a rack of 64 modems or more, and on pulsarack's own figures. A limit is the best
of the peers it is meant against, so who meets it is behind none of them:

- SMS a second: ahead of every peer, whatever it keeps, and at least 310, with everything durable.
- CPU a message: ahead of every peer whose queue is as durable as pulsarack's, which is on the disk
  before a message counts as taken. The others are measured and shown beside it, without a goal:
  they leave out the work that is compared.
- Memory, in both ways that "memory a modem" can be read: all memory of a program divided by its
  modems, which on a small rack says how large the program is; and what a further modem takes, the
  difference of two racks by the modems between them, as the daemon's own is judged (rack.py).

"PSS without modems", which a program takes before its first modem, is shown for every program and
is no goal; pulsarack's is larger than that of any peer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.figures import Figure, Goal, Reference
from benchmarks.peers_kind import Kept
from benchmarks.rack import slope

_BENCH = "peers"
_KILO = 1000
# How long a modem takes to send an SMS.
SEND_SECONDS = 0.2
_BEST_RATE = 310.0
_GOAL_MODEMS = 64
OURS = "pulsarack"
OUR_ORDERS = "pulsarack, orders"

RATE_NOTE = "the goal of SMS sent is to be ahead of each other program, and at least 310/s"
CPU_NOTE = (
    "the goal of CPU is to be ahead of each program whose queue is synced to the disk, as here"
)
PSS_NOTE = "PSS a modem is all memory of a program, divided by modems"
FURTHER_NOTE = (
    "PSS of a further modem is the difference of two racks, by the modems between them; "
    "the goal is to be ahead of each other program"
)
FIXED_NOTE = "PSS without modems is the rest of what a program takes on these racks; it is no goal"


@dataclass(slots=True)
class Rounds:
    """What was seen of one program with one number of modems, a value each round.

    `rate`: SMS a second; `cpu`, `rack_cpu`: ms an SMS; `pss`: MB a modem, of all its memory.
    """

    rate: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    pss: list[float] = field(default_factory=list)
    rack_cpu: list[float] = field(default_factory=list)
    modems_at_work: int = 0
    kept: Kept = Kept.SYNCED


Found = Mapping[str, Rounds]


@dataclass(frozen=True, slots=True)
class _Row:
    """One thing of all programs, on racks of one size. The goal is that of pulsarack."""

    what: str
    unit: str
    size: str
    note: str = ""
    reference: Reference | None = None
    goal: Goal | None = None

    def figures(self, values: Mapping[str, Sequence[float]]) -> list[Figure]:
        """Each program's; pulsarack is the reference unless there is another."""
        ours = Reference(OURS, tuple(values[OURS]))
        return [
            Figure(
                _BENCH,
                f"{self.what}, {self.size}, {name}",
                self.unit,
                tuple(rounds),
                self.reference or (None if name == OURS else ours),
                self.goal if name == OURS else None,
                self.note,
            )
            for name, rounds in values.items()
        ]


def report(modems: int, found: Found) -> list[Figure]:
    """All programs with so many modems: rate, CPU, memory, each with pulsarack first."""
    size = f"{modems} modem{'s' if modems > 1 else ''}"
    air = Reference("the air: one SMS after the other on every modem", (modems / SEND_SECONDS,))
    rate = cpu = pss = None
    if modems >= _GOAL_MODEMS:
        others = [found[name] for name in _others(found)]
        best = max((median(one.rate) for one in others), default=0.0)
        rate = Goal(max(best, _BEST_RATE), at_least=True)
        cpu = _least([one.cpu for one in others if one.kept is Kept.SYNCED])
        pss = _least([one.pss for one in others])
    sent = _Row("SMS sent", "/s", size, RATE_NOTE, air, rate)
    spent = _Row("CPU", "ms/SMS", size, CPU_NOTE, goal=cpu)
    cpus = spent.figures({name: one.cpu for name, one in found.items()})
    return [
        *sent.figures({name: one.rate for name, one in found.items()}),
        *(_with_queue(figure, name, found[name]) for figure, name in zip(cpus, found, strict=True)),
        *_Row("PSS a modem", "MB", size, PSS_NOTE, goal=pss).figures(
            {name: one.pss for name, one in found.items()}
        ),
        *_Row("rack CPU", "ms/SMS", size).figures(
            {name: one.rack_cpu for name, one in found.items()}
        ),
        *_idle(size, modems, found),
    ]


def _with_queue(figure: Figure, name: str, seen: Rounds) -> Figure:
    """Says beside a peer's CPU what its queue outlives."""
    if name in (OURS, OUR_ORDERS):
        return figure
    return replace(figure, note=f"{name} has its queue {seen.kept.value}")


def memory(racks: Mapping[int, Found]) -> list[Figure]:
    """What a modem more takes in each program, and what it takes without any, round by round.

    `racks`: what was found, by modems; the two largest count, and programs that were on both.
    """
    if len(racks) < 2:
        return []
    least, most = sorted(racks)[-2:]
    further: dict[str, list[float]] = {}
    fixed: dict[str, list[float]] = {}
    for name in [name for name in racks[most] if name in racks[least]]:
        rounds = zip(racks[least][name].pss, racks[most][name].pss, strict=False)
        totals = [{least: fewer * least, most: more * most} for fewer, more in rounds]
        further[name] = [slope(total) * _KILO for total in totals]
        fixed[name] = [total[most] - most * slope(total) for total in totals]
    size = f"{least} to {most} modems"
    goal = None
    if most >= _GOAL_MODEMS:
        goal = _least([further[name] for name in _others(further)])
    return [
        *_Row("PSS of a further modem", "kB", size, FURTHER_NOTE, goal=goal).figures(further),
        *_Row("PSS without modems", "MB", size, FIXED_NOTE).figures(fixed),
    ]


def _idle(size: str, modems: int, found: Found) -> list[Figure]:
    """Programs that never sent with all of their modems."""
    return [
        Figure(_BENCH, f"modems that sent, {size}, {name}", "", (float(one.modems_at_work),))
        for name, one in found.items()
        if one.modems_at_work != modems
    ]


def _others(names: Iterable[str]) -> list[str]:
    return [name for name in names if name not in (OURS, OUR_ORDERS)]


def _least(all_rounds: Sequence[Sequence[float]]) -> Goal | None:
    return Goal(min(map(median, all_rounds))) if all_rounds else None
