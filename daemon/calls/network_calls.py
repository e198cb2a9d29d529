"""The calls about the network of agents: who is above whom, what they pay, what they earn.

All of it is an admin's. What is changed here holds for the orders that come after it; each
change is a line in the log.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from peewee import Database

from pulsarack.daemon.calls.office import Office, not_found, refused
from pulsarack.daemon.control_network import (
    AgentActive,
    AgentLanguage,
    AgentLevel,
    AgentMove,
    AgentTree,
    CommissionExchange,
    CommissionList,
    MarkupList,
    MarkupRemove,
    MarkupSet,
    PriceExplain,
    PriceList,
    PriceRemove,
    PriceSet,
    ProductBelowCost,
)
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.ledger import accounts, books
from pulsarack.queue import agents, products
from pulsarack.queue.agents import Agent
from pulsarack.queue.network import commissions, levels, markups, pricing, tree
from pulsarack.queue.products import Product
from pulsarack.queue.validation import Refusal

T = TypeVar("T")
_SEE_AGENTS = "see: pulsarack agent list"


class NetworkCalls:
    """Answers what is asked about the network."""

    def __init__(self, office: Office) -> None:
        self._context = office.context

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("agent.move", self.agent_move)
        calls.add("agent.level", self.agent_level)
        calls.add("agent.language", self.agent_language)
        calls.add("agent.active", self.agent_active)
        calls.add("agent.tree", self.agent_tree)
        calls.add("price.set", self.price_set)
        calls.add("price.list", self.price_list)
        calls.add("price.remove", self.price_remove)
        calls.add("price.explain", self.price_explain)
        calls.add("product.below_cost", self.product_below_cost)
        calls.add("markup.set", self.markup_set)
        calls.add("markup.list", self.markup_list)
        calls.add("markup.remove", self.markup_remove)
        calls.add("commission.list", self.commission_list)
        calls.add("commission.exchange", self.commission_exchange)

    # --- the tree ---

    async def agent_move(self, args: AgentMove, _peer: Peer) -> dict[str, Any]:
        """Put an agent, with all below it, below another or below nobody."""
        now_ms = self._context.clock.now_ms()
        await self._write(lambda db: tree.move(db, args.code, args.upline, now_ms=now_ms))
        self._context.log.info("agent.moved", agent=args.code, upline=args.upline)
        return {}

    async def agent_level(self, args: AgentLevel, _peer: Peer) -> dict[str, Any]:
        """Put an agent on a level that has prices, or on none."""

        def job(db: Database) -> None:
            _agent(db, args.code)
            known_level(db, args.level)
            levels.assign(db, args.code, args.level)

        await self._write(job)
        self._context.log.info("agent.level", agent=args.code, price_level=args.level)
        return {}

    async def agent_language(self, args: AgentLanguage, _peer: Peer) -> dict[str, Any]:
        """Talk to an agent in another language."""

        def job(db: Database) -> None:
            _agent(db, args.code)
            agents.put_language(db, args.code, args.language)

        await self._write(job)
        return {}

    async def agent_active(self, args: AgentActive, _peer: Peer) -> dict[str, Any]:
        """Let an agent order, or no more."""

        def job(db: Database) -> None:
            _agent(db, args.code)
            agents.put_active(db, args.code, args.active)

        await self._write(job)
        self._context.log.info("agent.active", agent=args.code, active=args.active)
        return {}

    async def agent_tree(self, args: AgentTree, _peer: Peer) -> dict[str, Any]:
        """The agents as a tree."""

        def job(db: Database) -> list[dict[str, Any]]:
            if args.code is not None:
                _agent(db, args.code)
            return [_row(db, depth, one) for depth, one in tree.whole(db, args.code)]

        return {"agents": await self._context.store.read(job)}

    # --- prices ---

    async def price_set(self, args: PriceSet, _peer: Peer) -> dict[str, Any]:
        """Set what a product costs on a level."""
        if not args.level:
            raise CallError("BAD_LEVEL", "the level has no name", "name it, as in: gold")
        product = args.product.upper()
        await self._write(lambda db: levels.put(db, args.level, product, args.price))
        self._context.log.info(
            "price.set", price_level=args.level, product=product, price=args.price
        )
        return {}

    async def price_list(self, args: PriceList, _peer: Peer) -> dict[str, Any]:
        """All prices of a level."""
        rows = await self._context.store.read(lambda db: levels.of(db, args.level))
        return {"prices": [asdict(row) for row in rows]}

    async def price_remove(self, args: PriceRemove, _peer: Peer) -> dict[str, Any]:
        """Let a product cost on a level what it costs everybody."""
        product = args.product.upper()
        if not await self._write(lambda db: levels.remove(db, args.level, product)):
            what = f"of {product} on level {args.level}"
            raise not_found("price", what, f"see: pulsarack price list {args.level}")
        self._context.log.info("price.removed", price_level=args.level, product=product)
        return {}

    async def price_explain(self, args: PriceExplain, _peer: Peer) -> dict[str, Any]:
        """What a product costs an agent at this moment, and who earns what of it."""

        def job(db: Database) -> dict[str, Any]:
            product = _product(db, args.product.upper())
            offer = pricing.offer(db, _agent(db, args.agent), product)
            return {
                "agent": args.agent,
                "product": product.code,
                "price": offer.price,
                "remains": offer.remains,
                "cost": product.cost,
                "sold": not pricing.below_cost(offer, product),
                "shares": [asdict(share) for share in offer.shares],
            }

        return await self._context.store.read(job)

    async def product_below_cost(self, args: ProductBelowCost, _peer: Peer) -> dict[str, Any]:
        """Allow, or allow no more, that a product is sold for less than it costs us."""
        code = args.code.upper()

        def job(db: Database) -> None:
            _product(db, code)
            products.allow_below_cost(db, code, args.allowed)

        await self._write(job)
        self._context.log.warning("product.below_cost", product=code, allowed=args.allowed)
        return {}

    # --- mark-ups ---

    async def markup_set(self, args: MarkupSet, _peer: Peer) -> dict[str, Any]:
        """Set what an upline adds to the price."""
        product = args.product.upper() if args.product else None

        def job(db: Database) -> markups.Markup | Refusal:
            upline = _agent(db, args.upline)
            return markups.put(db, upline, args.amount, downline=args.downline, product=product)

        put = await self._write(job)
        self._context.log.info(
            "markup.set",
            upline=put.upline,
            downline=put.downline,
            product=put.product,
            amount=put.amount,
        )
        return asdict(put)

    async def markup_list(self, args: MarkupList, _peer: Peer) -> dict[str, Any]:
        """All rules of an upline."""

        def job(db: Database) -> list[markups.Markup]:
            return markups.of(db, _agent(db, args.upline).code)

        return {"markups": [asdict(row) for row in await self._context.store.read(job)]}

    async def markup_remove(self, args: MarkupRemove, _peer: Peer) -> dict[str, Any]:
        """Forget one rule."""
        upline, downline = args.upline, args.downline
        product = args.product.upper() if args.product else None
        if not await self._write(
            lambda db: markups.remove(db, upline, downline=downline, product=product)
        ):
            what = f"of {args.upline} for exactly that"
            raise not_found("mark-up", what, f"see: pulsarack markup list {args.upline}")
        self._context.log.info("markup.removed", upline=upline, downline=downline, product=product)
        return {}

    # --- commissions ---

    async def commission_list(self, _args: CommissionList, _peer: Peer) -> dict[str, Any]:
        """What uplines have earned and not drawn; below zero after a reversal."""
        rows = await self._context.store.read(commissions.every)
        return {"commissions": [{"agent": agent, "balance": there} for agent, there in rows]}

    async def commission_exchange(self, args: CommissionExchange, _peer: Peer) -> dict[str, Any]:
        """Turn commission into deposit."""
        now_ms = self._context.clock.now_ms()
        key = args.id or self._context.new_id()

        def job(db: Database) -> commissions.Exchanged | Refusal:
            agent = _agent(db, args.agent)
            return commissions.exchange(db, agent.code, args.amount, exchange_id=key, now_ms=now_ms)

        done = await self._write(job)
        self._context.log.info(
            "commission.exchanged",
            agent=args.agent,
            amount=done.amount,
            left=done.left,
            repeated=done.repeated,
        )
        return {"agent": args.agent, **asdict(done)}

    async def _write(self, job: Callable[[Database], T | Refusal]) -> T:
        answer = await self._context.store.write(job)
        if isinstance(answer, Refusal):
            raise refused(answer)
        return answer


def known_level(db: Database, level: str) -> None:
    """Refuse a level on which nothing has a price: it is a slip of the keys."""
    if level and not levels.is_known(db, level):
        remedy = f"set a price first: pulsarack price set {level} PRODUCT PRICE"
        raise CallError("UNKNOWN_LEVEL", f"no product has a price on level {level}", remedy)


def _agent(db: Database, code: str) -> Agent:
    agent = agents.find(db, code)
    if agent is None:
        raise not_found("agent", code[:40], _SEE_AGENTS)
    return agent


def _product(db: Database, code: str) -> Product:
    product = products.find(db, code)
    if product is None:
        raise not_found("product", code[:20], "see: pulsarack product list")
    return product


def _row(db: Database, depth: int, agent: Agent) -> dict[str, Any]:
    deposit = books.balance(db, accounts.agent(agent.code))
    return {
        "depth": depth,
        "code": agent.code,
        "name": agent.name,
        "upline": agent.upline,
        "level": agent.level,
        "active": bool(agent.active),
        "stopped_by": agent.stopped_by or None,
        "available": deposit.available if deposit else 0,
        "commission": commissions.balance(db, agent.code),
    }
