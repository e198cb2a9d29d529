"""A full disk: nothing half written, nothing acknowledged that is not stored, and on it goes.

With a VFS that refuses to let files grow, since that works everywhere; and where the test
may mount one, on a small_disk file system that is really full.
"""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon.async_client import AsyncClient
from pulsarack.daemon.client import CallFailed
from pulsarack.daemon.demo.deposit import pay_in
from pulsarack.daemon.store import Store, Transactions
from pulsarack.daemon.store_errors import NotStored
from pulsarack.ledger import accounts, journal, sql
from pulsarack.ledger.audit import audit
from pulsarack.ledger.journal import Result, Transfer
from tests.daemon.full_disk import FullDisk, full_disk
from tests.daemon.store_inline import InlineStore
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

NOW = 1_795_000_000_000
BANK = accounts.bank("main")


def open_accounts(db: Database) -> None:
    journal.open_account(db, BANK, now_ms=NOW)
    journal.open_account(db, accounts.OPENING, now_ms=NOW)


def book(db: Database, number: int) -> Result:
    return journal.transfer(db, Transfer(f"t{number}", BANK, accounts.OPENING, 1), now_ms=NOW)


def names(db: Database) -> set[str]:
    return {name for (name,) in sql.run(db, "SELECT id FROM transfer")}


@pytest.fixture
def disk() -> Iterator[FullDisk]:
    with full_disk() as made:
        yield made


Opener = Callable[..., Transactions]


@pytest.mark.parametrize("opener", [Store.open, InlineStore.open])
async def test_what_does_not_fit_is_refused_whole(
    disk: FullDisk, tmp_path: Path, opener: Opener
) -> None:
    store = opener(tmp_path / "pulsarack.db", now_ms=NOW)
    await store.write(open_accounts)
    disk.full = True
    answers = await asyncio.gather(
        *(store.write(lambda db, n=n: book(db, n)) for n in range(5)),  # type: ignore[misc]
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [NotStored] * 5
    error = answers[0]
    assert isinstance(error, NotStored) and error.full and "df -h" in error.remedy
    assert await store.read(names) == set()
    disk.full = False
    assert await store.write(lambda db: book(db, 3)) is Result.OK
    assert await store.read(names) == {"t3"}
    assert await store.read(audit) == []
    store.close()


async def test_a_job_that_fills_the_disk_itself_says_why(tmp_path: Path) -> None:
    """SQLite ends the transaction by itself, and the roll-back then finds none: not the reason."""
    store = Store.open(tmp_path / "pulsarack.db", now_ms=NOW)
    await store.write(open_accounts)

    def swell(db: Database) -> None:
        (pages,) = sql.one(db, "PRAGMA page_count") or (0,)
        sql.run(db, f"PRAGMA max_page_count = {pages}")
        sql.run(db, "CREATE TABLE large AS SELECT zeroblob(100000) AS data")

    with pytest.raises(NotStored, match="full; free some space"):
        await store.write(swell)
    store.close()


# --- the whole daemon ---------------------------------------------------------------------


def in_world(tmp_path: Path, test: Any) -> None:
    async def live() -> None:
        chips = (("wavecom", "telkomsel"), ("simcom-sim800", "xl"))
        settings = "[orders]\ntime_limit_seconds = 7200\n"
        world = World(tmp_path, rack_plan(*chips), settings=settings)
        await world.set_up()
        await until_idle(world)
        await test(world)
        await world.settle(3600)
        assert world.findings() == []
        states = await world.states()
        assert len(world.delivered()) == list(states.values()).count("SUCCEEDED")
        assert set(states.values()) == {"SUCCEEDED"}
        await world.stop()

    run(live())


async def refused(world: World, text: str) -> None:
    with pytest.raises(NotStored, match="df -h"):
        await world.order(text)


def test_a_rack_on_a_full_disk_sells_nothing_and_goes_on_by_itself(
    disk: FullDisk, tmp_path: Path
) -> None:
    async def live(world: World) -> None:
        for number in range(20, 26):
            await world.order(f"S10.0812000000{number}")
        disk.full = True
        await refused(world, "X10.081700000099")
        sold = len(world.truth)
        await world.clock.sleep(1800)  # much longer than other failures are put up with
        assert len(world.truth) <= sold + 1  # what was on its way when the disk became full
        assert disk.refused
        disk.full = False
        await world.order("X10.081700000099")

    in_world(tmp_path, live)


@pytest.mark.parametrize("delay", [x * 0.7 for x in range(12)])
def test_a_disk_that_fills_up_in_the_middle_of_a_sale(
    disk: FullDisk, tmp_path: Path, delay: float
) -> None:
    """Before the point of no return nothing is sent; after it the answer is kept until it fits."""

    async def live(world: World) -> None:
        order_id = await world.order("S10.081200000020")
        report_id = await world.order("X10.081700000021")  # this one's answer comes as a text
        await world.clock.sleep(delay)
        disk.full = True
        await world.clock.sleep(40)
        disk.full = False
        await world.settle(900)
        for one in (order_id, report_id):
            story = await world.show(one)
            (attempt, *_) = [a for a in story["attempts"] if a["outcome"] == "DONE"]
            assert attempt["committed_at"] is not None
        assert story["order"]["serial_number"]

    in_world(tmp_path, live)


# --- a file system that is really full ----------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from pulsarack.daemon import run
sys.exit(run.main(Path(sys.argv[1])))
"""


async def connect(path: Path) -> AsyncClient:
    while not path.exists():
        await asyncio.sleep(0.01)
    return await AsyncClient.connect(path)


def test_the_daemon_on_a_full_file_system(tmp_path: Path, small_disk: Path) -> None:
    config = tmp_path / "pulsarack.toml"
    config.write_text(f'[daemon]\nstate_dir = "{small_disk}"\nsocket = "socket"\n')
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(config)], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            asyncio.run(orders_until_full_and_after(tmp_path / "socket", small_disk / "filler"))
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate()
    assert process.returncode == 0, errors


async def orders_until_full_and_after(control: Path, filler: Path) -> None:
    client = await connect(control)
    row = {"code": "S10", "operator": "telkomsel", "denomination": 10}
    await client.call("product.import", rows=[{**row, "price": 10_500, "cost": 10_150}])
    await client.call("agent.new", code="A1", name="Satu")
    await pay_in(client, "A1", 500_000)
    first = await client.call("order.new", agent="A1", text="S10.081200000012")
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    with pytest.raises(CallFailed, match="df -h") as refusal:
        await client.call("order.new", agent="A1", text="S10.081200000013")
    assert refusal.value.code == "REFUSED"
    filler.unlink()
    second = await client.call("order.new", agent="A1", text="S10.081200000013")
    assert second["id"] == first["id"] + 1
    listed = (await client.call("order.list"))["orders"]
    assert [order["id"] for order in listed] == [second["id"], first["id"]]
    await client.close()
