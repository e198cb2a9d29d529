"""The calls about the trade: agents, products, prefixes, the books, agents' messages."""

import re
from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import Any

from peewee import Database

from pulsarack.daemon.calls.network_calls import known_level
from pulsarack.daemon.calls.office import Office, not_found
from pulsarack.daemon.control_arguments import (
    AgentNew,
    LedgerStatement,
    MessagesAck,
    MessagesFollow,
    PrefixRemove,
    PrefixSet,
    ProductImport,
    ProductRow,
)
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.control_values import Nothing
from pulsarack.ledger import accounts, books
from pulsarack.queue import agents, prefixes, products
from pulsarack.queue.products import Product
from pulsarack.queue.validation import AIRTIME

STATEMENT_LIMIT = 50
STATEMENT_MOST = 10_000
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_OPERATOR = re.compile(r"[a-z][a-z0-9-]{1,31}")
_PREFIX = re.compile(r"(?:62|0)(8[0-9]{0,8})")


class TradeCalls:
    """Answers what is asked about agents, products and money."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._context = office.context

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("agent.new", self.agent_new)
        calls.add("agent.list", self.agent_list)
        calls.add("product.import", self.product_import)
        calls.add("product.list", self.product_list)
        calls.add("prefix.list", self.prefix_list)
        calls.add("prefix.set", self.prefix_set)
        calls.add("prefix.remove", self.prefix_remove)
        calls.add("ledger.accounts", self.ledger_accounts)
        calls.add("ledger.statement", self.ledger_statement)
        calls.add("ledger.trial_balance", self.ledger_trial_balance)
        calls.add("messages.follow", self.messages_follow)
        calls.add("messages.ack", self.messages_ack)

    async def agent_new(self, args: AgentNew, _peer: Peer) -> dict[str, Any]:
        """Open an agent."""
        if not _CODE.fullmatch(args.code):
            remedy = "up to 32 letters, digits, dots, dashes, beginning with a letter or digit"
            raise CallError("BAD_CODE", f"{args.code[:40]!r} is not an agent's code", remedy)
        now_ms = self._context.clock.now_ms()

        def job(db: Database) -> bool:
            if args.upline is not None and agents.find(db, args.upline) is None:
                raise not_found("agent", args.upline[:40], "see: pulsarack agent list")
            known_level(db, args.level or "")
            return agents.add(
                db,
                args.code,
                args.name,
                now_ms=now_ms,
                upline=args.upline,
                level=args.level or "",
                language=args.language or "id",
            )

        if not await self._context.store.write(job):
            raise CallError("EXISTS", f"there is an agent {args.code} already", "take another code")
        return {}

    async def agent_list(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """All agents with their deposits."""

        def job(db: Database) -> list[dict[str, Any]]:
            return [_agent_row(db, agent) for agent in agents.every(db)]

        return {"agents": await self._context.store.read(job)}

    async def product_import(self, args: ProductImport, _peer: Peer) -> dict[str, Any]:
        """Add and change products: all rows or none."""
        problems = [problem for row in args.rows if (problem := _product_problem(row))]
        if problems:
            raise CallError("BAD_PRODUCTS", "; ".join(problems[:20]), "nothing was imported")

        def job(db: Database) -> dict[str, Any]:
            counts = {"added": 0, "changed": 0, "same": 0}
            rows = []
            for given in args.rows:
                known = products.find(db, given.code.upper())
                rows.append(_product(given, known))
                if known and known.kind != rows[-1].kind:
                    what = f"{known.code} is of kind {known.kind}, and that never changes"
                    raise CallError("BAD_PRODUCTS", what, "give the new product another code")
            if cheap := [problem for row in rows if (problem := _cost_problem(row))]:
                remedy = "nothing was imported; or allow it: pulsarack product below-cost CODE"
                raise CallError("BAD_PRODUCTS", "; ".join(cheap[:20]), remedy)
            for row in rows:
                counts[products.put(db, row)] += 1
            return counts

        return await self._context.store.write(job)

    async def product_list(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """All products."""
        rows = await self._context.store.read(products.every)
        return {"products": [row._asdict() for row in rows]}

    async def prefix_list(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """The whole prefix table."""
        rows = await self._context.store.read(prefixes.every)
        return {"prefixes": [asdict(row) for row in rows]}

    async def prefix_set(self, args: PrefixSet, _peer: Peer) -> dict[str, Any]:
        """Add a prefix, or give it to another operator."""
        prefix = _prefix(args.prefix)
        if not _OPERATOR.fullmatch(args.operator):
            remedy = "small letters, digits and dashes, as in telkomsel"
            raise CallError("BAD_OPERATOR", f"{args.operator[:40]!r} is not a name", remedy)
        await self._context.store.write(lambda db: prefixes.put(db, prefix, args.operator))
        return {}

    async def prefix_remove(self, args: PrefixRemove, _peer: Peer) -> dict[str, Any]:
        """Take a prefix out of the table."""
        prefix = _prefix(args.prefix)
        if not await self._context.store.write(lambda db: prefixes.remove(db, prefix)):
            raise not_found("prefix", args.prefix[:20], "see: pulsarack prefix list")
        return {}

    async def ledger_accounts(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """All accounts with their balances."""

        def job(db: Database) -> list[dict[str, Any]]:
            return [
                {
                    "code": one.code,
                    "asset": one.asset,
                    "type": one.type.value,
                    "posted": one.posted,
                    "held": one.held,
                    "available": one.available,
                }
                for one in books.accounts(db)
            ]

        return {"accounts": await self._context.store.read(job)}

    async def ledger_statement(self, args: LedgerStatement, _peer: Peer) -> dict[str, Any]:
        """The newest lines of one account."""
        limit = min(max(args.limit or STATEMENT_LIMIT, 1), STATEMENT_MOST)

        found = await self._office.past_orders.statement(args.account, limit)
        if found is None:
            raise not_found("account", args.account[:80], "see: pulsarack ledger accounts")
        return found

    async def ledger_trial_balance(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """Debits against credits, per asset."""
        trials = await self._context.store.read(books.trial_balance)
        return {"assets": [_trial_row(trial) for trial in trials]}

    async def messages_follow(
        self, args: MessagesFollow, _peer: Peer
    ) -> AsyncGenerator[dict[str, Any], None]:
        """An agent's final results, until they are acknowledged."""
        if await self._context.store.read(lambda db: agents.find(db, args.agent)) is None:
            raise not_found("agent", args.agent[:40], "see: pulsarack agent list")
        async for message in self._office.outbox.follow(args.agent):
            yield {
                "id": message.id,
                "order": message.order_id,
                "state": message.state,
                "agent": message.agent,
                "text": message.text,
                "at": message.created_at,
            }

    async def messages_ack(self, args: MessagesAck, _peer: Peer) -> dict[str, Any]:
        """A message has reached its agent."""
        if not await self._office.outbox.acknowledge(args.id):
            raise not_found("message", args.id, "acknowledge the id that was followed")
        return {}


