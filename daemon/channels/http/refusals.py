"""Why a request is refused: one table of codes, each with its status and what to do about it.

A refusal is raised as `HttpRefusal` where it is found and answered in one place (server.py), in
the form of the route that was asked: the native API says `{"code", "message", "remedy"}`, a
dialect says it in its own words. Each code is counted under its name. What the queue refuses
(`validation.Refusal`) keeps its own code, message and remedy.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from pulsarack.daemon.errors import Busy
from pulsarack.queue.validation import Refusal, RefusalCode


class Why(StrEnum):
    """A refusal of the server's own."""

    BAD_HTTP = "BAD_HTTP"
    BAD_PATH = "BAD_PATH"
    BAD_QUERY = "BAD_QUERY"
    BAD_JSON = "BAD_JSON"
    BAD_FIELD = "BAD_FIELD"
    UNSIGNED = "UNSIGNED"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    TOO_LATE = "TOO_LATE"
    TOO_EARLY = "TOO_EARLY"
    NONCE_REUSED = "NONCE_REUSED"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    NOT_FOR_THIS_ACCOUNT = "NOT_FOR_THIS_ACCOUNT"
    NO_SUCH_PATH = "NO_SUCH_PATH"
    NOT_FOUND = "NOT_FOUND"
    BAD_METHOD = "BAD_METHOD"
    TOO_SLOW = "TOO_SLOW"
    NOT_QUEUED = "NOT_QUEUED"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    FOREIGN_CHARSET = "FOREIGN_CHARSET"
    BAD_CONTENT_TYPE = "BAD_CONTENT_TYPE"
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
    TOO_MANY_FAILURES = "TOO_MANY_FAILURES"
    INTERNAL = "INTERNAL"
    BUSY = "BUSY"
    TOO_MANY_CONNECTIONS = "TOO_MANY_CONNECTIONS"
    STOPPING = "STOPPING"


# Who hears one of these knows nothing about his order, which may have been accepted before: he must
# ask again, and a dialect says that it is in process and never that it failed.
IN_DOUBT: Final = frozenset(
    (
        *(Why.TOO_SLOW, Why.TOO_MANY_REQUESTS, Why.TOO_MANY_FAILURES, Why.INTERNAL, Why.BUSY),
        *(Why.TOO_MANY_CONNECTIONS, Why.STOPPING),
    )
)

# The status of each, and what the caller can do.
_SAID: Final[Mapping[Why, tuple[int, str]]] = {
    Why.BAD_HTTP: (400, "send a request as RFC 9112 has it"),
    Why.BAD_PATH: (400, "percent-encode the path as UTF-8"),
    Why.BAD_QUERY: (400, "see the parameters in /v1/openapi.json"),
    Why.BAD_JSON: (400, "send one JSON object in UTF-8, each key once"),
    Why.BAD_FIELD: (400, "see the fields in /v1/openapi.json"),
    Why.UNSIGNED: (401, "sign the request: all four Pulsarack headers are needed"),
    Why.BAD_SIGNATURE: (401, "check key, secret and the text that is signed: docs/http-api.md"),
    Why.TOO_LATE: (401, "set the clock (NTP) and sign the request anew"),
    Why.TOO_EARLY: (401, "set the clock (NTP) and sign the request anew"),
    Why.NONCE_REUSED: (401, "take a new nonce for every request, repeats included"),
    Why.ADDRESS_NOT_ALLOWED: (403, "let the server's admin add the address to the account"),
    Why.NOT_FOR_THIS_ACCOUNT: (403, "use an account of the kind that may do this"),
    Why.NO_SUCH_PATH: (404, "see the paths in /v1/openapi.json"),
    Why.NOT_FOUND: (404, "check the reference"),
    Why.BAD_METHOD: (405, "see the methods in /v1/openapi.json"),
    Why.TOO_SLOW: (408, "send the whole request at once"),
    Why.NOT_QUEUED: (409, "only a queued order can be cancelled"),
    Why.BODY_TOO_LARGE: (413, "send less in one request"),
    Why.FOREIGN_CHARSET: (415, "send the body in UTF-8"),
    Why.BAD_CONTENT_TYPE: (415, "send Content-Type: application/json"),
    Why.TOO_MANY_REQUESTS: (429, "send fewer requests a second"),
    Why.TOO_MANY_FAILURES: (429, "check the account's secret, and wait a minute"),
    Why.INTERNAL: (500, "repeat the request with the same client_reference"),
    Why.BUSY: (503, "repeat the request with the same client_reference a little later"),
    Why.TOO_MANY_CONNECTIONS: (503, "keep connections open and use them again"),
    Why.STOPPING: (503, "repeat the request with the same client_reference a little later"),
}

# What the queue says; 422: well formed, but it cannot be done.
_STATUS = {
    RefusalCode.BAD_FORMAT: 400,
    RefusalCode.UNKNOWN_AGENT: 403,
    RefusalCode.INSUFFICIENT_DEPOSIT: 402,
    RefusalCode.REPEATED: 409,
    RefusalCode.REFERENCE_REUSED: 409,
}
_UNPROCESSABLE = 422
# The queue's remedies are for people at a terminal, or for texts.
_REMEDY = {
    RefusalCode.BAD_FORMAT: "see the fields in /v1/openapi.json",
    RefusalCode.UNKNOWN_AGENT: "ask the server's admin",
    RefusalCode.UNKNOWN_PRODUCT: "see GET /v1/products",
    RefusalCode.UNKNOWN_PREFIX: "check the number, or ask the server's admin",
    RefusalCode.REPEATED: "if one more is meant, raise repeat_index",
}


class HttpRefusal(Exception):
    """A request that is refused; `queue` is the queue's refusal, if it was that."""

    def __init__(
        self,
        why: Why | str,
        message: str,
        remedy: str = "",
        *,
        status: int = 0,
        retry_after: int | None = None,
        allow: str = "",
        refusal: Refusal | None = None,
    ) -> None:
        super().__init__(message)
        known, what_to_do = _SAID[why] if isinstance(why, Why) else (_UNPROCESSABLE, "")
        self.code = str(why)
        self.message = message
        self.remedy = remedy or what_to_do
        self.status = status or known
        self.retry_after = retry_after
        self.allow = allow
        self.refusal = refusal

    @property
    def in_doubt(self) -> bool:
        """Whether it says nothing about the order that was asked for."""
        return self.code in IN_DOUBT


def of_queue(refusal: Refusal) -> HttpRefusal:
    """What the queue refused, with the status that says so."""
    return HttpRefusal(
        refusal.code.value,
        refusal.message,
        _REMEDY.get(refusal.code, refusal.remedy),
        status=_STATUS.get(refusal.code, _UNPROCESSABLE),
        refusal=refusal,
    )


def of_error(error: Exception) -> HttpRefusal:
    """What is said to who asked when this came up; a fault of ours is its cause."""
    if isinstance(error, HttpRefusal):
        return error
    if isinstance(error, Busy):
        return HttpRefusal(Why.BUSY, error.message, retry_after=1)
    found = HttpRefusal(Why.INTERNAL, "something went wrong in the daemon")
    found.__cause__ = error
    return found


class Error(msgspec.Struct, frozen=True):
    """How the native API says no: a code for programs, the rest for people."""

    code: str
    message: str
    remedy: str


def said(refusal: HttpRefusal) -> Error:
    """A refusal as the native API says it."""
    return Error(refusal.code, refusal.message, refusal.remedy)


def error_body(refusal: HttpRefusal) -> bytes:
    """The JSON of a refusal."""
    return msgspec.json.encode(said(refusal))
