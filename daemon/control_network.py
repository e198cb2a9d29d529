"""The arguments of the calls about the network of agents: tree, levels, mark-ups, commissions.

As `control_arguments.py` has those of all others. Amounts are rupiah.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pulsarack.daemon.control_values import PRINTABLE, Name, Paid

Level = Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,31})?\Z")]
Added = Annotated[int, Meta(ge=0, le=10**9)]
Key = Annotated[str, Meta(min_length=1, max_length=64, pattern=PRINTABLE)]


class AgentMove(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """agent.move: `upline` None puts the agent below nobody."""

    code: Name
    upline: Name | None = None


class AgentLevel(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.level: "" is no level."""

    code: Name
    level: Level


class AgentLanguage(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.language."""

    code: Name
    language: Literal["id", "en"]


class AgentActive(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.active: whether it may order."""

    code: Name
    active: bool


class AgentTree(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.tree: below one agent, or below nobody."""

    code: Name | None = None


class PriceSet(Struct, frozen=True, forbid_unknown_fields=True):
    """price.set."""

    level: Level
    product: Name
    price: Paid


class PriceList(Struct, frozen=True, forbid_unknown_fields=True):
    """price.list."""

    level: Level


class PriceRemove(Struct, frozen=True, forbid_unknown_fields=True):
    """price.remove."""

    level: Level
    product: Name


class PriceExplain(Struct, frozen=True, forbid_unknown_fields=True):
    """price.explain: what a product costs an agent, and why."""

    agent: Name
    product: Name


class ProductBelowCost(Struct, frozen=True, forbid_unknown_fields=True):
    """product.below_cost."""

    code: Name
    allowed: bool


class MarkupSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """markup.set: None is any downline, any product."""

    upline: Name
    amount: Added
    downline: Name | None = None
    product: Name | None = None


class MarkupList(Struct, frozen=True, forbid_unknown_fields=True):
    """markup.list: the rules of an upline."""

    upline: Name


class MarkupRemove(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """markup.remove: the rule for exactly that."""

    upline: Name
    downline: Name | None = None
    product: Name | None = None


class CommissionList(Struct, frozen=True, forbid_unknown_fields=True):
    """commission.list: what all uplines have earned and not drawn."""


class CommissionExchange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """commission.exchange: None is all that is there; the same `id` again changes nothing."""

    agent: Name
    amount: Paid | None = None
    id: Key | None = None


ARGUMENTS: dict[str, type[Struct]] = {
    "agent.move": AgentMove,
    "agent.level": AgentLevel,
    "agent.language": AgentLanguage,
    "agent.active": AgentActive,
    "agent.tree": AgentTree,
    "price.set": PriceSet,
    "price.list": PriceList,
    "price.remove": PriceRemove,
    "price.explain": PriceExplain,
    "product.below_cost": ProductBelowCost,
    "markup.set": MarkupSet,
    "markup.list": MarkupList,
    "markup.remove": MarkupRemove,
    "commission.list": CommissionList,
    "commission.exchange": CommissionExchange,
}
