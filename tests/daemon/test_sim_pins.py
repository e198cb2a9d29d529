"""SIM PINs: the right one for each card, and never a third try, whatever happens.

The cards of the simulated rack count their wrong tries as real ones do.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.card_pins import CardPins
from pulsarack.modems.card_lock import LockedCard
from pulsarack.modems.errors import SimPinNeeded
from pulsarack.modems.simulator.rack import Rack
from pulsarack.queue import sim_pins
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

RIGHT, WRONG = "5678", "1111"
TELLS_ALL, TELLS_TRIES, TELLS_NOTHING = "quectel-ec25", "huawei-e173", "quectel-m35"
FAILED = ("failed", "the SIM PIN on file was refused")


def locked(*dialects: str) -> Rack:
    """A rack of cards that all want the right PIN."""
    plan = rack_plan(*((dialect, "telkomsel") for dialect in dialects))
    modems = [replace(modem, chip=replace(modem.chip, sim_pin=RIGHT)) for modem in plan.modems]
    return replace(plan, modems=tuple(modems))


def in_rack(directory: Path, test: Any, *dialects: str, pins: tuple[str, ...]) -> None:
    async def work() -> None:
        world = World(directory, locked(*dialects))
        cards = [modem.chip.iccid for modem in world.plan.modems]
        world.sim_pins = dict(zip(cards, pins, strict=False))
        await world.set_up()
        await test(world)
        await world.stop()

    run(work())


async def modem_rows(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.call("modem.list"))["modems"]
    return found


async def until_said(world: World, what: str, number: int = 0) -> str:
    for _ in range(600):
        rows = await modem_rows(world)
        if len(rows) > number and what in rows[number]["why"]:
            why: str = rows[number]["why"]
            return why
        await world.clock.sleep(1.0)
    raise AssertionError(await modem_rows(world))


def tries_left(world: World, number: int = 0) -> int:
    return world.simulation.modems[number].card.pin_tries_left


def power_cut(world: World) -> None:
    """All modems lose power, so all cards are locked again."""
    for modem in world.simulation.modems:
        modem.go_away(1.0, leave_bus=True)


def test_each_card_gets_its_own_pin_where_the_modem_tells_which_it_is(tmp_path: Path) -> None:
    async def sell(world: World) -> None:
        await until_idle(world)
        assert tries_left(world) == 3
        power_cut(world)
        await world.clock.sleep(120)
        await until_idle(world)
        assert world.daemon.store.read_inline(sim_pins.every) == []

    in_rack(tmp_path, sell, TELLS_ALL, pins=(RIGHT, WRONG))


@pytest.mark.parametrize("dialect", [TELLS_ALL, TELLS_TRIES, TELLS_NOTHING])
def test_a_refused_pin_is_tried_once_over_restarts_and_power_cuts(
    tmp_path: Path, dialect: str
) -> None:
    async def refuse(world: World) -> None:
        await until_said(world, "refused")
        for _ in range(3):
            await world.crash()
            power_cut(world)
            await world.start()
            why = await until_said(world, "chip try-pin")
            assert WRONG not in why
            await world.clock.sleep(300)
        assert tries_left(world) == 2

    in_rack(tmp_path, refuse, dialect, pins=(WRONG,))


def test_an_admin_who_corrected_the_pin_says_so(tmp_path: Path) -> None:
    async def correct(world: World) -> None:
        await until_said(world, "refused")
        iccid = world.plan.modems[0].chip.iccid
        await world.stop()
        world.sim_pins[iccid] = RIGHT
        await world.start()
        await until_said(world, "chip try-pin")
        error = await world.refusal("chip.try_pin", card="8962000000000000000")
        assert iccid in error.remedy
        await world.call("chip.try_pin", card=iccid)
        await until_idle(world)
        assert tries_left(world) == 3

    in_rack(tmp_path, correct, TELLS_ALL, pins=(WRONG,))


@pytest.mark.parametrize("dialect", [TELLS_TRIES, TELLS_NOTHING])
def test_a_card_that_wanders_is_never_tried_a_third_time(tmp_path: Path, dialect: str) -> None:
    """It moves from modem to modem; none of them tells which card it is."""

    async def wander(world: World) -> None:
        card = world.simulation.modems[0].card
        for number in range(3):
            await world.clock.sleep(200)
            holder = next(m for m in world.simulation.modems if m.card is card)
            other = world.simulation.modems[(number + 1) % 4]
            if other is not holder:
                world.simulation.swap_cards(holder, other, 2.0, leave_bus=True)
            await world.clock.sleep(200)
            assert card.pin_tries_left >= 1
        await world.crash()
        await world.start()
        await world.clock.sleep(300)
        assert card.pin_tries_left == 1

    async def work() -> None:
        plan = locked(*[dialect] * 4)
        first, *others = plan.modems
        plain = [replace(one, chip=replace(one.chip, sim_pin=None)) for one in others]
        world = World(tmp_path, replace(plan, modems=(first, *plain)))
        world.sim_pins = {first.chip.iccid: WRONG}
        await world.set_up()
        await wander(world)
        await world.stop()

    run(work())


def test_a_card_whose_number_is_only_configured_counts_as_unknown(tmp_path: Path) -> None:
    """What stands in the configuration of a phone is not what is in it."""

    async def look(world: World) -> None:
        await until_idle(world)
        iccid = world.plan.modems[0].chip.iccid
        card = LockedCard(iccid, None, read=False)
        for phone in ("phone1", "phone2"):
            pins = CardPins(world.daemon.context, phone)
            assert await pins.give(card) == RIGHT
            await pins._failed()
        with pytest.raises(SimPinNeeded, match="try-pin"):
            await CardPins(world.daemon.context, "phone3").give(card)

    in_rack(tmp_path, look, TELLS_ALL, pins=(RIGHT,))


def test_a_try_counts_whatever_broke_it_off(tmp_path: Path) -> None:
    async def look(world: World) -> None:
        await until_idle(world)
        pins = CardPins(world.daemon.context, "phone1")

        class Broken:
            async def initialise(self, give: Any, opened: Any) -> None:
                await give(LockedCard(None, None))
                raise ValueError

        with pytest.raises(ValueError):
            await pins.initialise(Broken())  # type: ignore[arg-type]
        [noted] = world.daemon.store.read_inline(sim_pins.every)
        assert (noted.key, noted.refused) == ("phone1", 1)

    in_rack(tmp_path, look, TELLS_ALL, pins=(RIGHT,))


def test_several_pins_are_of_no_use_to_a_modem_that_does_not_tell_the_card(
    tmp_path: Path,
) -> None:
    async def look(world: World) -> None:
        await until_said(world, "does not tell which card it is")
        assert tries_left(world) == 3

    in_rack(tmp_path, look, TELLS_TRIES, TELLS_TRIES, pins=(RIGHT, WRONG))


def test_a_card_without_a_pin_on_file_is_not_tried_with_another_s(tmp_path: Path) -> None:
    async def look(world: World) -> None:
        why = await until_said(world, "none is on file", number=1)
        assert world.plan.modems[1].chip.iccid in why
        assert tries_left(world, 1) == 3

    in_rack(tmp_path, look, TELLS_ALL, TELLS_ALL, pins=(RIGHT,))


def test_the_last_try_is_never_ours(tmp_path: Path) -> None:
    async def look(world: World) -> None:
        await until_said(world, "1 try left")
        assert tries_left(world) == 1

    async def work() -> None:
        world = World(tmp_path, locked(TELLS_ALL))
        world.simulation.modems[0].card.pin_tries_left = 1
        world.sim_pins = {world.plan.modems[0].chip.iccid: RIGHT}
        await world.set_up()
        await look(world)
        await world.stop()

    run(work())


def test_a_blocked_card_says_what_to_do(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path, locked(TELLS_ALL))
        world.simulation.modems[0].card.pin_tries_left = 0
        await world.set_up()
        why = await until_said(world, "SIM PUK")
        assert "PUK in a phone" in why
        await world.stop()

    run(work())


def test_a_card_that_was_opened_by_hand_may_be_tried_again(tmp_path: Path) -> None:
    async def by_hand(world: World) -> None:
        await until_said(world, "refused")
        modem = world.simulation.modems[0]
        assert modem.card.unlock(RIGHT)
        modem.register()
        await until_idle(world)
        assert world.daemon.store.read_inline(sim_pins.every) == []

    in_rack(tmp_path, by_hand, TELLS_ALL, pins=(WRONG,))
