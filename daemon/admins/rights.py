"""Which calls a role may make, and which of them are acts: one table, one line a call.

A role is a set of rights. A cashier and a technician stand side by side, each with what his work
needs; an admin may do all. A viewer sees the trade and the rack, not what people wrote, where they
can be reached, or what moves on a modem's line.

An act changes something and is recorded (queue/admin_acts.py): in the transaction in which it
writes, or, where it is done to something else than the database (`ahead`), before it begins. A
call that only looks is not recorded, unless it opens what is secret to others (`ahead` as well).
Orders that come over the socket are no acts: the order itself keeps who placed it.

A call without a line here cannot be registered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pulsarack.queue.admins import Role


class Right(StrEnum):
    """What a role can be allowed."""

    SEE = "see"
    AGENTS_TEXTS = "agents-texts"  # what agents wrote and were told, and their numbers
    OPERATORS_TEXTS = "operators-texts"  # what operators answered and no pattern knew
    SELL = "sell"  # orders for agents, and their results
    MONEY = "money"  # deposits, credits, statements of banks, what becomes of an order
    RACK = "rack"  # chips, slots, modems, what is said on their lines
    TRADE = "trade"  # agents, products, prices, prefixes, wordings
    BOOKS = "books"  # what a difference of the stock was
    IDENTITY = "identity"  # PINs, senders, accounts of programs
    SERVICE = "service"  # configuration, archives, backups, schedules
    ADMINS = "admins"  # roles, and what was done with them


_CASHIER = frozenset(
    {Right.SEE, Right.AGENTS_TEXTS, Right.OPERATORS_TEXTS, Right.SELL, Right.MONEY}
)
_TECHNICIAN = frozenset({Right.SEE, Right.OPERATORS_TEXTS, Right.RACK})
RIGHTS_OF: Final[Mapping[Role, frozenset[Right]]] = {
    Role.VIEWER: frozenset({Right.SEE}),
    Role.CASHIER: _CASHIER,
    Role.TECHNICIAN: _TECHNICIAN,
    Role.ADMIN: frozenset(Right),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a call needs, and how it is recorded.

    `subject`: the argument that says what it is done to.
    """

    right: Right
    acts: bool = False
    ahead: bool = False
    subject: str = ""


def see(right: Right = Right.SEE) -> Rule:
    """A call that looks."""
    return Rule(right)


def act(right: Right, subject: str = "", *, ahead: bool = False) -> Rule:
    """A call that changes something."""
    return Rule(right, acts=True, ahead=ahead, subject=subject)


def sell() -> Rule:
    """A call of programs that sell: made some times for each order, and not recorded."""
    return Rule(Right.SELL)


