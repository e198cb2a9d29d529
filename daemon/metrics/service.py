"""The metrics server: a port of its own on which a monitor asks, and nobody else.

It is apart from the channels' server, so that agents' programs find no figures there and a flood
of orders does not keep the monitor out. The server is the same (`channels/http/server.py`), with
narrow limits: a few connections, short heads, no bodies.

A port that is taken, or any other fault here, is told in the log and tried again; it never ends
the daemon and no order waits for it. This module and what it imports are loaded only if
`[metrics] listen` is set.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from importlib import metadata
from itertools import chain
from typing import Any, Final

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.process_collector import ProcessCollector

from pulsarack.daemon.channels.http.routes import JSON, Call, Route
from pulsarack.daemon.channels.http.server import CannotListen, HttpServer
from pulsarack.daemon.clock import stopwatch
from pulsarack.daemon.config_http import HttpSection
from pulsarack.daemon.metrics import exposition, samples
from pulsarack.daemon.metrics.exposition import Format
from pulsarack.daemon.metrics.figures import KEPT_SECONDS, Gatherer, OffLoop, Sources
from pulsarack.daemon.metrics.health import Health
from pulsarack.daemon.metrics.lag import Lag
from pulsarack.daemon.metrics.samples import Everything

AGAIN_SECONDS: Final = 30.0
_REMEDY: Final = "end who has the port, or set another as `listen` in [metrics]; orders go on"


class MetricsService:
    """Serves /metrics, /healthz and /readyz."""

    def __init__(self, sources: Sources, off_loop: OffLoop = asyncio.to_thread) -> None:
        self._context = sources.context
        self._sources = sources
        self._gatherer = Gatherer(sources, off_loop)
        self._health = Health(sources, self._gatherer)
        self._lag = Lag(stopwatch)
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._making = asyncio.Lock()
        self._made: dict[Format, tuple[float, bytes]] = {}
        self.server = HttpServer(
            self._context.clock,
            limits(self._context.config.metrics.listen or ""),
            sources.pressure,
            name="metrics",
        )
        self.server.add(
            [
                Route("GET", "/metrics", self._metrics),
                Route("GET", "/healthz", _judged(self._health.alive)),
                Route("GET", "/readyz", _judged(self._health.ready)),
            ]
        )

    async def run(self) -> None:
        """Serve until cancelled; whatever fails is tried again."""
        lag = asyncio.create_task(self._lag.run(), name="lag")
        try:
            while True:
                try:
                    await self.server.start()
                    await asyncio.Event().wait()
                except CannotListen as error:
                    self._context.log.error(
                        "metrics.not_listening", why=error.message, remedy=_REMEDY
                    )
                except Exception as error:  # no fault here ends the daemon
                    self._context.log.error("metrics.fault", exc_info=error)
                    await self.server.stop()
                await self._context.clock.sleep(AGAIN_SECONDS)
        finally:
            lag.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await lag
            await self.server.stop()
            self._health.close()
            await self._gatherer.close()

    async def text(self, how: Format) -> bytes:
        """All metrics in a format, as of some seconds ago at most."""
        async with self._making:
            now = self._context.clock.monotonic()
            made = self._made.get(how)
            if made is None or now - made[0] >= KEPT_SECONDS:
                figures = await self._gatherer.gather()
                everything = Everything(
                    figures,
                    self._context.measures,
                    self._sources.meter,
                    self._lag.spread,
                    version(),
                )
                # Each is made when its turn to be written has come.
                found = chain(samples.families(everything), self._registry.collect())
                made = self._made[how] = (now, await exposition.written(found, how))
            return made[1]

    async def _metrics(self, call: Call) -> web.Response:
        how = exposition.format_of(call.request.headers.get("Accept", ""))
        return web.Response(body=await self.text(how), headers={"Content-Type": how.content_type})


def limits(listen: str) -> HttpSection:
    """What a monitor may take: it asks from few places, for short paths, and keeps a connection."""
    return HttpSection(
        listen=listen,
        connections=16,
        connections_per_address=16,
        in_flight=8,
        body_octets=1024,
        header_octets=4096,
        access_log=False,
        head_seconds=5.0,
        body_seconds=5.0,
        idle_seconds=120.0,
        stop_seconds=1.0,
    )


def version() -> str:
    """Which pulsarack this is."""
    try:
        return metadata.version("pulsarack")
    except metadata.PackageNotFoundError:
        return "unknown"


def _judged(
    judge: Callable[[], Awaitable[tuple[bool, dict[str, Any]]]],
) -> Callable[[Call], Awaitable[web.Response]]:
    async def answer(_call: Call) -> web.Response:
        good, said = await judge()
        return web.Response(
            status=200 if good else 503, body=msgspec.json.encode(said), headers=JSON
        )

    return answer
