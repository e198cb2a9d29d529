"""What comes at once: orders by the thousand, agents by the hundred, ports, messages for nobody.

On virtual time and in small: the mechanisms are the same for ten thousand, and
`python -m benchmarks storm` drives the real daemon with as many.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon import rack as racks
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.errors import Busy
from pulsarack.daemon.events import BACKLOG, Events
from pulsarack.daemon.outbox import Outbox
from pulsarack.daemon.rack import Rack
from pulsarack.modems.errors import PortMissing
from pulsarack.modems.profile import Profiles
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Port
from pulsarack.modems.watch import PortKey
from pulsarack.queue import messages, rows
from pulsarack.queue.orders import Order
from tests.daemon.virtual_loop import run
from tests.daemon.world import PRODUCTS, World, rack_plan

NO_LIMITS = "[chips]\npause_seconds = 0\nper_hour = 100000\nper_day = 100000\n"
MONEY = 1_000_000_000


async def shop(path: Path, chips: int, agents: list[str]) -> World:
    """A rack that does nothing but sell, and agents with money."""
    path.mkdir()
    plan = rack_plan(*[("wavecom", "telkomsel")] * chips, stock=100_000_000)
    world = World(path, plan, settings=NO_LIMITS)
    await world.set_up(deposit=MONEY)
    for code in agents:
        await world.call("agent.new", code=code, name=code)
        await world.pay_in(code, MONEY)
    await world.clock.sleep(120.0)
    return world


async def send(world: World, agent: str, first: int, count: int) -> list[int]:
    """Orders of an agent in one moment, each to a number of its own."""
    return [
        (await world.call("order.new", agent=agent, text=f"S5.08120{number:06}2"))["id"]
        for number in range(first, first + count)
    ]


async def sold(world: World, ids: list[int]) -> float:
    """Seconds until all of them are; they must be."""
    began = world.clock.monotonic()
    left = set(ids)
    while left:
        await world.clock.sleep(0.5)
        states = world.daemon.store.read_inline(
            lambda db: rows.tuples(db, "SELECT id, state FROM orders")
        )
        assert {state for one, state in states if one in left} <= {"QUEUED", "SENDING", "SUCCEEDED"}
        left -= {one for one, state in states if state == "SUCCEEDED"}
    return world.clock.monotonic() - began


def test_a_storm_of_one_agent_leaves_the_other_his_half(tmp_path: Path) -> None:
    async def seconds(storm: int) -> float:
        world = await shop(tmp_path / str(storm), 2, ["kios1", "kios2"])
        await send(world, "kios1", 1000, storm)
        taken = await sold(world, await send(world, "kios2", 0, 10))
        assert world.findings() == []
        listed = world.daemon.store.read_inline(
            lambda db: rows.tuples(db, "SELECT count(*) FROM orders WHERE agent = 'kios1'")
        )
        assert listed == [(storm,)], "nothing is lost"
        await world.stop()
        return taken

    alone, beside = run(seconds(0)), run(seconds(300))
    # Two agents: every other sale is his; and what is being sent when he comes is ended first.
    assert beside <= 2 * alone + alone / 5 + 1.0


def test_many_agents_at_once_are_all_served_once_before_any_is_twice(tmp_path: Path) -> None:
    agents = [f"kios{number}" for number in range(40)]

    async def served() -> list[str]:
        world = await shop(tmp_path / "many", 4, agents)
        ids = []
        for number, code in enumerate(agents):
            ids += await send(world, code, 10 * number, 2)
        await sold(world, ids)
        assert world.findings() == []
        assert len(world.delivered()) == len(ids)
        claimed = world.daemon.store.read_inline(
            lambda db: rows.tuples(
                db,
                "SELECT orders.agent FROM attempt JOIN orders ON orders.id = order_id"
                " ORDER BY attempt.id",
            )
        )
        await world.stop()
        return [agent for (agent,) in claimed]

    claimed = run(served())
    assert Counter(claimed) == Counter(dict.fromkeys(agents, 2))
    # The first orders were claimed when the others had not come yet.
    first = Counter(claimed[: len(agents)])
    assert sum(count > 1 for count in first.values()) <= 4


# --- messages for a channel that is dead ----------------------------------------------------

WAITING = 450


def pile_up(db: Database, agent: str) -> None:
    """Messages that nobody has fetched for a day."""
    columns = ", ".join(
        name
        for name in rows.columns(Order).split(", ")
        if name not in ("id", "destination", "client_reference", "agent", "state", "finished_at")
    )
    rows.execute(
        db,
        f"INSERT INTO orders ({columns}, destination, agent, state, finished_at)"
        " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        f" SELECT {columns}, '6281299' || (100000 + i), ?, 'CANCELLED', 1 FROM n,"
        " (SELECT * FROM orders ORDER BY id LIMIT 1)",
        (WAITING, agent),
    )
    rows.execute(
        db,
        "INSERT INTO message (order_id, state, agent, channel, text, created_at)"
        " SELECT id, state, agent, channel, text, 1 FROM orders WHERE agent = ? AND finished_at = 1"
        " ORDER BY id",
        (agent,),
    )


@pytest.mark.usefixtures("each_job_runs_once")
def test_a_day_of_messages_is_read_by_the_page_and_wakes_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: Counter[str | None] = Counter()
    waiting = messages.waiting

    def counted(db: Database, agent: str | None, **more: int) -> list[messages.Message]:
        looked[agent] += 1
        found = waiting(db, agent, **more)
        assert len(found) <= 100
        return found

    monkeypatch.setattr(messages, "waiting", counted)

    async def work() -> None:
        world = await shop(tmp_path / "dead", 1, ["kios1", "kios2", "kios3"])
        (mine,) = await send(world, "kios2", 1, 1)
        await sold(world, [mine])
        world.daemon.store.run_inline(lambda db: pile_up(db, "kios1"))
        outbox = Outbox(world.daemon.context)
        dead, other = outbox.follow("kios1"), outbox.follow("kios2")
        seen = {(await anext(dead)).id}
        assert looked["kios1"] == 1, "the first of many is there after one page"
        told = await anext(other)
        assert told.order_id == mine
        await world.call("messages.ack", id=told.id)
        listening = [outbox.follow("kios2") for _ in range(3)]
        nexts = [asyncio.ensure_future(anext(one)) for one in (other, *listening)]
        idle = asyncio.ensure_future(anext(outbox.follow("kios3")))
        await world.clock.sleep(1.0)
        looked.clear()
        (again,) = await send(world, "kios2", 2, 1)
        await send(world, "A1", 3, 5)
        for one in nexts:
            assert (await one).order_id == again
        assert looked["kios3"] == 0, "it was nothing to him"
        idle.cancel()
        await asyncio.gather(idle, return_exceptions=True)
        # When the order was finished, and not at its steps before.
        assert looked["kios2"] <= 2 * 4
        seen |= {(await anext(dead)).id for _ in range(WAITING - 1)}
        assert len(seen) == WAITING
        for stream in (dead, other, *listening):
            await stream.aclose()
        assert not outbox._bells
        await world.stop()

    run(work())


# --- events ---------------------------------------------------------------------------------


def test_a_thousand_slow_followers_keep_each_event_once() -> None:
    async def work() -> None:
        events = Events()
        slow = [events.follow() for _ in range(10)]
        firsts = [asyncio.ensure_future(anext(one)) for one in slow]
        await asyncio.sleep(0)
        for number in range(BACKLOG + 50):
            events.publish("order", id=number)
        assert [await one for one in firsts] == [{"kind": "lost", "count": 50}] * len(slow)
        kept = [follower._waiting for follower in events._followers]
        assert {len(one) for one in kept} == {BACKLOG}
        assert all(one[-1] is kept[0][-1] for one in kept)
        for one in slow:
            await one.aclose()
        assert not events._followers

    run(work())


# --- ports ----------------------------------------------------------------------------------


def test_many_orders_that_expire_at_once_hold_up_no_chip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are looked at together, and told when the dispatcher's lock is free again."""

    async def work() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.start()
        await world.call("product.import", rows=PRODUCTS)
        await world.call("agent.new", code="A1", name="Satu")
        await world.pay_in("A1", MONEY)
        ids = await send(world, "A1", 0, 150)  # no chip is adopted
        context, told = world.daemon.context, list[tuple[int, str, bool]]()
        dispatcher = Dispatcher(context)
        world.daemon.tasks[0].cancel()  # the dispatcher that runs
        await world.clock.sleep(700.0)
        asked: list[object] = []
        read = context.store.read

        async def counted(job: Callable[[Database], Any]) -> Any:
            asked.append(job)
            return await read(job)

        monkeypatch.setattr(context.store, "read", counted)
        context.events.listen(
            lambda order: told.append((order.id, order.state, dispatcher._lock.locked()))
        )
        await dispatcher._try_pass()
        assert told == [(number, "FAILED", False) for number in ids]
        assert len(asked) == 2
        await world.stop()

    run(work())


