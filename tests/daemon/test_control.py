"""The control server against real sockets and clients that do not behave."""

import asyncio
import contextlib
import io
import json
import os
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pulsarack.daemon import control, control_bounds
from pulsarack.daemon import log as logging
from pulsarack.daemon.control import ControlServer, ControlSocketError
from pulsarack.daemon.control_bounds import Bounds
from pulsarack.daemon.control_protocol import LINE_LIMIT, CallError, Calls, Peer
from pulsarack.daemon.control_values import Nothing
from pulsarack.daemon.errors import Busy, DaemonError
from pulsarack.daemon.logs.storms import WINDOW_MS
from pulsarack.daemon.outside import CALLER


class Amount(msgspec.Struct, forbid_unknown_fields=True):
    amount: int


class Timer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when, self.callback, self.cancelled = when, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class StillClock:
    """A clock that moves only when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.timers: list[Timer] = []

    def monotonic(self) -> float:
        return self.seconds

    def now_ms(self) -> int:
        return round(self.seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the server waits by deadlines")

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback)
        self.timers.append(timer)
        return timer

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds
        due = [t for t in self.timers if t.when <= self.seconds and not t.cancelled]
        self.timers = [t for t in self.timers if t not in due]
        for timer in due:
            timer.callback()


class World:
    """A server with a handful of calls, each bad in its own way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = StillClock()
        self.gate = asyncio.Event()
        self.begun = 0
        self.streams_open = 0
        self.sent = 0
        calls = Calls()
        calls.answer("double", Amount, self.double)
        calls.answer("wait", Nothing, self.wait)
        calls.answer("refuse", Nothing, self.refuse)
        calls.answer("refuse.plainly", Nothing, self.refuse_plainly)
        calls.answer("fail", Nothing, self.fail)
        calls.answer("unspeakable", Nothing, self.unspeakable)
        calls.answer("long", Nothing, self.long)
        calls.answer("busy", Nothing, self.busy)
        calls.answer("whose", Nothing, self.whose)
        calls.stream("count", Amount, self.count)
        calls.stream("flood", Nothing, self.flood)
        calls.stream("quiet", Nothing, self.quiet)
        self.server = ControlServer(path, calls, self.clock)

    async def double(self, arguments: Amount, peer: Peer) -> dict[str, int]:
        return {"amount": 2 * arguments.amount, "uid": peer.uid, "pid": peer.pid}

    async def wait(self, arguments: Nothing, peer: Peer) -> str:
        self.begun += 1
        await self.gate.wait()
        return "waited"

    async def refuse(self, arguments: Nothing, peer: Peer) -> None:
        raise CallError("NO", "no chance", "ask again")

    async def refuse_plainly(self, arguments: Nothing, peer: Peer) -> None:
        raise DaemonError("the disk is full", "make room")

    async def fail(self, arguments: Nothing, peer: Peer) -> None:
        raise ZeroDivisionError("secret detail")

    async def unspeakable(self, arguments: Nothing, peer: Peer) -> object:
        return object()

    async def long(self, arguments: Nothing, peer: Peer) -> str:
        self.sent += 1
        await asyncio.sleep(0)
        return "x" * 20_000

    async def busy(self, arguments: Nothing, peer: Peer) -> None:
        raise Busy(7, "of kios1 ")

    async def whose(self, arguments: Nothing, peer: Peer) -> str:
        return CALLER.get()

    async def count(self, arguments: Amount, peer: Peer) -> AsyncGenerator[int, None]:
        for number in range(arguments.amount):
            yield number

    async def flood(self, arguments: Nothing, peer: Peer) -> AsyncGenerator[str, None]:
        self.streams_open += 1
        try:
            while True:
                self.sent += 1
                yield "x" * 1000
        finally:
            self.streams_open -= 1

    async def quiet(self, arguments: Nothing, peer: Peer) -> AsyncGenerator[str, None]:
        self.streams_open += 1
        try:
            yield "here"
            await asyncio.get_running_loop().create_future()
        finally:
            self.streams_open -= 1


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "control.sock")
    await world.server.start()
    yield world
    world.gate.set()
    closing = asyncio.ensure_future(world.server.close())
    await until(lambda: closing.done() or bool(world.clock.timers))
    world.clock.pass_(3600)
    await closing


async def until(condition: Callable[[], bool]) -> None:
    """Lets the others run until it is so; the test's time limit is the only other end."""
    while not condition():
        await asyncio.sleep(0)


