"""The control socket: how every command of this machine reaches the running daemon.

A Unix stream socket with JSON lines (control_protocol.py). The kernel tells who calls;
the file's mode (owner and group) decides who may. Each connection is served by one task
that reads and one task a request, so a slow call does not hold up a quick one.

Nothing a client does makes the daemon grow. A connection has a fixed number of requests
in flight, and while they are all busy, or while it does not take its answers, its socket is
not read. A stream whose reader takes nothing for STALL_SECONDS is ended with a reason, so
whoever feeds the stream keeps at most that much for it. What all connections may take
together is in control_bounds.py. Whatever is refused is counted and logged (pressure.py).

At the end, requests that have begun are answered, streams are ended, and who does not
read by then is cut off.
"""

import asyncio
import contextlib
import errno
import itertools
import os
import socket
import stat
import struct
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from pulsarack.daemon import control_bounds
from pulsarack.daemon import log as logging
from pulsarack.daemon.control_bounds import HELD_UNSEEN, Bounds
from pulsarack.daemon.control_protocol import (
    BadRequest,
    Call,
    CallError,
    Calls,
    Lines,
    Peer,
    Request,
    TooLong,
    call_error,
    check_arguments,
    decode_request,
    encode_end,
    encode_error,
    encode_event,
    encode_result,
)
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.outside import CALLER
from pulsarack.daemon.pressure import Pressure
from pulsarack.modems.timing import Clock

SOCKET_MODE = 0o660
STALL_SECONDS = 10.0
CLOSE_SECONDS = 5.0
# How much of a client that sends without end is in memory before it is not read any more.
_READ_BYTES = 16 * 1024
_BACKLOG = 1024
_ACCEPT_AGAIN_SECONDS = 1.0
_UCRED = struct.Struct("3i")

_STOPPING = CallError("STOPPING", "the daemon is stopping", "try again when it is back")
_TOO_MANY = CallError(
    "TOO_MANY_CONNECTIONS",
    "as many connections are open as the server serves",
    "close some, or send more over each",
)
_OF_PRESSURE = frozenset(
    ("BUSY", "TOO_MANY_CONNECTIONS", "TOO_MANY_STREAMS", "TOO_SLOW", "LINE_TOO_LONG")
)
_INTERNAL_REMEDY = "look into its log (journalctl -u pulsarack); the request may be repeated"


class ControlSocketError(DaemonError):
    """The control socket cannot be opened where the configuration puts it."""


class SocketTaken(ControlSocketError):
    """Another daemon answers there."""


class ControlServer:
    """The listening socket and everyone connected to it.

    It accepts by itself: asyncio's Server forgets, open, a client that it has accepted
    in the moment it is closed (CPython 3.11, Server._attach).
    """

    def __init__(
        self, path: Path, calls: Calls, clock: Clock, pressure: Pressure | None = None
    ) -> None:
        self._path = path
        self.calls = calls
        self.clock = clock
        self.bounds = Bounds()
        self.pressure = pressure or Pressure()
        self.pressure.watch(self.bounds.figures)
        self._names = itertools.count(1)
        self._listener: socket.socket | None = None
        self._inode: int | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._connections: set[_Connection] = set()
        self._log = logging.get(socket=str(path))

    async def start(self) -> None:
        """Listens; raises ControlSocketError. A file left by a dead daemon is replaced."""
        self._listener = listen(self._path)
        self._inode = self._path.stat().st_ino
        self._accept_more()

    async def close(self) -> None:
        """Takes no more requests, answers those that have begun, and leaves no file behind."""
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        self._listener = None
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        for connection in self._connections:
            connection.stop()
        serving = set(self._serving)
        if serving and not await _done_within(self.clock, CLOSE_SECONDS, serving):
            for task in serving:
                task.cancel()
            await asyncio.wait(serving)

    def _accept_more(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            # Out of descriptors or memory: the socket stays readable, so look away a while.
            self._log.error("control.accept_failed", why=str(error))
            asyncio.get_running_loop().remove_reader(self._listener)
            self.clock.call_at(self.clock.monotonic() + _ACCEPT_AGAIN_SECONDS, self._accept_more)
            return
        client.setblocking(False)
        task = asyncio.create_task(self._serve(client))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, client: socket.socket) -> None:
        # Of an accepted socket the streams are made as of a connected one.
        reader, writer = await asyncio.open_unix_connection(sock=client, limit=_READ_BYTES)
        connection = _Connection(reader, writer, self, f"connection {next(self._names)}")
        pid = connection.peer.pid
        entered = self.bounds.enter(pid)
        self._connections.add(connection)
        try:
            if not entered:
                connection.refuse(_TOO_MANY)
            elif self._listener is not None:
                await connection.run()
            await connection.end()
        except asyncio.CancelledError:
            # Only close() cancels, and it waits for exactly this.
            connection.cut()
            self._log.warning("control.cut", pid=connection.peer.pid)
        finally:
            self._connections.discard(connection)
            if entered:
                self.bounds.leave(pid)

    def look_at_memory(self) -> None:
        """Somebody has much waiting: if it is too much for all, cut off who has most."""
        worst = control_bounds.greediest(self._connections)
        if worst is not None:
            held = worst.held()
            worst.cut()
            self.pressure.refused("CUT_OFF", pid=worst.peer.pid, octets=held)


