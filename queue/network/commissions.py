"""Commissions: what uplines earn of an order, from the order's first row to the deposit.

What each upline earns is written with the order and never changed. It is booked in the
transaction that settles the order, under ids derived from the order, so that a repeat is
harmless; a reversal takes it back in its own transaction, also if it was drawn before: then the
account of the commission is below zero, and what the upline earns next fills it. An order that
comes to nothing earns nobody anything.

Commission becomes deposit when its owner asks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from peewee import Database

from pulsarack.ledger import accounts, books, journal
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.queue import orders
from pulsarack.queue.errors import LedgerRefused
from pulsarack.queue.network.pricing import Share
from pulsarack.queue.rows import execute, scalar, select
from pulsarack.queue.validation import Refusal, RefusalCode

_OWNED = accounts.commission("x").removesuffix("x")
_SHARES = "SELECT upline, amount FROM order_commission WHERE order_id = ? ORDER BY upline"


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What became deposit, what commission is left, and whether it had been asked before."""

    amount: int
    left: int
    repeated: bool


def write(db: Database, order_id: int, shares: Sequence[Share]) -> None:
    """Note with a new order what its uplines will earn."""
    for share in shares:
        execute(
            db,
            "INSERT INTO order_commission (order_id, upline, amount) VALUES (?, ?, ?)",
            (order_id, share.agent, share.amount),
        )


def of_order(db: Database, order_id: int) -> list[Share]:
    """What uplines earn of an order, booked or not."""
    return select(db, Share, _SHARES, (order_id,))


def settle(db: Database, order_id: int, *, now_ms: int) -> None:
    """Book what the uplines of an order earn: it succeeded."""
    for share in of_order(db, order_id):
        transfer = Transfer(
            id=transfer_id(order_id, share.agent),
            debit=accounts.COMMISSION_EXPENSE,
            credit=accounts.commission(share.agent),
            amount=share.amount,
            reference=orders.reference(order_id),
            memo="commission",
        )
        _must(journal.transfer(db, transfer, now_ms=now_ms), transfer.id)


def take_back(db: Database, order_id: int, *, why: str, now_ms: int) -> None:
    """Undo what `settle` booked: the order is reversed."""
    for share in of_order(db, order_id):
        earned = transfer_id(order_id, share.agent)
        result = journal.reverse(db, earned, id=f"{earned}:reversal", memo=why, now_ms=now_ms)
        _must(result, earned)


def overdrawn(db: Database, order_id: int) -> list[Share]:
    """Uplines of an order whose commission is below zero by now: they owe us so much.

    They drew what a reversal has taken back, and only further orders bring it in again.
    """
    found = [Share(one.agent, -balance(db, one.agent)) for one in of_order(db, order_id)]
    return [one for one in found if one.amount > 0]


# The rows of the orders `?1`, and of those which the transfers say all.
_OF_THESE = "order_id IN (SELECT value FROM json_each(?1))"
_NOT_BOOKED = f"""
SELECT 1 FROM order_commission AS c JOIN orders AS o ON o.id = c.order_id
    WHERE c.{_OF_THESE} AND o.state IN ('SUCCEEDED', 'REVERSED')
    AND NOT EXISTS (SELECT 1 FROM transfer AS t
        WHERE t.id = 'order:' || c.order_id || ':commission:' || c.upline
        AND t.amount = c.amount AND t.credit = 'liability:commission:' || c.upline)
"""


def let_go(db: Database, ids: str) -> bool:
    """End the rows of orders (a JSON list) that leave for an archive.

    False, and nothing is done, if they are not what the orders' transfers say, which the
    archive keeps. Of an order that came to nothing no row is worth keeping.
    """
    if scalar(db, _NOT_BOOKED, (ids,)) is not None:
        return False
    execute(db, f"DELETE FROM order_commission WHERE {_OF_THESE}", (ids,))
    return True


def transfer_id(order_id: int, upline: str) -> str:
    """The id of the transfer by which an upline earns of an order."""
    return f"order:{order_id}:commission:{upline}"


def balance(db: Database, agent: str) -> int:
    """What an agent has earned and not drawn, rupiah; below zero after a reversal."""
    found = books.balance(db, accounts.commission(agent))
    return found.available if found else 0


def every(db: Database) -> list[tuple[str, int]]:
    """All that have an account of commissions, by code, and what is in it."""
    owned = [one for one in books.accounts(db) if one.code.startswith(_OWNED)]
    return [(one.code.removeprefix(_OWNED), one.available) for one in owned]


def exchange(
    db: Database, agent: str, amount: int | None, *, exchange_id: str, now_ms: int
) -> Exchanged | Refusal:
    """Turn commission into deposit; None: all that is there. The same id again changes nothing."""
    moved_by = f"commission:{agent}:exchange:{exchange_id}"
    before = books.find(db, moved_by)
    if before is not None:
        if amount not in (None, before.amount):
            return Refusal(
                RefusalCode.REFERENCE_REUSED,
                f"'{exchange_id}' exchanged {before.amount} before",
                "give another id",
            )
        return Exchanged(before.amount, balance(db, agent), repeated=True)
    there = balance(db, agent)
    wanted = there if amount is None else amount
    if amount is not None and amount <= 0:
        return Refusal(RefusalCode.BAD_AMOUNT, f"{amount} is no amount", "write rupiah above 0")
    if wanted <= 0 or wanted > there:
        return Refusal(
            RefusalCode.INSUFFICIENT_COMMISSION,
            f"the commission is {there}",
            "exchange no more than is there",
        )
    transfer = Transfer(
        id=moved_by,
        debit=accounts.commission(agent),
        credit=accounts.agent(agent),
        amount=wanted,
        reference=f"commission:{agent}",
        memo="commission into deposit",
    )
    _must(journal.transfer(db, transfer, now_ms=now_ms), moved_by)
    return Exchanged(wanted, there - wanted, repeated=False)


def _must(result: Result, transfer_: str) -> None:
    if result is not Result.OK:
        raise LedgerRefused(f"transfer {transfer_}: {result}; run: pulsarack audit")
