"""The HTTP server: listens, bounds what callers take, reads requests, and answers refusals.

One place for everything that all routes share, so that a handler is small: the caller's address,
the limits, the body, the order of checks, the one line in the log, and how what was raised
becomes an answer. Nothing a caller sends makes the daemon grow, and nothing he sends gets into
the log but the name of the route: a path or a query may hold a PIN.

At the end the server takes no more requests and answers those that have begun.
"""

import contextlib
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiohttp import HttpVersion10, HttpVersion11, web

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.http import addresses
from pulsarack.daemon.channels.http.connection import (
    Connection,
    Surroundings,
    count,
    last_words,
)
from pulsarack.daemon.channels.http.limits import Places
from pulsarack.daemon.channels.http.listener import Listener
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why, of_error
from pulsarack.daemon.channels.http.routes import Call, Route, native_refusal
from pulsarack.daemon.config_http import HttpSection, split_listen
from pulsarack.daemon.context import MS
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.outside import CALLER
from pulsarack.daemon.pressure import Pressure
from pulsarack.modems.timing import Clock

_BACKLOG = 512
_LINGER_SECONDS = 1.0
_IDENTITY = ("", "identity")
# Answers are of one caller and one moment; and nobody learns what this is made of.
_OF_ALL = {"Server": "pulsarack", "Cache-Control": "no-store"}
# Their messages quote what the caller sent, which may be a secret: it stays out of the log.
_QUOTING = frozenset({Why.BAD_QUERY, Why.BAD_JSON, Why.BAD_FIELD})
# What is refused because of the business, not of the form: it is no sign of pressure or attack.
_ORDINARY = frozenset({"NOT_FOUND", "NOT_QUEUED"})


class CannotListen(DaemonError):
    """The server cannot be opened where the configuration puts it."""


class _Gone(Exception):
    """The caller has hung up, or was cut off, in the middle of a request."""


