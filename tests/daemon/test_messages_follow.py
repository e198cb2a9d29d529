"""Whose messages may be followed."""

from pathlib import Path

import pytest

from pulsarack.daemon import outbox
from pulsarack.daemon.control_protocol import CallError, check_arguments
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
