"""A tree of three levels beside the small server: what its agents pay, set by hand."""

from pulsarack.queue import agents, products
from pulsarack.queue.agents import Agent
from pulsarack.queue.network import commissions, levels, markups, pricing, tree
from pulsarack.queue.network.pricing import Offer
from pulsarack.queue.validation import Refusal
from tests.queue.world import World

TOP, MIDDLE, SHOP = "TOP", "MIDDLE", "SHOP"


def grow(world: World, *, deposit: int = 1_000_000) -> None:
    """SHOP below MIDDLE below TOP; S10 has 10,500 and they add 100 and 30."""
    for code, upline in ((TOP, None), (MIDDLE, TOP), (SHOP, MIDDLE)):
        world.agent(code, deposit)
        if upline is not None:
            moved = world.run(
                lambda db, code=code, upline=upline: tree.move(db, code, upline, now_ms=1)
            )
            assert isinstance(moved, Agent), moved
    mark_up(world, TOP, 100)
    mark_up(world, MIDDLE, 30)


def the(world: World, code: str) -> Agent:
    """An agent as it is now."""
    found = world.run(lambda db: agents.find(db, code))
    assert found is not None, code
    return found


def mark_up(
    world: World, upline: str, amount: int, downline: str | None = None, product: str | None = None
) -> None:
    """An upline sets a rule."""
    who = the(world, upline)
    put = world.run(lambda db: markups.put(db, who, amount, downline=downline, product=product))
    assert not isinstance(put, Refusal), put


def price(world: World, level: str, product: str, amount: int) -> None:
    """An admin sets a price of a level."""
    put = world.run(lambda db: levels.put(db, level, product, amount))
    assert not isinstance(put, Refusal), put


def offer(world: World, code: str, product: str = "S10") -> Offer:
    """What a product costs an agent."""
    agent = the(world, code)
    sold = world.run(lambda db: products.find(db, product))
    assert sold is not None
    return world.run(lambda db: pricing.offer(db, agent, sold))


def earned(world: World, *codes: str) -> list[int]:
    """The commissions of agents."""
    return [world.run(lambda db, code=code: commissions.balance(db, code)) for code in codes]