class Talk:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, call: str, request_id: Any = 1, **args: Any) -> None:
        request = {"id": request_id, "call": call, "args": args}
        self.writer.write(json.dumps(request).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        line = await self.reader.readline()
        assert line.endswith(b"\n"), "the server closed the connection"
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer


@contextlib.asynccontextmanager
async def talk(world: World) -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_unix_connection(str(world.path))
    try:
        yield Talk(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_call_is_answered_with_its_id_and_the_caller_is_known(world: World) -> None:
    async with talk(world) as client:
        client.say("double", "a", amount=21)
        expected = {"amount": 42, "uid": os.getuid(), "pid": os.getpid()}
        assert await client.hear() == {"id": "a", "result": expected}


async def test_a_slow_call_does_not_hold_up_a_quick_one(world: World) -> None:
    async with talk(world) as client:
        client.say("wait", 1)
        client.say("double", 2, amount=1)
        assert (await client.hear())["id"] == 2
        world.gate.set()
        assert await client.hear() == {"id": 1, "result": "waited"}


async def test_errors_have_code_message_and_remedy(world: World) -> None:
    async with talk(world) as client:
        client.say("refuse")
        error = {"code": "NO", "message": "no chance", "remedy": "ask again"}
        assert await client.hear() == {"id": 1, "error": error}
        client.say("refuse.plainly")
        error = {"code": "REFUSED", "message": "the disk is full", "remedy": "make room"}
        assert await client.hear() == {"id": 1, "error": error}


@pytest.mark.parametrize("call", ["fail", "unspeakable"])
async def test_a_fault_in_a_call_ends_only_that_call(world: World, call: str) -> None:
    logged = io.StringIO()
    logging.configure("info", "json", logged)
    async with talk(world) as client:
        client.say(call)
        answer = await client.hear()
        assert answer["error"]["code"] == "INTERNAL"
        assert "secret detail" not in str(answer)
        client.say("double", 2, amount=1)
        assert (await client.hear())["result"]["amount"] == 2
    assert "control.call_failed" in logged.getvalue()


NONSENSE = [
    (b"\x00\xff\n", "BAD_JSON"),
    (b"{\n", "BAD_JSON"),
    (b"[]\n", "BAD_REQUEST"),
    (b'{"id": 1, "call": "nope"}\n', "UNKNOWN_CALL"),
    (b'{"id": 1, "call": "double", "args": {"amount": "1"}}\n', "BAD_ARGUMENT"),
    (b'{"id": 1, "call": "double", "args": {}}\n', "BAD_ARGUMENT"),
    (b'{"id": 1, "call": "count", "args": {}}\n', "BAD_ARGUMENT"),
    (
        b'{"id": 1, "call": "double", "args": {"amount": 1, "a": {' + b'"a":{' * 9000 + b"\n",
        "BAD_JSON",
    ),
    (b"x" * (LINE_LIMIT + 1) + b"\n", "LINE_TOO_LONG"),
    (b"x" * (LINE_LIMIT * 20) + b"\n", "LINE_TOO_LONG"),
]


@pytest.mark.parametrize(("line", "code"), NONSENSE)
async def test_nonsense_gets_an_error_and_the_connection_lives_on(
    world: World, line: bytes, code: str
) -> None:
    async with talk(world) as client:
        client.writer.write(b"\n \r\n" + line)
        assert (await client.hear())["error"]["code"] == code
        client.say("double", 2, amount=1)
        assert (await client.hear())["id"] == 2


async def test_half_a_line_and_gone_disturbs_nobody(world: World) -> None:
    for part in (b"", b'{"id": 1, "ca', b'{"id": 1, "call": "wait"}\n', b"x" * 200_000):
        async with talk(world) as client:
            client.writer.write(part)
    async with talk(world) as client:
        client.say("double", amount=1)
        assert (await client.hear())["id"] == 1


async def test_requests_in_flight_are_bounded_and_none_is_lost(world: World) -> None:
    more = control_bounds.IN_FLIGHT_LIMIT * 3
    async with talk(world) as client:
        for number in range(more):
            client.say("wait", number)
        await until(lambda: world.begun == control_bounds.IN_FLIGHT_LIMIT)
        for _ in range(100):
            await asyncio.sleep(0)
        assert world.begun == control_bounds.IN_FLIGHT_LIMIT
        world.gate.set()
        assert {(await client.hear())["id"] for _ in range(more)} == set(range(more))


async def test_connections_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_bounds, "CONNECTIONS_LIMIT", 3)
    monkeypatch.setattr(control_bounds, "CONNECTIONS_KEPT", 0)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            client = await stack.enter_async_context(talk(world))
            client.say("double", amount=1)
            assert "result" in await client.hear()
        async with talk(world) as late:
            assert (await late.hear())["error"]["code"] == "TOO_MANY_CONNECTIONS"
            assert await late.reader.read() == b""
    async with talk(world) as client:
        await until(lambda: len(world.server._connections) <= 1)
    async with talk(world) as client:
        client.say("double", amount=1)
        assert "result" in await client.hear()


async def test_a_stream_answers_many_times_and_says_when_it_ends(world: World) -> None:
    async with talk(world) as client:
        client.say("count", 5, amount=3)
        heard = [await client.hear() for _ in range(4)]
        assert heard == [*({"id": 5, "event": n} for n in range(3)), {"id": 5, "end": True}]


async def test_a_client_that_leaves_in_mid_stream_ends_the_stream(world: World) -> None:
    for call in ("quiet", "flood"):
        async with talk(world) as client:
            client.say(call)
            await client.hear()
            assert world.streams_open == 1
        await until(lambda: world.streams_open == 0)


async def test_a_client_that_is_killed_in_mid_stream_ends_the_stream(world: World) -> None:
    async with talk(world) as client:
        client.say("flood")
        await client.hear()
        client.writer.transport.abort()
        await until(lambda: world.streams_open == 0)


async def test_streams_are_bounded_and_calls_go_on_beside_them(world: World) -> None:
    async with talk(world) as client:
        for number in range(control_bounds.STREAMS_LIMIT):
            client.say("quiet", number)
            assert (await client.hear())["event"] == "here"
        client.say("quiet", 99)
        assert (await client.hear())["error"]["code"] == "TOO_MANY_STREAMS"
        client.say("double", 100, amount=1)
        assert (await client.hear())["id"] == 100


async def test_a_reader_that_takes_nothing_is_dropped_with_a_reason(world: World) -> None:
    async with talk(world) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport reads too
        client.say("flood")
        # It fills the buffers and then waits; if it piled up instead this would not end.
        settled = -1
        while settled != world.sent:
            settled = world.sent
            for _ in range(200):
                await asyncio.sleep(0)
        world.clock.pass_(control.STALL_SECONDS + 1)
        await until(lambda: world.streams_open == 0)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        while "event" in (answer := await client.hear()):
            pass
        assert answer["error"]["code"] == "TOO_SLOW"
        client.say("double", 2, amount=1)
        assert (await client.hear())["id"] == 2


async def test_closing_answers_what_has_begun_and_ends_streams(tmp_path: Path) -> None:
    world = World(tmp_path / "control.sock")
    await world.server.start()
    async with talk(world) as client:
        client.say("quiet", 1)
        assert (await client.hear())["event"] == "here"
        client.say("wait", 2)
        await until(lambda: world.begun == 1)
        closing = asyncio.ensure_future(world.server.close())
        assert (await client.hear())["error"]["code"] == "STOPPING"
        world.gate.set()
        assert await client.hear() == {"id": 2, "result": "waited"}
        await closing
        assert await client.reader.read() == b""
    assert not world.path.exists()
    await world.server.close()


async def test_closing_does_not_wait_for_ever(tmp_path: Path) -> None:
    world = World(tmp_path / "control.sock")
    await world.server.start()
    async with talk(world) as client:
        client.say("wait", 2)
        await until(lambda: world.begun == 1)
        closing = asyncio.ensure_future(world.server.close())
        await until(lambda: bool(world.clock.timers))
        assert not closing.done()
        world.clock.pass_(control.CLOSE_SECONDS)
        await closing
        assert await client.reader.read() == b""


async def test_the_socket_is_for_owner_and_group(world: World) -> None:
    assert stat.S_IMODE(world.path.stat().st_mode) == 0o660


async def test_a_dead_daemon_s_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    world = World(path)
    await world.server.start()
    async with talk(world) as client:
        client.say("double", amount=1)
        assert "result" in await client.hear()
    await world.server.close()


async def test_a_live_daemon_s_socket_is_left_alone(world: World) -> None:
    with pytest.raises(ControlSocketError, match=r"listens at .* already; stop that one first"):
        await World(world.path).server.start()
    async with talk(world) as client:
        client.say("double", amount=1)
        assert "result" in await client.hear()


def test_places_where_no_socket_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ControlSocketError, match="is there and is no socket"):
        control.listen(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "precious"
    with pytest.raises(ControlSocketError, match="create its directory: install -d"):
        control.listen(tmp_path / "none" / "control.sock")
    with pytest.raises(ControlSocketError, match="cannot listen there"):
        control.listen(tmp_path / ("x" * 200))


async def test_closing_while_clients_arrive_leaves_none_open(tmp_path: Path) -> None:
    for turns in range(8):
        world = World(tmp_path / "control.sock")
        await world.server.start()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(world.path))
            for _ in range(turns):
                await asyncio.sleep(0)
            await world.server.close()
            # Not accepted yet means reset by the kernel; both tell the client at once.
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""