class HttpServer:
    """The listening socket and everyone connected to it."""

    def __init__(
        self, clock: Clock, settings: HttpSection, pressure: Pressure, *, name: str = "http"
    ) -> None:
        """`name`: of the channel in the log, and of what stands open in `pulsarack status`."""
        self._name = name
        self._clock = clock
        self._settings = settings
        self._pressure = pressure
        self._trusted = addresses.networks(settings.trusted_proxies)
        self._connections = Places(settings.connections, settings.connections_per_address)
        self._in_flight = 0
        self._routes: dict[tuple[str, str], Route] = {}
        self._listener: Listener | None = None
        self._make: Callable[[str], Connection] | None = None
        self._runner: web.AppRunner | None = None
        self._stopping = False
        self._log = logging.get(channel=name)
        pressure.watch(self._figures)

    def add(self, routes: Iterable[Route]) -> None:
        """Serve these, too; before `start`. Raises CannotListen for a path that cannot be."""
        for route in routes:
            key = (route.method, route.path)
            if key in self._routes:
                remedy = "give it a path of its own in the configuration"
                raise CannotListen(f"{route.method} {route.path} is served already", remedy)
            try:
                web.UrlDispatcher().add_resource(route.path)
            except ValueError:
                remedy = "write a path such as /trx in the configuration"
                raise CannotListen(f"{route.path[:80]!r} is no path", remedy) from None
            self._routes[key] = route

    @property
    def routes(self) -> Sequence[Route]:
        """All that is served."""
        return tuple(self._routes.values())

    @property
    def port(self) -> int:
        """Where it listens; the kernel chooses if the configuration says 0."""
        assert self._listener is not None
        return self._listener.port

    async def start(self) -> None:
        """Listen; raises CannotListen."""
        settings = self._settings
        tls = certificate(settings)
        listener = _listen(settings.listen or "")
        self._stopping = False
        self._runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=settings.stop_seconds
        )
        await self._runner.setup()
        assert self._runner.server is not None
        shared = Surroundings(self._clock, self._pressure, settings, self._connections)

        def make(name: str, server: web.Server = self._runner.server) -> Connection:
            return Connection(
                server,
                shared,
                name,
                access_log=None,
                max_line_size=settings.header_octets,
                max_field_size=settings.header_octets,
                max_headers=settings.headers,
                lingering_time=_LINGER_SECONDS,
                auto_decompress=False,
            )

        self._make = make
        self._listener = Listener(
            listener,
            self._clock,
            self.connect,
            self._refuse_connection,
            tls=tls,
            handshake_seconds=settings.head_seconds,
        )
        self._log.info("http.listening", listen=settings.listen, port=self.port, tls=bool(tls))
        # Only [http] has a certificate to be set.
        clear = tls is None and not self._trusted and self._name == "http"
        if clear and not _is_loopback(listener):
            self._log.warning(
                "http.in_the_clear",
                listen=settings.listen,
                remedy="set tls_certificate and tls_key, or put a proxy that does TLS in front",
            )

    async def stop(self) -> None:
        """Take no more requests, answer those that have begun."""
        self._stopping = True
        if self._listener is not None:
            await self._listener.close()
            self._listener = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def connect(self, name: str) -> Connection | None:
        """What serves one more connection from an address; None if there is no place for it."""
        assert self._make is not None
        if not self._connections.enter(name, unbounded=self._is_proxy(name)):
            return None
        return self._make(name)

    def _refuse_connection(self, name: str, client: socket.socket) -> None:
        refusal = HttpRefusal(Why.TOO_MANY_CONNECTIONS, "too many connections are open")
        count(self._pressure, refusal, name)
        if self._settings.tls_certificate is None:
            with contextlib.suppress(OSError):
                client.send(last_words(refusal))

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._around])
        for route in self._routes.values():
            application.router.add_route(route.method, route.path, _never)
        return application

    @web.middleware
    async def _around(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """One request from its head to its answer; aiohttp's own handler is not asked."""
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        route = self._routes.get((request.method, path))
        call = Call(request, self._address(request), b"")
        began = self._clock.monotonic()
        self._in_flight += 1
        try:
            response = await self._answer(call, route)
        except HttpRefusal as refusal:
            response = self._refuse(call, route, refusal)
        except _Gone:
            return web.Response(status=400)  # to nobody
        finally:
            self._in_flight -= 1
            if call.leave is not None:
                call.leave()
            if isinstance(request.protocol, Connection):
                request.protocol.answered()
        response.headers.update(_OF_ALL)
        if self._settings.access_log:
            self._log.info(
                "http.request",
                method=request.method if route else "",
                path=path,
                status=response.status,
                address=call.address,
                account=call.account.member if call.account else None,
                ms=round((self._clock.monotonic() - began) * MS),
            )
        return response

    async def _answer(self, call: Call, route: Route | None) -> web.Response:
        if call.request.version not in (HttpVersion10, HttpVersion11):
            raise HttpRefusal(Why.BAD_HTTP, "this is neither HTTP/1.0 nor HTTP/1.1")
        if route is None:
            why = call.request.match_info.http_exception
            if isinstance(why, web.HTTPMethodNotAllowed):
                allowed = ", ".join(sorted(why.allowed_methods))
                raise HttpRefusal(Why.BAD_METHOD, f"this path knows only {allowed}", allow=allowed)
            raise HttpRefusal(Why.NO_SUCH_PATH, "there is no such path")
        if self._stopping:
            raise HttpRefusal(Why.STOPPING, "the daemon is stopping", retry_after=5)
        if self._in_flight > self._settings.in_flight:
            raise HttpRefusal(Why.BUSY, "too many requests are being answered", retry_after=1)
        call.body = await self._body(call.request, route.body_octets or self._settings.body_octets)
        CALLER.set(f"http {call.address}")
        try:
            response = await route.handler(call)
        except HttpRefusal:
            raise
        except Exception as error:  # only this request is to suffer from it
            raise of_error(error) from error
        self._count(call, route, call.refused)
        return response

    async def _body(self, request: web.Request, limit: int) -> bytes:
        """The whole body, within its limits of size and time."""
        connection = request.protocol
        if request.headers.get("Content-Encoding", "").lower() not in _IDENTITY:
            raise HttpRefusal(Why.BAD_CONTENT_TYPE, "the body is compressed", "send it as it is")
        if (request.content_length or 0) > limit:
            raise HttpRefusal(Why.BODY_TOO_LARGE, f"a body may have {limit} octets")
        if isinstance(connection, Connection):
            connection.head_read(body_follows=request.can_read_body)
        try:
            body = await _read(request, limit)
        except ConnectionError:
            raise _Gone from None
        except (web.RequestPayloadError, ValueError):
            raise HttpRefusal(Why.BAD_HTTP, "the body ended too early, or is not coded") from None
        if isinstance(connection, Connection):
            connection.body_read()
        return body

    def _refuse(self, call: Call, route: Route | None, refusal: HttpRefusal) -> web.Response:
        """The answer to what is refused, in the route's words; counted."""
        self._count(call, route, [refusal])
        response = (route.refuse if route else native_refusal)(refusal, call)
        if refusal.retry_after is not None:
            response.headers["Retry-After"] = str(refusal.retry_after)
        if refusal.allow:
            response.headers["Allow"] = refusal.allow
        if refusal.code in (Why.BODY_TOO_LARGE, Why.STOPPING, Why.BAD_HTTP):
            response.force_close()  # what is left of the body is not worth reading
        return response

    def _count(self, call: Call, route: Route | None, refusals: Sequence[HttpRefusal]) -> None:
        """Count each; a fault of ours that several of them share is logged once."""
        path = route.path if route else ""
        faults = {id(one.__cause__): one for one in refusals if one.code == Why.INTERNAL}
        for fault in faults.values():
            self._log.error("http.failed", path=path, exc_info=fault.__cause__)
        for refusal in refusals:
            if refusal.refusal is None and refusal.code not in _ORDINARY:
                self._pressure.refused(
                    f"HTTP_{refusal.code}",
                    address=call.address,
                    path=path,
                    account=call.account.member if call.account else None,
                    why="" if refusal.code in _QUOTING else refusal.message,
                )

    def _address(self, request: web.Request) -> str:
        forwarded = request.headers.getall("X-Forwarded-For", [])
        return addresses.caller(request.remote or "", forwarded, self._trusted)

    def _is_proxy(self, peer: str) -> bool:
        address = addresses.parse(peer)
        return address is not None and addresses.is_in(address, self._trusted)

    def _figures(self) -> dict[str, int]:
        return {
            f"{self._name}_connections": self._connections.taken,
            f"{self._name}_in_flight": self._in_flight,
        }


async def _read(request: web.Request, limit: int) -> bytes:
    """What stands in the body; aiohttp's own limit is one for all routes."""
    found = bytearray()
    async for chunk in request.content.iter_any():
        found += chunk
        if len(found) > limit:
            raise HttpRefusal(Why.BODY_TOO_LARGE, f"a body may have {limit} octets")
    return bytes(found)


async def _never(_request: web.Request) -> web.StreamResponse:
    """Stands in aiohttp's table of routes; the middleware answers."""
    raise LookupError("the server answers its routes itself")


def _is_loopback(listener: socket.socket) -> bool:
    address = addresses.parse(str(listener.getsockname()[0]))
    return address is not None and address.is_loopback


def certificate(settings: HttpSection) -> ssl.SSLContext | None:
    """The certificate to show; raises CannotListen."""
    shown, key = settings.tls_certificate, settings.tls_key
    if shown is None:
        if key is not None:  # who names a key wants no request in the clear
            raise CannotListen("tls_key stands without tls_certificate", "set both in [http]")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key with a password would ask for it at the terminal, which nobody watches.
        context.load_cert_chain(shown, key, password=lambda: "")
    except (OSError, ssl.SSLError, ValueError) as error:
        why = "it is no certificate with its key in PEM"
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
            why = error.strerror or why
        remedy = "check tls_certificate and tls_key in [http]: PEM, the key without a password"
        raise CannotListen(f"{shown}: {why}", remedy) from None
    return context


def _listen(listen: str) -> socket.socket:
    """A bound socket; raises CannotListen."""
    host, port = split_listen(listen)
    try:
        # Only numbers and names of this machine are of use here, so nothing is asked abroad.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, address = found[0][0], found[0][4][:2]
        # "All addresses" of IPv6 are those of IPv4, too.
        both = address[0] == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(address, family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except (OSError, UnicodeError) as error:
        number: int | None = getattr(error, "errno", None)
        why = (
            os.strerror(number) if number is not None and number > 0 else "there is no such address"
        )
        remedy = "set another address or port as `listen` in [http], or end who has it"
        raise CannotListen(f"{listen}: cannot listen there: {why}", remedy) from None
