"""The other end of the control socket, for commands that wait for their answer.

Plain blocking sockets and nothing else, because a command's start-up time is part of
using it. Every error is one line that says what is the matter and what to do: the
daemon does not run, the user may not talk to it, it answers nonsense, or it refused the
call with a reason of its own. The asyncio counterpart is async_client.py.
"""

import contextlib
import errno
import json
import socket
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pulsarack.daemon import json_text
from pulsarack.daemon.answers import misfit
from pulsarack.daemon.errors import DaemonError

# The daemon answers in milliseconds; who is silent for so long is stuck.
ANSWER_SECONDS = 60.0
# No answer of ours comes near it; it keeps a stranger's socket from filling the memory.
ANSWER_LIMIT = 256 * 1024 * 1024
_READ_BYTES = 64 * 1024


class ClientError(DaemonError):
    """The command did not get what it asked for."""


class NotReached(ClientError):
    """No daemon answers at the socket."""


class NotPermitted(ClientError):
    """The socket is there, but not for this user."""


class ProtocolTrouble(ClientError):
    """What answers is not our daemon, or it broke off."""


class CallFailed(ClientError):
    """The daemon refused the call; `code` is its word for why."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.code = code


def connection_error(path: Path, error: OSError) -> ClientError:
    """Why the socket could not be reached, in words."""
    if isinstance(error, PermissionError):
        remedy = "run as root, or join the group and log in again: adduser $USER pulsarack"
        return NotPermitted(f"you may not use the daemon's socket {path}", remedy)
    if error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR):
        remedy = "start it: systemctl start pulsarack (or: pulsarack run), or name its --socket"
        return NotReached(f"no daemon answers at {path}", remedy)
    why = error.strerror or str(error)
    return NotReached(
        f"cannot reach the daemon at {path}: {why}", "look at: systemctl status pulsarack"
    )


def broken_off(path: Path) -> ClientError:
    """The connection ended in the middle."""
    remedy = "look at: systemctl status pulsarack; then look up what was done before you repeat it"
    return ProtocolTrouble(f"the daemon at {path} closed the connection", remedy)


def decoded(path: Path, line: bytes) -> dict[str, Any]:
    """A line of the daemon as an object; raises ProtocolTrouble."""
    try:
        answer = json_text.loads(line)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("id", ()), int | str | None):
        remedy = "check --socket, and that daemon and command are of one version"
        raise ProtocolTrouble(f"what answers at {path} is not pulsarack", remedy)
    return answer


def fitting(path: Path, call: str, result: Any) -> Any:
    """The result or the event of a call, as its commands know it; raises ProtocolTrouble."""
    wrong = misfit(call, result)
    if wrong is not None:
        message = f"what the daemon at {path} answers to {call} is not understood: {wrong}"
        remedy = (
            "check --socket, and that daemon and command are of one version; it may have done"
            " what was asked: look that up before you repeat it"
        )
        raise ProtocolTrouble(message, remedy)
    return result


def refused(answer: dict[str, Any]) -> CallFailed | None:
    """The error that an answer carries, if it carries one."""
    error = answer.get("error")
    if error is None:
        return None
    if not isinstance(error, dict):
        error = {"message": str(error)}
    code, message, remedy = (
        _printable(str(error.get(key, ""))) for key in ("code", "message", "remedy")
    )
    return CallFailed(code, message.strip() or "the daemon refused and did not say why", remedy)


def _printable(text: str) -> str:
    """Without the halves of characters that JSON can hold and no terminal can show."""
    return text.encode("utf-8", "replace").decode("utf-8")


class Client:
    """One connection, made when it is first needed; use it as a context manager."""

    def __init__(self, path: Path, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.path = path
        self._answer_seconds = answer_seconds
        self._socket: socket.socket | None = None
        self._rest = bytearray()
        self._last_id = 0
        # Lines that came for a stream while a call on the same connection was waited for.
        self._waiting: dict[int, deque[dict[str, Any]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leaves; open streams end with it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def call(self, name: str, /, **args: Any) -> Any:
        """The result of one call; arguments that are None are left out. Raises ClientError."""
        request_id = self._send(name, args)
        try:
            answer = self._receive(request_id, self._answer_seconds)
        finally:
            del self._waiting[request_id]
        if error := refused(answer):
            raise error
        return fitting(self.path, name, answer.get("result"))

    def stream(self, name: str, /, **args: Any) -> Iterator[dict[str, Any]]:
        """The events of a stream call as they come; raises ClientError.

        The request is on its way when this returns: a call made on the same client
        afterwards is handled after it, so nothing that the call causes is missed.
        """
        return self._events(name, self._send(name, args))

    def _events(self, name: str, request_id: int) -> Iterator[dict[str, Any]]:
        try:
            while "end" not in (answer := self._receive(request_id, None)):
                if error := refused(answer):
                    raise error
                yield fitting(self.path, name, answer.get("event"))
        finally:
            self._waiting.pop(request_id, None)

    def _send(self, name: str, args: dict[str, Any]) -> int:
        connection = self._connected()
        self._last_id += 1
        given = {key: value for key, value in args.items() if value is not None}
        request = {"id": self._last_id, "call": name, "args": given}
        self._waiting[self._last_id] = deque()
        # If this fails the daemon may have said why before it closed; reading will tell.
        with contextlib.suppress(OSError):
            connection.sendall(json.dumps(request).encode() + b"\n")
        return self._last_id

    def _connected(self) -> socket.socket:
        if self._socket is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(self._answer_seconds)
                connection.connect(str(self.path))
            except OSError as error:
                connection.close()
                raise connection_error(self.path, error) from None
            self._socket = connection
        return self._socket

    def _receive(self, request_id: int, within_seconds: float | None) -> dict[str, Any]:
        """The next line for this request; lines for others are put aside."""
        while not self._waiting[request_id]:
            answer = decoded(self.path, self._line(within_seconds))
            if answer["id"] is None and (error := refused(answer)):
                raise error
            if answer["id"] in self._waiting:
                self._waiting[answer["id"]].append(answer)
        return self._waiting[request_id].popleft()

    def _line(self, within_seconds: float | None) -> bytes:
        connection = self._connected()
        connection.settimeout(within_seconds)
        searched = 0
        while (end := self._rest.find(b"\n", searched)) < 0:
            searched = len(self._rest)
            try:
                data = connection.recv(_READ_BYTES)
            except TimeoutError:
                remedy = "look at: systemctl status pulsarack"
                message = f"the daemon at {self.path} did not answer in {within_seconds:g} seconds"
                raise ProtocolTrouble(message, remedy) from None
            except OSError:
                data = b""
            if not data or len(self._rest) > ANSWER_LIMIT:
                self.close()
                raise broken_off(self.path)
            self._rest += data
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line
