"""Waiting for the network: who may sell where, and what is said of who may not."""

from pathlib import Path
from typing import Any

import pytest

from pulsarack.modems.modem import Modem
from pulsarack.modems.results import Registration
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.test_sim_pins import until_said
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan


def in_world(directory: Path, test: Any, settings: str = "") -> None:
    async def work() -> None:
        world = World(directory, rack_plan(("quectel-ec25", "telkomsel")), settings=settings)
        await world.set_up()
        await test(world)
        await world.stop()

    run(work())


def test_network_and_cell_are_shown(tmp_path: Path) -> None:
    async def look(world: World) -> None:
        await until_idle(world)
        [modem] = (await world.call("modem.list"))["modems"]
        shown = {key: modem[key] for key in ("network", "area", "cell", "technology")}
        assert shown["area"] == 0x23A1
        assert shown["cell"] == 0x01C3D4E5
        assert shown["technology"] == "UMTS"
        assert shown["network"]
        chip = await world.call("chip.show", iccid=modem["iccid"])
        assert {key: chip[key] for key in shown} == shown
        assert chip["signal"] == modem["signal"]

    in_world(tmp_path, look)


def test_the_signal_of_an_idle_chip_is_looked_at_again(tmp_path: Path) -> None:
    async def look(world: World) -> None:
        await until_idle(world)
        seen = set()
        for _ in range(20):
            [modem] = (await world.call("modem.list"))["modems"]
            seen.add(modem["signal"])
            await world.clock.sleep(301)
        assert len(seen) > 1

    in_world(tmp_path, look)


@pytest.mark.parametrize(("roaming", "sells"), [("true", True), ("false", False)])
def test_roaming_is_for_the_configuration_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, roaming: str, sells: bool
) -> None:
    async def registration(_modem: Modem) -> Registration:
        return Registration.ROAMING

    async def look(world: World) -> None:
        if sells:
            await until_idle(world)
        else:
            assert "roaming = true" in await until_said(world, "roams")

    monkeypatch.setattr(Modem, "registration", registration)
    in_world(tmp_path, look, f"[chips]\nroaming = {roaming}\n")


def test_a_modem_that_finds_no_network_says_so(tmp_path: Path) -> None:
    async def look(world: World) -> None:
        world.simulation.modems[0].lose_network(1000)
        assert "check antenna" in await until_said(world, "no network was found")
        await world.clock.sleep(1000)
        await until_idle(world)

    in_world(tmp_path, look)
