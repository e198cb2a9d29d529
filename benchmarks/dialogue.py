"""The bytes of one top-up, as the daemon writes and hears them on a line in steady state.

They are recorded and not written down here: what the reference loop has to write follows the
product. One cycle is everything the daemon writes from after one USSD code to the next, with
an order always waiting.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.orders import Feeder
from benchmarks.rack_file import TELKOMSEL, destinations
from benchmarks.site import Site
from benchmarks.steps import PLACE, Recorded, Step
from benchmarks.tap import Heard

USSD_COMMAND = b"+CUSD=1"
USSD_ANSWER = b"+CUSD:"
DONE = b"OK\r"
_RECORDED = 6
_SPEED = 20.0


async def record(root: Path) -> Recorded:
    """Lets a daemon sell over a tapped line and takes a cycle out of what was heard."""
    async with Site(root, [TELKOMSEL], 2.0, tapped=(0,), speed=_SPEED) as site:
        feeder = Feeder(site, TELKOMSEL, destinations(TELKOMSEL), _RECORDED)
        await feeder.fill()
        await site.sold(_RECORDED)
        numbers = [number.encode() for number in _numbers()]
        return cut(site.taps[0].heard, numbers)


def _numbers() -> list[str]:
    numbers = destinations(TELKOMSEL)
    return [next(numbers) for _ in range(_RECORDED)]


def cut(heard: Sequence[Heard], numbers: Sequence[bytes]) -> Recorded:
    """The last whole cycle of a line on which several orders were sold one after the other."""
    turns = _turns(heard)
    ends = [place for place, (said, _) in enumerate(turns) if _sells(said, numbers)]
    if len(ends) < 2:
        raise ValueError(f"{len(ends)} orders were heard on the line; a cycle needs two")
    cycle = turns[ends[-2] + 1 : ends[-1] + 1]
    # The answers between two orders: to the steps before this one's code, and to the code before.
    answers = turns[ends[-2] : ends[-1]]
    steps = tuple(
        Step(_without_number(said, numbers), USSD_ANSWER if USSD_COMMAND in said else DONE)
        for said, _ in cycle
    )
    return Recorded(
        steps, sum(len(said) for said, _ in cycle), sum(len(heard) for _, heard in answers)
    )


def _turns(heard: Sequence[Heard]) -> list[tuple[bytes, bytes]]:
    """What was written, each with what came until the next was."""
    turns: list[tuple[bytes, bytes]] = []
    before = False
    for one in heard:
        if one.to_modem and not (before and turns):
            turns.append((one.data, b""))
        elif one.to_modem:
            turns[-1] = (turns[-1][0] + one.data, b"")
        elif turns:
            turns[-1] = (turns[-1][0], turns[-1][1] + one.data)
        before = one.to_modem
    return turns


def _sells(said: bytes, numbers: Sequence[bytes]) -> bool:
    return USSD_COMMAND in said and any(number in said for number in numbers)


def _without_number(said: bytes, numbers: Sequence[bytes]) -> bytes:
    for number in numbers:
        said = said.replace(number, PLACE)
    return said
