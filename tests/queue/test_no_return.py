"""Which open attempt forbids that the modem in a slot is reset."""

from collections.abc import Collection

import pytest

from pulsarack.queue import no_return
from pulsarack.queue.attempts import Attempt
from tests.queue.world import World, iccid

OURS, OTHER = iccid(1), iccid(2)


def forbids(world: World, card: str | None, shown: Collection[str]) -> Attempt | None:
    return world.run(lambda db: no_return.open_in_slot(db, card, shown))


@pytest.mark.parametrize(
    ("card", "shown", "forbidden"),
    [
        (OURS, (OURS, OTHER), True),
        (OURS, (), True),
        (OTHER, (OTHER,), False),  # another card is in, whatever is somewhere else
        (None, (OTHER,), True),  # it may be the one that is in
        (None, (OURS, OTHER), False),  # it is seen elsewhere
    ],
)
def test_past_the_point_of_no_return(
    world: World, card: str | None, shown: tuple[str, ...], forbidden: bool
) -> None:
    world.agent()
    world.chip(1)
    world.chip(2)
    order = world.order()
    (claimed,) = world.claim(OURS)
    assert forbids(world, card, shown) is None  # nothing has left
    world.commit(claimed.attempt_id)
    found = forbids(world, card, shown)
    assert (found is not None and found.order_id == order.id) == forbidden
    world.suspend(claimed.attempt_id)
    assert (forbids(world, card, shown) is not None) == forbidden
    world.decide(claimed.attempt_id, done=True)
    assert forbids(world, card, shown) is None
