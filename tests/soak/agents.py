"""The agents of the crash test: the demonstration's, on a line that can be tapped and cut.

Besides ordering they do what agents do when nobody answers: they send an order again
under its reference, they use a reference twice by mistake, they cancel. Everything that
they were told is kept as it came, for our own check afterwards.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from pulsarack.daemon.client import CallFailed, broken_off
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.place import Place
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.workload import Typed
from tests.soak.aims import Aim

_AGAIN_SHARE = 0.08
_MISUSED_SHARE = 0.03
_CANCEL_SHARE = 0.05
_LOOK_SECONDS = 0.02
# More than can be on their way at once.
_RECENT = 200


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery of a message, as the agent got it; a lost one he knows nothing of."""

    agent: str
    order: int
    message: int
    text: str
    lost: bool = False


class TappedLink(Link):
    """The way to the daemon, with an aim beside it."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.socket)
        self.aim = Aim()
        self.told: list[Told] = []
        # Answers to orders that had been accepted before; a cut answer makes one, too.
        self.repeated = 0
        self._path = place.socket

    async def try_call(self, name: str, /, **args: Any) -> Any:
        """As a link does; an answer to an order may get lost on the way."""
        answer = await super().try_call(name, **args)
        if name == "order.new":
            if self.aim.answered():
                raise broken_off(self._path)
            self.repeated += answer["repeated"]
        return answer

    async def follow(
        self, name: str, take: Callable[[dict[str, Any]], Awaitable[None]], /, **args: Any
    ) -> None:
        """As a link does; notes messages before anybody acknowledges them."""

        async def taken(event: dict[str, Any]) -> None:
            if name == "messages.follow":
                lost = self.aim.told()
                message = (event["agent"], event["order"], event["id"], event["text"])
                self.told.append(Told(*message, lost))
                if lost:
                    raise broken_off(self._path)
            await take(event)

        await super().follow(name, taken, **args)


class Texts:
    """What is typed: texts drawn beforehand, until the day may end."""

    def __init__(self, drawn: Sequence[Typed], is_over: Callable[[], bool]) -> None:
        self.typed: list[Typed] = []
        self._drawn = drawn
        self._is_over = is_over

    def __iter__(self) -> Iterator[Typed]:
        for one in self._drawn:
            if self._is_over():
                return
            self.typed.append(one)
            yield one


class Nuisance:
    """What agents do on top, to orders that were accepted; counted by kind."""

    def __init__(
        self, link: Link, progress: Progress, answered: dict[str, int], rng: Random
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        # Orders whose cancellation was confirmed.
        self.cancelled: set[int] = set()
        self._link = link
        self._progress = progress
        self._answered = answered
        self._rng = rng

    async def run(self, texts: Texts, all_answered: Callable[[], bool]) -> None:
        """Goes on until everything typed is answered, and what was begun is done."""
        seen = 0
        async with asyncio.TaskGroup() as doing:
            while not all_answered() or seen < len(self._answered):
                typed = {one.client_reference: one for one in texts.typed[-_RECENT:]}
                for reference in [*self._answered][seen:]:
                    if reference in typed:
                        self._deal_with(doing, typed[reference])
                    seen += 1
                await asyncio.sleep(_LOOK_SECONDS)

    def _deal_with(self, doing: asyncio.TaskGroup, typed: Typed) -> None:
        roll = self._rng.random()
        if roll < _AGAIN_SHARE:
            doing.create_task(self._again(typed))
        elif roll < _AGAIN_SHARE + _MISUSED_SHARE:
            doing.create_task(self._misuse(typed))
        elif roll < _AGAIN_SHARE + _MISUSED_SHARE + _CANCEL_SHARE:
            doing.create_task(self._cancel(typed))

    async def _again(self, typed: Typed) -> None:
        answer = await self._order(typed)
        first = self._answered[typed.client_reference]
        if answer != first:
            self.faults.append(f"{typed.client_reference} is order {first}, sent again: {answer}")
        self.counts["sent again"] += 1

    async def _misuse(self, typed: Typed) -> None:
        other = replace(typed, text=typed.text[:-1] + str((int(typed.text[-1]) + 1) % 10))
        answer = await self._order(other)
        if answer != "REFERENCE_REUSED":
            self.faults.append(f"{typed.client_reference} taken for another order: {answer}")
        self.counts["reference misused"] += 1

    async def _order(self, typed: Typed) -> int | str:
        """The order's number, or the word for the refusal."""
        reference = typed.client_reference
        try:
            answer = await self._link.call(
                "order.new", agent=typed.agent, text=typed.text, client_reference=reference
            )
        except CallFailed as refusal:
            return refusal.code
        return int(answer["id"])

    async def _cancel(self, typed: Typed) -> None:
        number = self._answered[typed.client_reference]
        try:
            order = await self._link.call("order.cancel", id=number)
        except CallFailed:
            # Too late; or the second time, after a kill that came behind the first.
            self.counts["cancelled too late"] += 1
        else:
            self.cancelled.add(number)
            self._progress.order(number, order["state"])
            self.counts["cancelled"] += 1
