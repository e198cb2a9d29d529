"""Who writes texts, and what else he writes besides orders: drawn from the seed alone.

In every history some of the agents order by text: over the rack's own chips (SMS), or over a
channel that keeps what it brings until it is acknowledged (chat.py). Each of them has a telephone,
so that a result that the channel does not bring in its time has another way. PINs have eight
digits, so that one in the wrong place is no coincidence.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

SOCKET, SMS = "socket", "sms"
CHATS = ("xmpp", "whatsapp")
PIN_DIGITS = 8
# What is asked for by text has an amount of its own, that names it wherever it appears.
TICKET_RUPIAH, TRANSFER_RUPIAH = 3_000_000, 1_000
KINDS = ("ticket", "transfer", "pull", "exchange", "pin", "balance", "wrong pin", "thrice wrong")
SHARES = (4, 8, 2, 2, 4, 1, 5, 1)
# Where there are uplines, there is commission.
OF_UPLINES = ("exchange", "pull", "transfer")


@dataclass(frozen=True)
class Writer:
    """An agent who writes: `way` is his channel, `number` his telephone (E.164 digits)."""

    agent: str
    way: str
    number: str
    address: str
    pin: str


@dataclass(frozen=True)
class Said:
    """What else is written at a time, in seconds; `amount` is asked for once in a history."""

    at: float
    writer: int
    kind: str
    other: str
    amount: int


@dataclass(frozen=True)
class Outage:
    """The channel cannot be reached for so long."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Texts:
    """Everything of a seed that is written; `settings` is TOML of the daemon's."""

    writers: tuple[Writer, ...] = ()
    said: tuple[Said, ...] = ()
    outages: tuple[Outage, ...] = ()
    settings: str = ""
    chat: str = CHATS[0]


NOBODY_WRITES = Texts()


def draw(seed: int, agents: Sequence[str], seconds: float, *, uplines: bool) -> Texts:
    """What is written in a seed; `uplines`: there are some."""
    rng = Random(f"texts/{seed}")
    chat = rng.choice(CHATS)
    writers = tuple(_writers(rng, agents, chat))
    said = [_said(rng, agents, writers, seconds, number) for number in range(1, rng.randrange(10))]
    if uplines:
        said += [
            dataclasses.replace(
                _said(rng, agents, writers, seconds, number),
                at=rng.uniform(0.3, 1.5) * seconds,
                writer=0,  # uplines are rather among the first
                kind=rng.choice(OF_UPLINES),
            )
            for number in range(10, 18)
        ]
    outages = [
        Outage(rng.uniform(0, seconds), rng.choice((3.0, 30.0, 300.0, 2000.0)))
        for _ in range(rng.choice((0, 1, 1, 2)))
    ]
    return Texts(writers, tuple(said), tuple(outages), _settings(rng), chat)


def _said(
    rng: Random, agents: Sequence[str], writers: Sequence[Writer], seconds: float, number: int
) -> Said:
    writer = rng.randrange(len(writers))
    others = [one for one in agents if one != writers[writer].agent] or list(agents)
    kind = rng.choices(KINDS, SHARES)[0]
    return Said(rng.uniform(0, seconds), writer, kind, rng.choice(others), number)


def _writers(rng: Random, agents: Sequence[str], chat: str) -> Iterator[Writer]:
    ways = [rng.choices((SOCKET, SMS, chat), (5, 3, 4))[0] for _ in agents]
    if set(ways) == {SOCKET}:
        ways[-1] = rng.choice((SMS, chat))
    for number, (agent, way) in enumerate(zip(agents, ways, strict=True)):
        if way == SOCKET:
            continue
        telephone = f"62813000000{number:02}"
        address = {SMS: telephone, "xmpp": f"{agent}@chat.example"}.get(way, telephone)
        yield Writer(agent, way, telephone, address, new_pin(rng))


def new_pin(rng: Random) -> str:
    """A PIN that is no row, no pattern, and in no number of the rack."""
    while True:
        digits = [rng.randrange(1, 10)]
        while len(digits) < PIN_DIGITS:
            digits.append(rng.choice([one for one in range(1, 10) if abs(one - digits[-1]) > 1]))
        steps = {(after - before) % 10 for before, after in itertools.pairwise(digits)}
        half = PIN_DIGITS // 2
        if len(steps) > 1 and digits[:half] not in (digits[half:], digits[: half - 1 : -1]):
            return "".join(map(str, digits))


def _settings(rng: Random) -> str:
    return (
        "[sms]\nreceives = true\nanswers = true\n"
        f"delivery_reports = {rng.choice(('true', 'false'))}\n"
        f"pause_seconds = {rng.choice((0.0, 1.0, 5.0))}\n"
        f"[channels]\nanswer_seconds = {rng.choice((120.0, 900.0))}\n"
        f"result_seconds = {rng.choice((60.0, 300.0, 3600.0))}\n"
        f"[deposits]\nacross_network = {rng.choice(('true', 'true', 'false'))}\n"
    )
