"""Mark-ups: what an upline adds to the price of those below it, and earns.

An upline may say one amount for all, others for one of the agents right below it (and so for
all below that one), for one product, or for both together. Of several that fit the most
specific one counts: downline and product, then product, then downline, then the one for all.
An amount of 0 is a rule as well. It is in rupiah and never negative: nobody gives a rebate out
of what belongs to others.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue import agents, products
from pulsarack.queue.agents import Agent
from pulsarack.queue.network import pricing
from pulsarack.queue.rows import columns, execute, select, touched
from pulsarack.queue.validation import Refusal, RefusalCode

MOST = 1_000_000_000
"""Rupiah; the database refuses more."""


@dataclass(frozen=True, slots=True)
class Markup:
    """One rule of an upline; None stands for any."""

    upline: str
    downline: str | None
    product: str | None
    amount: int


def put(
    db: Database,
    upline: Agent,
    amount: int,
    *,
    downline: str | None = None,
    product: str | None = None,
) -> Markup | Refusal:
    """Set what an upline adds; the rule of before for the same is replaced."""
    refusal = _names(db, upline, downline, product) or check(amount)
    if refusal is not None:
        return refusal
    execute(
        db,
        "INSERT INTO markup (upline, downline, product, amount) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (upline, coalesce(downline, ''), coalesce(product, ''))"
        " DO UPDATE SET amount = excluded.amount",
        (upline.code, downline, product, amount),
    )
    return Markup(upline.code, downline, product, amount)


def check(amount: int) -> Refusal | None:
    """What is wrong with an amount, if anything is."""
    if 0 <= amount <= MOST:
        return None
    return Refusal(
        RefusalCode.BAD_AMOUNT, f"{amount} is no mark-up", f"write rupiah from 0 to {MOST}"
    )


def of(db: Database, upline: str) -> list[Markup]:
    """All rules of an upline, the one for all first."""
    return select(
        db,
        Markup,
        f"SELECT {columns(Markup)} FROM markup WHERE upline = ?"
        " ORDER BY coalesce(downline, ''), coalesce(product, '')",
        (upline,),
    )


def remove(
    db: Database, upline: str, *, downline: str | None = None, product: str | None = None
) -> bool:
    """Forget one rule; False if there is none. A less specific one then counts, or none."""
    return touched(
        db,
        "DELETE FROM markup WHERE upline = ? AND coalesce(downline, '') = ?"
        " AND coalesce(product, '') = ?",
        (upline, downline or "", product or ""),
    )


def to_reach(
    db: Database, upline: Agent, price: int, product: str, *, downline: str | None = None
) -> int | Refusal:
    """What an upline must add so that a downline pays this price for a product.

    Without a downline: over what the upline itself pays.
    """
    refusal = _names(db, upline, downline, product)
    if refusal is not None:
        return refusal
    sold, below = products.find(db, product), agents.find(db, downline or upline.code)
    assert sold is not None and below is not None, "both were there a statement ago"
    offer = pricing.offer(db, below, sold)
    own = sum(share.amount for share in offer.shares if share.agent == upline.code)
    without = offer.price - own
    if not 0 <= price - without <= MOST:
        return Refusal(
            RefusalCode.BAD_AMOUNT,
            f"{product} costs {without} without your mark-up",
            f"write a price of {without} or more",
        )
    return price - without


def _names(
    db: Database, upline: Agent, downline: str | None, product: str | None
) -> Refusal | None:
    """What is wrong with whom and what a rule is for."""
    if downline is not None:
        below = agents.find(db, downline)
        if below is None or below.upline != upline.code:
            return Refusal(
                RefusalCode.NOT_A_DOWNLINE,
                f"'{downline[:40]}' is not right below {upline.code}",
                "a mark-up is for agents right below; those below them pay it too",
            )
    if product is not None and products.find(db, product) is None:
        return Refusal(
            RefusalCode.UNKNOWN_PRODUCT,
            f"there is no product '{product[:20]}'",
            "see: pulsarack product list",
        )
    return None
