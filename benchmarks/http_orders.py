"""`bench http`: durable orders accepted a second over the native HTTP API, in signed requests.

A daemon without modems; callers with a connection each, which send the next order, or the next
request of many, when the last one is answered. The callers write ready octets and read little of an
answer, so that they cost little of the machine. Beside it stands aiohttp alone (http_raw.py), which
checks the same signature, reads the same JSON and answers as much, but keeps nothing: what the
daemon costs beyond it are nonce, order, ledger and log. And beside it stands raw apsw, which writes
the same rows, nonces included, with as many orders in a commit.
"""

import asyncio
import itertools
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import intake, replay
from benchmarks.child import helper
from benchmarks.figures import Figure, Reference
from benchmarks.http_raw import ACCOUNT, KEY, MANY, ONE
from benchmarks.processes import cpu_seconds
from benchmarks.rack_file import TELKOMSEL, destinations
from benchmarks.settings import Profile
from benchmarks.site import AGENT, Site
from pulsarack.daemon.channels.http import signing
from pulsarack.daemon.control_arguments import ORDERS_A_REQUEST
from pulsarack.daemon.secrets import Secret

_BENCH = "http"
_MS = 1000
# Callers, and orders a request. They are one account's, and one agent's, of whom 1,024 may wait.
_LOADS = ((1, 1), (32, 1), (1, ORDERS_A_REQUEST), (15, ORDERS_A_REQUEST))
_LOOK_SECONDS = 0.05
_PORT = re.compile(r"http\.listening.* port=([0-9]+)")
_SECRET = Secret(KEY)
_SETTINGS = """
[agents]
pepper_file = "pepper"

[http]
listen = "127.0.0.1:0"
requests_per_second = 100000
burst = 100000
in_flight_per_account = 1024
"""


@dataclass(slots=True)
class Rounds:
    """What was seen with one number of callers, a value each round."""

    rate: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)
    raw_rate: list[float] = field(default_factory=list)
    raw_cpu: list[float] = field(default_factory=list)
    written: list[float] = field(default_factory=list)


class Caller:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Caller":
        """To the server on this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, request: bytes) -> None:
        """One request, in which all is accepted."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        body = await self._reader.readexactly(int(length))
        status = int(head.split(b" ", 2)[1])
        if status not in (200, 201) or b'{"error":' in body:
            raise RuntimeError(f"an order was answered with status {status}: {body[:200]!r}")

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


