"""What a route is, and what a handler is given: the one way by which an API plugs into the server.

A handler gets a `Call` whose body is read within all limits, and returns a response, or raises
`HttpRefusal`. How a refusal looks is the route's: `refuse` makes the response of it, so a dialect
answers in its own words. Everything that is refused is counted by the server.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from pulsarack.daemon.channels.http.parts import Account
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why, error_body

JSON = {"Content-Type": "application/json"}


@dataclass(slots=True)
class Call:
    """One request: who asks (`address`, behind trusted proxies), and what.

    `account` is filled in by the door when it lets the caller in; `leave` is for the server, and so
    is `refused`: what an answer refuses in part is counted like what is refused as a whole.
    """

    request: web.Request
    address: str
    body: bytes
    account: Account | None = None
    leave: Callable[[], None] | None = None
    refused: list[HttpRefusal] = field(default_factory=list)

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        return self.request.raw_path

    def query(self) -> dict[str, str]:
        """The parameters behind the question mark, each at most once."""
        return _once(self.request.rel_url.query.items())

    def path(self, name: str) -> str:
        """A variable part of the path, decoded."""
        return self.request.match_info[name]


Handler = Callable[[Call], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What the OpenAPI document says of a route of the native API.

    `about`: the operations that take the reference which this one's answer names.
    """

    name: str
    summary: str
    answers: Mapping[int, type | None]
    asks: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    refusals: tuple[int, ...] = ()
    about: tuple[str, ...] = ()
    signed: bool = True


def native_refusal(refusal: HttpRefusal, _call: Call | None) -> web.Response:
    """A refusal as the native API says it."""
    return web.Response(status=refusal.status, body=error_body(refusal), headers=JSON)


@dataclass(frozen=True, slots=True)
class Route:
    """One path of one API; `body_octets`: how long a body may be, if not as [http] says."""

    method: str
    path: str
    handler: Handler
    refuse: Callable[[HttpRefusal, Call | None], web.Response] = field(default=native_refusal)
    operation: Operation | None = None
    body_octets: int | None = None


def _once(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in items:
        if key in found:
            raise HttpRefusal(Why.BAD_QUERY, f"{key[:40]!r} stands twice in the query")
        found[key] = value
    return found
