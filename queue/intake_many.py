"""Accepting the orders of one request in one transaction, each as if it had come alone.

What most of them have in common (the agent, its deposit, the products, the prefixes) is read
once, for nobody else writes meanwhile, and the orders that nothing speaks against are written
together, one statement a table. That is all that happens here: this file refuses no order and
knows no repeat. An order against which anything may speak is accepted alone and in its place by
`intake.accept`, which says what; and if SQLite refuses the rows of some together, because one of
them is there already, each of those is accepted alone.

So a rule that `intake.accept` has for a new order must stand in `_Shop`, too.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from peewee import Database, IntegrityError

from pulsarack.queue import agents, clock_steps, intake, orders, prefixes, products, state
from pulsarack.queue.agents import Agent
from pulsarack.queue.intake import Accepted, Origin, Repeated, Sale
from pulsarack.queue.network import commissions, pricing
from pulsarack.queue.network.pricing import Share
from pulsarack.queue.orders import Order
from pulsarack.queue.post import origins
from pulsarack.queue.post.origins import OrderOrigin
from pulsarack.queue.products import Product
from pulsarack.queue.request import Request
from pulsarack.queue.rows import scalar
from pulsarack.queue.state import OrderState
from pulsarack.queue.validation import METER, Refusal, check_reference, normalise_destination

Answer = Accepted | Repeated | Refusal


class Wanted(NamedTuple):
    """One order of a request: what is its own."""

    request: Request
    text: str
    client_reference: str | None
    reply_number: str | None = None
    most_price: int | None = None

    def origin(self, common: Origin) -> Origin:
        """Whence it comes, if it comes alone."""
        return common._replace(
            text=self.text,
            client_reference=self.client_reference,
            reply_number=self.reply_number,
            most_price=self.most_price,
        )


def accept_many(db: Database, wanted: Sequence[Wanted], common: Origin) -> list[Answer]:
    """Accept orders of one agent, or say why not, in their order. To be run as one transaction.

    `common` is what they share; each has its own beside it. What raises has left its own rows and
    those of others: the transaction must end.
    """
    shop = _Shop(db, common)
    answers: list[Answer] = []
    usual: list[_Usual] = []
    for one in wanted:
        plain = shop.look_at(one)
        if plain is not None:
            usual.append(plain)
            continue
        answers += _together(db, usual, common)
        usual = []
        answers.append(_alone(db, one, common))
        shop.look_at_the_deposit()
    return [*answers, *_together(db, usual, common)]


class _Usual(NamedTuple):
    """One against which nothing speaks, unless it is a repeat; its row, and who earns by it."""

    wanted: Wanted
    order: Order
    shares: Sequence[Share]


class _Goods(NamedTuple):
    """What is sold, and the row of an order for it, but for what is that order's own."""

    sale: Sale
    row: Order


class _Shop:
    """What the orders of a request have in common, as it is in this transaction."""

    def __init__(self, db: Database, common: Origin) -> None:
        self._db = db
        self._common = common
        self._prefixes = prefixes.Table(db)
        self._goods: dict[str, _Goods | None] = {}
        self._agent: Agent | None = None
        self._left = 0
        self._set_back: bool | None = None
        self.look_at_the_deposit()

    def look_at_the_deposit(self) -> None:
        """See what is left of it; in between it is counted here."""
        found = agents.depositor(self._db, self._common.agent)
        if found is not None:
            self._agent, self._left = found

    def look_at(self, wanted: Wanted) -> _Usual | None:
        """The order with its price set aside; None: something speaks against it."""
        asked = wanted.request
        goods = self._find(asked.product)
        if goods is None or check_reference(wanted.client_reference) is not None:
            return None
        if wanted.client_reference is None and self._was_set_back():
            return None
        sale, row = goods
        destination = normalise_destination(asked.destination, sale.product.kind)
        if isinstance(destination, Refusal) or not self._is_sold_to(sale.product, destination):
            return None
        if wanted.most_price is not None and sale.offer.price > wanted.most_price:
            return None
        if self._left < sale.offer.price:
            return None
        self._left -= sale.offer.price
        order = row._replace(
            destination=destination,
            repeat_index=asked.repeat_index,
            client_reference=wanted.client_reference,
            text=wanted.text,
        )
        return _Usual(wanted, order, sale.offer.shares)

    def _was_set_back(self) -> bool:
        """Whether an order may be a repeat of one whose day is still to come."""
        if self._set_back is None:
            now_ms = self._common.received_at
            self._set_back = bool(clock_steps.before_set_back(self._db, now_ms=now_ms))
        return self._set_back

    def _find(self, code: str) -> _Goods | None:
        if code not in self._goods:
            self._goods[code] = self._look_up(products.find(self._db, code))
        return self._goods[code]

    def _look_up(self, product: Product | None) -> _Goods | None:
        agent = self._agent
        if agent is None or not agent.active or product is None or not product.active:
            return None
        offer = pricing.offer(self._db, agent, product)
        if pricing.below_cost(offer, product):
            return None
        sale = Sale(product, offer)
        return _Goods(sale, intake.new_order(Request(product.code, "", 1), "", sale, self._common))

    def _is_sold_to(self, product: Product, destination: str) -> bool:
        if product.kind == METER:
            return True
        return self._prefixes.operator_of(destination) == product.operator


def _alone(db: Database, one: Wanted, common: Origin) -> Answer:
    return intake.accept(db, one.request, one.origin(common))


def _together(db: Database, usual: Sequence[_Usual], common: Origin) -> Sequence[Answer]:
    """Write orders that are no repeats by one statement a table; otherwise each alone."""
    if not usual:
        return ()
    placed = _write(db, usual, common)
    if placed is None:
        return [_alone(db, one.wanted, common) for one in usual]
    return [Accepted(order, repeated=False) for order in placed]


def _write(db: Database, usual: Sequence[_Usual], common: Origin) -> Sequence[Order] | None:
    """The orders as they are now; None, and nothing is written: a repeat may be among them."""
    if _maybe_archived(db, usual, common):
        return None
    try:
        placed = orders.add_all(db, [one.order for one in usual])
    except IntegrityError:
        return None
    if common.address is not None:
        address, receiver, dialect = common.address, common.receiver, common.dialect
        origins.add_all(
            db,
            [
                OrderOrigin(order.id, address, receiver, one.wanted.reply_number, dialect)
                for order, one in zip(placed, usual, strict=True)
            ],
        )
    for order, one in zip(placed, usual, strict=True):
        if one.shares:
            commissions.write(db, order.id, one.shares)
    intake.hold_prices(db, placed, common.agent, now_ms=common.received_at)
    ids = [order.id for order in placed]
    why = intake.history_line(common)
    state.record_all(db, ids, OrderState.QUEUED, why=why, now_ms=common.received_at)
    return placed


def _maybe_archived(db: Database, usual: Sequence[_Usual], common: Origin) -> bool:
    """Whether an order of the agent and of this day to one of the destinations is archived."""
    destinations = json.dumps([one.order.destination for one in usual])
    found = scalar(
        db,
        "SELECT 1 FROM json_each(?) AS wanted CROSS JOIN past_order AS past"
        " ON past.destination = wanted.value WHERE past.agent = ? AND past.local_day = ? LIMIT 1",
        (destinations, common.agent, common.local_day),
    )
    return found is not None
