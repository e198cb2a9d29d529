"""`order pipe`: a channel for programs, orders in and results out, as JSON lines.

Each line of the standard input is one order, the arguments of order.new:

    {"agent": "kios1", "text": "S10.081200000012", "client_reference": "a-1"}

What has come when the daemon can be asked goes as one request, a lone line at once.

Each line of the standard output is one of

    {"kind": "accepted", "line": 1, "order": {...}}
    {"kind": "refused", "line": 2, "error": {"code": ..., "message": ..., "remedy": ...}}
    {"kind": "message", "message": {"id": ..., "order": ..., "text": ...}}

A message is acknowledged after it was written and flushed, not before, so it may come
again after a crash but never gets lost; its id tells a repeat. Messages are all that
wait for the agents that were named, also those of orders placed elsewhere. At the end of
the input the pipe stays until every order it placed has had its message.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar

import click

from pulsarack.daemon import json_text
from pulsarack.daemon.cli.orders import FINAL
from pulsarack.daemon.cli.session import Session, pass_session
from pulsarack.daemon.client import CallFailed, broken_off

if TYPE_CHECKING:
    from pulsarack.daemon.async_client import AsyncClient

T = TypeVar("T")

# What order.new_many takes (control_arguments.py, which is not loaded for it).
ORDERS_A_REQUEST = 64
# While one request is written the next ones wait for it, and the lines behind them gather.
REQUESTS_IN_FLIGHT = 4
# Lines that are read ahead; an input that is longer waits.
LINES_AHEAD = REQUESTS_IN_FLIGHT * ORDERS_A_REQUEST
# Of the orders of one request, as they are sent: below the socket's limit of a line.
REQUEST_BYTES = 48 * 1024

# An order takes some hundred. Also as the daemon is asked, each sign written as an escape, it
# stays below the socket's limit.
LINE_BYTES = 8 * 1024


@click.command()
@click.option("--agent", "agents", multiple=True, help="Follow this agent's messages, too.")
@pass_session
def pipe(session: Session, agents: tuple[str, ...]) -> None:
    """Read orders as JSON lines, write results and messages as JSON lines."""

    def write(line: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    asyncio.run(run(session.socket, sys.stdin.buffer, write, agents))


async def run(
    socket: Path,
    source: BinaryIO,
    write: Callable[[dict[str, Any]], None],
    agents: tuple[str, ...] = (),
) -> None:
    """Pumps until the input has ended and its orders are told; raises ClientError."""
    # asyncio costs start-up time that `pulsarack order --help` need not pay.
    from pulsarack.daemon.async_client import AsyncClient

    async with await AsyncClient.connect(socket) as client:
        channel = _Pipe(client, write)
        for agent in agents:
            channel.follow(agent)
        try:
            await channel.pump(source)
        finally:
            await channel.stop()


class _Line(NamedTuple):
    """A line of the input."""

    number: int
    text: bytes


class _Order(NamedTuple):
    """The arguments of order.new that stood on a line."""

    line: int
    args: dict[str, Any]


class _Pipe:
    """One run of the pipe: what is on its way, and whose messages are followed."""

    def __init__(self, client: "AsyncClient", write: Callable[[dict[str, Any]], None]) -> None:
        self._client = client
        self._write = write
        self._free = asyncio.Semaphore(REQUESTS_IN_FLIGHT)
        self._requests: set[asyncio.Task[None]] = set()
        self._followers: dict[str, asyncio.Task[None]] = {}
        # Orders that were accepted and whose message has not come; and the other way
        # round, since a message may overtake the answer to order.new.
        self._untold: set[int] = set()
        self._told: set[int] = set()
        self._changed = asyncio.Event()
        # Gets the first error that ends the pipe; nothing else is ever put into it.
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def pump(self, source: BinaryIO) -> None:
        """Places the orders of the input, then waits for their messages."""
        lines = _Lines(source)
        while True:
            # What comes until there is room for a request goes with it: a lone line at once.
            await self._unless_broken(self._free.acquire())
            gathered = await self._unless_broken(lines.gathered())
            if not gathered:
                break
            self._start(self._read(gathered))
        while self._requests or self._untold:
            self._changed.clear()
            await self._unless_broken(self._changed.wait())

    def follow(self, agent: str) -> None:
        """Sees to it that this agent's messages are written, once."""
        if agent not in self._followers:
            task = asyncio.create_task(self._follow(agent))
            task.add_done_callback(self._ended)
            self._followers[agent] = task

    async def stop(self) -> None:
        """Ends whatever still runs."""
        tasks = {*self._requests, *self._followers.values()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._broken.done():
            # Told by pump(), or come too late to matter.
            self._broken.exception()

    async def _unless_broken(self, waiting: Coroutine[Any, Any, T]) -> T:
        """Waits, but not for what cannot come because the daemon is gone."""
        waited = asyncio.ensure_future(waiting)
        try:
            either: set[asyncio.Future[Any]] = {waited, self._broken}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._broken.done():
                self._broken.result()
            return waited.result()
        finally:
            waited.cancel()

    def _read(self, lines: list[_Line]) -> list[_Order]:
        """The orders on the lines; of those that are none it is said why."""
        found = []
        for line in lines:
            try:
                found.append(_Order(line.number, _order_args(line.text)))
            except CallFailed as error:
                self._refuse(line.number, error)
        return found

    def _start(self, orders: list[_Order]) -> None:
        task = asyncio.create_task(self._place(orders))
        self._requests.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._free.release()
            self._requests.discard(task)
            if not self._requests:
                # Nothing is unanswered, so nothing can have been overtaken.
                self._told.clear()
            self._ended(task)

        task.add_done_callback(done)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Notes what went wrong in a part, for whoever waits for the whole."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._broken.done():
            self._broken.set_exception(error)
        self._changed.set()

    async def _place(self, orders: list[_Order]) -> None:
        for some in _requests(orders):
            try:
                answer = await self._client.call(
                    "order.new_many", orders=[one.args for one in some]
                )
            except CallFailed as error:
                for one in some:
                    self._refuse(one.line, error)
                continue
            for one, found in zip(some, answer["orders"], strict=True):
                if "order" in found:
                    self._accepted(one, found["order"])
                else:
                    self._write({"kind": "refused", "line": one.line, "error": found["error"]})

    def _refuse(self, line: int, error: CallFailed) -> None:
        shown = {"code": error.code, "message": error.message, "remedy": error.remedy}
        self._write({"kind": "refused", "line": line, "error": shown})

    def _accepted(self, one: _Order, order: dict[str, Any]) -> None:
        self._write({"kind": "accepted", "line": one.line, "order": order})
        # Of an order that was finished long ago the message may have been taken then.
        finished_before = order.get("repeated") and order["state"] in FINAL
        if not finished_before and order["id"] not in self._told:
            self._untold.add(order["id"])
        self.follow(one.args["agent"])

    async def _follow(self, agent: str) -> None:
        async for message in self._client.stream("messages.follow", agent=agent):
            self._write({"kind": "message", "message": message})
            await self._client.call("messages.ack", id=message["id"])
            self._told.add(message["order"])
            self._untold.discard(message["order"])
            self._changed.set()
        raise broken_off(self._client.path)


def _order_args(line: bytes) -> dict[str, Any]:
    """The arguments on a line; raises CallFailed, as the daemon would refuse them."""
    if len(line) > LINE_BYTES:
        message = f"the line is longer than {LINE_BYTES} bytes"
        raise CallFailed("LINE_TOO_LONG", message, "write one object a line")
    try:
        args = json_text.loads(line)
    except json_text.RepeatedKey as error:
        raise CallFailed("BAD_ARGUMENT", str(error), "write each key once") from None
    except (ValueError, RecursionError) as error:
        raise CallFailed("BAD_JSON", f"not JSON: {error}", "write one object a line") from None
    if not isinstance(args, dict) or not isinstance(args.get("agent"), str):
        remedy = 'write {"agent": "...", "text": "..."}'
        raise CallFailed("BAD_ARGUMENT", "the line names no agent", remedy)
    _refuse_unsendable(args)
    return args


def _refuse_unsendable(args: dict[str, Any]) -> None:
    """Raises CallFailed for what the daemon could not read.

    Of a line that it cannot read it cannot tell the id either, and the whole pipe would
    end with it. Python's JSON knows more than JSON: NaN, halves of characters; and how deep
    it may be nested depends on who reads it.
    """
    from pulsarack.daemon.control_protocol import BadRequest, decode_request

    nested = [name for name, value in args.items() if isinstance(value, dict | list)]
    if nested:
        message = f"argument {nested[0][:80]!r} is a list or an object"
        raise CallFailed("BAD_ARGUMENT", message, "give texts and numbers only")
    try:
        decode_request(json.dumps({"id": 1, "call": "order.new", "args": args}).encode())
    except BadRequest as bad:
        error = bad.error
        raise CallFailed(error.code, error.message, "give texts and numbers only") from None


class _Lines:
    """The lines of a blocking input, read by a thread while there is room.

    A daemon thread, so that an input that never ends does not hold up the exit.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._waiting: asyncio.Queue[_Line | None] = asyncio.Queue()
        self._room = threading.Semaphore(LINES_AHEAD)
        self._loop = asyncio.get_running_loop()
        self._ended = False
        threading.Thread(target=self._read, args=(source,), daemon=True).start()

    async def gathered(self) -> list[_Line]:
        """The lines that have come by now, one at least, as many as a request takes; [] at the
        end. Empty lines are none."""
        found: list[_Line] = []
        while not self._ended and len(found) < ORDERS_A_REQUEST:
            if found and self._waiting.empty():
                break
            line = await self._waiting.get()
            self._room.release()
            if line is None:
                self._ended = True
            elif line.text.strip():
                found.append(line)
        return found

    def _read(self, source: BinaryIO) -> None:
        # The loop is closed when the pipe has failed in the meantime.
        with suppress(RuntimeError):
            for number, text in enumerate(_texts(source), start=1):
                self._put(_Line(number, text))
            self._put(None)

    def _put(self, line: _Line | None) -> None:
        self._room.acquire()
        self._loop.call_soon_threadsafe(self._waiting.put_nowait, line)


def _texts(source: BinaryIO) -> Iterator[bytes]:
    """The lines of the input; of one that is too long the beginning, still too long."""
    while line := source.readline(LINE_BYTES + 1):
        yield line
        while line and not line.endswith(b"\n"):
            line = source.readline(LINE_BYTES + 1)


def _requests(orders: list[_Order]) -> Iterator[list[_Order]]:
    """The same in requests whose lines are not too long."""
    some: list[_Order] = []
    room = REQUEST_BYTES
    for one in orders:
        octets = len(json.dumps(one.args)) + 2
        if some and octets > room:
            yield some
            some, room = [], REQUEST_BYTES
        some.append(one)
        room -= octets
    if some:
        yield some
