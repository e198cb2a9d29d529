"""Whose messages may be followed."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import outbox
from pulsarack.daemon.context import Standing, look_at
from pulsarack.daemon.control_protocol import CallError, check_arguments
from pulsarack.daemon.outbox import Outbox
from tests.daemon.virtual_loop import run
from tests.daemon.world import PEER, World, rack_plan


def test_the_messages_of_an_unknown_agent_are_no_stream(tmp_path: Path) -> None:
    async def follow() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.set_up()
        call = world.daemon.calls.find("messages.follow")
        assert call.stream is not None
        stream = call.stream(check_arguments(call, {"agent": "A9"}), PEER)
        with pytest.raises(CallError, match="there is no agent A9") as caught:
            await anext(stream)
        assert (caught.value.code, bool(caught.value.remedy)) == ("NOT_FOUND", True)
        order_id = await world.order("S10.081200000012")
        mine = call.stream(check_arguments(call, {"agent": "A1"}), PEER)
        assert (await anext(mine))["order"] == order_id
        await mine.aclose()
        await world.settle()
        await world.stop()

    run(follow())


def test_all_pages_come_at_once_and_what_is_written_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PAGE", 2)

    async def follow() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.set_up()
        call = world.daemon.calls.find("messages.follow")
        assert call.stream is not None
        stream = call.stream(check_arguments(call, {"agent": "A1"}), PEER)
        for batch in (5, 3, 4):  # the last page of the first is not full, nor that of the second
            ordered = {await world.order(f"S10.08120000{n + 10}{batch}1") for n in range(batch)}
            await world.settle()
            settled = world.clock.monotonic()
            assert {(await anext(stream))["order"] for _ in range(batch)} == ordered
            assert world.clock.monotonic() == settled
        await stream.aclose()
        await world.stop()

    run(follow())


def test_only_a_result_for_the_socket_is_looked_for_in_the_writing_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[str] = []

    async def follow() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")))
        await world.set_up()
        order_id = await world.order("S10.081200000012")
        stream = Outbox(world.daemon.context).follow("A1")
        told = await anext(stream)
        assert (told.order_id, told.tries) == (order_id, 1)
        store = world.daemon.store
        for name in ("write_for", "read_for"):
            monkeypatch.setattr(store, name, noted(name, getattr(store, name)))
        following = asyncio.ensure_future(anext(stream))
        await world.clock.sleep(1.0)
        await world.call("messages.ack", id=told.id)
        stands = store.read_inline(lambda db: look_at(db, order_id))
        order, tries = stands.order, stands.attempts
        jobs.clear()
        tell = world.daemon.context.tell
        tell(Standing(order._replace(channel="xmpp"), tries))
        await world.clock.sleep(1.0)
        assert jobs == [], "it goes another way"
        tell(Standing(order._replace(state="QUEUED", finished_at=None), tries))
        await world.clock.sleep(1.0)
        assert jobs == [], "there is no result yet"
        tell(Standing(order, tries))
        await world.clock.sleep(1.0)
        assert jobs == ["write_for"], "found and handed out in one job"
        await world.clock.sleep(outbox.LOOK_SECONDS)
        assert jobs == ["write_for", "read_for"], "nobody rang, so it is asked aside"
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await world.stop()

    def noted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        async def note(turn: str, job: Any) -> Any:
            jobs.append(name)
            return await work(turn, job)

        return note

    run(follow())
