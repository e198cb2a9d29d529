"""Why a request is refused: one table of codes, each with its status and what to do about it.

A refusal is raised as `HttpRefusal` where it is found and answered in one place (server.py), in
the form of the route that was asked: the native API says `{"code", "message", "remedy"}`, a
dialect says it in its own words. Each code is counted under its name. What the queue refuses
(`validation.Refusal`) keeps its own code, message and remedy.
"""

from enum import Enum

import msgspec

from pulsarack.queue.validation import Refusal, RefusalCode


class Why(Enum):
    """A refusal of the server's own: its status, and what the caller can do."""

    BAD_HTTP = (400, "send a request as RFC 9112 has it")
    BAD_PATH = (400, "percent-encode the path as UTF-8")
    BAD_QUERY = (400, "see the parameters in /v1/openapi.json")
    BAD_JSON = (400, "send one JSON object in UTF-8, each key once")
    BAD_FIELD = (400, "see the fields in /v1/openapi.json")
    UNSIGNED = (401, "sign the request: all four Pulsarack headers are needed")
    BAD_SIGNATURE = (401, "check key, secret and the text that is signed: docs/http-api.md")
    TOO_LATE = (401, "set the clock (NTP) and sign the request anew")
    TOO_EARLY = (401, "set the clock (NTP) and sign the request anew")
    NONCE_REUSED = (401, "take a new nonce for every request, repeats included")
    ADDRESS_NOT_ALLOWED = (403, "let the server's admin add the address to the account")
    NOT_FOR_THIS_ACCOUNT = (403, "use an account of the kind that may do this")
    NO_SUCH_PATH = (404, "see the paths in /v1/openapi.json")
    NOT_FOUND = (404, "check the reference")
    BAD_METHOD = (405, "see the methods in /v1/openapi.json")
    TOO_SLOW = (408, "send the whole request at once")
    NOT_QUEUED = (409, "only a queued order can be cancelled")
    BODY_TOO_LARGE = (413, "send less in one request")
    FOREIGN_CHARSET = (415, "send the body in UTF-8")
    BAD_CONTENT_TYPE = (415, "send Content-Type: application/json")
    TOO_MANY_REQUESTS = (429, "send fewer requests a second")
    TOO_MANY_FAILURES = (429, "check the account's secret, and wait a minute")
    INTERNAL = (500, "repeat the request with the same client_reference")
    BUSY = (503, "repeat the request with the same client_reference a little later")
    TOO_MANY_CONNECTIONS = (503, "keep connections open and use them again")
    STOPPING = (503, "repeat the request with the same client_reference a little later")

    def __init__(self, status: int, remedy: str) -> None:
        self.status = status
        self.remedy = remedy


# What the queue says; 422: well formed, but it cannot be done.
_STATUS = {
    RefusalCode.BAD_FORMAT: 400,
    RefusalCode.UNKNOWN_AGENT: 403,
    RefusalCode.INSUFFICIENT_DEPOSIT: 402,
    RefusalCode.REPEATED: 409,
    RefusalCode.REFERENCE_REUSED: 409,
}
_UNPROCESSABLE = 422


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
        refusal: Refusal | None = None,
    ) -> None:
        super().__init__(message)
        known = why if isinstance(why, Why) else None
        self.why = known
        self.code = known.name if known else str(why)
        self.message = message
        self.remedy = remedy or (known.remedy if known else "")
        self.status = status or (known.status if known else _UNPROCESSABLE)
        self.retry_after = retry_after
        self.refusal = refusal


def of_queue(refusal: Refusal) -> HttpRefusal:
    """What the queue refused, with the status that says so."""
    return HttpRefusal(
        refusal.code.value,
        refusal.message,
        refusal.remedy,
        status=_STATUS.get(refusal.code, _UNPROCESSABLE),
        refusal=refusal,
    )


class Error(msgspec.Struct, frozen=True):
    """How the native API says no: a code for programs, the rest for people."""

    code: str
    message: str
    remedy: str


def error_body(refusal: HttpRefusal) -> bytes:
    """The JSON of a refusal."""
    return msgspec.json.encode(Error(refusal.code, refusal.message, refusal.remedy))
