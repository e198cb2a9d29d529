"""An answer that is not waited behind, and its second copy: it spoils no other order."""

from dataclasses import replace
from pathlib import Path

import pytest

from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.operators.answer import Answer, ScreenStatus
from tests.daemon.scripted import TOP_UP, Scripted
from tests.daemon.test_orders_and_chips import in_world, until_idle
from tests.daemon.world import World


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_copy_at_once_does_not_spoil_the_next_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: float
) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)

        def twice(dealer: Dealer, code: str) -> Answer:
            true = script.true(dealer, code)
            (screen,) = true.screens
            last = replace(screen, status=ScreenStatus.TERMINATED_BY_NETWORK)
            return replace(true, screens=(last, replace(last, after=screen.after + after)))

        script.next(TOP_UP, twice)
        await world.order("S10.081200000012")
        second = await world.order("S10.081200000013")
        while (await world.states())[second] in ("QUEUED", "SENDING"):
            await world.clock.sleep(0.1)
        assert set((await world.states()).values()) == {"SUCCEEDED"}

    in_world(tmp_path, order)
