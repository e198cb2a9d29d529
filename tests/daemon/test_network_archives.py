"""Orders of a tree leave for an archive: what uplines earned stays explained by their transfers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsarack.queue.network import commissions
from pulsarack.queue.network.commissions import Exchanged
from pulsarack.ussd.outcome import Reason
from tests.daemon.archive_world import OldShop
from tests.queue.tree_world import MIDDLE, SHOP, TOP, earned, grow
from tests.queue.world import World, iccid

CARD = iccid(1)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[OldShop]:
    world = World(tmp_path / "pulsarack.db")
    grow(world)
    world.chip(1)
    yield OldShop(world)
    world.close()


def order(world: World, number: int, *, done: bool = True) -> int:
    """An order of the lowest agent, delivered or refused."""
    sale = world.sent(CARD, f"S10.0812000000{number:02}", agent=SHOP)
    figure = world.stock(CARD).posted - 10_150 if done else None
    world.decide(
        sale.attempt_id,
        done=done,
        number=f"SN{number}" if done else None,
        reason=None if done else Reason.WRONG_NUMBER,
        figure=figure,
    )
    world.wait(60)
    return sale.order.id


def test_what_uplines_earned_stays_explained(old: OldShop) -> None:
    world = old.world
    order(world, 11)
    order(world, 12, done=False)
    back = order(world, 13)
    drawn = world.run(
        lambda db: commissions.exchange(db, TOP, None, exchange_id="x", now_ms=world.now)
    )
    assert drawn == Exchanged(200, 0, repeated=False)
    world.reverse(back, stock_returned=True)
    old.age()
    newest = order(world, 14)
    stories, books = old.stories(), old.books()
    done = old.archive()
    assert (done.moved, done.failed) == (3, {})
    assert (old.stories(), old.books(), old.findings()) == (stories, books, [])
    assert earned(world, MIDDLE, TOP) == [60, 0]
    assert {row[0] for row in world.sql("SELECT order_id FROM order_commission")} == {newest}


def test_an_order_whose_commission_is_not_booked_stays(old: OldShop) -> None:
    world = old.world
    wrong, right = order(world, 11), order(world, 12)
    world.sql("INSERT INTO order_commission VALUES (?, ?, 7)", wrong, SHOP)
    old.age()
    order(world, 13)
    done = old.archive()
    assert (done.moved, old.gone()) == (1, {right})
    assert "a commission is not booked" in str(done.failed)
    assert wrong in old.here()
