"""Modems that are pulled out in every state of a sale, and come back in another slot."""

from pathlib import Path

import pytest

from pulsarack.daemon.sale import Sale
from tests.daemon.test_orders_and_chips import chip, in_world, until_idle
from tests.daemon.world import World

GOES_ON_SECONDS = 10.0
DIALECTS = ("wavecom", "simcom-sim800", "huawei-e1550")


async def pull(world: World, seconds: float = 5.0) -> None:
    """Out, and after a while into another port of the rack, from where it starts anew."""
    world.ports.unplug("/rack/modem0")
    await world.clock.sleep(seconds)
    world.ports.plug("/rack/port7", "/rack/modem0")
    world.simulation.modems[0].power_on()


async def until_it_goes_on(world: World) -> float:
    """How long it took until the chip works in its new slot."""
    began = world.clock.monotonic()
    while (found := await chip(world))["slot"] != "port7" or found["doing"] in ("held", "starting"):
        assert world.clock.monotonic() - began < 60, await world.call("modem.list")
        await world.clock.sleep(0.1)
    return world.clock.monotonic() - began


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_idle_chip_goes_on_in_its_new_slot(tmp_path: Path, dialect: str) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        before = await chip(world)
        await pull(world)
        assert await until_it_goes_on(world) <= GOES_ON_SECONDS
        order_id = await world.order("S10.081200000012")
        await world.settle()
        assert (await world.states())[order_id] == "SUCCEEDED"
        after = await chip(world)
        assert (after["iccid"], after["sold_today"]) == (before["iccid"], 1)
        assert after["stock_posted"] == before["stock_posted"] - 10_150

    in_world(tmp_path, order, (dialect, "telkomsel"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_out_before_the_point_of_no_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    """Nothing has left: the order is sent once, from the new slot."""
    true_check = Sale._check_card
    pulled: list[str] = []

    async def order(world: World) -> None:
        async def check(sale: Sale) -> None:
            if not pulled:
                pulled.append(sale._desk.slot)
                world.ports.unplug("/rack/modem0")
            await true_check(sale)

        await until_idle(world)
        monkeypatch.setattr(Sale, "_check_card", check)
        order_id = await world.order("S10.081200000012")
        await world.clock.sleep(2.0)
        assert (await world.states())[order_id] == "QUEUED"
        await pull(world)
        assert await until_it_goes_on(world) <= GOES_ON_SECONDS
        await world.settle()
        attempts = (await world.show(order_id))["attempts"]
        assert [(one["outcome"], one["slot"]) for one in attempts] == [
            ("NOT_DONE", "modem0"),
            ("DONE", "port7"),
        ]
        assert attempts[0]["committed_at"] is None
        assert len(world.delivered()) == 1

    in_world(tmp_path, order, (dialect, "telkomsel"))


async def past_no_return(world: World, order_id: int) -> None:
    while not (found := (await world.show(order_id))["attempts"]) or not found[0]["committed_at"]:
        await world.clock.sleep(0.1)


SILENTLY_DONE = '\n[[fault]]\nat_order = 1\nkind = "done_no_reply"\nreport = false\n'
SILENTLY_NOT = '\n[[fault]]\nat_order = 1\nkind = "not_done_no_reply"\n'


@pytest.mark.parametrize(("faults", "deliveries"), [(SILENTLY_DONE, 1), (SILENTLY_NOT, 0), ("", 1)])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_out_after_the_point_of_no_return(
    tmp_path: Path, dialect: str, faults: str, deliveries: int
) -> None:
    """Nobody knows what became of it until the chip is back and tells: then it is decided."""

    async def order(world: World) -> None:
        await until_idle(world)
        order_id = await world.order("S10.081200000012")
        await past_no_return(world, order_id)
        await pull(world, seconds=30.0)
        assert (await world.states())[order_id] == "UNKNOWN"
        assert (await chip(world))["stock_held"] == 10_150, "its stock waits for it"
        assert await until_it_goes_on(world) <= GOES_ON_SECONDS
        await world.settle()
        assert len(world.delivered()) == 1, (
            "by the first attempt or, if it was not done, by another"
        )
        assert (await world.states())[order_id] == "SUCCEEDED"
        attempts = (await world.show(order_id))["attempts"]
        assert attempts[0]["slot"] == "modem0"
        assert len(attempts) == 2 - deliveries

    in_world(tmp_path, order, (dialect, "telkomsel"), faults=faults)


def test_out_right_after_the_answer(tmp_path: Path) -> None:
    """What was decided stays so, and the next order goes from the new slot."""

    async def order(world: World) -> None:
        await until_idle(world)
        first = await world.order("S10.081200000012")
        while (await world.states())[first] != "SUCCEEDED":
            await world.clock.sleep(0.1)
        await pull(world)
        second = await world.order("S10.081200000013")
        assert await until_it_goes_on(world) <= GOES_ON_SECONDS
        await world.settle()
        assert await world.states() == {first: "SUCCEEDED", second: "SUCCEEDED"}
        assert len(world.delivered()) == 2

    in_world(tmp_path, order)


def test_a_card_in_another_modem_in_another_slot_goes_on(tmp_path: Path) -> None:
    """The modem burnt down; its card is put into a new one. Its undecided order waits for it."""

    async def order(world: World) -> None:
        await until_idle(world)
        order_id = await world.order("S10.081200000012")
        await past_no_return(world, order_id)
        one, other = world.simulation.modems
        iccid = one.iccid
        world.ports.unplug("/rack/modem0")
        await world.clock.sleep(5.0)
        world.ports.unplug("/rack/modem1")
        one.card, other.card = other.card, one.card
        await world.clock.sleep(5.0)
        world.ports.plug("/rack/port7", "/rack/modem1")
        other.power_on()
        began = world.clock.monotonic()
        while (await world.call("chip.show", iccid=iccid))["slot"] != "port7":
            await world.clock.sleep(0.1)
        assert world.clock.monotonic() - began <= GOES_ON_SECONDS
        await world.settle()
        found = await world.call("chip.show", iccid=iccid)
        assert found["modem"] == other.imei
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert len(world.delivered()) == 1

    two = (("wavecom", "telkomsel"), ("simcom-sim800", "indosat"))
    in_world(tmp_path, order, *two, faults=SILENTLY_DONE)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_card_that_was_out_for_long_goes_on_though_nobody_announces_it(
    tmp_path: Path, dialect: str
) -> None:
    """Pulled from a running modem, which is then out of the rack itself for a while."""

    async def order(world: World) -> None:
        await until_idle(world)
        modem = world.simulation.modems[0]
        modem.remove_card()
        await world.clock.sleep(30.0)
        await pull(world, seconds=20.0)
        await world.clock.sleep(3000.0)
        modem.insert_card()
        await world.clock.sleep(modem.dialect.registers_after)
        assert await until_it_goes_on(world) <= GOES_ON_SECONDS

    in_world(tmp_path, order, (dialect, "telkomsel"))