def requests(numbers: Iterator[str], now: Callable[[], int], size: int = 1) -> Iterator[bytes]:
    """Signed requests of so many orders, each another one, as they stand on the line."""
    target = ONE if size == 1 else MANY
    for count in itertools.count():
        orders = [_order(number) for number in itertools.islice(numbers, size)]
        body = json.dumps(orders[0] if size == 1 else {"orders": orders}).encode()
        signed = signing.headers(
            ACCOUNT,
            _SECRET,
            "POST",
            target,
            body,
            timestamp=now(),
            nonce=f"{count:08}.{os.getpid()}",
        )
        lines = [f"POST {target} HTTP/1.1", "Host: bench", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in signed.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        yield "\r\n".join(lines).encode() + body


def _order(number: str) -> dict[str, str]:
    return {"client_reference": number, "product": TELKOMSEL.product, "destination": number}


async def run(profile: Profile) -> AsyncIterator[list[Figure]]:
    """One caller and many, one order a request and many."""
    for callers, size in _LOADS:
        yield report(callers, await measure(profile, callers, size), size)


async def measure(profile: Profile, callers: int, size: int = 1) -> Rounds:
    """Some rounds against one daemon, each beside one against aiohttp; then its rows without it."""
    rounds = Rounds()
    site = Site(profile.directory / f"http-{callers}-{size}", [], 1.0)
    _configure(site)
    numbers = destinations(TELKOMSEL)
    signed = requests(numbers, lambda: site.clock.now_ms() // _MS, size)
    async with helper("benchmarks.http_raw") as raw, site:
        assert raw.stdout is not None
        raw_port = int(await raw.stdout.readline())
        await site.link.call(
            "account.new", member=ACCOUNT, agent=AGENT, kind="native", key=KEY, who="bench"
        )
        port = await _port(site.place.daemon_log)
        for _ in range(profile.rounds):
            length = profile.round_seconds
            before = replay.commits(site.place.database)
            rate, cpu = await accept(port, callers, signed, length, site.daemon_pid)
            rounds.rate.append(rate * size)
            rounds.cpu.append(cpu / size)
            done = rate * size * length
            rounds.commits.append(done / max(1, replay.commits(site.place.database) - before))
            rate, cpu = await accept(raw_port, callers, signed, length, raw.pid)
            rounds.raw_rate.append(rate * size)
            rounds.raw_cpu.append(cpu / size)
        await site.stop_daemon()
        written = intake.accepted(site.place.database)
    group = replay.whole(sum(rounds.commits) / len(rounds.commits))
    for number in range(profile.rounds):
        path = profile.directory / f"http-raw-{callers}-{size}-{number}" / "pulsarack.db"
        path.parent.mkdir()
        rounds.written.append(len(written.units) / replay.seconds(path, written, group))
    return rounds


async def accept(
    port: int, count: int, signed: Iterator[bytes], length: float, pid: int
) -> tuple[float, float]:
    """One round: so many callers ask as quickly as they are answered; requests/s, CPU ms each."""
    callers = [await Caller.connect(port) for _ in range(count)]
    try:
        began, cpu = time.perf_counter(), cpu_seconds(pid)
        ends = began + length
        done = sum(await asyncio.gather(*(_send(one, signed, ends) for one in callers)))
        passed, spent = time.perf_counter() - began, cpu_seconds(pid) - cpu
    finally:
        for caller in callers:
            await caller.close()
    return done / passed, spent * _MS / done


async def _send(caller: Caller, signed: Iterator[bytes], ends: float) -> int:
    for done in itertools.count():
        if time.perf_counter() >= ends:
            return done
        await caller.send(next(signed))
    raise AssertionError("counting has no end")


def _configure(site: Site) -> None:
    pepper = site.place.root / "pepper"
    pepper.touch(mode=0o600)
    pepper.write_text("5e" * 32 + "\n", encoding="ascii")
    with site.place.config.open("a", encoding="utf-8") as file:
        file.write(_SETTINGS)


async def _port(log: Path) -> int:
    """Where the daemon listens, as its log says."""
    found = None
    while found is None:
        await asyncio.sleep(_LOOK_SECONDS)
        found = _PORT.search(await asyncio.to_thread(log.read_text, "utf-8"))
    return int(found[1])


def report(callers: int, rounds: Rounds, size: int = 1) -> list[Figure]:
    """The figures of one number of callers, and of orders a request."""
    many = f"{callers} caller{'s' if callers > 1 else ''}"
    many += f", {size} a request" if size > 1 else ""
    alone = "aiohttp alone: the same signature checked, nothing kept"
    raw_rate = Reference(alone, tuple(rounds.raw_rate))
    raw_cpu = Reference(alone, tuple(rounds.raw_cpu))
    rows_alone = "raw apsw writing the same rows with the same group size"
    written = Reference(rows_alone, tuple(rounds.written))
    rows: Sequence[tuple[str, str, list[float], Reference | None]] = (
        ("orders accepted", "/s", rounds.rate, raw_rate),
        ("orders made durable", "/s", rounds.rate, written),
        ("daemon CPU", "ms/order", rounds.cpu, raw_cpu),
        ("orders a commit", "", rounds.commits, None),
    )
    return [
        Figure(_BENCH, f"{name}, {many}", unit, tuple(values), beside, None)
        for name, unit, values, beside in rows
    ]
