"""One connection of a caller: aiohttp's, with the time-outs and the counting that it lacks.

aiohttp waits without end for the rest of a request's head and for its body, and for a caller who
takes no answers. Here each phase has a deadline: the first head from the moment of connecting,
further ones from their first octet, a body from the end of its head, and a caller's taking of
an answer. Who is late gets status 408, if nothing was answered yet, and is cut off. An idle
connection is closed without a word after its time.

What is no HTTP at all is refused in the same JSON as everything else.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.http.limits import Places
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why, error_body
from pulsarack.daemon.config_http import HttpSection
from pulsarack.daemon.pressure import Pressure
from pulsarack.modems.timing import Clock, TimerHandle

_REASON = {400: "Bad Request", 408: "Request Timeout", 503: "Service Unavailable"}
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all connections of a server share."""

    clock: Clock
    pressure: Pressure
    settings: HttpSection
    places: Places


class Connection(web.RequestHandler):
    """One connection; the server tells it where in a request it is."""

    def __init__(
        self, manager: web.Server, shared: Surroundings, name: str, **settings: Any
    ) -> None:
        """`name` is the caller's address, for which a place is taken already."""
        super().__init__(manager, loop=asyncio.get_running_loop(), **settings)
        self._shared = shared
        self._own: asyncio.Transport | None = None
        self._name = name
        self._has_place = True
        self._timer: TimerHandle | None = None
        self._stalled: TimerHandle | None = None
        self._idle = True

    # --- what the event loop tells ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there, and his handshake, if there is one, is done."""
        assert isinstance(transport, asyncio.Transport)
        self._own = transport
        super().connection_made(transport)
        self._arm(self._shared.settings.head_seconds, "no request came")

    def data_received(self, data: bytes) -> None:
        """Octets of a request, or of the next one while this one is answered."""
        if self._idle:
            self._idle = False
            self._arm(self._shared.settings.head_seconds, "the head of the request is not whole")
        super().data_received(data)

    def connection_lost(self, error: BaseException | None) -> None:
        """Gone, or cut off."""
        self._disarm()
        self._forget_stall()
        self._own = None
        self.release()
        super().connection_lost(error)

    def release(self) -> None:
        """Give the place back; more than once does no harm."""
        if self._has_place:
            self._has_place = False
            self._shared.places.leave(self._name)

    def pause_writing(self) -> None:
        """The caller does not take his answer."""
        super().pause_writing()
        shared = self._shared
        until = shared.clock.monotonic() + shared.settings.body_seconds
        self._stalled = shared.clock.call_at(until, self._not_taken)

    def resume_writing(self) -> None:
        """He takes it again."""
        self._forget_stall()
        super().resume_writing()

    # --- what the server tells ---

    def head_read(self, *, body_follows: bool) -> None:
        """A request's head is whole."""
        if body_follows:
            self._arm(self._shared.settings.body_seconds, "the body of the request is not whole")
        else:
            self._disarm()

    def body_read(self) -> None:
        """The whole request is here."""
        self._disarm()

    def answered(self) -> None:
        """The answer is made; the next request may take its time to begin."""
        self._idle = True
        self._arm(self._shared.settings.idle_seconds, "")

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What cannot be read as HTTP, or is a fault of ours below the server."""
        self._disarm()
        known = HttpRefusal(Why.BAD_HTTP, "this is no request of HTTP")
        if status >= 500:
            known = HttpRefusal(Why.INTERNAL, "something went wrong in the daemon")
            logging.get(channel="http").error("http.failed", path="", exc_info=exc)
        self._shared.pressure.refused(f"HTTP_{known.code}", address=self._name)
        response = web.Response(
            status=known.status,
            body=error_body(known),
            headers={"Content-Type": JSON, "Server": "pulsarack"},
        )
        response.force_close()
        return response

    # --- deadlines ---

    def _arm(self, seconds: float, what: str) -> None:
        self._disarm()
        clock = self._shared.clock
        self._timer = clock.call_at(clock.monotonic() + seconds, lambda: self._late(what))

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _late(self, what: str) -> None:
        self._timer = None
        if self._own is None:
            return
        if self._idle:  # nothing of a request is here: nobody is told anything
            self._own.close()
        else:
            self._refuse(HttpRefusal(Why.TOO_SLOW, what))

    def _not_taken(self) -> None:
        self._stalled = None
        self._shared.pressure.refused("HTTP_TOO_SLOW", address=self._name, why="answer")
        if self._own is not None:
            self._own.abort()

    def _refuse(self, refusal: HttpRefusal) -> None:
        """Say no to a connection of which no request is answered; it is closed."""
        assert self._own is not None
        count(self._shared.pressure, refusal, self._name)
        self._own.write(last_words(refusal))
        self._own.close()


def count(pressure: Pressure, refusal: HttpRefusal, address: str) -> None:
    """Note a refusal of a connection."""
    pressure.refused(f"HTTP_{refusal.code}", address=address, why=refusal.message)


def last_words(refusal: HttpRefusal) -> bytes:
    """The whole answer with which a connection is closed."""
    body = error_body(refusal)
    head = (
        f"HTTP/1.1 {refusal.status} {_REASON[refusal.status]}\r\nContent-Type: {JSON}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
