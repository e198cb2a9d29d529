"""A stop at any moment of a sale, and what systemd is told of how the rack stands.

What is past its point of no return is finished; what is not stays queued and is sold by the next
daemon. The small world stops as SIGTERM makes the daemon stop.
"""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pulsarack.daemon.service import ending
from pulsarack.daemon.service.status_line import NO_MODEM, StatusLine, sentence
from pulsarack.modems.life import Stage
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

NUMBER = "085600000012"


async def selling(path: Path, *, chips: int = 1) -> World:
    world = World(path, rack_plan(*[("wavecom", "indosat")] * chips))
    await world.set_up()
    await world.clock.sleep(60)
    return world


async def commits(world: World, wanted: bool) -> None:
    """Let time pass until the chip is (or is about to be) past its point of no return."""
    for _ in range(2000):
        desks = world.daemon.rack.desks()
        if desks and desks[0].doing.startswith("selling") and desks[0].committed is wanted:
            return
        await world.clock.sleep(0.01)
    raise AssertionError("it never came to that")


async def after_a_stop(world: World, order: int) -> str:
    """Stop, look with a new daemon what became of the order, and let it come to its end."""
    await world.stop()
    delivered = world.delivered()
    await world.start()
    state = (await world.states())[order]
    assert (state == "SUCCEEDED") is bool(delivered)
    await world.settle()
    assert world.delivered() == [("6285600000012", 10)]
    assert world.findings() == []
    return state


def test_what_is_past_its_point_of_no_return_is_finished(tmp_path: Path) -> None:
    async def work() -> None:
        world = await selling(tmp_path)
        order = await world.order(f"I10.{NUMBER}")
        await commits(world, True)
        assert world.daemon.rack.committed() == 1
        assert await after_a_stop(world, order) == "SUCCEEDED"
        assert world.daemon.rack.committed() == 0
        await world.stop()

    run(work())


def test_what_is_not_stays_queued_and_is_sold_by_the_next_daemon(tmp_path: Path) -> None:
    async def work() -> None:
        world = await selling(tmp_path)
        order = await world.order(f"I10.{NUMBER}")
        await commits(world, False)
        for desk in world.daemon.rack.desks():
            desk.ending = True  # as `stop` says first of all
        await world.clock.sleep(30)
        assert world.delivered() == []
        story = await world.show(order)
        assert story["order"]["state"] in ("QUEUED", "SENDING")
        assert {one["reason"] for one in story["attempts"] if one["closed_at"]} == {
            "DAEMON_STOPPED"
        }
        assert await after_a_stop(world, order) == "QUEUED"
        await world.stop()

    run(work())


def test_what_is_plugged_in_meanwhile_begins_nothing(tmp_path: Path) -> None:
    """Nobody would wait for it, and the process would end in the middle of its first order."""

    async def work() -> None:
        world = await selling(tmp_path, chips=2)
        world.ports.unplug("/rack/modem1")
        order = await world.order(f"I10.{NUMBER}")
        await commits(world, True)
        rack = world.daemon.rack
        stopping = asyncio.create_task(world.stop())
        await world.clock.sleep(0.1)
        world.ports.plug("/rack/port7", "/rack/modem1")
        world.simulation.modems[1].power_on()
        await stopping
        assert "/rack/port7" not in rack.slots
        assert world.delivered() == [("6285600000012", 10)]
        await world.start()
        assert (await world.states())[order] == "SUCCEEDED"
        await world.stop()

    run(work())


@pytest.mark.parametrize("tenths", [0, 1, 3, 7, 20, 40, 60])
def test_a_stop_at_any_moment_loses_nothing_and_pays_nothing_twice(
    tmp_path: Path, tenths: int
) -> None:
    async def work() -> None:
        world = await selling(tmp_path)
        order = await world.order(f"I10.{NUMBER}")
        await world.clock.sleep(tenths / 10)
        assert await after_a_stop(world, order) in ("QUEUED", "SUCCEEDED", "UNKNOWN")
        await world.stop()

    run(work())


def test_more_time_is_asked_for_only_while_a_dialogue_is_past_its_point_of_no_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(ending, "notify", lambda *lines: told.append(lines))

    async def work() -> None:
        world = await selling(tmp_path)
        await ending._stop_rack(world.daemon.context, world.daemon.rack)
        assert told == []
        await world.stop()
        await world.start()
        await world.clock.sleep(60)
        order = await world.order(f"I10.{NUMBER}")
        await commits(world, True)
        await ending._stop_rack(world.daemon.context, world.daemon.rack)
        assert (await world.states())[order] == "SUCCEEDED"
        assert told[0] == (
            "EXTEND_TIMEOUT_USEC=80000000",
            "STATUS=stopping; 1 order is past the point of no return",
        )
        await world.stop()

    run(work())


def test_the_status_says_what_needs_a_look_and_only_when_it_changes(tmp_path: Path) -> None:
    async def work() -> None:
        told: list[str] = []
        remarks = [""]
        world = World(tmp_path, rack_plan(("wavecom", "indosat"), ("wavecom", "telkomsel")))
        await world.set_up()
        line = StatusLine(world.daemon.context, world.daemon.rack, lambda: remarks[0], told.append)
        await line.look()
        await world.clock.sleep(60)
        first, _ = world.daemon.rack.slots.values()
        await line.look()
        await line.look()
        assert told == [f"STATUS={NO_MODEM}", "STATUS=2 chips ready"]
        assert first.chip is not None
        await world.call("chip.rest", iccid=first.chip.iccid, because="test")
        await world.clock.sleep(60)
        await world.order(f"I10.{NUMBER}")
        remarks[0] = "needs a restart: daemon.timezone"
        await line.look()
        await line.look()
        assert told[2:] == [
            "STATUS=1 chip ready, 1 resting, 1 order queued; needs a restart: daemon.timezone"
        ]
        await world.daemon.rack.stop(ending.STOP_SECONDS)
        await line.look()
        assert told[3:] == [], "it must not stand in the place of: stopping"
        await world.stop()

    run(work())


def slot(stage: Stage, doing: str = "", held: str = "") -> Any:
    """As much of a slot as the sentence looks at."""
    desk = SimpleNamespace(doing=doing) if doing else None
    return SimpleNamespace(life=SimpleNamespace(stage=stage), desk=desk, held=held)


def test_the_sentence_has_a_word_for_every_slot() -> None:
    slots = [
        *[slot(Stage.READY, "idle")] * 61,
        *[slot(Stage.READY, "resting")] * 2,
        slot(Stage.READY),
        slot(Stage.READY, "idle", held="slot 2 shows the same card"),
        *[slot(Stage.FAILED)] * 2,
        slot(Stage.OPENED),
        slot(Stage.GONE),
    ]
    assert sentence(slots, {"UNKNOWN": 1, "QUEUED": 3, "SUCCEEDED": 9}) == (
        "61 chips ready, 2 resting, 1 chip to be adopted, 1 held, 2 modems failed, 1 starting,"
        " 3 orders queued, 1 undecided order"
    )
    assert sentence([slot(Stage.GONE)], {"UNKNOWN": 2}) == f"{NO_MODEM}, 2 undecided orders"
