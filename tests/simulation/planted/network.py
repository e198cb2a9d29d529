"""Bugs in what agents pay their uplines."""

from contextlib import ExitStack

from peewee import Database

from pulsarack.queue import agents, orders, products
from pulsarack.queue.agents import Agent
from pulsarack.queue.network import commissions, pricing
from pulsarack.queue.network.pricing import Offer, Share
from pulsarack.queue.products import Product
from tests.simulation.planted.plants import bug, put


@bug("Uplines earn by the mark-ups of the day on which the order ends.", "P3")
def commissions_follow_the_markups(patches: ExitStack) -> None:
    def of_order(db: Database, order_id: int) -> list[Share]:
        order = orders.get(db, order_id)
        agent, product = agents.find(db, order.agent), products.find(db, order.product)
        assert agent is not None and product is not None
        return list(pricing.offer(db, agent, product).shares)

    put(patches, commissions, "of_order", of_order)


@bug("A reversal leaves the uplines what they earned.", "P3")
def commissions_kept_after_a_reversal(patches: ExitStack) -> None:
    put(patches, commissions, "take_back", lambda db, order_id, **why: None)


@bug("Only the nearest upline adds to the price.", "P3")
def higher_uplines_forgotten(patches: ExitStack) -> None:
    def nearest(db: Database, agent: Agent, product: Product) -> Offer:
        offer = old(db, agent, product)
        return Offer(offer.remains + sum(s.amount for s in offer.shares[:1]), offer.shares[:1])

    old = put(patches, pricing, "offer", nearest)
