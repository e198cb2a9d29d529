"""The whole daemon while the machine's clock is set by an hour and back, and while it restarts."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pulsarack.queue import orders
from tests.daemon.test_orders_and_chips import in_world
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

HOUR = 3600.0


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_orders_that_wait_neither_stall_nor_expire(tmp_path: Path, seconds: float) -> None:
    async def live(world: World) -> None:
        waiting = [await world.order(f"S10.0812000000{number}") for number in range(20, 28)]
        await world.clock.sleep(10)
        world.clock.step(seconds)
        await world.settle(120)
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        assert len(waiting) == len(world.delivered())

    in_world(tmp_path, live)


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_an_order_without_a_way_expires_in_its_own_time(tmp_path: Path, seconds: float) -> None:
    async def live(world: World) -> None:
        order_id = await world.order("I10.085600000012")  # there is no chip of that operator
        await world.clock.sleep(300)
        world.clock.step(seconds)
        await world.clock.sleep(285)
        assert (await world.states())[order_id] == "QUEUED"
        await world.clock.sleep(30)
        assert (await world.states())[order_id] == "FAILED"

    in_world(tmp_path, live)


def test_the_clock_goes_back_while_the_daemon_is_down(tmp_path: Path) -> None:
    async def live(world: World) -> None:
        for number in range(20, 24):
            await world.order(f"S10.0812000000{number}")
        await world.clock.sleep(5)
        await world.crash()
        world.clock.step(-HOUR)
        await world.clock.sleep(5)
        await world.start()
        await world.settle(300)
        assert len(world.delivered()) == 4

    in_world(tmp_path, live)


def _story(world: World) -> dict[str, Any]:
    found = world.daemon.store.read_inline(lambda db: orders.listed(db, limit=1000))
    return {str(order.id): order.state for order in found}


@pytest.mark.parametrize("seed", range(6))
def test_a_clock_that_jumps_about_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """Steps at random, forth and back, in fine weather: every order is delivered once."""

    async def live() -> None:
        rng = random.Random(seed)
        chips = (("wavecom", "telkomsel"), ("simcom-sim800", "xl"), ("quectel-m35", "indosat"))
        world = World(tmp_path, rack_plan(*chips), seed)
        await world.set_up()
        prefixes = {"S": "0812", "X": "0817", "I": "0856"}
        for number in range(30):
            code = rng.choice("SXI")
            await world.order(f"{code}10.{prefixes[code]}000000{10 + number}")
            await world.clock.sleep(rng.uniform(0, 5))
            if rng.random() < 0.2:
                world.clock.step(rng.choice([-HOUR, HOUR, -90.0, 90.0]))
                await world.clock.sleep(1.1)
            if rng.random() < 0.1:
                await world.crash()
                world.clock.step(rng.choice([0.0, -HOUR]))
                await world.start()
        await world.settle(3 * HOUR)
        assert world.findings() == []
        assert Counter(_story(world).values()) == {"SUCCEEDED": 30}
        assert len(world.delivered()) == 30
        await world.stop()

    run(live())
