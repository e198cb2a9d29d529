"""The arguments of the calls about money that comes in, moves, or is complained about.

Amounts are rupiah, days are local ("2026-11-30").
"""

from typing import Annotated

from msgspec import Meta, Struct

from pulsarack.daemon.control_values import (
    MOST_RUPIAH,
    PRINTABLE,
    Because,
    Day,
    Listed,
    Name,
    Paid,
    RowId,
)

MOST_BALANCE = 10**15
MOST_ROWS = 2_000


class TicketNew(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ticket.new: a ticket for an agent, at one bank or at any."""

    agent: Name
    amount: Paid
    bank: Name | None = None


class TicketList(Struct, frozen=True, forbid_unknown_fields=True):
    """ticket.list: newest first."""

    agent: Name | None = None
    open: bool | None = None
    limit: Listed | None = None


class TicketById(Struct, frozen=True, forbid_unknown_fields=True):
    """ticket.show."""

    id: RowId


class TicketCancel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ticket.cancel."""

    id: RowId
    because: Because
    who: Name


class BankRowGiven(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of a statement: below zero what left the bank.

    `occurrence`: which of rows that are otherwise equal, from 1; else counted in the call.
    """

    day: Day
    amount: Annotated[int, Meta(ge=-MOST_RUPIAH, le=MOST_RUPIAH)]
    description: Annotated[str, Meta(max_length=300, pattern=PRINTABLE)] = ""
    balance: Annotated[int, Meta(ge=-MOST_BALANCE, le=MOST_BALANCE)] | None = None
    occurrence: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class BankImport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """bank.import: all rows or none; `check`: only say whether they could be."""

    bank: Name
    rows: Annotated[list[BankRowGiven], Meta(min_length=1, max_length=MOST_ROWS)]
    source: Name | None = None
    check: bool | None = None


class BankRows(Struct, frozen=True, forbid_unknown_fields=True):
    """bank.rows: newest first; `unmatched`: only what nobody was credited for."""

    unmatched: bool | None = None
    limit: Listed | None = None


class BankAssign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """bank.assign: whose an unmatched row is."""

    id: RowId
    agent: Name
    because: Because
    who: Name


class AgentCredit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """agent.credit: propose to raise a deposit, or to take back from it.

    Another admin confirms it. The same `id` again proposes nothing.
    """

    code: Name
    amount: Paid
    because: Because
    who: Name
    id: Name | None = None
    take_back: bool | None = None


class CreditList(Struct, frozen=True, forbid_unknown_fields=True):
    """credit.list: proposals that wait, newest first; `all`: also those that are decided."""

    all: bool | None = None
    limit: Listed | None = None


class CreditConfirm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """credit.confirm: by another user of the machine than proposed it."""

    id: RowId
    who: Name


class CreditRefuse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """credit.refuse."""

    id: RowId
    because: Because
    who: Name


class AgentStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.statement: the newest lines, or those of a day."""

    agent: Name
    day: Day | None = None
    limit: Listed | None = None


class AgentRecap(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.recap: a day in figures; today, if none is named."""

    agent: Name
    day: Day | None = None


class ComplaintList(Struct, frozen=True, forbid_unknown_fields=True):
    """complaint.list: those that wait, newest first; `all`: also the others."""

    all: bool | None = None
    limit: Listed | None = None


class ComplaintAnswer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """complaint.answer: `close`: and that is the last word."""

    id: RowId
    answer: Because
    who: Name
    close: bool | None = None


class NoArguments(Struct, frozen=True, forbid_unknown_fields=True):
    """bank.list."""


DEPOSIT_ARGUMENTS: dict[str, type[Struct]] = {
    "ticket.new": TicketNew,
    "ticket.list": TicketList,
    "ticket.show": TicketById,
    "ticket.cancel": TicketCancel,
    "bank.list": NoArguments,
    "bank.import": BankImport,
    "bank.rows": BankRows,
    "bank.assign": BankAssign,
    "agent.credit": AgentCredit,
    "agent.statement": AgentStatement,
    "agent.recap": AgentRecap,
    "credit.list": CreditList,
    "credit.confirm": CreditConfirm,
    "credit.refuse": CreditRefuse,
    "complaint.list": ComplaintList,
    "complaint.answer": ComplaintAnswer,
}