def _agent_row(db: Database, agent: agents.Agent) -> dict[str, Any]:
    balance = books.balance(db, accounts.agent(agent.code))
    return {
        "code": agent.code,
        "name": agent.name,
        "active": bool(agent.active),
        "upline": agent.upline,
        "level": agent.level,
        "language": agent.language,
        "balance": balance.posted if balance else 0,
        "held": balance.held if balance else 0,
        "available": balance.available if balance else 0,
    }


def _trial_row(trial: books.AssetTrial) -> dict[str, Any]:
    return {
        "asset": trial.asset,
        "debits": trial.debits,
        "credits": trial.credits,
        "difference": trial.debits - trial.credits,
        "accounts": [{"code": one.code, "posted": one.posted} for one in trial.accounts],
    }


def _product(row: ProductRow, known: Product | None) -> Product:
    return Product(
        code=row.code.upper(),
        operator=row.operator,
        name=row.name or row.code.upper(),
        denomination=row.denomination,
        price=row.price,
        cost=row.cost,
        time_limit_seconds=row.time_limit_seconds,
        active=1,
        below_cost=_or(row.below_cost, known.below_cost if known else 0),
        kind=row.kind or (known.kind if known else AIRTIME),
    )


def _or(given: int | None, before: int) -> int:
    return before if given is None else given


def _product_problem(row: ProductRow) -> str | None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,15}", row.code):
        return f"{row.code[:20]!r} is not a product code (a letter, then letters and digits)"
    if not _OPERATOR.fullmatch(row.operator):
        return f"{row.code}: {row.operator[:20]!r} is not an operator's name"
    if min(row.denomination, row.price, row.cost) <= 0:
        return f"{row.code}: denomination, price and cost must be above 0"
    if row.time_limit_seconds is not None and row.time_limit_seconds <= 0:
        return f"{row.code}: the time limit must be above 0"
    return None


def _cost_problem(row: Product) -> str | None:
    if row.price < row.cost and not row.below_cost:
        return f"{row.code}: the price {row.price} is below the cost {row.cost}"
    return None


def _prefix(typed: str) -> str:
    match = _PREFIX.fullmatch(typed)
    if match is None or len(match.group(1)) > prefixes.LONGEST:
        remedy = "write the first digits as 0812 or 62812"
        raise CallError("BAD_PREFIX", f"{typed[:20]!r} is not a prefix", remedy)
    return "62" + match.group(1)
