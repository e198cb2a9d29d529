"""Cases that once went wrong, or that somebody tried in order to break it."""

from pathlib import Path

from pulsarack.ledger import sql
from tests.daemon.test_orders_and_chips import chip, in_world, until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import OTHER_ADMIN, World, rack_plan

XL = ("wavecom", "xl")
SILENT = '\n[[fault]]\nat_order = 1\nkind = "done_no_reply"\nreport = false\n'


def everything_stored(world: World) -> str:
    """All text in the database."""
    tables = ("sms", "unparsed", "evidence", "exchange", "attempt", "transition", "orders")
    return world.daemon.store.read_inline(
        lambda db: repr([list(sql.run(db, f"SELECT * FROM {table}")) for table in tables])
    )


def test_a_modem_that_dies_while_a_report_is_awaited_leaves_nothing_sending(
    tmp_path: Path,
) -> None:
    async def order(world: World) -> None:
        order_id = await world.order("X10.081700000012")
        while not (await world.show(order_id))["attempts"]:
            await world.clock.sleep(1.0)
        while (await world.show(order_id))["attempts"][0]["committed_at"] is None:
            await world.clock.sleep(0.5)
        world.ports.unplug("/rack/modem0")
        await world.clock.sleep(600)
        assert (await world.states())[order_id] == "UNKNOWN"
        answer = await world.call(
            "order.resolve", id=order_id, delivered=False, because="burnt down", who="admin1"
        )
        assert answer["state"] == "FAILED"

    in_world(tmp_path, order, XL, faults=SILENT)


def test_a_pin_that_the_operator_quotes_is_stored_nowhere(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        iccid = (await chip(world))["iccid"]
        send = world.simulation.network.send_text
        send(iccid, "168", "27May 1135: Sorry, wrong format: BAGI 081700000012 10 1201. Ref:1")
        send(iccid, "168", "Your PIN is 1201")
        send(iccid, "62812000000", "forwarded: BAGI 081700000012 10 1201")
        await world.clock.sleep(120)
        assert len((await world.call("unparsed.list"))["replies"]) >= 2
        assert "1201" not in everything_stored(world)

    in_world(tmp_path, order, XL)


def test_a_chip_whose_pin_is_missing_says_so(tmp_path: Path) -> None:
    async def look() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        world.pins = {}
        await world.set_up()
        await world.clock.sleep(60)
        (modem,) = (await world.call("modem.list"))["modems"]
        assert modem["state"] == "failed"
        assert "chip_pin" in modem["why"] and "secrets file" in modem["why"]
        await world.stop()

    run(look())


def test_an_undecided_order_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async def order() -> None:
        world = World(tmp_path, rack_plan(XL, faults=SILENT))
        await world.set_up()
        order_id = await world.order("X10.081700000012")
        while (await world.states())[order_id] != "UNKNOWN":
            await world.clock.sleep(1.0)
        began = world.clock.monotonic()
        await world.stop()
        assert world.clock.monotonic() - began < 100, "a stock query may be under way"
        await world.start()
        await world.settle()
        assert (await world.states())[order_id] == "SUCCEEDED"
        await world.stop()

    run(order())


def test_another_cards_stock_decides_nothing(tmp_path: Path) -> None:
    """Two cards change places without a word from their modems."""

    async def order(world: World) -> None:
        order_id = await world.order("S10.081200000012")
        while (await world.states())[order_id] != "UNKNOWN":
            await world.clock.sleep(1.0)
        one, other = world.simulation.modems
        one.card, other.card = other.card, one.card
        await world.settle()
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert len(world.delivered()) == 1

    in_world(
        tmp_path, order, ("wavecom", "telkomsel"), ("simcom-sim800", "telkomsel"), faults=SILENT
    )


def test_equal_credits_without_a_key_all_count(tmp_path: Path) -> None:
    async def pay(world: World) -> None:
        credit = {"code": "A1", "amount": 1_000, "because": "deposit", "who": "admin1"}
        asked = [await world.call("agent.credit", **credit) for _ in range(5)]
        asked += [await world.call("agent.credit", id="k1", **credit) for _ in range(2)]
        assert [one["repeated"] for one in asked] == [False] * 6 + [True]
        for request in (await world.call("credit.list"))["requests"]:
            await world.call_as(OTHER_ADMIN, "credit.confirm", id=request["id"], who="admin2")
        (agent,) = (await world.call("agent.list"))["agents"]
        assert agent["balance"] == 10_006_000

    in_world(tmp_path, pay)


def test_dear_orders_do_not_keep_a_cheap_one_waiting(tmp_path: Path) -> None:
    """One chip is rich and resting, the other can only pay for small ones."""

    async def order(world: World) -> None:
        await until_idle(world)
        rich = (await chip(world, 1))["iccid"]
        await world.call("chip.rest", iccid=rich, because="test")
        for number in range(10, 30):
            await world.order(f"S20.0812000000{number}")
        small = await world.order("S5.081200000050")
        await world.clock.sleep(60)
        assert (await world.states())[small] == "SUCCEEDED"
        await world.call("chip.enable", iccid=rich)
        await world.settle()

    poor_and_rich = [("wavecom", "telkomsel"), ("wavecom", "telkomsel")]
    in_world(tmp_path, order, *poor_and_rich, stocks=[15_000, 1_000_000])