class Names:
    """Ports that are there and cannot be opened."""

    def __init__(self) -> None:
        self.there: list[str] = []

    def look(self) -> dict[str, PortKey]:
        return {name: PortKey(name, 1, 1) for name in self.there}

    async def wait(self, clock: Clock, seconds: float) -> None:
        await clock.sleep(seconds)

    def place(self, path: str) -> None:
        """Nothing is known of it."""

    async def open(self, path: str) -> Port:
        raise PortMissing(path)


def test_slots_are_bounded_and_empty_ones_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(racks, "SLOTS_LIMIT", 3)

    async def work() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.start()
        context, names = world.daemon.context, Names()
        rack = Rack(context, Dispatcher(context), Profiles.load(), names)

        def plugged(*there: str) -> list[str]:
            names.there = list(there)
            rack.look()
            return sorted(rack.slots)

        assert plugged("a", "b") == ["a", "b"]
        assert plugged("b", "c") == ["a", "b", "c"]
        stays = rack.slots["b"]
        assert plugged("b", "c", "d") == ["b", "c", "d"], "what is not there any more goes"
        assert plugged("b", "c", "d", "e") == ["b", "c", "d"], "no room for a fourth"
        assert plugged("b", "d", "e") == ["b", "c", "d"], "c may only have been renamed"
        assert plugged("b", "d", "e") == ["b", "d", "e"]
        assert rack.slots["b"] is stays
        await world.clock.sleep(1.0)
        assert not rack._forgotten, "who is forgotten ends"
        await rack.stop(1.0)
        await world.stop()

    run(work())


