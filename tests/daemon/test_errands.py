"""Errands wait for their turn: in order, not for ever, not for a caller that has left."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.errands import WAITING_LIMIT, Errands, TurnNotCome
from pulsarack.modems.errors import ModemSilent
from pulsarack.modems.modem import Modem
from pulsarack.modems.profile import Profiles
from tests.modems.world import VirtualClock
from tests.trace_player import TracePort

TRACE = Path(__file__).parent.parent / "traces" / "wavecom.trace"


class Desk:
    """What an errand needs: a modem, a clock, and a worker that was woken."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.woken = 0
        modem = Modem(TracePort(TRACE, self.clock), self.clock, Profiles.load(), lambda event: None)
        self.errands = Errands(self.clock, modem, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def ask(self, job: Any, seconds: float = 10.0) -> "asyncio.Task[Any]":
        return asyncio.ensure_future(self.errands.ask(job, seconds, lambda: "selling order 7"))


async def test_they_are_done_in_the_order_in_which_they_came() -> None:
    desk = Desk()
    done: list[int] = []

    def job(number: int) -> Any:
        async def work(modem: Modem) -> int:
            done.append(number)
            return number

        return work

    jobs = [job(number) for number in range(3)]
    asked = [desk.ask(one) for one in jobs]
    await asyncio.sleep(0)
    assert desk.woken == 3
    gave = []
    while desk.errands.waiting:
        assert desk.errands.next is jobs[len(gave)]
        gave.append(await desk.errands.run_next())
    assert desk.errands.next is None
    assert [await one for one in asked] == gave == done == [0, 1, 2]


async def test_a_turn_that_does_not_come_is_told_with_the_reason() -> None:
    desk = Desk()

    async def never(modem: Modem) -> None:
        raise AssertionError("it was not its turn")

    async def ask() -> None:
        with pytest.raises(TurnNotCome, match="selling order 7"):
            await desk.errands.ask(never, 45.0, lambda: "selling order 7")

    await desk.clock.run(ask())
    assert desk.clock.monotonic() == 1045.0
    assert not desk.errands.waiting


async def test_who_has_left_is_forgotten() -> None:
    desk = Desk()

    async def never(modem: Modem) -> None:
        raise AssertionError("nobody waits for it")

    asked = desk.ask(never)
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert not desk.errands.waiting


async def test_no_more_of_them_wait_than_can_be_done() -> None:
    desk = Desk()

    async def work(modem: Modem) -> None:
        return

    asked = [desk.ask(work) for _ in range(WAITING_LIMIT)]
    await asyncio.sleep(0)
    with pytest.raises(TurnNotCome, match="others wait"):
        await desk.ask(work)
    desk.errands.leave()
    for one in asked:
        with pytest.raises(TurnNotCome, match="it has just left"):
            await one


async def test_what_a_job_raises_is_its_caller_s() -> None:
    desk = Desk()

    async def fail(modem: Modem) -> None:
        raise ModemSilent("AT+CSQ", 5.0)

    asked = desk.ask(fail)
    await asyncio.sleep(0)
    assert await desk.errands.run_next() is None
    with pytest.raises(ModemSilent):
        await asked


async def test_nothing_is_asked_of_a_chip_that_has_left() -> None:
    desk = Desk()

    async def never(modem: Modem) -> None:
        raise AssertionError("nobody is there")

    desk.errands.leave()
    with pytest.raises(TurnNotCome, match="left"):
        await desk.ask(never)
