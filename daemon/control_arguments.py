"""The arguments of every call on the control socket, one record a call.

The server checks what comes in against these before a handler sees it: an unknown, a
missing or a wrong-typed argument is refused by name, and so is one that is out of all
bounds: what passes fits into the database, into a log line and on a screen. What a value
means is for the handler to judge. Amounts are rupiah, `id` is what an earlier answer
gave. ARGUMENTS is the whole vocabulary of the socket.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from pulsarack.daemon import (
    control_admins,
    control_backup,
    control_channels,
    control_events,
    control_identity,
    control_network,
    control_schedules,
    control_service,
    control_sms,
    control_wordings,
)
from pulsarack.daemon.control_deposits import DEPOSIT_ARGUMENTS
from pulsarack.daemon.control_values import (
    MOST_RUPIAH,
    PRINTABLE,
    Because,
    Listed,
    Name,
    Nothing,
    RowId,
)

MOST_ORDERS = 100_000
ORDERS_A_REQUEST = 64
"""As many as may have one commit without the daemon's own jobs (store_lanes.py). With some 150
bytes each they are far below the limit of a line, and their answers are what a client may have
under way (control_bounds.py)."""
LONGEST_TIME_LIMIT_SECONDS = 7 * 86_400

OrderId = RowId
MessageId = RowId
# Where zero is wrong the handler says so, with the name of the row.
Rupiah = Annotated[int, Meta(ge=0, le=MOST_RUPIAH)]
MostOrders = Annotated[int, Meta(ge=0, le=MOST_ORDERS)]
PauseSeconds = Annotated[float, Meta(ge=0, le=86_400)]
TimeLimitSeconds = Annotated[int, Meta(ge=1, le=LONGEST_TIME_LIMIT_SECONDS)]
# From 1 to 99, which is for the handler to say; here it only has to be a number.
RepeatIndex = Annotated[int, Meta(ge=-(2**31), le=2**31)]
# A slot by its name, or by its path.
Path = Annotated[str, Meta(max_length=300, pattern=PRINTABLE)]
OrderText = Annotated[str, Meta(max_length=200, pattern=PRINTABLE)]
Month = Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])\Z")]
ClientReference = Annotated[str, Meta(min_length=1, max_length=64, pattern=PRINTABLE)]


class OrderNew(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """order.new: either the text as agents write it, or product and destination apart."""

    agent: Name
    text: OrderText | None = None
    product: Name | None = None
    destination: Name | None = None
    repeat_index: RepeatIndex | None = None
    client_reference: ClientReference | None = None

    def __post_init__(self) -> None:
        if self.text is None:
            wrong = self.product is None or self.destination is None
        else:
            wrong = self.product is not None or self.destination is not None
        if wrong:
            raise ValueError("give either `text`, or `product` and `destination`")
        if self.repeat_index is not None and self.text is not None:
            raise ValueError("`repeat_index` stands in the text itself when `text` is given")


class OrderNewMany(Struct, frozen=True, forbid_unknown_fields=True):
    """order.new_many: each the arguments of an order.new, and judged as those are, by itself."""

    orders: Annotated[list[Any], Meta(min_length=1, max_length=ORDERS_A_REQUEST)]


class OrderById(Struct, frozen=True, forbid_unknown_fields=True):
    """order.show, order.cancel."""

    id: OrderId


class OrderList(Struct, frozen=True, forbid_unknown_fields=True):
    """order.list: newest first, the latest `limit` of them; `archived`: those, of one month."""

    state: Name | None = None
    agent: Name | None = None
    limit: Listed | None = None
    archived: bool | None = None
    month: Month | None = None


class OrderResolve(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """order.resolve: a person's decision about an undecided order.

    `chip`: by its ICCID, the one that delivered an order that a restored backup held as waiting.
    """

    id: OrderId
    delivered: bool
    because: Because
    who: Name
    chip: Name | None = None


class OrderReverse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """order.reverse: the agent gets the price of a success back, the chip its cost if it did."""

    id: OrderId
    because: Because
    who: Name
    stock_returned: bool = False


class OrderAcknowledge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """order.acknowledge: what a person did about a failed order that was done after all."""

    id: OrderId
    because: Because
    who: Name


class DiscrepancyList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """discrepancies.list: newest first; `cleared`: also those that are decided."""

    cleared: bool = False
    chip: Name | None = None
    limit: Listed | None = None


class DiscrepancyById(Struct, frozen=True, forbid_unknown_fields=True):
    """discrepancies.show."""

    id: RowId


class DiscrepancyClear(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """discrepancies.clear: a person's decision what it was; without a kind a loss, or a gain."""

    id: RowId
    because: Because
    who: Name
    kind: Name | None = None


class ChipByIccid(Struct, frozen=True, forbid_unknown_fields=True):
    """chip.show, chip.enable."""

    iccid: Name


class ChipAdopt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """chip.adopt: a chip that may be used from now on; None leaves the configured default."""

    iccid: Name
    operator: Name
    recipe: Name
    name: Name | None = None
    reserve: Rupiah | None = None
    per_hour: MostOrders | None = None
    per_day: MostOrders | None = None
    pause_seconds: PauseSeconds | None = None
    msisdn: Name | None = None


