"""What admins and technicians do, and what an order without a way comes to."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import log as logging
from pulsarack.daemon.rack import Rack
from pulsarack.queue.rows import execute
from tests.daemon.store_inline import InlineStore
from tests.daemon.virtual_loop import run
from tests.daemon.world import RECIPES, World, rack_plan

ONE = (("wavecom", "telkomsel"),)
SILENT = '\n[[fault]]\nat_order = 1\nkind = "not_done_no_reply"\n'
DONE_SILENTLY = '\n[[fault]]\nat_order = 1\nkind = "done_no_reply"\nreport = false\n'


def in_world(directory: Path, test: Any, *chips: tuple[str, str], **options: Any) -> None:
    async def work() -> None:
        world = World(directory, rack_plan(*(chips or ONE), **options))
        await world.set_up()
        await test(world)
        assert world.findings() == []
        await world.stop()

    run(work())


async def chip(world: World, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = (await world.call("chip.list"))["chips"][number]
    return found


async def until_idle(world: World) -> None:
    while (await chip(world))["doing"] != "idle":
        await world.clock.sleep(1.0)


REFUSED = (
    ("Z10.081200000012", "UNKNOWN_PRODUCT"),
    ("S10.0812", "BAD_NUMBER"),
    ("S10.+6591234567", "FOREIGN_NUMBER"),
    ("S10.0812ABCDEFG", "BAD_NUMBER"),
    ("S10.087000000012", "UNKNOWN_PREFIX"),
    ("S10.085600000012", "WRONG_OPERATOR"),
    ("hello", "BAD_FORMAT"),
    ("S10.0.081200000012", "BAD_FORMAT"),
)


def test_what_is_refused_says_why_and_what_to_do(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        for text, code in REFUSED:
            error = await world.refusal("order.new", agent="A1", text=text)
            assert (error.code, bool(error.message), bool(error.remedy)) == (code, True, True)
        error = await world.refusal("order.new", agent="A9", text="S10.081200000012")
        assert error.code == "UNKNOWN_AGENT"
        await world.call("agent.new", code="A2", name="Dua")
        error = await world.refusal("order.new", agent="A2", text="S10.081200000012")
        assert error.code == "INSUFFICIENT_DEPOSIT"
        assert await world.states() == {}

    in_world(tmp_path, order)


def test_a_reference_is_one_order_for_ever(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        first = await world.order("S10.081200000012", "r1")
        again = await world.call(
            "order.new", agent="A1", text="S10.081200000012", client_reference="r1"
        )
        assert (again["id"], again["repeated"]) == (first, True)
        error = await world.refusal(
            "order.new", agent="A1", text="S5.081200000012", client_reference="r1"
        )
        assert error.code == "REFERENCE_REUSED"
        error = await world.refusal("order.new", agent="A1", text="S10.081200000012")
        assert error.code == "REPEATED" and "S10.2.081200000012" in error.remedy
        await world.settle()

    in_world(tmp_path, order)


def test_a_finished_order_is_one_line_of_the_log(tmp_path: Path) -> None:
    logged = io.StringIO()

    async def order(world: World) -> None:
        logging.configure("info", "json", logged)
        order_id = await world.order("S10.081200000012")
        await world.settle()
        lines = [json.loads(line) for line in logged.getvalue().splitlines()]
        (line,) = [line for line in lines if line["event"] == "order.finished"]
        slot = next(iter(world.daemon.rack.slots.values()))
        assert slot.chip is not None
        assert line.pop("seconds_total") >= line.pop("seconds_queued") >= 0
        assert line == {
            "event": "order.finished",
            "order": order_id,
            "agent": "A1",
            "product": "S10",
            "destination": "6281200000012",
            "chip": slot.chip.iccid,
            "slot": slot.name,
            "attempts": 1,
            "attempt": 1,
            "outcome": "SUCCEEDED",
            "reason": None,
            "level": "info",
        }

    in_world(tmp_path, order)


def test_an_order_without_a_way_is_failed_refunded_and_told(tmp_path: Path) -> None:
    """The only chip is out of stock (its reserve counts)."""

    async def order(world: World) -> None:
        order_id = await world.order("S10.081200000012")
        await world.clock.sleep(30)
        explained = await world.call("route.explain", product="S10", destination="081200000013")
        assert explained["winner"] is None
        assert "reserve" in explained["chips"][0]["reasons"][0]
        await world.settle(700)
        story = await world.show(order_id)
        assert (story["order"]["state"], story["order"]["reason"]) == ("FAILED", "EXPIRED")
        assert "GAGAL" in story["messages"][0]["text"]
        assert (await world.call("agent.list"))["agents"][0]["available"] == 10_000_000

    in_world(tmp_path, order, stock=10_000)


def test_a_chip_at_its_hourly_limit_rests_until_it_may_sell_again(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        here = await chip(world)
        await world.call(
            "chip.adopt",
            iccid=here["iccid"],
            operator="telkomsel",
            recipe=RECIPES["telkomsel"],
            per_hour=1,
        )
        first = await world.order("S10.081200000012")
        await world.settle()
        row = {"code": "S11", "operator": "telkomsel", "denomination": 10, "price": 10_500}
        patient = {**row, "cost": 10_150, "time_limit_seconds": 7200}
        await world.call("product.import", rows=[patient])
        second = await world.order("S11.081200000013")
        await world.clock.sleep(60)
        assert (await chip(world))["doing"] == "resting: 1 of 1 an hour sold"
        await world.settle(7200)
        stories = [await world.show(one) for one in (first, second)]
        waited = [one["attempts"][0]["claimed_at"] for one in stories]
        assert waited[1] - waited[0] >= 3_600_000
        assert stories[1]["order"]["state"] == "SUCCEEDED"

    in_world(tmp_path, order)


def test_what_a_chip_carried_by_a_person_s_word_counts_in_its_day(tmp_path: Path) -> None:
    """An order that a backup held was delivered at a time of which all was counted before."""

    async def order(world: World) -> None:
        card = (await chip(world))["iccid"]
        of_it = {"iccid": card, "operator": "telkomsel", "recipe": RECIPES["telkomsel"]}
        await world.call("chip.adopt", **of_it, per_day=2)
        await until_idle(world)
        await world.call("chip.rest", iccid=card, because="a backup is put back")
        held = await world.order("S10.081200000012")
        world.daemon.store.run_inline(
            lambda db: execute(db, "UPDATE orders SET reason = 'RESTORED' WHERE id = ?", (held,))
        )
        await world.clock.sleep(120)
        await world.call("chip.enable", iccid=card)
        sold = await world.order("S10.081200000013")
        await world.clock.sleep(100)
        args = {"id": held, "delivered": True, "because": "he has it", "who": "admin1"}
        assert (await world.call("order.resolve", **args, chip=card))["state"] == "SUCCEEDED"
        third = await world.order("S10.081200000014")
        await world.clock.sleep(400)  # its stock is read first, and is not as the person said
        states = await world.states()
        assert (states[sold], states[third]) == ("SUCCEEDED", "QUEUED")

    in_world(tmp_path, order)


def test_a_new_chip_sells_nothing_until_it_is_adopted(tmp_path: Path) -> None:
    async def look() -> None:
        world = World(tmp_path, rack_plan(*ONE))
        await world.start()
        await world.clock.sleep(60)
        found = await chip(world)
        assert (found["state"], found["stock_read"]) == ("NEW", None)
        error = await world.refusal("chip.enable", iccid=found["iccid"])
        assert error.code == "NOT_ADOPTED"
        await world.call(
            "chip.adopt", iccid=found["iccid"], operator="telkomsel", recipe="telkomsel-mkios"
        )
        await until_idle(world)
        assert (await chip(world))["stock_posted"] == 1_000_000
        assert world.findings() == []
        await world.stop()

    run(look())


def test_a_resting_chip_takes_nothing_until_it_is_enabled(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        iccid = (await chip(world))["iccid"]
        await world.call("chip.rest", iccid=iccid, because="checking the card")
        order_id = await world.order("S10.081200000012")
        await world.clock.sleep(100)
        assert (await world.states())[order_id] == "QUEUED"
        await world.call("chip.enable", iccid=iccid)
        await world.settle()
        assert (await world.states())[order_id] == "SUCCEEDED"

    in_world(tmp_path, order)


def test_a_queued_order_can_be_cancelled_and_no_other(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        order_id = await world.order("S10.081200000012")
        answer = await world.call("order.cancel", id=order_id)
        assert answer["state"] == "CANCELLED"
        assert (await world.refusal("order.cancel", id=order_id)).code == "NOT_QUEUED"
        assert (await world.refusal("order.cancel", id=99)).code == "NOT_FOUND"
        await world.clock.sleep(60)
        assert world.delivered() == []

    in_world(tmp_path, order)


@pytest.mark.parametrize(("delivered", "state"), [(True, "SUCCEEDED"), (False, "FAILED")])
def test_an_admin_decides_an_undecided_order(tmp_path: Path, delivered: bool, state: str) -> None:
    async def order(world: World) -> None:
        order_id = await world.order("S10.081200000012")
        args = {"id": order_id, "because": "the customer has it", "who": "admin1"}
        while (await world.states())[order_id] != "UNKNOWN":
            error = await world.refusal("order.resolve", delivered=delivered, **args)
            assert error.code == "NOT_UNDECIDED"
            await world.clock.sleep(1.0)
        answer = await world.call("order.resolve", delivered=delivered, **args)
        assert answer["state"] == state
        story = await world.show(order_id)
        assert story["attempts"][0]["evidence"][-1]["by"] == "admin1"
        await until_idle(world)

    faults = DONE_SILENTLY if delivered else SILENT
    in_world(tmp_path, order, faults=faults)


def test_a_chip_that_moves_keeps_its_open_order(tmp_path: Path) -> None:
    """Unplugged while an order is undecided, the chip returns in another modem and slot."""

    async def order(world: World) -> None:
        order_id = await world.order("S10.081200000012")
        while (await world.states())[order_id] != "UNKNOWN":
            await world.clock.sleep(1.0)
        world.ports.swap("/rack/modem0", "/rack/modem1")
        await world.settle()
        story = await world.show(order_id)
        assert story["order"]["state"] == "SUCCEEDED"
        assert (await world.call("chip.list"))["chips"][1]["slot"] == "modem1"
        assert len(world.delivered()) == 1

    in_world(
        tmp_path,
        order,
        ("wavecom", "telkomsel"),
        ("simcom-sim800", "indosat"),
        faults=DONE_SILENTLY,
    )


def test_the_load_is_balanced_over_equal_chips(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        for number in range(10, 60):
            await world.order(f"S5.0812000002{number}")
        await world.settle()
        sold = [one["sold_today"] for one in (await world.call("chip.list"))["chips"]]
        assert sum(sold) == 50
        assert max(sold) <= 1.2 * sum(sold) / len(sold)

    in_world(tmp_path, order, *[("wavecom", "telkomsel")] * 3)


def test_what_is_plugged_in_is_not_looked_at_while_the_database_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is read on a thread of its own, and chips come and go meanwhile."""
    reading = False
    looks = 0

    async def listing(world: World) -> None:
        await until_idle(world)
        run_inline, presences = InlineStore.run_inline, Rack.presences

        def run_job(store: InlineStore, job: Any) -> Any:
            nonlocal reading
            reading = True
            try:
                return run_inline(store, job)
            finally:
                reading = False

        def look(rack: Rack) -> Any:
            nonlocal looks
            assert not reading
            looks += 1
            return presences(rack)

        monkeypatch.setattr(InlineStore, "run_inline", run_job)
        monkeypatch.setattr(Rack, "presences", look)
        assert len((await world.call("chip.list"))["chips"]) == 3
        assert looks == 1, "once for all chips"
        shown = await world.call("chip.show", iccid=(await chip(world))["iccid"])
        assert shown["slot"] == "modem0"

    in_world(tmp_path, listing, *[("wavecom", "telkomsel")] * 3)
