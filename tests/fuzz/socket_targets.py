"""Both ends of the control socket, each against a peer that says anything.

The server is the real connection over a socket pair. Its property is stronger than not
to fail: after whatever came, a good request on the same connection is answered.
"""

import asyncio
import io
import json
import socket
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, cast

from pulsarack.daemon.async_client import AsyncClient
from pulsarack.daemon.client import Client, ClientError
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.control import ControlServer, _Connection
from pulsarack.daemon.control_arguments import ARGUMENTS, STREAMS
from pulsarack.daemon.control_protocol import (
    LINE_LIMIT,
    BadRequest,
    CallError,
    Calls,
    Lines,
    Peer,
    check_arguments,
    decode_request,
    encode_error,
    encode_result,
)
from tests.fuzz.target import Target

_PATH = Path("/run/pulsarack/control.sock")
_LAST = b'\n{"id": "the last one", "call": "status"}\n'
_ORDER = b'{"id":7,"call":"order.new","args":{"agent":"kios1","text":"S10.081200000012"}}\n'
_REQUESTS = (
    _ORDER,
    b'{"id":1,"call":"status"}\n{"id":"two","call":"order.list","args":{"limit":5}}\n',
    b'{"id":3,"call":"product.import","args":{"rows":[{"code":"S10","operator":"xl",'
    b'"denomination":10,"price":11000,"cost":10100}]}}\n',
    b'{"id":4,"call":"messages.follow","args":{"agent":"kios1"}}\n',
    b'{"id":5,"call":"order.new","args":{"agent":"kios1","text":"S10.081200000012",'
    b'"text":"S100.081200000012"}}\n',
    b'{"id":6,"call":"order.new_many","args":{"orders":[{"agent":"kios1","text":"S5.081200000012"},'
    b'{"agent":"kios2","product":"S5","destination":"081200000013","client_reference":"a"}]}}\n',
)
_ANSWERS = (
    b'{"id":1,"result":{"state":"ready"}}\n',
    b'{"id":9,"result":1}\n{"id":1,"error":{"code":"NO","message":"no","remedy":"ask"}}\n',
    b'{"id":1,"event":{"id":5}}\n{"id":2,"result":{}}\n{"id":1,"end":true}\n',
    b'{"id":null,"error":{"code":"BAD_JSON","message":"not JSON","remedy":""}}\n',
)
_WORDS = (
    b'"id":',
    b'"args":',
    b'"call":',
    b"{}",
    b"[[",
    b"\n",
    b'"\xff"',
    b'"error":',
    b'"event":',
)


async def _echo(arguments: Any, peer: Peer) -> Any:
    return arguments


async def _two(arguments: Any, peer: Peer) -> AsyncGenerator[Any, None]:
    yield arguments
    yield arguments


def _calls() -> Calls:
    calls = Calls()
    for name in ARGUMENTS:
        calls.add(name, _two if name in STREAMS else _echo)
    return calls


def repeats_a_key(line: bytes) -> bool:
    """Whether some object of the line has one key twice, which could be read in two ways."""
    repeated = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len({key for key, _ in pairs}) < len(pairs)

    json.loads(line, object_pairs_hook=look, parse_int=str)
    return repeated


def _requests(data: bytes) -> None:
    """Lines to requests to arguments, without a socket."""
    calls = _calls()
    lines = Lines()
    for line in lines.feed(data + b"\n"):
        assert len(lines._rest) <= LINE_LIMIT
        try:
            request = decode_request(line)
        except BadRequest as bad:
            encode_error(bad.request_id, bad.error)
            continue
        assert isinstance(line, bytes) and not repeats_a_key(line)
        try:
            call = calls.find(request.call)
            encode_result(request.id, check_arguments(call, request.args))
        except CallError as error:
            encode_error(request.id, error)


def _server(data: bytes) -> None:
    asyncio.run(_converse(data))


async def _converse(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    serving = asyncio.create_task(_serve(theirs))
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    writer.write(data + _LAST)
    writer.write_eof()
    answers = [json.loads(line) for line in (await reader.read()).splitlines()]
    writer.close()
    await serving
    assert all(set(answer) > {"id"} for answer in answers)
    assert "the last one" in [answer["id"] for answer in answers], "it stopped listening"


async def _serve(client: socket.socket) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=client)
    server = ControlServer(Path("nowhere"), _calls(), WallClock())
    connection = _Connection(reader, writer, server, "connection 1")
    await connection.run()
    await connection.end()


class _Playback:
    """A socket that gives the input in pieces and then ends."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def settimeout(self, seconds: float | None) -> None:
        return

    def sendall(self, data: bytes) -> None:
        return

    def recv(self, most: int) -> bytes:
        return self._data.read(most)

    def close(self) -> None:
        return


def playing(data: bytes) -> Client:
    """A client whose daemon says exactly this."""
    client = Client(_PATH)
    client._socket = cast(socket.socket, _Playback(data))
    return client


def _client(data: bytes) -> None:
    with playing(data) as client:
        events = client.stream("events.follow")
        client.call("status")
        list(events)


class _Nowhere:
    """A writer whose reader has no interest."""

    def write(self, data: bytes) -> None:
        return

    async def drain(self) -> None:
        return

    def close(self) -> None:
        return

    async def wait_closed(self) -> None:
        return


def _async_client(data: bytes) -> None:
    asyncio.run(_call(data))


async def _call(data: bytes) -> None:
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    reader.feed_data(data)
    reader.feed_eof()
    writer = cast(asyncio.StreamWriter, _Nowhere())
    async with AsyncClient(_PATH, reader, writer) as client:
        await client.call("status")


TARGETS: Sequence[Target] = (
    Target("requests", _requests, lambda: _REQUESTS, words=_WORDS),
    Target("server", _server, lambda: _REQUESTS, words=_WORDS),
    Target("client", _client, lambda: _ANSWERS, (ClientError,), _WORDS),
    Target("async-client", _async_client, lambda: _ANSWERS, (ClientError,), _WORDS),
)
