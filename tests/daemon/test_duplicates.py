"""Two modems that show the same card or the same IMEI: neither sells until one is gone."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.sale import Sale
from pulsarack.queue.claim import Claim
from tests.daemon.test_orders_and_chips import chip, in_world, until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

TWO = (("wavecom", "telkomsel"), ("simcom-sim800", "telkomsel"))
OTHERS = (("wavecom", "telkomsel"), ("simcom-sim800", "indosat"))


async def modem(world: World, slot: str) -> dict[str, Any]:
    modems = (await world.call("modem.list"))["modems"]
    none: dict[str, Any] = {"state": "not there yet"}
    return next((one for one in modems if one["slot"] == slot), none)


async def until_state(world: World, slot: str, state: str, within_seconds: float = 120.0) -> None:
    until = world.clock.monotonic() + within_seconds
    while (await modem(world, slot))["state"] != state:
        assert world.clock.monotonic() < until, await modem(world, slot)
        await world.clock.sleep(0.5)


def clone_card(world: World) -> None:
    """The second modem shows the card of the first from now on, and starts anew."""
    one, other = world.simulation.modems
    other.card = one.card
    replug(world)


def replug(world: World) -> None:
    world.ports.unplug("/rack/modem1")
    world.ports.plug("/rack/modem9", "/rack/modem1")


def test_of_two_with_one_card_neither_sells_until_one_is_unplugged(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        clone_card(world)
        await until_state(world, "modem9", "held")
        await until_state(world, "modem0", "held")
        first, second = await modem(world, "modem0"), await modem(world, "modem9")
        assert "slot modem9 shows chip" in first["why"]
        assert "slot modem0 shows chip" in second["why"]
        assert (await chip(world))["doing"] == "held"
        order_id = await world.order("S10.081200000012")
        await world.clock.sleep(300)
        assert (await world.states())[order_id] == "QUEUED"
        assert not world.delivered()
        world.ports.unplug("/rack/modem0")
        began = world.clock.monotonic()
        await world.settle()
        assert world.clock.monotonic() - began < 30
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert (await modem(world, "modem9"))["state"] == "ready"

    in_world(tmp_path, order, *OTHERS)


def test_what_is_past_its_point_of_no_return_is_ended_first(tmp_path: Path) -> None:
    """The clone appears while the sale waits for its answer; that is heard all the same."""

    async def order(world: World) -> None:
        await until_idle(world)
        order_id = await world.order("S10.081200000012")
        while not (await world.show(order_id))["attempts"]:
            await world.clock.sleep(0.1)
        while (await world.show(order_id))["attempts"][0]["committed_at"] is None:
            await world.clock.sleep(0.1)
        slot = next(iter(world.daemon.rack.slots.values()))
        slot.held_changed("another shows the same")
        await world.clock.sleep(60)
        assert (await world.states())[order_id] == "SUCCEEDED"
        again = await world.order("S10.081200000013")
        await world.clock.sleep(60)
        assert (await world.states())[again] == "QUEUED"
        slot.held_changed("")
        await world.settle()
        assert len(world.delivered()) == 2

    in_world(tmp_path, order)


@pytest.mark.parametrize(
    ("operator", "text"), [("telkomsel", "S10.081200000012"), ("xl", "X10.081700000012")]
)
def test_what_is_before_its_point_of_no_return_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operator: str, text: str
) -> None:
    """The clone appears when the sale has begun, by USSD or by SMS, and before its money moves."""
    true_commit = Sale._commit
    held: list[Claim] = []

    async def order(world: World) -> None:
        await until_idle(world)
        slot = next(iter(world.daemon.rack.slots.values()))

        async def commit(sale: Sale) -> None:
            if not held:
                held.append(sale._claim)
                slot.held_changed("another shows the same")
            await true_commit(sale)

        monkeypatch.setattr(Sale, "_commit", commit)
        order_id = await world.order(text)
        await world.clock.sleep(120)
        assert held and not world.delivered()
        assert (await world.states())[order_id] == "QUEUED"
        (attempt,) = (await world.show(order_id))["attempts"]
        assert (attempt["outcome"], attempt["committed_at"]) == ("NOT_DONE", None)
        slot.held_changed("")
        await world.settle()
        assert len(world.delivered()) == 1

    in_world(tmp_path, order, ("wavecom", operator))


def test_a_card_that_moved_without_a_word_is_known_again_within_ten_seconds(
    tmp_path: Path,
) -> None:
    """Pulled out of a modem that does not tell, and put into another."""

    async def move(world: World) -> None:
        await until_idle(world)
        one, other = world.simulation.modems
        other.card, one.card = one.card, other.card
        one.card_in = False
        replug(world)
        began = world.clock.monotonic()
        while True:
            moved = await world.call("chip.show", iccid=other.iccid)
            if (moved["slot"], moved["doing"]) == ("modem9", "idle"):
                break
            await world.clock.sleep(0.5)
            assert world.clock.monotonic() - began < 10, await world.call("modem.list")

    in_world(tmp_path, move, *OTHERS)


@pytest.mark.parametrize("allowed", [False, True])
def test_of_two_with_one_imei_neither_sells_unless_that_is_allowed(
    tmp_path: Path, allowed: bool
) -> None:
    async def work() -> None:
        plan = rack_plan(*TWO)
        imei = plan.modems[0].imei
        settings = f'[modems]\nshared_imeis = ["{imei}"]\n' if allowed else ""
        world = World(tmp_path, plan, settings=settings)
        world.simulation.modems[1].imei = imei
        await world.set_up()
        order_id = await world.order("S10.081200000012")
        await world.clock.sleep(120)
        states = {(await modem(world, slot))["state"] for slot in ("modem0", "modem1")}
        assert states == ({"ready"} if allowed else {"held"})
        assert (await world.states())[order_id] == ("SUCCEEDED" if allowed else "QUEUED")
        assert allowed or imei in (await modem(world, "modem0"))["why"]
        assert world.findings() == []
        await world.stop()

    run(work())


@pytest.mark.parametrize("leaving", list(permutations(("modem0", "modem1", "modem2"), 2)))
def test_of_three_with_one_card_the_last_one_sells(
    tmp_path: Path, leaving: tuple[str, str]
) -> None:
    async def work() -> None:
        world = World(tmp_path, rack_plan(*TWO, TWO[0]))
        one, *others = world.simulation.modems
        for other in others:
            other.card = one.card
        await world.set_up()
        for slot in ("modem0", "modem1", "modem2"):
            await until_state(world, slot, "held")
        order_id = await world.order("S10.081200000012")
        for slot in leaving:
            await world.clock.sleep(60)
            assert (await world.states())[order_id] == "QUEUED"
            world.ports.unplug(f"/rack/{slot}")
        await world.settle()
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert len(world.delivered()) == 1
        assert world.findings() == []
        await world.stop()

    run(work())


def test_one_that_is_held_can_be_reset_by_hand(tmp_path: Path) -> None:
    """It remembers the card that it had before, and forgets it when it starts anew."""

    async def reset(world: World) -> None:
        await until_idle(world)
        other = world.simulation.modems[1]
        own = other.card
        clone_card(world)
        await until_state(world, "modem9", "held")
        restart, done = other.restart, list[bool]()

        def forget() -> None:
            other.card = own
            done.append(True)
            restart()

        other.restart = forget  # type: ignore[method-assign]
        await world.call("modem.reset", slot="modem9", how="cfun", who="test")
        assert done
        await until_state(world, "modem9", "ready")
        await until_state(world, "modem0", "ready")

    in_world(tmp_path, reset, *OTHERS)
