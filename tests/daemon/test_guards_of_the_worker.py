"""An attempt that a sale left open: nobody may have to wait for it for ever."""

from pathlib import Path

import pytest
from peewee import Database

from pulsarack.daemon.sale import Sale
from pulsarack.daemon.store_errors import StoreError
from pulsarack.queue import recovery
from pulsarack.ussd.dialogue import Finished, Outcome
from pulsarack.ussd.outcome import Reason
from tests.daemon.scripted import TOP_UP, Followed, Scripted
from tests.daemon.test_orders_and_chips import in_world, until_idle
from tests.daemon.world import World


def test_an_attempt_that_was_left_before_its_point_of_no_return_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sale broke off, and just then the disk was full: the order must not stay on its chip."""
    true_run, true_recover = Sale.run, recovery.recover_chip
    broken: list[str] = []

    async def run(sale: Sale) -> None:
        if "sale" not in broken:
            broken.append("sale")
            raise RuntimeError("planted")
        await true_run(sale)

    def recover(db: Database, iccid: str, *, now_ms: int, day_ends_at: int) -> int | None:
        if "sale" in broken and "disk" not in broken:
            broken.append("disk")
            raise StoreError("the disk is full; make room")
        return true_recover(db, iccid, now_ms=now_ms, day_ends_at=day_ends_at)

    async def order(world: World) -> None:
        await until_idle(world)
        monkeypatch.setattr(Sale, "run", run)
        monkeypatch.setattr(recovery, "recover_chip", recover)
        followed = Followed(world, monkeypatch)
        order_id = await world.order("S10.081200000012")
        await world.settle(120)
        assert broken == ["sale", "disk"]
        assert followed.modem_states().count("failed") == 1
        attempts = (await world.show(order_id))["attempts"]
        assert [one["outcome"] for one in attempts] == ["NOT_DONE", "DONE"]
        assert len(world.delivered()) == 1

    in_world(tmp_path, order)


TWO = (("wavecom", "telkomsel"), ("simcom-sim800", "telkomsel"))


def test_an_order_goes_to_another_chip_if_its_own_is_lost_with_its_sale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent, and the chip does not come back."""
    true_run = Sale.run
    lost: list[str] = []

    async def order(world: World) -> None:
        async def run(sale: Sale) -> None:
            if not lost:
                lost.append(sale._desk.slot)
                world.ports.unplug(f"/rack/{lost[0]}")
                raise RuntimeError("planted")
            await true_run(sale)

        await until_idle(world)
        monkeypatch.setattr(Sale, "run", run)
        order_id = await world.order("S10.081200000012")
        await world.settle(120)
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert len(world.delivered()) == 1

    in_world(tmp_path, order, *TWO)


def test_an_order_is_an_admins_to_decide_if_its_chip_is_lost_after_it_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was delivered, and nobody could write that down."""

    async def order(world: World) -> None:
        async def apply(sale: Sale, found: Outcome) -> None:
            world.ports.unplug("/rack/modem0")
            raise RuntimeError("planted")

        await until_idle(world)
        monkeypatch.setattr(Sale, "_apply", apply)
        order_id = await world.order("S10.081200000012")
        await world.clock.sleep(120)
        assert (await world.states())[order_id] == "UNKNOWN"
        word = {"delivered": True, "because": "asked", "who": "admin1"}
        await world.call("order.resolve", id=order_id, **word)
        assert (await world.states())[order_id] == "SUCCEEDED"

    in_world(tmp_path, order)


def test_what_was_decided_before_its_point_of_no_return_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the attempt is given up; a late text about an earlier one would do the same."""
    true_talk = Sale._talk
    given_up: list[int] = []

    async def order(world: World) -> None:
        async def talk(sale: Sale) -> Finished:
            attempt_id = sale._claim.attempt_id
            if not given_up:
                given_up.append(attempt_id)
                now_ms = world.clock.now_ms()
                ends = world.daemon.context.day_ends_at(now_ms)
                world.daemon.store.run_inline(
                    lambda db: recovery.release(
                        db, attempt_id, Reason.DAEMON_STOPPED, now_ms=now_ms, day_ends_at=ends
                    )
                )
            return await true_talk(sale)

        await until_idle(world)
        monkeypatch.setattr(Sale, "_talk", talk)
        script = Scripted(world, monkeypatch)
        order_id = await world.order("S10.081200000012")
        await world.settle()
        assert script.times(TOP_UP) == 1
        outcomes = [one["outcome"] for one in (await world.show(order_id))["attempts"]]
        assert outcomes == ["NOT_DONE", "DONE"]

    in_world(tmp_path, order)
