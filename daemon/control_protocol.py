"""The language of the control socket, without the socket: lines in, requests out, and back.

One JSON object a line. A request names a call and carries an id of the client's choice;
every answer repeats that id. What cannot be understood gets an error in return and the
conversation goes on, because one broken line says nothing about the next one. A line with
one key twice is not understood: it may be an order, of two amounts. Nothing
here grows with what a client sends: a line longer than the limit is dropped while it
arrives.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from pulsarack.daemon import json_text
from pulsarack.daemon.control_arguments import ARGUMENTS, STREAMS
from pulsarack.daemon.control_values import PRINTABLE
from pulsarack.daemon.errors import Busy, DaemonError

LINE_LIMIT = 64 * 1024

RequestId = int | str | None
_MOST_ID = 2**63 - 1


class Peer(NamedTuple):
    """Who is at the other end, as the kernel says (unix(7), SO_PEERCRED).

    `login`: what the machine calls the uid, once the gate has looked (admins/gate.py).
    """

    pid: int
    uid: int
    gid: int
    login: str = ""

    def named(self, login: str) -> "Peer":
        """The same, and what the machine calls him."""
        return Peer(self.pid, self.uid, self.gid, login)


class CallError(Exception):
    """A call that is refused: a code for programs, a message and a remedy for people."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.code = code
        self.message = message
        self.remedy = remedy


BUSY = "BUSY"


def call_error(error: Exception) -> CallError | None:
    """What a caller is told of an error that a call ended in; None: it is a fault of ours."""
    if isinstance(error, CallError):
        return error
    if isinstance(error, DaemonError):
        code = BUSY if isinstance(error, Busy) else "REFUSED"
        return CallError(code, error.message, error.remedy)
    return None


class TooLong:
    """Stands for a line that was longer than the limit."""


class Lines:
    """Cuts a stream of bytes into lines, in whatever pieces it comes."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._skipping = False

    @property
    def pending_octets(self) -> int:
        """How much of a line waits for its end."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """The lines that are complete now, without their ends and without empty ones."""
        lines: list[bytes | TooLong] = []
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._rest += piece
            if self._skipping or len(self._rest) > self._limit:
                lines.append(TooLong())
            elif self._rest.strip():
                lines.append(bytes(self._rest))
            self._rest.clear()
            self._skipping = False
        self._rest += rest
        if len(self._rest) > self._limit:
            self._rest.clear()
            self._skipping = True
        return lines


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request as it stands on the line."""

    # What JSON of ours can repeat in the answer.
    id: Annotated[int, msgspec.Meta(ge=-_MOST_ID, le=_MOST_ID)] | str
    call: str
    args: dict[str, Any] = {}


class BadRequest(Exception):
    """A line that is no request; the id is given as far as it could be read."""

    def __init__(self, request_id: RequestId, error: CallError) -> None:
        super().__init__(str(error))
        self.request_id = request_id
        self.error = error


_SHAPE = 'send {"id": 1, "call": "status", "args": {}} and a line end'
_decoder = msgspec.json.Decoder(Request)
_encoder = msgspec.json.Encoder()


def decode_request(line: bytes | TooLong) -> Request:
    """The request on a line; raises BadRequest."""
    if isinstance(line, TooLong):
        message = f"the request is longer than {LINE_LIMIT} bytes"
        raise BadRequest(None, CallError("LINE_TOO_LONG", message, "send it in parts"))
    try:
        request = _decoder.decode(line)
        # Of a key that is written twice one is not in the request, nor is its colon when that is
        # written out again. Only where a colon is missing, or an escape may stand for one, the
        # line is read once more.
        if b"\\" in line or line.count(b":") != _encoder.encode(request).count(b":"):
            json_text.refuse_repeated_keys(line)
        return request
    except json_text.RepeatedKey as error:
        problem = CallError("BAD_REQUEST", f"not a request: {error}", "write each key once")
        raise BadRequest(None if error.key == "id" else _id_of(line), problem) from None
    except msgspec.ValidationError as error:
        problem = CallError("BAD_REQUEST", f"not a request: {error}", _SHAPE)
        raise BadRequest(_id_of(line), problem) from None
    except (ValueError, RecursionError) as error:  # msgspec's and json's among them
        problem = CallError("BAD_JSON", f"not JSON: {error}", _SHAPE)
        raise BadRequest(None, problem) from None


def _id_of(line: bytes) -> RequestId:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    given = found.get("id") if isinstance(found, dict) else None
    if isinstance(given, int) and (isinstance(given, bool) or abs(given) > _MOST_ID):
        return None
    return given if isinstance(given, (int, str)) else None


