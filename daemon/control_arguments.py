"""The arguments of every call on the control socket, one record a call.

The server checks what comes in against these before a handler sees it: an unknown, a
missing or a wrong-typed argument is refused by name. Amounts are rupiah, `id` is what
an earlier answer gave. ARGUMENTS is the whole vocabulary of the socket.
"""

from msgspec import Struct

OrderId = int
MessageId = int


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """A call without arguments."""


class OrderNew(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """order.new: either the text as agents write it, or product and destination apart."""

    agent: str
    text: str | None = None
    product: str | None = None
    destination: str | None = None
    repeat_index: int | None = None
    client_reference: str | None = None

    def __post_init__(self) -> None:
        apart = self.product is not None and self.destination is not None
        some_apart = self.product is not None or self.destination is not None
        if (self.text is None) != apart or (self.text is not None and some_apart):
            raise ValueError("give either `text`, or `product` and `destination`")
        if self.text is not None and self.repeat_index is not None:
            raise ValueError("`repeat_index` stands in the text itself when `text` is given")


class OrderById(Struct, frozen=True, forbid_unknown_fields=True):
    """order.show, order.cancel."""

    id: OrderId


class OrderList(Struct, frozen=True, forbid_unknown_fields=True):
    """order.list: newest first, the latest `limit` of them."""

    state: str | None = None
    agent: str | None = None
    limit: int | None = None


class OrderResolve(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """order.resolve: a person's decision about an undecided order."""

    id: OrderId
    delivered: bool
    because: str
    who: str


class ChipByIccid(Struct, frozen=True, forbid_unknown_fields=True):
    """chip.show, chip.enable."""

    iccid: str


class ChipAdopt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """chip.adopt: a chip that may be used from now on; None leaves the configured default."""

    iccid: str
    operator: str
    recipe: str
    name: str | None = None
    reserve: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    pause_seconds: float | None = None
    msisdn: str | None = None


class ChipRest(Struct, frozen=True, forbid_unknown_fields=True):
    """chip.rest: no new orders for this chip until it is enabled again."""

    iccid: str
    because: str


class AgentNew(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.new."""

    code: str
    name: str


class AgentCredit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """agent.credit: money paid in; the same `id` again changes nothing."""

    code: str
    amount: int
    because: str
    who: str
    id: str | None = None


class ProductRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One product as it is imported."""

    code: str
    operator: str
    denomination: int
    price: int
    cost: int
    name: str | None = None
    time_limit_seconds: int | None = None


class ProductImport(Struct, frozen=True, forbid_unknown_fields=True):
    """product.import: all rows or none."""

    rows: list[ProductRow]


class PrefixSet(Struct, frozen=True, forbid_unknown_fields=True):
    """prefix.set."""

    prefix: str
    operator: str


class PrefixRemove(Struct, frozen=True, forbid_unknown_fields=True):
    """prefix.remove."""

    prefix: str


class LedgerStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """ledger.statement: the latest `limit` lines of one account."""

    account: str
    limit: int | None = None


class RouteExplain(Struct, frozen=True, forbid_unknown_fields=True):
    """route.explain: which chip would take such an order now, and why not the others."""

    product: str
    destination: str


class UnparsedList(Struct, frozen=True, forbid_unknown_fields=True):
    """unparsed.list: the latest `limit` texts that no pattern knew."""

    limit: int | None = None


class MessagesFollow(Struct, frozen=True, forbid_unknown_fields=True):
    """messages.follow: the agent's messages that are not acknowledged, then new ones."""

    agent: str


class MessagesAck(Struct, frozen=True, forbid_unknown_fields=True):
    """messages.ack: this message has reached its agent."""

    id: MessageId


ARGUMENTS: dict[str, type[Struct]] = {
    "order.new": OrderNew,
    "order.show": OrderById,
    "order.list": OrderList,
    "order.undecided": Nothing,
    "order.cancel": OrderById,
    "order.resolve": OrderResolve,
    "chip.list": Nothing,
    "chip.show": ChipByIccid,
    "chip.adopt": ChipAdopt,
    "chip.rest": ChipRest,
    "chip.enable": ChipByIccid,
    "modem.list": Nothing,
    "agent.new": AgentNew,
    "agent.list": Nothing,
    "agent.credit": AgentCredit,
    "product.import": ProductImport,
    "product.list": Nothing,
    "prefix.list": Nothing,
    "prefix.set": PrefixSet,
    "prefix.remove": PrefixRemove,
    "ledger.accounts": Nothing,
    "ledger.statement": LedgerStatement,
    "ledger.trial_balance": Nothing,
    "route.explain": RouteExplain,
    "unparsed.list": UnparsedList,
    "status": Nothing,
    "events.follow": Nothing,
    "messages.follow": MessagesFollow,
    "messages.ack": MessagesAck,
}
STREAMS = frozenset({"events.follow", "messages.follow"})