# --- the bounds of all connections together -------------------------------------------------


async def logged_refusals(output: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "pressure.refused"]


async def test_some_connections_are_kept_for_who_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(control_bounds, "CONNECTIONS_LIMIT", 5)
    monkeypatch.setattr(control_bounds, "CONNECTIONS_KEPT", 2)
    bounds = Bounds()
    assert [bounds.enter(1) for _ in range(4)] == [True, True, True, False]
    assert [bounds.enter(pid) for pid in (2, 2, 3, 4)] == [True, False, True, False]
    bounds.leave(1)
    assert bounds.enter(4)
    for pid in (1, 1, 2, 3, 4):
        bounds.leave(pid)
    assert bounds.figures() == {"connections": 0, "streams": 0}
    assert not bounds._by_pid


async def test_a_flood_over_many_connections_leaves_each_other_one_a_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.bounds.in_flight = asyncio.Semaphore(5)
    async with contextlib.AsyncExitStack() as stack:
        floods = [await stack.enter_async_context(talk(world)) for _ in range(3)]
        for flood in floods:
            for number in range(20):
                flood.say("wait", number)
        await until(lambda: world.begun == 3 + 5)
        async with talk(world) as other:
            for number in range(3):
                other.say("double", number, amount=number)
                assert (await other.hear())["result"]["amount"] == 2 * number
        for _ in range(100):
            await asyncio.sleep(0)
        assert world.begun == 3 + 5
        world.gate.set()
        for flood in floods:
            assert {(await flood.hear())["id"] for _ in range(20)} == set(range(20))
    assert world.server.bounds.in_flight._value == 5


