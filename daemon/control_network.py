"""The arguments of the calls about the network of agents: tree, levels, mark-ups, commissions.

Amounts are rupiah. What a name must look like is for the handler to say.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pulsarack.daemon.control_bounds import ClientReference, Name, Paid, Rupiah


class AgentMove(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """agent.move: `upline` None puts the agent below nobody."""

    code: Name
    upline: Name | None = None


class AgentLevel(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.level: "" is no level."""

    code: Name
    level: Name


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

    level: Name
    product: Name
    price: Paid


class PriceList(Struct, frozen=True, forbid_unknown_fields=True):
    """price.list."""

    level: Name


class PriceRemove(Struct, frozen=True, forbid_unknown_fields=True):
    """price.remove."""

    level: Name
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
    amount: Annotated[Rupiah, Meta(le=10**9)]
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


class CommissionExchange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """commission.exchange: None is all that is there; the same `id` again changes nothing."""

    agent: Name
    amount: Paid | None = None
    id: ClientReference | None = None
