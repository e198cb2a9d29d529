"""Money on an agent's word: tickets, transfers to downlines and back, commission.

Nothing is credited here: a ticket only names an amount, which a row of the bank must bring.
"""

from peewee import Database

from pulsarack.queue.deposits import tickets, transfers
from pulsarack.queue.network import commissions, tree
from pulsarack.queue.order_text.commands import (
    AskTicket,
    ExchangeCommission,
    PullBalance,
    TransferBalance,
)
from pulsarack.queue.service import look, notices, people, refusals
from pulsarack.queue.service.asked import Answer, Asked
from pulsarack.queue.validation import Refusal, RefusalCode
from pulsarack.queue.wordings.shipped import Values
from pulsarack.queue.wordings.template import rupiah

_SHOWN = 32


def ask_ticket(db: Database, command: AskTicket, asked: Asked) -> Answer:
    """How much is to be paid in, until when, and where."""
    terms = asked.settings.tickets
    found = tickets.ask(
        db,
        asked.agent.code,
        command.amount,
        bank=command.bank,
        rng=asked.rng,
        now_ms=asked.received_at,
        terms=terms,
    )
    if isinstance(found, Refusal):
        banks = [name.upper() for name in terms.banks]
        return refusals.answer(
            found, amount=command.amount, bank=(command.bank or "")[:20], list=banks
        )
    ticket = found.ticket
    at = [ticket.bank] if ticket.bank else list(terms.banks)
    shown = " / ".join(asked.settings.accounts.get(name, name.upper()) for name in at)
    variables: Values = {
        "number": str(ticket.id),
        "amount": ticket.amount,
        "bank": shown,
        "date": asked.settings.date(ticket.expires_at),
        "balance": look.balance(db, asked.agent.code),
    }
    return Answer("ticket", variables)


def transfer(db: Database, command: TransferBalance, asked: Asked) -> Answer:
    """Balance to another agent, who is told."""
    other = people.find(db, command.to)
    code = other.code if other else command.to.strip()
    moved = transfers.send(
        db,
        asked.agent.code,
        code,
        command.amount,
        repeat_index=command.repeat_index,
        local_day=asked.local_day,
        across=asked.settings.transfers_across,
        is_below=tree.is_below,
        now_ms=asked.received_at,
    )
    if isinstance(moved, Refusal):
        return _refused(db, moved, code, command.amount, asked)
    assert other is not None, "balance moves to somebody"
    if moved.repeated:
        return _repeated(db, "T", code, command.amount, command.repeat_index, asked)
    told: Values = {"downline": asked.agent.code, "downline_name": asked.agent.name}
    balance: Values = {"amount": command.amount, "balance": look.balance(db, other.code)}
    notices.tell(db, other, "transfer_received", {**told, **balance}, now_ms=asked.received_at)
    own: Values = {"amount": command.amount, "balance": look.balance(db, asked.agent.code)}
    return Answer("transfer_sent", {**people.named(other), **own}, noticed=True)


def pull(db: Database, command: PullBalance, asked: Asked) -> Answer:
    """Balance back from a downline."""
    other = people.downline(db, command.downline, asked)
    if isinstance(other, Answer):
        return other
    moved = transfers.pull_back(
        db,
        asked.agent.code,
        other.code,
        command.amount,
        repeat_index=command.repeat_index,
        local_day=asked.local_day,
        is_below=tree.is_below,
        now_ms=asked.received_at,
    )
    if isinstance(moved, Refusal):
        if moved.code is RefusalCode.INSUFFICIENT_DEPOSIT:
            there = look.balance(db, other.code)
            variables: Values = {"downline": other.code, "amount": command.amount, "balance": there}
            return Answer("downline_balance_too_small", variables)
        return _refused(db, moved, other.code, command.amount, asked)
    if moved.repeated:
        return _repeated(db, "TARIK", other.code, command.amount, command.repeat_index, asked)
    own: Values = {"amount": command.amount, "balance": look.balance(db, asked.agent.code)}
    return Answer("pulled_back", {**people.named(other), **own})


def _refused(db: Database, refusal: Refusal, code: str, amount: int, asked: Asked) -> Answer:
    return refusals.answer(
        refusal,
        downline=code[:_SHOWN],
        amount=amount,
        price=amount,
        product="",
        balance=look.balance(db, asked.agent.code),
    )


def _repeated(
    db: Database, verb: str, code: str, amount: int, repeat_index: int, asked: Asked
) -> Answer:
    variables: Values = {
        "downline": code,
        "amount": amount,
        "balance": look.balance(db, asked.agent.code),
        "example": f"{verb}.{code}.{amount}.PIN#{repeat_index + 1}",
    }
    return Answer("transfer_repeated", variables)


def exchange(db: Database, command: ExchangeCommission, asked: Asked) -> Answer:
    """Commission into deposit. The same message again changes nothing: it has one id."""
    own = asked.agent.code
    found = commissions.exchange(
        db,
        own,
        command.amount,
        exchange_id=f"{asked.channel}:{asked.inbound_id}",
        now_ms=asked.received_at,
    )
    if isinstance(found, Refusal):
        amount = command.amount or 0
        there = commissions.balance(db, own)
        return refusals.answer(found, amount=amount, commission=there, reference=rupiah(amount))
    variables: Values = {
        "amount": found.amount,
        "commission": found.left,
        "balance": look.balance(db, own),
    }
    return Answer("commission_exchanged", variables)
