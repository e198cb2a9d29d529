"""The upgrade in the middle of the day: stopped or killed at work, brought up to date, gone on.

The database of a server at work is made as old as a version before, so that the daemon that is
started next has to bring it up; the operator's own books say whether anything was lost or sold
twice.
"""

import asyncio
from pathlib import Path

import pytest

from tests.backups.test_life_after_restore import findings, top_ups
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan
from tests.upgrades.older import make_older

FAULTS = '[[fault]]\nat_order = 2\nkind = "done_no_reply"\nreport = false\n'
NUMBERS = [f"0812000000{n}" for n in range(11, 16)]


@pytest.mark.parametrize(("number", "killed"), [(2, "SENDING"), (9, "")])
def test_the_queue_and_what_is_undecided_outlive_an_upgrade_at_work(
    tmp_path: Path, number: int, killed: str
) -> None:
    async def story() -> None:
        world = World(tmp_path, rack_plan(("huawei-e173", "telkomsel"), faults=FAULTS))
        await world.set_up()
        await asyncio.sleep(60)
        for one in NUMBERS:
            await world.order(f"S10.{one}")
        until = world.clock.monotonic() + 300
        while not {killed or "UNKNOWN", "QUEUED"} <= set((await world.states()).values()):
            assert world.clock.monotonic() < until
            await asyncio.sleep(0.5)
        await (world.crash() if killed else world.stop())
        make_older(tmp_path / "pulsarack.db", number)
        await world.start()
        await world.settle()
        await world.order("S10.081200000031")
        await world.settle()
        await asyncio.sleep(600)
        assert len({line["destination"] for line in top_ups(world)}) == len(NUMBERS) + 1
        assert len(top_ups(world)) == len(NUMBERS) + 1
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        await world.stop()
        assert findings(tmp_path, world) == []

    run(story())
