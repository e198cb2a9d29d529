"""A made history is what the product would have left; small whole runs of what goes on from it."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import apsw
import pytest

from benchmarks import growth, history, recovery
from benchmarks.rack_file import TELKOMSEL, TRI, rack_text
from benchmarks.settings import Profile
from benchmarks.site import Books
from pulsarack.daemon import audit
from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.migrations import load_scripts, schema_differences
from pulsarack.daemon.store_files import open_read_only

NOW_MS = 1_795_366_799_000
SPEED = 40.0
STATUS = [one for one in growth.queries(1) if one.name == "status"]


def made(directory: Path, orders: int) -> Path:
    """A history over three chips, and the rack file that they are in."""
    rack = directory / "rack.toml"
    rack.write_text(rack_text([TELKOMSEL, TELKOMSEL, TRI], 2.0), encoding="utf-8")
    path = directory / "history.db"
    history.generate(path, rack, orders, NOW_MS)
    return path


@pytest.mark.parametrize("orders", [0, 1, 300, 700])
def test_the_audit_finds_nothing_wrong_with_it(tmp_path: Path, orders: int) -> None:
    path = made(tmp_path, orders)
    assert audit.main(path, None) == []
    with open_read_only(path) as db:
        assert list(schema_differences(db, load_scripts())) == []


def test_orders_have_come_to_every_end(tmp_path: Path) -> None:
    with closing(apsw.Connection(str(made(tmp_path, 700)))) as connection:
        found = dict(connection.execute("SELECT state, number FROM finished_orders"))
        assert sum(map(int, found.values())) == 700
        assert set(found) == {"SUCCEEDED", "FAILED", "CANCELLED", "REVERSED"}
        assert min(map(int, found.values())) > 0
        for what in (
            "orders GROUP BY agent",
            "attempt WHERE number = 2",
            "attempt GROUP BY chip",
            "evidence WHERE rule = 'stock_fell_by_cost'",
            "transition WHERE state = 'UNKNOWN'",
            "message WHERE delivered_at IS NOT NULL",
            "sms",
        ):
            assert connection.execute(f"SELECT count(*) FROM {what}").get, what
        newest = connection.execute("SELECT max(at) FROM transition").get
        assert int(str(newest)) < NOW_MS, "nothing bears a time that has not come"


def test_the_chips_have_what_the_rack_says(tmp_path: Path) -> None:
    with closing(apsw.Connection(str(made(tmp_path, 500)))) as connection:
        stocks = connection.execute(
            "SELECT DISTINCT debits_posted - credits_posted FROM account"
            " WHERE code GLOB 'asset:chip:*'"
        ).fetchall()
    assert stocks == [(900_000_000,)]


def small(directory: Path) -> Profile:
    return Profile(
        directory,
        rounds=1,
        rack_seconds=8.0,
        dispatches=2,
        round_seconds=0.2,
        histories=(300,),
        grown=(1, 2.0),
        killed=2,
        queued=20,
        speed=SPEED,
    )


async def test_a_file_with_some_orders_beside_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "queries", lambda newest: STATUS)
    shown = [figures async for figures in growth.run(small(tmp_path))]
    empty, made_it, grown = ({one.name: one for one in figures} for figures in shown)
    assert made_it["bytes an order, 300 finished"].rounds[0] > 1000
    for name in ("daemon CPU", "dispatch p99", "orders accepted, 64 clients", "pulsarack status"):
        assert empty[f"{name}, 0 finished"].rounds[0] > 0
        figure = grown[f"{name}, 300 finished"]
        assert figure.rounds[0] > 0
        assert figure.goal is not None
        assert figure.reference is not None
        assert figure.reference.rounds == empty[f"{name}, 0 finished"].rounds
    assert not list(tmp_path.glob("*/state")), "the databases are removed"
    assert not list(tmp_path.glob("*.db"))


async def test_a_rack_sells_again_after_a_kill(tmp_path: Path) -> None:
    # Slower than the others: an order that waits for ten minutes of the shared clock is given up.
    slow = replace(small(tmp_path), speed=10.0)
    (figures,) = [figures async for figures in recovery.run(slow)]
    by_name = {one.name: one for one in figures}
    size = "2 modems, 20 queued"
    assert by_name[f"orders waiting at the kill, {size}"].rounds[0] >= 20
    socket, first = (
        by_name[f"until {what}, {size}"].rounds[0]
        for what in ("the socket answers", "the first new sale")
    )
    assert socket > 0
    assert first > 0
    assert by_name[f"daemon CPU until then, {size}"].rounds[0] > 0


class Killer:
    """A rack that sells so many orders before it is killed."""

    def __init__(self, sold: int) -> None:
        self.sold = sold
        self.queued: list[int] = []

    async def kill(self, depth: int) -> recovery.Left:
        self.queued.append(depth)
        return recovery.Left(max(0, depth - self.sold), 2)


async def test_a_kill_with_too_few_orders_left_is_made_again_with_more() -> None:
    killer = Killer(sold=20)
    left = await recovery.until_enough_wait(killer.kill, 100, 2)
    assert left == recovery.Left(112, 2)
    assert killer.queued == [108, 116, 132]


async def test_a_rack_that_sells_everything_is_told_and_not_measured() -> None:
    killer = Killer(sold=1000)
    with pytest.raises(DemoError, match="all but 0 orders before the kill; 100 should wait"):
        await recovery.until_enough_wait(killer.kill, 100, 2)
    assert killer.queued == [108, 116, 132, 164]


async def test_a_rack_that_does_not_sell_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "_PATIENCE_SECONDS", -1.0)
    truth = tmp_path / "truth.jsonl"
    truth.write_text("")
    place = SimpleNamespace(daemon_log=tmp_path / "daemon.log")
    with pytest.raises(DemoError, match="0 top-ups are booked, 1 should be"):
        await recovery.booked(SimpleNamespace(books=Books(truth), place=place), 1)
