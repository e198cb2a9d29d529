"""The control socket from inside an event loop: many calls at once, and streams.

All calls share one connection and are told apart by their ids. Each stream has a
connection of its own: a slow reader of a stream must not hold up the answer to the call
by which it would catch up.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pulsarack.daemon.client import (
    ANSWER_LIMIT,
    ClientError,
    broken_off,
    connection_error,
    decoded,
    fitting,
    refused,
)

# The reader of a stream buffers about this much before the daemon has to wait for it.
EVENT_LIMIT = 1024 * 1024


class AsyncClient:
    """A connected client; made by `connect`, closed by `close` or as a context manager."""

    def __init__(
        self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.path = path
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._lost: ClientError | None = None
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def connect(cls, path: Path) -> Self:
        """Connects; raises ClientError."""
        return cls(path, *await _open(path, ANSWER_LIMIT))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leaves; calls that wait for their answer fail."""
        self._reading.cancel()
        await asyncio.wait({self._reading})
        self._fail(broken_off(self.path))
        await _close(self._writer)

    async def call(self, name: str, /, **args: Any) -> Any:
        """The result of one call; arguments that are None are left out. Raises ClientError."""
        if self._lost is not None:
            raise self._lost
        request_id = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            try:
                self._writer.write(_request(request_id, name, args))
                await self._writer.drain()
            except ConnectionError:
                raise self._lost or broken_off(self.path) from None
            return fitting(self.path, name, await answer)
        finally:
            del self._waiting[request_id]

    async def stream(self, name: str, /, **args: Any) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a stream call as they come; raises ClientError."""
        reader, writer = await _open(self.path, EVENT_LIMIT)
        try:
            writer.write(_request(1, name, args))
            while True:
                answer = decoded(self.path, await _line(self.path, reader))
                if error := refused(answer):
                    raise error
                if "end" in answer:
                    return
                yield fitting(self.path, name, answer.get("event"))
        finally:
            await _close(writer)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                self._take(decoded(self.path, await _line(self.path, reader)))
        except ClientError as error:
            self._fail(error)

    def _take(self, answer: dict[str, Any]) -> None:
        error = refused(answer)
        if answer["id"] is None and error is not None:
            raise error
        waiting = self._waiting.get(answer["id"])
        if waiting is None or waiting.done():
            return
        if error is not None:
            waiting.set_exception(error)
        else:
            waiting.set_result(answer.get("result"))

    def _fail(self, error: ClientError) -> None:
        self._lost = self._lost or error
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._lost)
                waiting.exception()  # a call that could not be sent does not wait for it


def _request(request_id: int, name: str, args: dict[str, Any]) -> bytes:
    given = {key: value for key, value in args.items() if value is not None}
    return json.dumps({"id": request_id, "call": name, "args": given}).encode() + b"\n"


async def _open(path: Path, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await asyncio.open_unix_connection(str(path), limit=limit)
    except OSError as error:
        raise connection_error(path, error) from None


async def _line(path: Path, reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        raise broken_off(path) from None
    return line


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionError:
        # The daemon was gone first; there is nothing left to close.
        return
