"""Bugs of measure: limits, times, prices, stock, and the words in which a result is told."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from peewee import Database

from pulsarack.daemon.stock_check import NEVER, StockCheck
from pulsarack.queue import chips, discrepancies, messages, orders, outcome, products, routing
from pulsarack.queue.chips import ChipState
from pulsarack.queue.routing import ChipFacts, OrderFacts
from pulsarack.queue.rows import execute
from tests.simulation.planted.plants import bug, put


@bug("A chip sends on without its pause.", "P8")
def pause_ignored(patches: ExitStack) -> None:
    _as_if(patches, pause_seconds=0)


@bug("A chip sends more orders an hour than its limit.", "P8")
def hourly_limit_ignored(patches: ExitStack) -> None:
    _as_if(patches, per_hour=None, per_day=None)


@bug("A chip that an admin, or its failures, sent to rest sells on.", "P8")
def resting_chip_sells(patches: ExitStack) -> None:
    def find(db: Database, iccid: str) -> Any:
        found = old(db, iccid)
        if found is None or found.state != ChipState.RESTING:
            return found
        return found._replace(state=ChipState.ACTIVE)

    old = put(patches, chips, "find", find)


@bug("A chip's stock is sold down to nothing, whatever its reserve.", "P8")
def reserve_ignored(patches: ExitStack) -> None:
    _as_if(patches, reserve=0)


@bug("An order is given up before its time.", "P6")
def given_up_too_early(patches: ExitStack) -> None:
    def expire(db: Database, *, now_ms: int, limit: int = 200) -> Any:
        return old(db, now_ms=now_ms + 60_000, limit=limit)

    old = put(patches, outcome, "expire", expire)
    first = put(patches, orders, "first_expiry", lambda db: None if first(db) is None else 0)


@bug("An order that waits gets the price of the day.", "P3")
def price_follows_the_product(patches: ExitStack) -> None:
    def new_price(db: Database, product: products.Product) -> str:
        execute(
            db,
            "UPDATE orders SET price = ? WHERE product = ? AND finished_at IS NULL",
            (product.price, product.code),
        )
        return str(old(db, product))

    old = put(patches, products, "put", new_price)


@bug("A success is told without the number that proves it.", "P6")
def serial_number_not_told(patches: ExitStack) -> None:
    def write(db: Database, order: Any, **at: Any) -> None:
        old(db, order._replace(serial_number=None), **at)

    old = put(patches, messages, "write_final", write)


@bug("Whatever an operator refuses, the agent is told that his number is wrong.", "P6")
def always_the_number(patches: ExitStack) -> None:
    def write(db: Database, order: Any, **at: Any) -> None:
        old(db, order._replace(reason=order.reason and "WRONG_NUMBER"), **at)

    old = put(patches, messages, "write_final", write)


@bug("One reading of a stock is believed before the operator has booked everything.", "P4", "P5")
def one_reading_believed(patches: ExitStack) -> None:
    async def differs(self: StockCheck, figure: int) -> None:
        self._previous, self._differed_at = figure, NEVER
        await old(self, figure)

    old = put(patches, StockCheck, "_differs", differs)


@bug("A discrepancy that was cleared can be cleared again.", "P5")
def clearing_not_recorded(patches: ExitStack) -> None:
    put(patches, discrepancies, "note_clearing", lambda *args: None)


def _as_if(patches: ExitStack, **said: int | None) -> None:
    """Routing takes this of every chip for its own."""

    def objections(order: OrderFacts, chip: ChipFacts, now_ms: int) -> Iterator[str]:
        return old(order, chip._replace(**said), now_ms)

    old = put(patches, routing, "objections", objections)