async def test_who_takes_no_answers_is_asked_nothing_more_and_cut_off_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_bounds, "HELD_LIMIT", 1_000_000)
    logged = io.StringIO()
    logging.configure("info", "json", logged)
    async with talk(world) as other, talk(world) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(10 * control_bounds.IN_FLIGHT_LIMIT):
            client.say("long", number)
        settled = -1
        while settled != world.sent:
            settled = world.sent
            for _ in range(200):
                await asyncio.sleep(0)
        assert world.sent <= 2 * control_bounds.IN_FLIGHT_LIMIT, "it is not served without end"
        await until(lambda: len(world.server._connections) == 1)
        other.say("double", 1, amount=1)
        assert (await other.hear())["result"]["amount"] == 2
    (told,) = await logged_refusals(logged)
    assert (told["kind"], told["pid"]) == ("CUT_OFF", os.getpid())
    assert told["octets"] > 500_000
    assert world.server.pressure.figures()["refused"] == {"CUT_OFF": 1}


async def test_half_lines_that_never_end_are_bounded_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_bounds, "HELD_LIMIT", 100_000)
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(talk(world)) for _ in range(3)]
        for client, octets in zip(clients, (60_000, 30_000, 30_000), strict=True):
            client.writer.write(b"x" * octets)
        with contextlib.suppress(ConnectionResetError):
            assert await clients[0].reader.read() == b"", "who has most of it goes"
        for client in clients[1:]:
            client.writer.write(b"\n")
            assert (await client.hear())["error"]["code"] == "BAD_JSON"


async def test_streams_of_all_connections_are_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_bounds, "STREAMS_SHARED", 2)
    async with talk(world) as one, talk(world) as two:
        for client in (one, two):
            client.say("quiet", 1)
            assert (await client.hear())["event"] == "here"
        two.say("quiet", 2)
        assert (await two.hear())["error"]["code"] == "TOO_MANY_STREAMS"
        assert world.server.bounds.figures() == {"connections": 2, "streams": 2}
    await until(lambda: world.server.bounds.figures() == {"connections": 0, "streams": 0})


async def test_refusals_are_counted_and_logged_without_flooding_the_log(world: World) -> None:
    logged, now = io.StringIO(), 0
    logging.configure("info", "json", logged, now_ms=lambda: now)
    async with talk(world) as client:
        for number in range(50):
            client.say("busy", number)
            answer = (await client.hear())["error"]
            assert answer["code"] == "BUSY"
            assert "7 requests of kios1 waiting" in answer["message"]
            assert "same client_reference" in answer["remedy"]
    assert [line["kind"] for line in await logged_refusals(logged)] == ["BUSY"]
    now += WINDOW_MS
    async with talk(world) as client:
        client.say("busy")
        await client.hear()
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [(line["event"], line.get("count")) for line in lines] == [
        ("pressure.refused", None),
        ("log.suppressed", 49),
        ("pressure.refused", None),
    ]
    assert world.server.pressure.figures()["refused"] == {"BUSY": 51}


async def test_each_connection_waits_in_a_turn_of_its_own(world: World) -> None:
    async with talk(world) as one, talk(world) as two:
        names = set()
        for client in (one, two, one):
            client.say("whose")
            names.add((await client.hear())["result"])
    assert len(names) == 2
