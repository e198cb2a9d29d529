"""`order pipe`: a channel for programs, orders in and results out, as JSON lines.

Each line of the standard input is one order, the arguments of order.new:

    {"agent": "kios1", "text": "S10.081200000012", "client_reference": "a-1"}

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
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from pulsarack.daemon import json_text
from pulsarack.daemon.cli.orders import FINAL
from pulsarack.daemon.cli.session import Session, pass_session
from pulsarack.daemon.client import CallFailed, broken_off

if TYPE_CHECKING:
    from pulsarack.daemon.async_client import AsyncClient

T = TypeVar("T")

# Enough to fill the store's group commits, and below the socket's own limit.
IN_FLIGHT = 48

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


class _Pipe:
    """One run of the pipe: what is on its way, and whose messages are followed."""

    def __init__(self, client: "AsyncClient", write: Callable[[dict[str, Any]], None]) -> None:
        self._client = client
        self._write = write
        self._free = asyncio.Semaphore(IN_FLIGHT)
        self._orders: set[asyncio.Task[None]] = set()
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
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        room = threading.Semaphore(IN_FLIGHT)
        _read_in_thread(source, lines, room)
        number = 0
        while (line := await self._unless_broken(lines.get())) is not None:
            room.release()
            number += 1
            if line.strip():
                await self._unless_broken(self._free.acquire())
                self._start(number, line)
        while self._orders or self._untold:
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
        tasks = {*self._orders, *self._followers.values()}
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

    def _start(self, number: int, line: bytes) -> None:
        task = asyncio.create_task(self._order(number, line))
        self._orders.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._free.release()
            self._orders.discard(task)
            if not self._orders:
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

    async def _order(self, number: int, line: bytes) -> None:
        try:
            args = _order_args(line)
            order = await self._client.call("order.new", **args)
        except CallFailed as error:
            shown = {"code": error.code, "message": error.message, "remedy": error.remedy}
            self._write({"kind": "refused", "line": number, "error": shown})
            return
        self._write({"kind": "accepted", "line": number, "order": order})
        # Of an order that was finished long ago the message may have been taken then.
        finished_before = order.get("repeated") and order["state"] in FINAL
        if not finished_before and order["id"] not in self._told:
            self._untold.add(order["id"])
        self.follow(args["agent"])

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


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """The lines of the input; of one that is too long the beginning, still too long."""
    while line := source.readline(LINE_BYTES + 1):
        yield line
        while line and not line.endswith(b"\n"):
            line = source.readline(LINE_BYTES + 1)


def _read_in_thread(
    source: BinaryIO, lines: "asyncio.Queue[bytes | None]", room: threading.Semaphore
) -> None:
    """Feeds the lines of a blocking input while there is room, then None.

    A daemon thread, so that an input that never ends does not hold up the exit.
    """
    loop = asyncio.get_running_loop()

    def read() -> None:
        # The loop is closed when the pipe has failed in the meantime.
        with suppress(RuntimeError):
            for line in _lines(source):
                room.acquire()
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
