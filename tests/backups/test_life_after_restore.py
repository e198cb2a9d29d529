"""The whole daemon on a simulated rack: backed up at work, its disk lost, put back, started.

The operator's books are the witness: nothing is delivered twice, and what the restored daemon
believes is what happened, as soon as an admin has said what it cannot know.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from pulsarack.daemon import audit, truth_books
from pulsarack.daemon.backups import restoring, shelf
from pulsarack.daemon.store_files import open_read_only
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

TELKOMSEL = ("huawei-e173", "telkomsel")
NUMBERS = [f"0812000000{n}" for n in range(11, 17)]


def top_ups(world: World) -> list[dict[str, Any]]:
    """What the operator delivered, in its own books."""
    return [line for line in world.truth if line["kind"] == "top_up" and line["delivered"]]


def findings(directory: Path, world: World) -> list[Any]:
    """The audit, with the operator's books."""
    lines = b"".join(json.dumps(line).encode() + b"\n" for line in world.truth)
    with open_read_only(directory / "pulsarack.db") as db:
        return audit.audit(db, truth_books.parse(lines, "the truth"))


def test_what_was_open_in_the_backup_is_never_delivered_again(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, rack_plan(TELKOMSEL, TELKOMSEL))
        await world.set_up()
        await asyncio.sleep(60)
        for number in NUMBERS:
            await world.order(f"S10.{number}")
        await asyncio.sleep(4)  # some are on their way, others wait
        states = list((await world.states()).values())
        assert {"SENDING", "QUEUED"} <= set(states)
        still_open = sum(one != "SUCCEEDED" for one in states)
        assert (await world.call("backup.now"))["made"]
        await world.settle()
        assert len(top_ups(world)) == len(NUMBERS)
        await world.crash()
        put_back(tmp_path, world)
        await world.start()
        await asyncio.sleep(1200)
        assert len((await world.call("order.undecided"))["orders"]) == still_open
        await settle(world)
        assert len(top_ups(world)) == len(NUMBERS) + 1
        assert (await world.call("discrepancies.list"))["discrepancies"] == []
        await world.stop()
        assert findings(tmp_path, world) == []

    run(story())


def put_back(directory: Path, world: World) -> None:
    """As the command does it."""
    restoring.restore(
        lambda: shelf.find(directory / "backups", None),
        directory,
        now_ms=world.clock.now_ms(),
        hold_agents=True,
    )


async def settle(world: World) -> None:
    """What docs/backups.md says: decide by the operators' lists, compare, let the agents order."""
    by = {line["destination"][-9:]: line["chip"] for line in top_ups(world)}
    for order in (await world.call("order.undecided"))["orders"]:
        word = {"delivered": True, "because": "the operator's list", "who": "admin1"}
        chip = by[order["destination"][-9:]]
        await world.call("order.resolve", id=order["id"], chip=chip, **word)
    await asyncio.sleep(1200)  # the stocks are read
    assert (await world.refusal("order.new", agent="A1", text="S10.081200000031")).code
    assert (await world.call("backup.reopen"))["agents"] == ["A1"]
    await world.order("S10.081200000031")
    await world.settle()
