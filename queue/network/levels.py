"""Price levels: what a product costs the agents of one level, before any mark-up.

A level is a name that an admin gives ("gold"). A product without a price of the level costs
what it costs everybody. A change never touches an order already accepted.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue import products
from pulsarack.queue.rows import columns, execute, scalar, select, touched
from pulsarack.queue.validation import Refusal, RefusalCode


@dataclass(frozen=True, slots=True)
class LevelPrice:
    """What a product costs on a level, rupiah."""

    level: str
    product: str
    price: int


def put(db: Database, level: str, product: str, price: int) -> LevelPrice | Refusal:
    """Set the price of a product on a level; below its cost only if an admin allowed that."""
    sold = products.find(db, product)
    if sold is None:
        return Refusal(
            RefusalCode.UNKNOWN_PRODUCT,
            f"there is no product '{product[:20]}'",
            "see: pulsarack product list",
        )
    if price <= 0:
        return Refusal(RefusalCode.BAD_AMOUNT, f"{price} is no price", "write rupiah above 0")
    if price < sold.cost and not sold.below_cost:
        return Refusal(
            RefusalCode.BELOW_COST,
            f"{product} costs us {sold.cost}, {price} is below that",
            f"write more, or allow it: pulsarack product below-cost {product} --allow",
        )
    execute(
        db,
        "INSERT INTO level_price (level, product, price) VALUES (?, ?, ?)"
        " ON CONFLICT (level, product) DO UPDATE SET price = excluded.price",
        (level, product, price),
    )
    return LevelPrice(level, product, price)


def of(db: Database, level: str) -> list[LevelPrice]:
    """All prices of a level, by product."""
    statement = f"SELECT {columns(LevelPrice)} FROM level_price WHERE level = ? ORDER BY product"
    return select(db, LevelPrice, statement, (level,))


def remove(db: Database, level: str, product: str) -> bool:
    """Forget a price: the product costs on that level what it costs everybody."""
    statement = "DELETE FROM level_price WHERE level = ? AND product = ?"
    return touched(db, statement, (level, product))


def is_known(db: Database, level: str) -> bool:
    """Whether any product has a price of its own on a level."""
    return scalar(db, "SELECT 1 FROM level_price WHERE level = ? LIMIT 1", (level,)) is not None


def assign(db: Database, agent: str, level: str) -> None:
    """Put an agent on a level; "" is none."""
    execute(db, "UPDATE agent SET level = ? WHERE code = ?", (level, agent))
