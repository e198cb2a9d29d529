"""SQLite as the daemon sets it up: in a process of its own, since it is set up once."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
from peewee import Database

from pulsarack.daemon import sqlite_engine
from tests.daemon.store_inline import InlineStore
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

ROOT = Path(__file__).parents[2]
ORDERS = 24
PIECES = (apsw.SQLITE_DBSTATUS_LOOKASIDE_HIT, apsw.SQLITE_DBSTATUS_LOOKASIDE_MISS_FULL)


def test_sales_need_no_memory_that_is_not_at_hand() -> None:
    """A statement that is kept keeps pieces, and there must be some left for those that run."""
    life = "from tests.daemon.test_sqlite_engine import sell; sell()"
    told = subprocess.run(
        [sys.executable, "-c", life], cwd=ROOT, capture_output=True, text=True, check=False
    )
    at_hand, none_left = map(int, told.stdout.split() or (0, 0))
    assert at_hand > 1000 * ORDERS, told.stderr
    assert none_left == 0


def sell() -> None:
    """Print how often a piece was at hand, and how often there was none left."""
    sqlite_engine.tune()
    with TemporaryDirectory() as directory:
        run(_life(Path(directory)))


async def _life(directory: Path) -> None:
    world = World(directory, rack_plan(*[("wavecom", "telkomsel")] * 4, stock=50_000_000))
    await world.set_up()
    await world.clock.sleep(60.0)
    for number in range(ORDERS):
        await world.order(f"S10.0812000001{number + 10}")
    await world.settle()
    store = world.daemon.context.store
    assert isinstance(store, InlineStore)
    sys.stdout.write(f"{store.run_inline(_taken)}\n")
    await world.stop()


def _taken(db: Database) -> str:
    connection: apsw.Connection = db.connection()  # type: ignore[no-untyped-call]
    return " ".join(str(connection.status(one)[1]) for one in PIECES)
