"""What the native API takes and gives: one record a message, and the OpenAPI document's schemas.

Money is whole rupiah, times are milliseconds since 1970 UTC. What comes in is refused if a field
is unknown or missing, of another type or out of its bounds.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from pulsarack.daemon.channels.http.refusals import Error
from pulsarack.daemon.control_arguments import ORDERS_A_REQUEST
from pulsarack.daemon.control_deposits import MOST_ROWS, BankRowGiven
from pulsarack.daemon.control_values import MOST_RUPIAH, PRINTABLE
from pulsarack.queue.state import OrderState

Reference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=PRINTABLE,
        description="Your own name for the order: the same one is the same order for ever.",
    ),
]
_Code = Annotated[
    str,
    Meta(min_length=1, max_length=16, pattern=r"^[A-Za-z][A-Za-z0-9]*\Z", examples=["S10"]),
]
_Number = Annotated[
    str,
    Meta(min_length=1, max_length=32, pattern=PRINTABLE, examples=["081200000012"]),
]
_Repeat = Annotated[
    int, Meta(ge=1, le=99, description="2 for the second such order of the day on purpose.")
]
_Most = Annotated[int, Meta(ge=1, le=500)]
Rupiah = Annotated[int, Meta(ge=1, le=MOST_RUPIAH)]


class Incoming(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whatever a program sends."""


class NewOrder(Incoming, frozen=True, kw_only=True):
    """Top a number up. `reply_number`: the buyer's telephone, who is told the result too.

    With `max_price` a new order is refused if it costs more by now.
    """

    client_reference: Reference
    product: _Code
    destination: _Number
    repeat_index: _Repeat = 1
    reply_number: _Number | None = None
    max_price: Rupiah | None = None


class NewOrders(Incoming, frozen=True, kw_only=True):
    """Top numbers up. Each order is answered in its place, and harms no other."""

    orders: Annotated[list[NewOrder], Meta(min_length=1, max_length=ORDERS_A_REQUEST)]


class NewTicket(Incoming, frozen=True, kw_only=True):
    """Pay so much in. Without a bank into any of ours."""

    amount: Rupiah
    bank: _Number | None = None


class NewComplaint(Incoming, frozen=True, kw_only=True):
    """Something is wrong with an order."""

    client_reference: Reference
    words: Annotated[str, Meta(min_length=1, max_length=500, pattern=PRINTABLE)]


class NewBankRows(Incoming, frozen=True, kw_only=True):
    """Rows of a statement of one of our banks; all of them are taken, or none."""

    bank: _Number
    rows: Annotated[list[BankRowGiven], Meta(min_length=1, max_length=MOST_ROWS)]


class OrderQuery(Incoming, frozen=True, kw_only=True):
    """Which orders to list."""

    state: OrderState | None = None
    limit: _Most = 50


class StatementQuery(Incoming, frozen=True, kw_only=True):
    """How many lines."""

    limit: _Most = 50


class OrderView(Struct, frozen=True, kw_only=True):
    """An order as it stands. Final are SUCCEEDED, FAILED, CANCELLED and REVERSED.

    A success can be reversed later; nothing else changes once it is final.
    """

    id: int
    client_reference: str | None
    state: OrderState
    final: bool
    product: str
    destination: str
    repeat_index: int
    price: int | None
    reason: str | None
    serial_number: str | None
    received_at: int | None
    finished_at: int | None


class Placed(OrderView, frozen=True, kw_only=True):
    """The order of a reference; `repeated`: it had been accepted before."""

    repeated: bool


class OrderAnswer(Struct, frozen=True, kw_only=True):
    """What became of an order of many: the order, or why it was not accepted."""

    order: Placed | UnsetType = UNSET
    error: Error | UnsetType = UNSET


class OrderAnswers(Struct, frozen=True):
    """One answer an order, in the order in which they were sent."""

    orders: list[OrderAnswer]


class Orders(Struct, frozen=True):
    """The newest orders, newest first."""

    orders: list[OrderView]


class Balance(Struct, frozen=True):
    """A deposit: what may be spent is `available`, `held` is for orders in process."""

    agent: str
    posted: int
    held: int
    available: int


class BankAccount(Struct, frozen=True):
    """One of our accounts."""

    bank: str
    account: str
    holder: str


class TicketView(Struct, frozen=True, kw_only=True):
    """Pay in exactly `amount`, which is yours alone while the ticket is open."""

    id: int
    asked: int
    amount: int
    state: str
    expires_at: int
    pay_to: list[BankAccount]
    repeated: bool


class ComplaintView(Struct, frozen=True, kw_only=True):
    """A complaint as it stands; `repeated`: it was open already."""

    id: int
    state: str
    opened_at: int
    repeated: bool


class PaidTicket(Struct, frozen=True):
    """A ticket that a row has paid."""

    ticket: int
    agent: str
    amount: int
    day: str


class UnmatchedRow(Struct, frozen=True):
    """Money that came in and fits no ticket: an admin says whose it is."""

    id: int
    day: str
    amount: int
    description: str


class BankRowsTaken(Struct, frozen=True):
    """What became of the rows: new ones, ones that were known, and those that left the bank."""

    added: int
    known: int
    debits: int
    paid: list[PaidTicket]
    unmatched: list[UnmatchedRow]


class ProductView(Struct, frozen=True, kw_only=True):
    """What can be ordered, at what price; the denomination is thousands of rupiah."""

    code: str
    operator: str
    name: str
    denomination: int
    price: int


class Products(Struct, frozen=True):
    """All that is sold at present."""

    products: list[ProductView]


class StatementLine(Struct, frozen=True, kw_only=True):
    """One movement of a deposit: rupiah, below zero if they left, and the deposit after it.

    `kind` is order, refund, ticket, deposit, transfer, commission, correction or other; `other` is
    the agent on the other side of a transfer.
    """

    at: int
    kind: str
    amount: int
    balance: int
    order_id: int | None
    product: str | None
    destination: str | None
    other: str | None


class Statement(Struct, frozen=True):
    """The newest movements of a deposit, newest first."""

    lines: list[StatementLine]


class Report(Struct, frozen=True, kw_only=True):
    """What is sent to the account's report URL; a repeat has the same `id`."""

    id: int
    text: str
    order: OrderView | None
