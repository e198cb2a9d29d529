"""The metrics server over real sockets: what is answered, what is refused, and whom it disturbs."""

import asyncio
import contextlib
import io
import json
import socket
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.metrics import health
from pulsarack.daemon.metrics.service import AGAIN_SECONDS, MetricsService
from pulsarack.daemon.store_errors import NotStored
from tests.daemon.channels.hand_clock import HandClock
from tests.daemon.metrics.monitored import ON, samples, service_of, text_of
from tests.daemon.test_config import problems
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

ONE = rack_plan(("wavecom", "telkomsel"))


@contextlib.asynccontextmanager
async def running(directory: Path, settings: str = ON) -> AsyncIterator[tuple[World, str]]:
    """A daemon that has just begun, and where its metrics are."""
    world = World(directory, ONE, settings=settings)
    await world.start()
    service = service_of(world)
    task = asyncio.create_task(service.run())
    while service.server._listener is None:
        await asyncio.sleep(0)
    try:
        yield world, f"http://127.0.0.1:{service.server.port}"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await world.crash()


async def test_it_serves_figures_and_says_how_it_is(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, base), aiohttp.ClientSession(base) as session:
        async with session.get("/metrics") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert ("pulsarack_build_info" in await answer.text()) and answer.headers["Server"]
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        async with session.get("/metrics", headers=accept) as answer:
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
            assert (await answer.text()).endswith("# EOF\n")
        async with session.get("/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"alive": True, "reasons": []})
        async with session.get("/readyz") as answer:
            assert answer.status == 503
            said = await answer.json()
            assert said["ready"] is False
            assert said["reasons"][0]["why"] == "no chip is in service"
            assert said["reasons"][0]["remedy"].startswith("pulsarack chip list")
        for path, status in (("/", 404), ("/metrics/", 404), ("/v1/orders", 404)):
            async with session.get(path) as answer:
                assert answer.status == status
        async with session.post("/metrics", data=b"x" * 2000) as answer:
            assert answer.status == 405
        assert world.pressure is not None
        assert world.pressure.figures()["refused"] == {"HTTP_BAD_METHOD": 1, "HTTP_NO_SUCH_PATH": 3}


async def test_connections_and_heads_are_bounded(tmp_path: Path) -> None:
    async with running(tmp_path) as (world, base):
        port = int(base.rsplit(":", 1)[1])
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(17)]
        try:
            reader, _ = held[16]
            assert (await reader.read(13)) == b"HTTP/1.1 503 "
            assert world.pressure is not None
            assert world.pressure.figures()["metrics_connections"] == 16
            reader, writer = held[0]
            writer.write(b"GET /metrics HTTP/1.1\r\nAccept: " + b"x" * 5000 + b"\r\n\r\n")
            assert (await reader.read(13)) == b"HTTP/1.0 400 "
        finally:
            for _, writer in held:
                writer.transport.abort()
            await asyncio.sleep(0)


async def test_a_port_in_use_is_its_own_affair(tmp_path: Path) -> None:
    lines = io.StringIO()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        world = World(tmp_path, ONE, settings=f'[metrics]\nlisten = "127.0.0.1:{port}"\n')
        await world.start()
        logging.configure("info", "json", lines)
        clock = HandClock()
        service = service_of(world, context=replace(world.daemon.context, clock=clock))
        task = asyncio.create_task(service.run())
        while "metrics.not_listening" not in lines.getvalue():
            await asyncio.sleep(0)
        (line,) = (json.loads(one) for one in lines.getvalue().splitlines())
        assert line["why"].endswith("Address already in use") and "[metrics]" in line["remedy"]
        assert not task.done()
    await clock.pass_by(AGAIN_SECONDS + 1)
    while service.server._listener is None:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await world.crash()


class Sick:
    """A store in which something is wrong, with what is asked of it."""

    def __init__(self, store: Any, fault: Exception | None = None) -> None:
        self._store, self.fault, self.asked = store, fault, 0

    async def _sick(self, *_args: object) -> None:
        self.asked += 1
        if self.fault is None:
            await asyncio.Event().wait()  # it hangs
        else:
            raise self.fault

    read = write = read_for = _sick

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def with_store(world: World, store: Any) -> MetricsService:
    """The service, as if the store were this one; the daemon goes on with its own."""
    return service_of(world, context=replace(world.daemon.context, store=store))


def test_readiness_follows_the_rack_and_the_store(tmp_path: Path) -> None:
    async def live() -> None:
        world = World(tmp_path, ONE, settings=ON)
        await world.set_up()
        service = service_of(world)
        ready, said = await service._health.ready()
        assert not ready and said["reasons"][0]["why"] == "none of the chips in service is ready"
        await until_idle(world)
        assert await service._health.ready() == (
            True,
            {"ready": True, "reasons": [], "limited": []},
        )
        await world.call("chip.adopt", iccid="8962110000000000018", operator="xl", recipe="xl-sms")
        await world.clock.sleep(10.0)
        ready, said = await service._health.ready()
        assert ready and said["limited"][0]["why"] == "no chip of xl is ready"

        store = world.daemon.store
        full = with_store(world, Sick(store, NotStored(OSError("disk full"))))
        alive, said = await full._health.alive()
        assert not alive and "disk full" in said["reasons"][0]["why"]
        assert (await full._health.ready())[0] is False
        text = samples(await text_of(full))  # the figures that need no database are there
        assert ("pulsarack_orders_accepted_total", ()) not in text
        assert ("pulsarack_store_failed_total", ()) in text

        hangs = Sick(store)
        hung = with_store(world, hangs)
        for _ in range(3):
            alive, said = await hung._health.alive()
            assert not alive and said["reasons"][0]["why"].startswith("the database has not answ")
        assert hangs.asked == 1  # whoever asks later waits for the same answer
        assert ("pulsarack_store_failed_total", ()) in samples(await text_of(hung))
        world.daemon.rack._stopping = True
        ready, said = await service._health.ready()
        assert not ready and said["reasons"][-1]["why"] == "the daemon is stopping"
        await world.stop()

    run(live())


def test_a_disk_that_is_nearly_full_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 2**60)

    async def live() -> None:
        world = World(tmp_path, ONE, settings=ON)
        await world.start()
        ready, said = await service_of(world)._health.ready()
        assert not ready and said["reasons"][0]["why"].endswith("MB are free for the database")
        await world.crash()

    run(live())


@pytest.mark.parametrize(
    ("listen", "says"),
    [
        ('"0.0.0.0:9290"', "write a loopback address"),
        ('"[::]:9290"', "write a loopback address"),
        ('"192.0.2.1:9290"', "or other_hosts = true"),
        ('"metrics.example:9290"', "write a loopback address"),
        ('"9290"', "write HOST:PORT"),
        ('"127.0.0.1:99999"', "write HOST:PORT"),
        ("9290", "listen"),
    ],
)
def test_where_it_may_listen(tmp_path: Path, listen: str, says: str) -> None:
    (line,) = problems(tmp_path, f"[metrics]\nlisten = {listen}\n")
    assert "metrics.listen" in line and says in line


@pytest.mark.parametrize(
    "text",
    [
        'listen = "127.0.0.1:9290"',
        'listen = "[::1]:9290"',
        'listen = "localhost:9290"',
        'listen = "0.0.0.0:9290"\nother_hosts = true',
    ],
)
def test_where_it_may_listen_without_a_word(text: str) -> None:
    parsed = config.parse(tomllib.loads(f"[metrics]\n{text}\n"), Path("pulsarack.toml"))
    assert parsed.metrics.listen is not None
