"""Small looks that several commands need: balances, states and orders in words."""

from peewee import Database

from pulsarack.ledger import accounts, books
from pulsarack.queue.archive import PastOrder
from pulsarack.queue.orders import Order
from pulsarack.queue.service.asked import Asked
from pulsarack.queue.validation import Refusal, any_destination, show_destination
from pulsarack.queue.wordings import final
from pulsarack.queue.wordings.shipped import Value

Known = Order | PastOrder


def balance(db: Database, agent: str) -> int:
    """What an agent can spend."""
    found = books.balance(db, accounts.agent(agent))
    return found.available if found else 0


def in_process(db: Database, agent: str) -> int:
    """Prices of an agent's orders that are not decided yet."""
    found = books.balance(db, accounts.agent(agent))
    return found.held if found else 0


def shown(typed: str) -> str:
    """A number as people write it, whatever was typed."""
    number = any_destination(typed)
    return typed[:24] if isinstance(number, Refusal) else show_destination(number)


def state(db: Database, order: Known, asked: Asked) -> str:
    """How an order stands, in words."""
    return final.status(db, order.state, asked.language)


def facts(db: Database, order: Known, asked: Asked) -> dict[str, Value]:
    """What can be told of an order; of one that is archived there is neither price nor reason."""
    at = order.finished_at if isinstance(order, PastOrder) else order.received_at
    found: dict[str, Value] = {
        "order": order.id,
        "reference": reference(asked),
        "product": order.product,
        "destination": show_destination(order.destination),
        "status": state(db, order, asked),
        "serial_number": order.serial_number or "-",
        "time": asked.settings.clock(at),
        "date": asked.settings.date(at),
        "balance": balance(db, asked.agent.code),
    }
    if isinstance(order, Order):
        found["price"] = order.price
        found["reason"] = final.reason(db, order.reason, asked.language)
    return found


def reference(asked: Asked) -> str:
    """``R#..`` before an answer, if the text had a reference; '' otherwise."""
    return "" if asked.client_reference is None else f"R#{asked.client_reference}"


def again(product: str, destination: str, repeat_index: int) -> str:
    """What to write for one more of the same on the same day, to a number as it is stored."""
    return f"{product}.{repeat_index + 1}.{show_destination(destination)}"


def line(db: Database, order: Known, asked: Asked) -> str:
    """An order in a list."""
    number = show_destination(order.destination)
    return f"{order.product}.{number} {state(db, order, asked)}"
