"""Bugs planted in the product, one at a time, to show that the simulation catches them."""

from tests.simulation.planted import bulk, money, network, proofs, texts, trade
from tests.simulation.planted.plants import BUGS, Bug, planted

__all__ = ["BUGS", "Bug", "bulk", "money", "network", "planted", "proofs", "texts", "trade"]
