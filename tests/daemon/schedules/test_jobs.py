"""The jobs of the daemon at work in a small rack, and what is told of them."""

import csv
import io
import stat
from pathlib import Path
from typing import Any

from tests.daemon.virtual_loop import run
from tests.daemon.world import START_DAY, World, rack_plan

HOUR = 3600.0
PLAN = rack_plan(("simcom-sim800", "telkomsel"), stock=100_000)
FAULT = '[[fault]]\nat_order = 2\nkind = "not_done_no_reply"\nreport = false\n'


def standing(world: World, name: str) -> Any:
    """How a job stands."""
    return next(one for one in world.schedule.standings() if one.name == name)


def test_a_night_of_a_small_rack_is_reported_audited_and_archived(tmp_path: Path) -> None:
    async def life() -> None:
        world = World(tmp_path, PLAN, settings="[schedules]\nlow_stock_chip = 50000\n")
        await world.set_up()
        for number in (12, 13, 1):  # the last is of a number that the operator does not know
            await world.order(f"S10.0812000000{number:02}")
        await world.settle()
        today = await world.call("report.day")
        assert (today["day"], today["complete"]) == (START_DAY, False)
        total = today["total"]
        assert (total["sold"], total["failed"], total["face_value"]) == (2, 1, 20_000)
        assert (total["revenue"], total["cost"], total["profit"]) == (21_000, 20_300, 700)
        assert total["end"] == 79_700 == total["begin"] + total["came"] - total["cost"]
        await world.clock.sleep(11 * HOUR)
        await world.call("chip.rest", iccid=PLAN.modems[0].chip.iccid, because="night")
        folder = tmp_path / "reports"
        names = [f"{START_DAY}-{kind}.csv" for kind in ("agents", "chips", "failures", "operators")]
        assert sorted(one.name for one in folder.iterdir()) == names
        assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o640}
        (line,) = csv.DictReader(io.StringIO((folder / names[3]).read_text()))
        assert (line["operator"], line["profit"]) == ("telkomsel", "700")
        (agent,) = csv.DictReader(io.StringIO((folder / names[0]).read_text()))
        assert (agent["agent"], agent["name"], agent["end"]) == ("A1", "Satu", "9979000")
        failures = (folder / names[2]).read_text().splitlines()
        assert "operator,telkomsel,NUMBER_INACTIVE,1" in failures or len(failures) == 4, failures
        await world.clock.sleep(8 * HOUR)
        jobs = {one["name"]: one for one in (await world.call("schedule.list"))["jobs"]}
        assert {one["outcome"] for one in jobs.values()} == {"ok"}, jobs
        assert jobs["audit"]["said"] == "every promise holds"
        assert jobs["retention"]["said"].startswith("0 orders moved")
        assert jobs["low-stock"]["said"] == "stock is enough"
        assert jobs["reconciliation"]["said"].startswith("0 chips not read for 24 h, 0 read")
        past = await world.call("report.day", day=START_DAY, by="chip")
        assert past["complete"] and past["lines"][0]["profit"] == 700
        await world.stop()

    run(life())