def encode_result(request_id: RequestId, result: Any) -> bytes:
    """The line that answers a request; raises TypeError for what JSON does not know."""
    return _encoder.encode({"id": request_id, "result": result}) + b"\n"


def encode_event(request_id: RequestId, event: Any) -> bytes:
    """One of the many lines that answer a stream's request."""
    return _encoder.encode({"id": request_id, "event": event}) + b"\n"


def encode_end(request_id: RequestId) -> bytes:
    """The last line of a stream that ended by itself."""
    return _encoder.encode({"id": request_id, "end": True}) + b"\n"


def encode_error(request_id: RequestId, error: CallError) -> bytes:
    """The line that refuses a request or ends a stream."""
    body = {"code": error.code, "message": error.message, "remedy": error.remedy}
    return _encoder.encode({"id": request_id, "error": body}) + b"\n"


# A handler gets its arguments as the record from control_arguments.py.
Arguments = TypeVar("Arguments", bound=msgspec.Struct)
Answerer = Callable[[Any, Peer], Awaitable[Any]]
Streamer = Callable[[Any, Peer], AsyncGenerator[Any, None]]


@dataclass(frozen=True)
class Call:
    """One entry of the registry; exactly one of the two handlers is there."""

    name: str
    arguments: type[msgspec.Struct]
    answer: Answerer | None = None
    stream: Streamer | None = None


class Calls:
    """The registry: which calls there are, what they take, and who answers them.

    `before` puts a gate before each of them, as `Gate.before` does.
    """

    def __init__(self, before: Callable[[Call], Call] = lambda call: call) -> None:
        self._calls: dict[str, Call] = {}
        self._before = before

    def answer(
        self,
        name: str,
        arguments: type[Arguments],
        handler: Callable[[Arguments, Peer], Awaitable[Any]],
    ) -> None:
        """Registers a call with one answer."""
        self._add(Call(name, arguments, answer=handler))

    def stream(
        self,
        name: str,
        arguments: type[Arguments],
        handler: Callable[[Arguments, Peer], AsyncGenerator[Any, None]],
    ) -> None:
        """Registers a call that answers with events until the client leaves."""
        self._add(Call(name, arguments, stream=handler))

    def add(self, name: str, handler: Callable[[Any, Peer], Any]) -> None:
        """Registers a call of the fixed vocabulary (control_arguments.py) by its name."""
        if name in STREAMS:
            self.stream(name, ARGUMENTS[name], handler)
        else:
            self.answer(name, ARGUMENTS[name], handler)

    def names(self) -> tuple[str, ...]:
        """All calls there are."""
        return tuple(self._calls)

    def find(self, name: str) -> Call:
        """The call of that name; raises CallError."""
        call = self._calls.get(name)
        if call is None:
            remedy = f"the calls are: {', '.join(sorted(self._calls))}"
            raise CallError("UNKNOWN_CALL", f"there is no call {name[:80]!r}", remedy)
        return call

    def _add(self, call: Call) -> None:
        if call.name in self._calls:
            raise ValueError(f"{call.name} is registered already")
        self._calls[call.name] = self._before(call)


_AT_PATH = re.compile(r"^(.*) - at `\$\.?(.*)`$")
_PRINTABLE_SAID = f"matching regex {PRINTABLE!r}"
_ENUM = re.compile(r"Invalid enum value .*", re.DOTALL)
_NAMED = re.compile(r"Object (?:missing required|contains unknown) field `([^`]*)`")


def check_arguments(call: Call, args: dict[str, Any]) -> msgspec.Struct:
    """The arguments as the call's record; raises CallError that names the wrong one."""
    try:
        return msgspec.convert(args, call.arguments)
    except msgspec.ValidationError as error:
        message = f"{call.name}: {_argument_problem(str(error))}"
        raise CallError("BAD_ARGUMENT", message, _usage(call)) from None


def _argument_problem(text: str) -> str:
    where = ""
    if at := _AT_PATH.match(text):
        text, where = at[1], at[2].replace("[...]", "")
    if named := _NAMED.match(text):
        name = f"{where}.{named[1]}" if where else named[1]
        kind = "is missing" if "missing" in text else "is not known"
        return f"argument {name} {kind}"
    # What was given is not repeated: a secret may have been written into the wrong argument.
    text = _ENUM.sub("this is none of the values that it may have", text)
    text = text[:1].lower() + text[1:].replace(_PRINTABLE_SAID, "without control characters")
    return f"argument {where}: {text.replace('`', '')}" if where else text.replace("`", "")


def _usage(call: Call) -> str:
    fields = msgspec.structs.fields(call.arguments)
    if not fields:
        return f"{call.name} takes no arguments"
    shown = (f"{field.name}{'' if field.required else '?'}" for field in fields)
    return f"{call.name} takes {', '.join(shown)}"
