"""The wording of a final result, for the agent and for the buyer.

Written in the transaction that decides the order, so it costs one statement: the agent's
language, what was set for the answer, and the balance are looked up together.
"""

from typing import Final

from peewee import Database

from pulsarack.ledger import accounts
from pulsarack.queue.orders import Order
from pulsarack.queue.rows import tuples
from pulsarack.queue.state import OrderState
from pulsarack.queue.validation import show_destination
from pulsarack.queue.wordings import render
from pulsarack.queue.wordings.shipped import LANGUAGES, Value

KEYS: Final[dict[str, str]] = {
    OrderState.SUCCEEDED: "order_succeeded",
    OrderState.FAILED: "order_failed",
    OrderState.CANCELLED: "order_cancelled",
    OrderState.REVERSED: "order_reversed",
}
_FOR_BUYER: Final = "buyer_succeeded"
# Where an agent reads the text himself; a program has its reference beside the text.
_READ_BY_PEOPLE: Final = frozenset({"sms", "whatsapp", "xmpp"})

# Available: what the deposit was credited with, less what left it and what is held (books.py).
_TOLD = (
    "SELECT a.language, w.template, d.credits_posted - d.debits_posted - d.debits_held"
    " FROM agent AS a LEFT JOIN wording AS w ON w.key = ? AND w.language = a.language"
    " LEFT JOIN account AS d ON d.code = ? WHERE a.code = ?"
)


def for_agent(db: Database, order: Order) -> str:
    """What its agent is told of a finished order."""
    key = KEYS[order.state]
    language, edited, balance = _told(db, key, order.agent)
    variables = {**_of_order(order), "balance": balance, "price": order.price}
    if edited is not None and "[status]" in edited:  # no shipped wording needs it
        variables["status"] = status(db, order.state, language)
    if order.state == OrderState.FAILED:
        variables["reason"] = reason(db, order.reason, language)
        variables["reason_code"] = order.reason or "-"
    return render.filled(edited, key, language, variables, render.NARROW)


def for_buyer(db: Database, order: Order) -> str:
    """What the buyer of a success is told at his own number; nothing of prices and balances."""
    language, edited, _ = _told(db, _FOR_BUYER, order.agent)
    return render.filled(edited, _FOR_BUYER, language, _of_order(order), render.NARROW)


def status(db: Database, state: str, language: str) -> str:
    """How an order stands, in words."""
    return render.render(db, f"status_{state.lower()}", language, {})


def reason(db: Database, code: str | None, language: str) -> str:
    """Why an order failed, in words."""
    return "-" if code is None else render.render(db, f"reason_{code.lower()}", language, {})


def reference(order: Order) -> str:
    """``R#..`` before a text, by which the agent knows the order again; '' if it has none."""
    if order.client_reference is None or order.channel not in _READ_BY_PEOPLE:
        return ""
    return f"R#{order.client_reference}"


def _of_order(order: Order) -> dict[str, Value]:
    return {
        "reference": reference(order),
        "order": order.id,
        "agent": order.agent,
        "product": order.product,
        "destination": show_destination(order.destination),
        "serial_number": order.serial_number or "-",
        "denomination": order.denomination * 1000,
    }


def _told(db: Database, key: str, agent: str) -> tuple[str, str | None, int]:
    """The agent's language, what was set for the answer, and what he can spend."""
    found = tuples(db, _TOLD, (key, accounts.agent(agent), agent))
    if not found:
        return LANGUAGES[0], None, 0
    language, edited, balance = found[0]
    return language, edited, balance or 0
