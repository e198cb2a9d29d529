"""Bugs of requests that hold many orders, each of which could have come alone."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from peewee import Database, IntegrityError

from pulsarack.queue import intake, intake_many, orders
from pulsarack.queue.orders import Order
from tests.simulation.planted.plants import bug, put


@bug("A request of many orders that comes again is not known by their references.", "P1", "P2")
def references_of_many_not_looked_at(patches: ExitStack) -> None:
    def add_all(db: Database, new: Sequence[Order]) -> list[Order]:
        try:
            return list(old(db, new))
        except IntegrityError:
            # "Somebody has such a reference already: these are new ones, they need none."
            anew = [one._replace(client_reference=None) for one in new]
            return list(old(db, anew))

    old = put(patches, orders, "add_all", add_all)


@bug("Of many orders that come together the price of the first alone is held.", "P3")
def one_price_of_many_held(patches: ExitStack) -> None:
    def hold_prices(db: Database, placed: Sequence[Order], agent: str, **at: Any) -> None:
        old(db, placed[:1], agent, **at)

    old = put(patches, intake, "hold_prices", hold_prices)


@bug("The answers to many orders stand in other places than the orders.", "P1")
def answers_of_many_in_other_places(patches: ExitStack) -> None:
    def together(db: Database, usual: Any, common: Any) -> Any:
        return list(reversed(old(db, usual, common)))

    old = put(patches, intake_many, "_together", together)
