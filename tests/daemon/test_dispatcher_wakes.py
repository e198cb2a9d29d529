"""Who wakes the dispatcher, and when a pass would find nothing anyway."""

from pathlib import Path
from typing import Any

from pulsarack.daemon.dispatcher import TICK_SECONDS, Dispatcher
from pulsarack.queue.claim import Claim, IdleChip
from pulsarack.queue.facts import Presence
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan


def chip_of(operator: str) -> IdleChip:
    return IdleChip(Presence("slot", "modem"), operator, "recipe", 0)


def never(claim: Claim) -> None:
    raise AssertionError(claim)


def test_an_order_wakes_it_if_a_chip_of_its_operator_stands_idle(tmp_path: Path) -> None:
    async def look() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.start()
        dispatcher = Dispatcher(world.daemon.context)
        bell: Any = dispatcher._news

        def woken_by(operator: str | None) -> bool:
            bell.take()
            dispatcher.wake(operator)
            return bool(bell.take())

        assert woken_by(None)
        await dispatcher._try_pass()
        assert woken_by("xl"), "time is to be looked at sooner than in a quiet hour"
        assert dispatcher._look_at == world.clock.monotonic() + TICK_SECONDS
        assert not woken_by("xl")
        await dispatcher.offer("8962", chip_of("xl"), never, changed=True)
        assert bell.take(), "who falls idle"
        assert (woken_by("xl"), woken_by("telkomsel"), woken_by(None)) == (True, False, True)
        await dispatcher.withdraw("8962")
        assert not woken_by("xl")
        await world.stop()

    run(look())


def test_a_chip_stands_under_the_operator_that_it_was_offered_for_last(tmp_path: Path) -> None:
    async def look() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.start()
        dispatcher = Dispatcher(world.daemon.context)
        for operator in ("xl", "telkomsel"):
            await dispatcher.offer("8962", chip_of(operator), never, changed=True)
        assert not dispatcher._stands_idle("xl")
        assert dispatcher._stands_idle("telkomsel")
        await world.stop()

    run(look())
