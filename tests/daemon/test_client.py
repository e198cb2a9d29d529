"""Both clients against the real server, and against peers that are no daemon of ours."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.async_client import AsyncClient
from pulsarack.daemon.client import (
    CallFailed,
    Client,
    ClientError,
    NotReached,
    ProtocolTrouble,
    connection_error,
)
from pulsarack.daemon.control_protocol import CallError


@contextmanager
def stranger(path: Path, answer: bytes) -> Iterator[None]:
    """Something that listens, says these bytes to the first caller, and hangs up."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        listener.close()


def async_call(path: Path, name: str) -> Any:
    async def call() -> Any:
        async with await AsyncClient.connect(path) as client:
            return await client.call(name)

    return asyncio.run(call())


def sync_call(path: Path, name: str) -> Any:
    with Client(path) as client:
        return client.call(name)


both = pytest.mark.parametrize("call", [sync_call, async_call])
Caller = Callable[[Path, str], Any]


@both
def test_an_answer(fake_daemon: Any, call: Caller) -> None:
    fake_daemon.answers["status"] = {"ready": True, "big": "x" * 1_000_000}
    assert call(fake_daemon.path, "status")["ready"] is True


@both
def test_a_refusal(fake_daemon: Any, call: Caller) -> None:
    fake_daemon.answers["status"] = CallError("NO", "not now", "later")
    with pytest.raises(CallFailed, match=r"^not now; later$") as caught:
        call(fake_daemon.path, "status")
    assert caught.value.code == "NO"


@both
def test_nobody_there(tmp_path: Path, call: Caller) -> None:
    path = tmp_path / "control.sock"
    with pytest.raises(NotReached, match=f"no daemon answers at {path}; start it: systemctl start"):
        call(path, "status")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with pytest.raises(NotReached, match="start it"):
        call(path, "status")
    with pytest.raises(NotReached, match="cannot reach"):
        call(tmp_path / ("x" * 200), "status")


def test_not_allowed_says_which_group() -> None:
    # As root every socket can be used, so the refusal itself cannot be provoked here.
    error = connection_error(Path("/run/p.sock"), PermissionError(13, "Permission denied"))
    assert str(error).startswith("you may not use the daemon's socket /run/p.sock; run as root, or")


@both
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed the connection"),
        (b'{"id": 1, "res', "closed the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is not pulsarack"),
        (b"[]\n", "is not pulsarack"),
        (b"{}\n", "is not pulsarack"),
        (b'{"id": [1]}\n', "is not pulsarack"),
        (b"\xff\n", "is not pulsarack"),
        (
            b'{"id": null, "error": {"code": "X", "message": "full", "remedy": "wait"}}\n',
            "full; wait",
        ),
        (b'{"id": 1, "error": "odd"}\n', "odd"),
        (b'{"id": 1}\n', "answers to status is not understood"),
        (b'{"id": 1, "result": [1]}\n', "it is missing or of another kind"),
        (b'{"id": 1, "result": {}, "result": {"x": 1}}\n', "is not pulsarack"),
    ],
)
def test_strangers(tmp_path: Path, call: Caller, answer: bytes, words: str) -> None:
    path = tmp_path / "s"
    with stranger(path, answer), pytest.raises(ClientError, match=words):
        call(path, "status")


def test_a_daemon_that_is_stuck_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        trouble = pytest.raises(ProtocolTrouble, match=r"did not answer in 0\.01 seconds")
        with Client(path, answer_seconds=0.01) as client, trouble:
            client.call("status")


def test_a_stream_and_calls_share_a_connection(fake_daemon: Any) -> None:
    fake_daemon.answers["events.follow"] = [{"n": 1}, {"n": 2}]
    fake_daemon.answers["status"] = {"ready": True}
    with Client(fake_daemon.path) as client:
        events = client.stream("events.follow")
        assert client.call("status") == {"ready": True}
        assert next(events) == {"n": 1}
        assert client.call("status") == {"ready": True}
        assert next(events) == {"n": 2}
    # The stream was asked for first, so it was served first.
    assert [name for name, _ in fake_daemon.asked] == ["events.follow", "status", "status"]


def test_a_stream_that_is_refused(fake_daemon: Any) -> None:
    fake_daemon.answers["messages.follow"] = CallError("UNKNOWN_AGENT", "no such agent", "add it")
    with Client(fake_daemon.path) as client, pytest.raises(CallFailed, match="no such agent"):
        next(client.stream("messages.follow", agent="x"))


def test_an_event_of_another_shape(fake_daemon: Any) -> None:
    fake_daemon.answers["messages.follow"] = [{"id": 1, "order": 2}, {"id": 1}]
    with Client(fake_daemon.path) as client:
        events = client.stream("messages.follow", agent="kios1")
        assert next(events)["order"] == 2
        with pytest.raises(ProtocolTrouble, match="order is missing"):
            next(events)


async def test_an_event_of_another_shape_in_a_loop(fake_daemon: Any) -> None:
    fake_daemon.answers["messages.follow"] = [{"id": 1, "order": None}]
    async with await AsyncClient.connect(fake_daemon.path) as client:
        with pytest.raises(ProtocolTrouble, match="order is missing"):
            await anext(client.stream("messages.follow", agent="kios1"))


async def test_many_calls_at_once(fake_daemon: Any) -> None:
    fake_daemon.answers["order.show"] = lambda arguments: {
        "order": {"id": arguments.id, "state": "QUEUED"}
    }
    async with await AsyncClient.connect(fake_daemon.path) as client:
        results = await asyncio.gather(*(client.call("order.show", id=n) for n in range(1, 301)))
    assert [one["order"]["id"] for one in results] == list(range(1, 301))


async def test_streams_have_their_own_connection(fake_daemon: Any) -> None:
    fake_daemon.answers["events.follow"] = [{"n": n, "pad": "x" * 1000} for n in range(5000)]
    fake_daemon.answers["status"] = {"ready": True}
    async with (
        await AsyncClient.connect(fake_daemon.path) as client,
        aclosing(client.stream("events.follow")) as events,
    ):
        assert (await anext(events))["n"] == 0
        # The stream's buffers are full by now; the call goes through all the same.
        assert await client.call("status") == {"ready": True}
        assert [event["n"] async for _, event in _first(events, 4999)][-1] == 4999


async def _first(events: Any, count: int) -> Any:
    for number in range(count):
        yield number, await anext(events)


async def test_calls_fail_when_the_connection_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with stranger(path, b""):
        async with await AsyncClient.connect(path) as client:
            waiting = [asyncio.ensure_future(client.call("status")) for _ in range(3)]
            for call in waiting:
                with pytest.raises(ProtocolTrouble, match="closed the connection"):
                    await call
            with pytest.raises(ProtocolTrouble, match="closed the connection"):
                await client.call("status")
