"""Nothing grows with what comes in: a flood leaves no more behind than a bound allows.

Each test counts what Python still holds after the flood, not how long it took: in octets
(tracemalloc) where much comes at once, in blocks of memory where little comes very often,
since tracing each small object would take most of the time. The bounds are generous; one
small object left behind by each input would pass them.
"""

import asyncio
import gc
import io
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pulsarack.daemon import client as blocking_client
from pulsarack.daemon import log as logging
from pulsarack.daemon.async_client import AsyncClient
from pulsarack.daemon.channels.sms import reception as receptions
from pulsarack.daemon.channels.sms.reception import Reception
from pulsarack.daemon.cli import order_pipe
from pulsarack.daemon.client import ProtocolTrouble
from pulsarack.daemon.context import Context
from pulsarack.daemon.control_protocol import LINE_LIMIT, Lines
from pulsarack.daemon.inbox import Inbox
from pulsarack.modems.at.events import AtCommand
from pulsarack.modems.at.machine import AtMachine
from pulsarack.modems.modem import Modem
from pulsarack.modems.results import IncomingSms
from pulsarack.queue.post.inbound import Letter
from pulsarack.ussd.parts import Joiner
from tests.fuzz import at_streams, seeds, socket_targets
from tests.fuzz.hostile_modem import HostilePort, profiles
from tests.fuzz.table import TARGETS
from tests.fuzz.target import Target
from tests.modems.world import VirtualClock

FLOOD = 1_000_000
URCS = 100_000
NOTICES = 10_000
READ = 4096
KEPT_MAX = 1_000_000
BLOCKS_MAX = 5_000


def kept(work: Callable[[], object]) -> int:
    """The octets that are still held after the work, what it returned included."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = work()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return after - before


def kept_blocks(work: Callable[[], object]) -> int:
    """The small blocks of memory that are still held after the work and its result."""
    gc.collect()
    before = sys.getallocatedblocks()
    result = work()
    gc.collect()
    after = sys.getallocatedblocks()
    del result
    return after - before


def peak(work: Callable[[], object]) -> int:
    """The most that was held at one time while the work was done."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def in_reads(data: bytes) -> Iterator[bytes]:
    """As a port or a socket gives it."""
    for start in range(0, len(data), READ):
        yield data[start : start + READ]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_a_million_octets_without_a_line_end(target: Target) -> None:
    target.check(target.seeds()[0])
    assert kept(lambda: target.check(b"a" * FLOOD)) < KEPT_MAX


@pytest.mark.parametrize("state", [2, 3, 7, 8], ids=["idle", "asking", "prompted", "sent"])
@pytest.mark.parametrize(
    "data",
    [
        b"x" * FLOOD,
        b'\r\n+CUSD: 1,"' + b"x" * FLOOD,
        b'\r\n+CUSD: 1,"x' + b"\r\n" * 10_000,
        b"\r\n+CREG: 0,1\r\nx" * 5_000,
        b"\r\n+CMT: ,24\r\n00\r\n" * 3_000,
    ],
    ids=["line", "quote", "empty lines", "answers", "messages"],
)
def test_the_at_machine_holds_back_a_bounded_amount(state: int, data: bytes) -> None:
    machine = at_streams.machine_for(bytes([state]))

    def feed() -> AtMachine:
        for piece in in_reads(data):
            machine.feed(piece, 0.0)
            assert machine.buffered_octets <= at_streams.BUFFERED_MAX
        return machine

    assert kept(feed) < KEPT_MAX