RULES: Final[Mapping[str, Rule]] = {
    # Orders.
    "order.new": sell(),
    "order.new_many": sell(),
    "order.show": see(),
    "order.list": see(),
    "order.undecided": see(),
    "order.refuted": see(),
    "order.cancel": act(Right.SELL, "id"),
    "order.resolve": act(Right.MONEY, "id"),
    "order.reverse": act(Right.MONEY, "id"),
    "order.acknowledge": act(Right.MONEY, "id"),
    "messages.follow": sell(),
    "messages.ack": sell(),
    # The books.
    "discrepancies.list": see(),
    "discrepancies.show": see(),
    "discrepancies.clear": act(Right.BOOKS, "id"),
    "ledger.accounts": see(),
    "ledger.statement": see(),
    "ledger.trial_balance": see(),
    # The rack.
    "chip.list": see(),
    "chip.show": see(),
    "chip.adopt": act(Right.RACK, "iccid"),
    "chip.rest": act(Right.RACK, "iccid"),
    "chip.enable": act(Right.RACK, "iccid"),
    "chip.try_pin": act(Right.RACK, "card"),
    "chip.channel": act(Right.RACK, "iccid"),
    "chip.expiry": act(Right.RACK, "iccid"),
    "modem.list": see(),
    "rack.show": see(),
    "slot.name": act(Right.RACK, "slot"),
    "modem.at": act(Right.RACK, "slot", ahead=True),
    "modem.acts": see(),
    "modem.reset": act(Right.RACK, "slot", ahead=True),
    "modem.find": see(Right.RACK),
    "modem.trace": act(Right.RACK, "slot", ahead=True),
    "route.explain": see(),
    "unparsed.list": see(Right.OPERATORS_TEXTS),
    # Agents and what they buy.
    "agent.new": act(Right.TRADE, "code"),
    "agent.list": see(),
    "agent.tree": see(),
    "agent.move": act(Right.TRADE, "code"),
    "agent.level": act(Right.TRADE, "code"),
    "agent.language": act(Right.TRADE, "code"),
    "agent.active": act(Right.TRADE, "code"),
    "agent.statement": see(),
    "agent.recap": see(),
    "product.import": act(Right.TRADE),
    "product.list": see(),
    "product.below_cost": act(Right.TRADE, "code"),
    "prefix.list": see(),
    "prefix.set": act(Right.TRADE, "prefix"),
    "prefix.remove": act(Right.TRADE, "prefix"),
    "price.set": act(Right.TRADE, "product"),
    "price.list": see(),
    "price.remove": act(Right.TRADE, "product"),
    "price.explain": see(),
    "markup.set": act(Right.TRADE, "upline"),
    "markup.list": see(),
    "markup.remove": act(Right.TRADE, "upline"),
    "wording.list": see(),
    "wording.show": see(),
    "wording.set": act(Right.TRADE, "key"),
    "wording.reset": act(Right.TRADE, "key"),
    "wording.try": see(),
    # Money that comes in.
    "commission.list": see(),
    "commission.exchange": act(Right.MONEY, "agent"),
    "ticket.new": act(Right.MONEY, "agent"),
    "ticket.list": see(),
    "ticket.show": see(),
    "ticket.cancel": act(Right.MONEY, "id"),
    "bank.list": see(),
    "bank.import": act(Right.MONEY, "bank"),
    "bank.rows": see(Right.MONEY),
    "bank.assign": act(Right.MONEY, "id"),
    "agent.credit": act(Right.MONEY, "code"),
    "credit.list": see(),
    "credit.confirm": act(Right.MONEY, "id"),
    "credit.refuse": act(Right.MONEY, "id"),
    "complaint.list": see(),
    "complaint.answer": act(Right.MONEY, "id"),
    # Who agents are.
    "pin.set": act(Right.IDENTITY, "agent"),
    "pin.reset": act(Right.IDENTITY, "agent"),
    "pin.unlock": act(Right.IDENTITY, "agent"),
    "agent.access": see(Right.AGENTS_TEXTS),
    "sender.add": act(Right.IDENTITY, "agent"),
    "sender.remove": act(Right.IDENTITY, "address"),
    "sender.list": see(Right.AGENTS_TEXTS),
    "account.new": act(Right.IDENTITY, "member"),
    "account.list": see(Right.IDENTITY),
    "account.show": see(Right.IDENTITY),
    "account.active": act(Right.IDENTITY, "member"),
    "account.secret": act(Right.IDENTITY, "member"),
    "account.networks": act(Right.IDENTITY, "member"),
    "account.report": act(Right.IDENTITY, "member"),
    # The service.
    "status": see(),
    "events.follow": see(),
    "channel.list": see(),
    "inbox.list": see(Right.AGENTS_TEXTS),
    "outbox.list": see(Right.AGENTS_TEXTS),
    "archive.list": see(),
    "archive.now": act(Right.SERVICE, ahead=True),
    "config.show": see(),
    "config.reload": act(Right.SERVICE, ahead=True),
    "schedule.list": see(),
    "schedule.run": act(Right.SERVICE, "name", ahead=True),
    "report.day": see(),
    "backup.now": see(Right.SERVICE),  # by a timer, day and night; what it makes is listed
    "backup.reopen": act(Right.SERVICE),
    # Admins.
    "admin.list": see(),
    "admin.whoami": see(),
    "admin.role": act(Right.ADMINS, "login"),
    "admin.log": see(Right.ADMINS),
}


def may(role: Role, call: str) -> bool:
    """Whether a role may make a call."""
    return RULES[call].right in RIGHTS_OF[role]


def roles_for(right: Right) -> tuple[Role, ...]:
    """The roles that have a right, the least first."""
    return tuple(role for role in Role if right in RIGHTS_OF[role])
