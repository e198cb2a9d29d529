"""What was learnt about a model holds over restarts."""

from pathlib import Path

from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.queue import learned as rows
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

KIND = "E1550 11.608.09.01.21"


def test_what_was_learnt_comes_back(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path, rack_plan(("huawei-e1550", "telkomsel")))
        await world.set_up()
        await until_idle(world)
        assert world.daemon.store.read_inline(rows.encodings) == [(KIND, "gsm7-packed-hex")]
        await world.crash()
        await world.start()
        learned = world.daemon.profiles.learned
        assert learned.get(KIND) is UssdEncoding.PACKED_HEX
        learned.forget(KIND)
        await world.clock.sleep(0.1)
        assert world.daemon.store.read_inline(rows.encodings) == []
        await world.stop()

    run(work())


def test_a_row_of_another_version_is_left_out(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.start()
        await world.daemon.context.store.write(lambda db: rows.note(db, "X", "braille", now_ms=1))
        await world.crash()
        await world.start()
        assert world.daemon.profiles.learned.get("X") is None
        await world.stop()

    run(work())
