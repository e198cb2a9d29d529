"""Whose words count, and when they were sent."""

from pathlib import Path

import pytest

from tests.daemon.scripted import TOP_UP, Scripted, silence, sms
from tests.daemon.test_orders_and_chips import in_world, until_idle
from tests.daemon.world import World

DONE = "Isi ulang 10 ke 081200000012 berhasil. SN: 51012399999999. Sisa stok Rp 989.850"
HOUR_SECONDS = 3600.0


async def undecided(world: World, script: Scripted) -> int:
    """An order that the operator has lost without a word."""
    script.next(TOP_UP, silence)
    order_id = await world.order("S10.081200000012")
    while (await world.states())[order_id] != "UNKNOWN":
        await world.clock.sleep(0.1)
    return order_id


def test_what_somebody_else_says_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may write to a chip's number in the operator's words."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        order_id = await undecided(world, script)
        script.text(DONE, "6281200009999")
        await world.clock.sleep(20)
        assert (await world.states())[order_id] == "UNKNOWN"
        assert [one["meaning"] for one in sms(world)] == ["UNPARSED"]
        await world.settle()
        assert (await world.show(order_id))["attempts"][0]["outcome"] == "NOT_DONE"

    in_world(tmp_path, order)


def test_what_was_sent_before_the_order_is_not_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card's owner topped the same number up by telephone before he brought the card."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        script.text("Promo: cek *363#")  # our clock is the service centre's
        order_id = await undecided(world, script)
        script.text(DONE, took_seconds=HOUR_SECONDS)
        await world.clock.sleep(20)
        assert (await world.states())[order_id] == "UNKNOWN"
        assert sms(world)[-1]["meaning"] == "FOREIGN"
        await world.settle()

    in_world(tmp_path, order)


def test_what_cannot_be_read_does_not_fill_the_card(tmp_path: Path) -> None:
    """Anybody may send what no decoder understands; a full card takes no operator's text."""

    async def fill(world: World) -> None:
        await until_idle(world)
        modem = world.simulation.modems[0]
        for number in range(3):
            modem.card.store(f"0791589200000{number}")
        await world.clock.sleep(120)
        assert modem.card.messages == {}
        listed = await world.call("unparsed.list")
        assert len(listed["replies"]) == 3
        assert all("cannot be read" in one["text"] for one in listed["replies"])

    in_world(tmp_path, fill)
