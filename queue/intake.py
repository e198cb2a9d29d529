"""Accepting an order: checked, its price held and its row queued, in one transaction.

The client's reference makes a repeat harmless: the same content returns the first
order, other content is refused. Without a reference the natural key (agent,
product, destination, local day, repeat index) does the same for texts: the same
text twice on one day is refused with the first one's state. When the clock is set back
a day comes again, and with it what was ordered within a day before.

What the agent pays, and what of it its uplines will earn, is worked out once and written with the
order: whatever changes later does not touch it. Nothing is sold for less than it costs us, unless
an admin allowed that of the product.

An order is written at once: two unique indexes and a trigger know whether it is a repeat, and
only when they refuse it, or something else speaks against it, the first one is looked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from peewee import Database, IntegrityError

from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.queue import agents, archive, clock_steps, orders, prefixes, products, state
from pulsarack.queue.agents import Depositor
from pulsarack.queue.archive import PastOrder
from pulsarack.queue.errors import LedgerRefused
from pulsarack.queue.network import commissions, pricing
from pulsarack.queue.network.pricing import Offer
from pulsarack.queue.orders import Order
from pulsarack.queue.post import origins
from pulsarack.queue.post.origins import OrderOrigin
from pulsarack.queue.products import Product
from pulsarack.queue.request import Request
from pulsarack.queue.routing import MS
from pulsarack.queue.state import OrderState
from pulsarack.queue.validation import (
    AIRTIME,
    METER,
    Refusal,
    RefusalCode,
    check_reference,
    normalise_destination,
    show_destination,
)

_QUEUED: Final = OrderState.QUEUED.value
_PRICE: Final = "price"


class Accepted(NamedTuple):
    """The order, and whether it had been accepted before under its reference."""

    order: Order
    repeated: bool


class Origin(NamedTuple):
    """Who sent an order, how and when.

    `address`: where it is answered, if not over the socket; `receiver`: which of ours it came to;
    `placed_by`: the user of this machine who placed it, if one did. `most_price`: what it may cost
    at most, if that was said.
    """

    agent: str
    channel: str
    text: str
    client_reference: str | None
    received_at: int
    local_day: str
    time_limit_seconds: int
    address: str | None = None
    receiver: str = ""
    reply_number: str | None = None
    dialect: str = ""
    placed_by: str = ""
    most_price: int | None = None


class Sale(NamedTuple):
    """What is sold, and on which terms."""

    product: Product
    offer: Offer


@dataclass(frozen=True, slots=True)
class Repeated:
    """The order had been accepted under its reference so long ago that it is archived."""

    past: PastOrder


def accept(db: Database, request: Request, origin: Origin) -> Accepted | Repeated | Refusal:
    """Accept an order or say why not. To be run as one transaction."""
    malformed = check_reference(origin.client_reference)
    if malformed is not None:
        return malformed
    product = products.find(db, request.product)
    destination = _destination(request.destination, product)
    if isinstance(destination, Refusal):
        return destination
    depositor = agents.depositor(db, origin.agent)
    sold = _sold(db, request.product, product, destination)
    sale = (
        _affordable(db, sold, depositor, origin.most_price)
        if depositor
        else agents.unknown(origin.agent)
    )
    key = _natural_key(request, destination, origin)
    if (
        isinstance(sale, Refusal)
        or archive.by_natural_key(db, *key) is not None
        or _before_the_clock_was_set_back(db, key, origin) is not None
    ):
        # What was accepted once is answered as it was, whatever changed since.
        repeat = _repeated(db, request, destination, origin)
        if repeat is not None:
            return repeat
    if isinstance(sale, Refusal):
        return sale
    return _queue(db, request, destination, sale, origin)


def _affordable(
    db: Database, product: Product | Refusal, depositor: Depositor, most_price: int | None
) -> Sale | Refusal:
    """The product at the agent's price, if it is sold and the agent's deposit has that."""
    agent = depositor.agent
    if not agent.active:
        return agents.unknown(agent.code)
    if isinstance(product, Refusal):
        return product
    offer = pricing.offer(db, agent, product)
    if pricing.below_cost(offer, product):
        return Refusal(
            RefusalCode.BELOW_COST,
            f"{product.code} is not sold at present: its price is below its cost",
            f"an admin raises the price, or: pulsarack product below-cost {product.code} --allow",
        )
    if most_price is not None and offer.price > most_price:
        return Refusal(
            RefusalCode.TOO_DEAR,
            f"{product.code} costs {offer.price}, and you pay {most_price} at most",
            "allow more, or order something else",
        )
    if depositor.available < offer.price:
        return Refusal(
            RefusalCode.INSUFFICIENT_DEPOSIT,
            f"{product.code} costs {offer.price}, the deposit has {depositor.available} left",
            "raise the deposit, then send the order again",
        )
    return Sale(product, offer)


def _repeated(
    db: Database, request: Request, destination: str, origin: Origin
) -> Accepted | Repeated | Refusal | None:
    if origin.client_reference is not None:
        first = orders.by_reference(db, origin.agent, origin.client_reference)
        known = first or archive.by_reference(db, origin.agent, origin.client_reference)
        if known is not None:
            same = (known.product, known.destination, known.repeat_index) == (
                request.product,
                destination,
                request.repeat_index,
            )
            if not same:
                return Refusal(
                    RefusalCode.REFERENCE_REUSED,
                    f"reference '{origin.client_reference}' belongs to order {known.id}:"
                    f" {known.product} to {show_destination(known.destination)}",
                    "give every order a reference of its own",
                )
            if isinstance(known, PastOrder):
                return Repeated(known)
            return Accepted(known, repeated=True)
    equal = equal_order(db, request, destination, origin)
    if equal is None:
        return None
    return Refusal(
        RefusalCode.REPEATED,
        f"{equal.product} to {show_destination(destination)} was ordered today already:"
        f" order {equal.id} is {equal.state}",
        f"for one more write {request.product}.{request.repeat_index + 1}."
        f"{show_destination(destination)}",
    )


def equal_order(
    db: Database, request: Request, destination: str, origin: Origin
) -> Order | PastOrder | None:
    """The order in whose way another of the same agent and day would be, to that destination."""
    key = _natural_key(request, destination, origin)
    return (
        orders.by_natural_key(db, *key)
        or archive.by_natural_key(db, *key)
        or _before_the_clock_was_set_back(db, key, origin)
    )


def _before_the_clock_was_set_back(
    db: Database, key: tuple[str, str, str, str, int], origin: Origin
) -> Order | None:
    """The same of a day that is still to come, if it was ordered a short time ago.

    A network or a server that brings a text once more may give it another stamp, or another id:
    then its day protects it, and that comes again. What bears a reference is known by it.
    """
    if origin.client_reference is not None:
        return None
    for after_ms, until_ms in clock_steps.before_set_back(db, now_ms=origin.received_at):
        found = orders.of_a_later_day(db, key, after_ms=after_ms, until_ms=until_ms)
        if found is not None:
            return found
    return None


def _natural_key(
    request: Request, destination: str, origin: Origin
) -> tuple[str, str, str, str, int]:
    return (
        origin.agent,
        request.product,
        destination,
        origin.local_day,
        request.repeat_index,
    )


def sellable(db: Database, code: str, typed: str) -> tuple[Product, str] | Refusal:
    """The product of a code and the destination as it is stored, if it is sold to that."""
    found = products.find(db, code)
    destination = _destination(typed, found)
    if isinstance(destination, Refusal):
        return destination
    product = _sold(db, code, found, destination)
    return product if isinstance(product, Refusal) else (product, destination)


def _destination(typed: str, product: Product | None) -> str | Refusal:
    return normalise_destination(typed, product.kind if product else AIRTIME)


def _sold(db: Database, code: str, product: Product | None, destination: str) -> Product | Refusal:
    """The product, if it is sold at present, and to a telephone only by its own operator."""
    if product is None or not product.active:
        return Refusal(
            RefusalCode.UNKNOWN_PRODUCT,
            f"there is no product '{code}'",
            "see: pulsarack product list",
        )
    if product.kind == METER:
        return product
    operator = prefixes.operator_of(db, destination)
    if operator == product.operator:
        return product
    shown = show_destination(destination)
    if operator is None:
        return Refusal(
            RefusalCode.UNKNOWN_PREFIX,
            f"no operator is known for {shown}",
            "an admin adds the prefix with: pulsarack prefix set PREFIX OPERATOR",
        )
    return Refusal(
        RefusalCode.WRONG_OPERATOR,
        f"{shown} is a number of {operator}, {code} is a product of {product.operator}",
        f"order a product of {operator}",
    )


def _queue(
    db: Database, request: Request, destination: str, sale: Sale, origin: Origin
) -> Accepted | Repeated | Refusal:
    try:
        order = orders.add(db, new_order(request, destination, sale, origin))
    except IntegrityError:
        repeat = _repeated(db, request, destination, origin)
        if repeat is None:
            raise
        return repeat
    if origin.address is not None:
        came = (origin.address, origin.receiver, origin.reply_number, origin.dialect)
        origins.add(db, OrderOrigin(order.id, *came))
    commissions.write(db, order.id, sale.offer.shares)
    held = hold_price(db, order.id, origin.agent, order.price, now_ms=origin.received_at)
    if held is not Result.OK:
        raise LedgerRefused(f"the price of order {order.id} could not be held: {held}")
    state.record(
        db, order.id, OrderState.QUEUED, why=history_line(origin), now_ms=origin.received_at
    )
    return Accepted(order, repeated=False)


def new_order(request: Request, destination: str, sale: Sale, origin: Origin) -> Order:
    """The row of an order that is accepted; its id comes with it."""
    product = sale.product
    limit = product.time_limit_seconds or origin.time_limit_seconds
    return Order(
        id=0,
        state=_QUEUED,
        agent=origin.agent,
        product=product.code,
        operator=product.operator,
        destination=destination,
        denomination=product.denomination,
        price=sale.offer.price,
        cost=product.cost,
        repeat_index=request.repeat_index,
        local_day=origin.local_day,
        client_reference=origin.client_reference,
        channel=origin.channel,
        text=origin.text,
        reason=None,
        serial_number=None,
        received_at=origin.received_at,
        expires_at=origin.received_at + limit * MS,
        not_before=origin.received_at,
        finished_at=None,
    )


def history_line(origin: Origin) -> str:
    """What an order's history begins with."""
    return "accepted, price held" + (f"; placed by {origin.placed_by}" if origin.placed_by else "")


def hold_price(db: Database, order_id: int, agent: str, price: int, *, now_ms: int) -> Result:
    """Hold an order's price in the agent's deposit."""
    transfer = Transfer(
        id=orders.price_hold(order_id),
        debit=accounts.agent(agent),
        credit=accounts.SALES,
        amount=price,
        reference=orders.reference(order_id),
        memo=_PRICE,
    )
    return journal.hold(db, transfer, now_ms=now_ms)


def hold_prices(db: Database, placed: Sequence[Order], agent: str, *, now_ms: int) -> None:
    """The same of some orders of an agent whose deposit has them all; raises IntegrityError."""
    journal.hold_all(
        db,
        [(orders.price_hold(one.id), one.price, orders.reference(one.id)) for one in placed],
        debit=accounts.agent(agent),
        credit=accounts.SALES,
        memo=_PRICE,
        now_ms=now_ms,
    )
