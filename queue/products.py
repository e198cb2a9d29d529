"""Products: what an agent orders by a short code, its price and what it costs us."""

from typing import NamedTuple

from peewee import Database

from pulsarack.queue.rows import columns, execute, select, select_one
from pulsarack.queue.validation import AIRTIME


class Product(NamedTuple):
    """A denomination of an operator under a code. Price and cost are rupiah."""

    code: str
    operator: str
    name: str
    denomination: int
    price: int
    cost: int
    time_limit_seconds: int | None
    active: int
    below_cost: int = 0  # an admin lets it be sold for less than it costs
    kind: str = AIRTIME  # or METER: whose number it is sold to; it never changes


def find(db: Database, code: str) -> Product | None:
    """The product of that code, sold at present or not."""
    return select_one(
        db, Product, f"SELECT {columns(Product)} FROM product WHERE code = ?", (code,)
    )


def every(db: Database) -> list[Product]:
    """All products, by operator and denomination."""
    return select(
        db,
        Product,
        f"SELECT {columns(Product)} FROM product ORDER BY operator, denomination, code",
    )


def allow_below_cost(db: Database, code: str, allowed: bool) -> None:
    """Let a product be sold for less than it costs us, or no more."""
    execute(db, "UPDATE product SET below_cost = ? WHERE code = ?", (int(allowed), code))


def put(db: Database, product: Product) -> str:
    """Add or change a product; says 'added', 'changed' or 'same'.

    A change never touches an order already accepted: an order keeps its own price.
    """
    old = find(db, product.code)
    if old == product:
        return "same"
    execute(
        db,
        f"INSERT INTO product ({columns(Product)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (code) DO UPDATE SET operator = excluded.operator, name = excluded.name,"
        " denomination = excluded.denomination, price = excluded.price, cost = excluded.cost,"
        " time_limit_seconds = excluded.time_limit_seconds, active = excluded.active,"
        " below_cost = excluded.below_cost",
        (
            product.code,
            product.operator,
            product.name,
            product.denomination,
            product.price,
            product.cost,
            product.time_limit_seconds,
            product.active,
            product.below_cost,
            product.kind,
        ),
    )
    return "added" if old is None else "changed"
