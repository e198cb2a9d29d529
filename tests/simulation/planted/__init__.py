"""Bugs planted in the product, one at a time, to show that the simulation catches them."""

from tests.simulation.planted import network, proofs, trade
from tests.simulation.planted.plants import BUGS, Bug, planted

__all__ = ["BUGS", "Bug", "network", "planted", "proofs", "trade"]
