"""What was learnt about a model holds over restarts."""

from pathlib import Path

from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.identity import parse_name
from pulsarack.modems.learned import kind_of
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


def test_a_modem_with_a_wild_name_ends_nothing(tmp_path: Path) -> None:
    """SQLite counts a text up to its first NUL, and the daemon lives no longer than its parts."""

    async def work() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.start()
        learned = world.daemon.profiles.learned
        for name in ('"\x00E1550"', "\x00", "\x1b[2J", "\x00" * 300 + "E1550"):
            learned.learn(kind_of(parse_name((name,)), "1"), UssdEncoding.UCS2_HEX)
            learned.learn(kind_of(name, name), UssdEncoding.UCS2_HEX)
        await world.clock.sleep(1.0)
        learned.learn("last", UssdEncoding.UCS2_HEX)
        await world.clock.sleep(1.0)
        found = world.daemon.store.read_inline(rows.encodings)
        assert ("last", "ucs2-hex") in found
        assert all(kind.isprintable() for kind, _ in found)
        await world.stop()

    run(work())