def listen(path: Path) -> socket.socket:
    """A listening socket at the path, which only owner and group may use."""
    _clear_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        # Nobody can connect before listen(), so there is no moment with a laxer mode.
        path.chmod(SOCKET_MODE)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        raise ControlSocketError(f"{path}: cannot listen there: {why}", _remedy(path)) from None
    listener.setblocking(False)
    return listener


def _remedy(path: Path) -> str:
    if not path.parent.is_dir():
        return f"create its directory: install -d -m 750 -o pulsarack -g pulsarack {path.parent}"
    return "set another one as `socket` in [daemon]"


def _clear_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlSocketError(f"{path} is there and is no socket", f"look at it: ls -l {path}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        answer = probe.connect_ex(str(path))
    if answer == errno.ECONNREFUSED:
        with contextlib.suppress(OSError):
            path.unlink()
    elif answer in (0, errno.EAGAIN):
        # EAGAIN: it lives, and its queue of callers is full.
        raise SocketTaken(f"a daemon listens at {path} already", "stop that one first")
    else:
        raise ControlSocketError(f"{path}: {os.strerror(answer)}", "check who owns it")


# Gives a place in flight back; called with the request's task when that has ended, if it has one.
_Leave = Callable[["asyncio.Task[None] | None"], None]


class _Connection:
    """One client: its reader, its requests in flight, its streams."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server: ControlServer,
        name: str,
    ) -> None:
        self.peer = _peer(writer)
        self._reader = reader
        self._writer = writer
        self._transport = writer.transport
        # Asyncio would read up to 256 kB at once, for each of a thousand connections.
        self._transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
        self._server = server
        self._name = name
        self._lines = Lines()
        self._own_place = True
        self._room = asyncio.Event()  # rung when a request has ended
        self._requests: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._stopping = False
        self._log = logging.get(pid=self.peer.pid, uid=self.peer.uid)

    async def run(self) -> None:
        """Serves the client until it leaves or the daemon stops."""
        CALLER.set(self._name)  # of this task, and of those that it starts
        self._reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait({self._reading})
            for stream in self._streams:
                stream.cancel()
            while self._requests or self._streams:
                await asyncio.wait(self._requests | self._streams)
        finally:
            for task in (self._reading, *self._requests, *self._streams):
                task.cancel()

    def stop(self) -> None:
        """Reads no more; what has begun is still answered."""
        self._stopping = True
        if self._reading is not None:
            self._reading.cancel()

    def cut(self) -> None:
        """Forgets what the client has not taken."""
        self._transport.abort()

    def held(self) -> int:
        """Octets that are kept for this client: answers it has not taken, half a line."""
        return self._transport.get_write_buffer_size() + self._lines.pending_octets

    async def end(self) -> None:
        """Closes once the client has taken what was written, or has left."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def refuse(self, error: CallError) -> None:
        """Says why this connection is not served."""
        self._transport.write(self._error(None, error))

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await self._reader.read(_READ_BYTES):
                for line in self._lines.feed(data):
                    if self._transport.get_write_buffer_size():
                        await self._drained()  # who takes no answers gets no more of them
                    if self._transport.is_closing():
                        return  # cut off, or gone
                    self._begin(line, await self._place())
                if self._lines.pending_octets > _READ_BYTES:
                    self._server.look_at_memory()

    async def _place(self) -> _Leave:
        """Waits for a place in flight; what gives it back."""
        while len(self._requests) >= control_bounds.IN_FLIGHT_LIMIT:
            self._room.clear()
            await self._room.wait()
        if self._own_place:
            self._own_place = False
            return self._leave_own_place
        await self._server.bounds.in_flight.acquire()
        return self._leave_shared_place

    def _leave_own_place(self, ended: asyncio.Task[None] | None) -> None:
        self._own_place = True
        self._leave(ended)

    def _leave_shared_place(self, ended: asyncio.Task[None] | None) -> None:
        self._server.bounds.in_flight.release()
        self._leave(ended)

    def _leave(self, ended: asyncio.Task[None] | None) -> None:
        if ended is not None:
            self._requests.discard(ended)
            self._room.set()

    def _begin(self, line: bytes | TooLong, leave: _Leave) -> None:
        """Starts the request on a line; the end of its task gives the place in flight back."""
        try:
            request = decode_request(line)
        except BadRequest as bad:
            self._start(self._send_error(bad.request_id, bad.error), leave)
            return
        try:
            call = self._server.calls.find(request.call)
            if call.stream is None:
                self._start(self._answer(call, request), leave)
            else:
                self._start_stream(call, request)
                leave(None)
        except CallError as error:
            self._start(self._send_error(request.id, error), leave)

    def _start(self, work: Coroutine[Any, Any, None], leave: _Leave) -> None:
        task = asyncio.create_task(work)
        self._requests.add(task)
        task.add_done_callback(leave)

    def _start_stream(self, call: Call, request: Request) -> None:
        """Takes a place for a stream, and starts it; raises CallError if there is none."""
        bounds = self._server.bounds
        if len(self._streams) >= control_bounds.STREAMS_LIMIT:
            message = f"{control_bounds.STREAMS_LIMIT} streams are open on this connection"
            raise CallError("TOO_MANY_STREAMS", message, "open another connection")
        if bounds.streams >= control_bounds.STREAMS_SHARED:
            message = f"{bounds.streams} streams are open on all connections"
            raise CallError("TOO_MANY_STREAMS", message, "end some")
        bounds.streams += 1
        task = asyncio.create_task(self._follow(call, request))
        self._streams.add(task)
        task.add_done_callback(self._stream_ended)

    def _stream_ended(self, ended: asyncio.Task[None]) -> None:
        self._server.bounds.streams -= 1
        self._streams.discard(ended)

    async def _answer(self, call: Call, request: Request) -> None:
        assert call.answer is not None
        try:
            arguments = check_arguments(call, request.args)
            line = encode_result(request.id, await call.answer(arguments, self.peer))
        except Exception as error:  # noqa: BLE001  a fault in one call must not end the others
            line = self._failure(request, error)
        # Not waited for: the request's place is others' as soon as it is answered. Who takes no
        # answers is not read any more (`_read`).
        self._write(line)

    async def _send_error(self, request_id: int | str | None, error: CallError) -> None:
        self._write(self._error(request_id, error))

    def _error(self, request_id: int | str | None, error: CallError) -> bytes:
        if error.code in _OF_PRESSURE:
            self._server.pressure.refused(error.code, pid=self.peer.pid)
        return encode_error(request_id, error)

    def _failure(self, request: Request, error: Exception) -> bytes:
        """The line for the error that a call has just ended in."""
        told = call_error(error)
        if told is not None:
            return self._error(request.id, told)
        self._log.error("control.call_failed", call=request.call, exc_info=error)
        message = f"the daemon failed while it answered {request.call}"
        return encode_error(request.id, CallError("INTERNAL", message, _INTERNAL_REMEDY))

    async def _follow(self, call: Call, request: Request) -> None:
        assert call.stream is not None
        line = encode_end(request.id)
        try:
            arguments = check_arguments(call, request.args)
            async with contextlib.aclosing(call.stream(arguments, self.peer)) as events:
                async for event in events:
                    await self._send_in_time(encode_event(request.id, event), request)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            line = encode_error(request.id, _STOPPING)
        except Exception as error:  # noqa: BLE001  a fault in one call must not end the others
            line = self._failure(request, error)
        # Not waited for: who is told that he is too slow may not read this either.
        self._write(line)

    async def _send_in_time(self, line: bytes, request: Request) -> None:
        self._write(line)
        if self._transport.get_write_buffer_size() == 0:
            # Lets the reading task notice a client that has left.
            await asyncio.sleep(0)
            return
        sending = asyncio.ensure_future(self._drained())
        try:
            if await _done_within(self._server.clock, STALL_SECONDS, {sending}):
                return
        finally:
            sending.cancel()
        self._log.info("control.stream_dropped", call=request.call)
        message = f"the reader of {request.call} took nothing for {STALL_SECONDS:g} seconds"
        raise CallError("TOO_SLOW", message, "follow again and ask for what was missed")

    def _write(self, line: bytes) -> None:
        # What is written to a client that has left is nobody's.
        if self._transport.is_closing():
            return
        self._transport.write(line)
        if self._transport.get_write_buffer_size() > HELD_UNSEEN:
            self._server.look_at_memory()

    async def _drained(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()


async def _done_within(clock: Clock, seconds: float, tasks: set[asyncio.Task[Any]]) -> bool:
    """Waits until all are done, but not longer; tells whether they are."""
    pending = {task for task in tasks if not task.done()}
    if not pending:
        return True
    late = asyncio.Event()
    timer = clock.call_at(clock.monotonic() + seconds, late.set)
    waiting = asyncio.ensure_future(late.wait())
    try:
        while pending and not late.is_set():
            await asyncio.wait(pending | {waiting}, return_when=asyncio.FIRST_COMPLETED)
            pending = {task for task in pending if not task.done()}
    finally:
        timer.cancel()
        waiting.cancel()
    return not pending


def _peer(writer: asyncio.StreamWriter) -> Peer:
    connection = writer.get_extra_info("socket")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(raw)
    return Peer(pid, uid, gid)