def test_many_modems_plugged_in_at_once_all_become_ready(tmp_path: Path) -> None:
    count = 48

    async def work() -> None:
        world = World(tmp_path, rack_plan(*[("wavecom", "telkomsel")] * count))
        await world.set_up()
        seconds = 0
        while (await world.call("status"))["ready"] < count:
            await world.clock.sleep(1.0)
            seconds += 1
            assert seconds < 60
            assert len((await world.call("modem.list"))["modems"]) == count
        states = {row["state"] for row in (await world.call("modem.list"))["modems"]}
        assert states == {"ready"}
        (order_id,) = await send(world, "A1", 0, 1)
        await sold(world, [order_id])
        await world.stop()

    run(work())


def test_an_order_that_was_refused_for_haste_is_not_there_and_may_be_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(source: str, job: object, turns: int = 1) -> None:
        raise Busy(1024, f"of {source} ")

    async def work() -> None:
        world = await shop(tmp_path / "busy", 1, ["kios1"])
        order = {"agent": "kios1", "text": "S5.081200000012", "client_reference": "r1"}
        store = world.daemon.store
        with monkeypatch.context() as patch:
            patch.setattr(store, "write_for", busy)
            with pytest.raises(Busy, match="1024 requests of kios1"):
                await world.call("order.new", **order)
        assert await world.states() == {}
        accepted = await world.call("order.new", **order)
        assert not accepted["repeated"]
        again = await world.call("order.new", **order)
        assert again["repeated"]
        assert {**again, "repeated": False} == accepted
        await world.settle()
        assert world.findings() == []
        await world.stop()

    run(work())


def test_the_status_tells_what_was_refused(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.start()
        assert world.pressure is not None
        assert (await world.call("status"))["pressure"] == {"pins_waiting": 0, "refused": {}}
        for kind in ("BUSY", "CUT_OFF", "BUSY"):
            world.pressure.refused(kind)
        world.pressure.watch(lambda: {"writing": 5})
        told = (await world.call("status"))["pressure"]
        assert told == {"pins_waiting": 0, "writing": 5, "refused": {"BUSY": 2, "CUT_OFF": 1}}
        await world.stop()

    run(work())
