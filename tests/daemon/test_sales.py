"""One order's whole way, for every dialect, every operator, every fault of the rack."""

from pathlib import Path
from typing import Any

import pytest

from tests.daemon.virtual_loop import run
from tests.daemon.world import CODES, World, rack_plan

DIALECTS = (
    "wavecom",
    "huawei-e1550",
    "huawei-e173",
    "quectel-m35",
    "quectel-ec25",
    "simcom-sim800",
    "simcom-sim7600",
    "zte-mf190",
    "telit-he910",
)
NUMBERS = {
    "telkomsel": "0812000000{:02}",
    "indosat": "0856000000{:02}",
    "xl": "0817000000{:02}",
    "tri": "0895000000{:02}",
}


def in_world(directory: Path, test: Any, *chips: tuple[str, str], **options: Any) -> None:
    """Run a test coroutine in a world that is set up, and check both audits after it."""

    async def work() -> None:
        world = World(directory, rack_plan(*chips, **options))
        await world.set_up()
        await test(world)
        assert world.findings() == []
        await world.stop()

    run(work())


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("operator", ["telkomsel", "indosat", "xl"])
def test_every_dialect_sells_on_every_channel(tmp_path: Path, dialect: str, operator: str) -> None:
    async def sell(world: World) -> None:
        number = NUMBERS[operator].format(12)
        order = await world.order(f"{CODES[operator]}10.{number}")
        await world.settle()
        story = await world.show(order)
        assert story["order"]["state"] == "SUCCEEDED"
        assert story["order"]["serial_number"]
        assert world.delivered() == [("62" + number[1:], 10)]
        balance = (await world.call("agent.list"))["agents"][0]["available"]
        assert balance == 10_000_000 - 10_500
        chip = (await world.call("chip.list"))["chips"][0]
        assert chip["stock_posted"] == 1_000_000 - 10_150
        assert "BERHASIL" in story["messages"][0]["text"]

    in_world(tmp_path, sell, (dialect, operator))


FAULTS = (
    "done_no_reply",
    "not_done_no_reply",
    "late_sms",
    "split_reply",
    "doubled_reply",
    "foreign_reply",
    "garbled_line",
    "hang",
    "urc_storm",
    "stock_in",
    "operator_busy",
    "late_booking",
    "unplug",
)


@pytest.mark.parametrize("operator", ["telkomsel", "indosat", "xl"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_ends_in_the_truth(tmp_path: Path, operator: str, fault: str) -> None:
    async def sell(world: World) -> None:
        orders = [
            await world.order(f"{CODES[operator]}10.{NUMBERS[operator].format(n)}")
            for n in (12, 13, 14)
        ]
        await world.settle(but_unknown=True)
        await world.clock.sleep(3600)
        delivered = world.delivered()
        assert len(delivered) == len(set(delivered)), "nothing is delivered twice"
        for number, order in zip((12, 13, 14), orders, strict=True):
            destination = "62" + NUMBERS[operator].format(number)[1:]
            story = await world.show(order)
            state = story["order"]["state"]
            assert state in ("SUCCEEDED", "FAILED"), story
            assert (state == "SUCCEEDED") == ((destination, 10) in delivered), story
        chip = (await world.call("chip.list"))["chips"][0]
        truth = [line for line in world.truth if line["kind"] == "stock"][-1]
        assert chip["stock_posted"] == truth["stock"]

    if fault == "split_reply" and operator != "xl":
        return  # only texts come in parts
    schedule = f'\n[[fault]]\nat_order = 2\nkind = "{fault}"\n'
    in_world(tmp_path, sell, ("wavecom", operator), faults=schedule)