class ChipRest(Struct, frozen=True, forbid_unknown_fields=True):
    """chip.rest: no new orders for this chip until it is enabled again."""

    iccid: Name
    because: Because


class ChipTryPin(Struct, frozen=True, forbid_unknown_fields=True):
    """chip.try_pin: `card` is the ICCID, or the IMEI of a modem that cannot tell it before."""

    card: Name


class SlotByName(Struct, frozen=True, forbid_unknown_fields=True):
    """modem.find, modem.trace: a slot by its name or path."""

    slot: Path


class SlotName(Struct, frozen=True, forbid_unknown_fields=True):
    """slot.name: what people call a slot."""

    slot: Path
    name: Name


class ModemAt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """modem.at: one AT command; a forced one is recorded with who and why."""

    slot: Path
    command: OrderText
    seconds: Annotated[float, Meta(gt=0, le=180)] | None = None
    force: bool = False
    who: Name = ""
    because: Because = ""


class ModemReset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """modem.reset: without `how` the mildest that can be done there."""

    slot: Path
    how: Literal["cfun", "usb", "power"] | None = None
    who: Name = ""
    because: Because = ""


class ModemActs(Struct, frozen=True, forbid_unknown_fields=True):
    """modem.acts: the latest `limit` dangerous things that were done by hand."""

    limit: Listed | None = None


class AgentNew(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.new."""

    code: Name
    name: Name
    upline: Name | None = None
    level: control_network.Level | None = None
    language: Literal["id", "en"] | None = None


class ProductRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One product as it is imported."""

    code: Name
    operator: Name
    denomination: Rupiah
    price: Rupiah
    cost: Rupiah
    name: Name | None = None
    time_limit_seconds: TimeLimitSeconds | None = None
    below_cost: Literal[0, 1] | None = None  # None: as it was
    kind: Literal["airtime", "meter"] | None = None  # None: as it was, else airtime


class ProductImport(Struct, frozen=True, forbid_unknown_fields=True):
    """product.import: all rows or none."""

    rows: list[ProductRow]


class PrefixSet(Struct, frozen=True, forbid_unknown_fields=True):
    """prefix.set."""

    prefix: Name
    operator: Name


class PrefixRemove(Struct, frozen=True, forbid_unknown_fields=True):
    """prefix.remove."""

    prefix: Name


class LedgerStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """ledger.statement: the latest `limit` lines of one account."""

    account: Name
    limit: Listed | None = None


class RouteExplain(Struct, frozen=True, forbid_unknown_fields=True):
    """route.explain: which chip would take such an order now, and why not the others."""

    product: Name
    destination: Name


class UnparsedList(Struct, frozen=True, forbid_unknown_fields=True):
    """unparsed.list: the latest `limit` texts that no pattern knew."""

    limit: Listed | None = None


class MessagesFollow(Struct, frozen=True, forbid_unknown_fields=True):
    """messages.follow: the agent's messages that are not acknowledged, then new ones."""

    agent: Name


class MessagesAck(Struct, frozen=True, forbid_unknown_fields=True):
    """messages.ack: this message has reached its agent."""

    id: MessageId


class ArchiveNow(Struct, frozen=True, forbid_unknown_fields=True):
    """archive.now: move what is old, about `limit` orders."""

    limit: Listed | None = None


ARGUMENTS: dict[str, type[Struct]] = {
    "order.new": OrderNew,
    "order.new_many": OrderNewMany,
    "order.show": OrderById,
    "order.list": OrderList,
    "order.undecided": Nothing,
    "order.cancel": OrderById,
    "order.resolve": OrderResolve,
    "order.reverse": OrderReverse,
    "order.refuted": Nothing,
    "order.acknowledge": OrderAcknowledge,
    "discrepancies.list": DiscrepancyList,
    "discrepancies.show": DiscrepancyById,
    "discrepancies.clear": DiscrepancyClear,
    "archive.list": Nothing,
    "archive.now": ArchiveNow,
    "chip.list": Nothing,
    "chip.show": ChipByIccid,
    "chip.adopt": ChipAdopt,
    "chip.rest": ChipRest,
    "chip.enable": ChipByIccid,
    "chip.try_pin": ChipTryPin,
    "modem.list": Nothing,
    "rack.show": Nothing,
    "slot.name": SlotName,
    "modem.at": ModemAt,
    "modem.acts": ModemActs,
    "modem.reset": ModemReset,
    "modem.find": SlotByName,
    "modem.trace": SlotByName,
    "agent.new": AgentNew,
    "agent.list": Nothing,
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
    "messages.follow": MessagesFollow,
    "messages.ack": MessagesAck,
    **control_backup.ARGUMENTS,
    **control_channels.ARGUMENTS,
    **control_wordings.ARGUMENTS,
    **control_network.ARGUMENTS,
    **control_identity.ARGUMENTS,
    **DEPOSIT_ARGUMENTS,
    **control_sms.ARGUMENTS,
    **control_service.ARGUMENTS,
    **control_schedules.ARGUMENTS,
    **control_events.ARGUMENTS,
    **control_admins.ARGUMENTS,
}
STREAMS = frozenset({"events.follow", "messages.follow", "modem.trace"})