def test_the_at_machine_forgets_what_nobody_asked_for() -> None:
    machine = AtMachine()
    machine.probe(5.0)
    machine.feed(b"\r\nOK\r\n", 0.0)
    machine.send(AtCommand("AT+CSQ", expects=("+CSQ:",)), 5.0)
    flood = b"\r\n^RSSI:14\r\n" * 512

    def feed() -> int:
        return sum(len(machine.feed(flood, 0.0)) for _ in range(URCS // 512 + 1))

    assert kept_blocks(feed) < BLOCKS_MAX


@pytest.mark.parametrize(
    "said",
    [
        b'\r\n+CMTI: "SM",1\r\n',
        b"\r\n+CMT: ,24\r\n0691722819533904\r\n",
        b'\r\n+CUSD: 0,"Promo",15\r\n',
        b"\r\nOK\r\n",
    ],
)
def test_a_modem_that_never_stops_talking(said: bytes) -> None:
    clock = VirtualClock()
    port = HostilePort(clock, lambda written: b"")
    modem = Modem(port, clock, profiles(), lambda event: None)

    def feed() -> Modem:
        for _ in range(NOTICES // 100):
            port.on_bytes(said * 100)
            clock.jump()
        return modem

    assert kept_blocks(feed) < BLOCKS_MAX


def test_lines_of_the_control_socket() -> None:
    lines = Lines()

    def feed() -> Lines:
        for piece in in_reads(b"x" * FLOOD):
            assert lines.feed(piece) == []
            assert len(lines._rest) <= LINE_LIMIT + READ
        return lines

    assert kept(feed) < 2 * LINE_LIMIT


def test_parts_whose_other_halves_never_come() -> None:
    mark = next(recipe.parts for recipe in seeds.recipes() if recipe.parts is not None)
    joiner: Joiner[int] = Joiner(mark)

    def feed() -> Joiner[int]:
        for number in range(NOTICES):
            joiner.add(f"1/2 text {number}", "S", float(number))
            joiner.overdue(float(number))
        return joiner

    assert kept_blocks(feed) < BLOCKS_MAX


def test_long_messages_that_are_never_whole() -> None:
    """Each part that comes gives the message another fingerprint; the old one is forgotten."""

    class Storage:
        def __init__(self) -> None:
            self.reads = 0

        async def read_sms(self) -> list[IncomingSms]:
            self.reads += 1
            return [IncomingSms((1,), "S", "text", "", False, f"{self.reads:064}")]

    clock = VirtualClock()
    context = SimpleNamespace(clock=clock, reception=Reception(clock, logging.get()))
    recipe = seeds.recipes()[0]

    async def same_card() -> None:
        """Nobody exchanges it."""

    inbox = Inbox(cast(Context, context), cast(Modem, Storage()), "8962", recipe, same_card)

    async def read() -> None:
        for _ in range(1000):
            assert await inbox.read() == []

    asyncio.run(read())
    assert len(inbox._first_seen) == 1


def test_texts_that_were_kept_and_never_leave_their_card() -> None:
    """A chip may be taken away with thousands of them, or refuse to delete any."""

    async def receive(_letter: Letter) -> None:
        return

    async def flood() -> Reception:
        reception = Reception(VirtualClock(), logging.get())
        reception.open(receive)
        for number in range(NOTICES):
            letter = Letter("sms", f"{number:064}", "62812", "8962", "x" * 1000)
            assert reception.hand_in(letter, lambda: None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return reception

    reception = asyncio.run(flood())
    assert len(reception._stages) <= receptions.REMEMBERED and not reception._tasks


class _Endless(io.RawIOBase):
    """Zeros for as long as it was asked to, and then two lines."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self._end = io.BytesIO(b"\nsecond\nthird")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left:
            count = min(len(buffer), self._left)
            buffer[:count] = b"0" * count
            self._left -= count
            return count
        return self._end.readinto(buffer)


def test_a_line_without_end_on_the_pipe() -> None:
    found: list[int] = []

    def read() -> None:
        source = io.BufferedReader(_Endless(10 * FLOOD))
        found.extend(len(line) for line in order_pipe._texts(source))

    assert peak(read) < KEPT_MAX
    assert found == [order_pipe.LINE_BYTES + 1, len("second\n"), len("third")]


def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking_client, "ANSWER_LIMIT", 3 * 64 * 1024)

    def call() -> None:
        with socket_targets.playing(b"x" * FLOOD) as client, pytest.raises(ProtocolTrouble):
            client.call("status")

    assert peak(call) < 3 * FLOOD


def test_an_answer_without_end_in_the_event_loop() -> None:
    async def call() -> None:
        reader = asyncio.StreamReader(limit=READ)
        reader.feed_data(b"x" * FLOOD)
        writer = cast(asyncio.StreamWriter, socket_targets._Nowhere())
        async with AsyncClient(Path("/run/x.sock"), reader, writer) as client:
            with pytest.raises(ProtocolTrouble):
                await client.call("status")

    asyncio.run(call())
