"""The calls about money that comes in: tickets, rows of statements, and two admins' credits.

Who calls is told by the kernel (`Peer.uid`); the name that is typed is only written beside it.
"""

from collections.abc import Callable
from dataclasses import asdict
from random import Random
from typing import Any, TypeVar

from peewee import Database

from pulsarack.daemon import bank_statements
from pulsarack.daemon.calls.office import Office, not_found, refused
from pulsarack.daemon.config_deposits import ticket_terms
from pulsarack.daemon.control_deposits import (
    AgentCredit,
    BankAssign,
    BankImport,
    BankRows,
    CreditConfirm,
    CreditList,
    CreditRefuse,
    NoArguments,
    TicketById,
    TicketCancel,
    TicketList,
    TicketNew,
)
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.queue.deposits import bank_rows, credits, tickets
from pulsarack.queue.deposits.bank_rows import BankRow, StatementRow
from pulsarack.queue.deposits.credits import CreditRequest
from pulsarack.queue.deposits.tickets import Ticket
from pulsarack.queue.service import notices, paying_in
from pulsarack.queue.validation import Refusal, RefusalCode

LIST_LIMIT = 200
# What an operator should hear of when it happens often: statements that cannot be right, and
# somebody who confirms his own proposals.
_COUNTED = frozenset({RefusalCode.BAD_ROWS, RefusalCode.SAME_ADMIN})
Answer = TypeVar("Answer")


class DepositCalls:
    """Answers what is asked about tickets, statements and credits."""

    def __init__(self, office: Office) -> None:
        self._context = office.context
        self._pressure = office.pressure

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("ticket.new", self.ticket_new)
        calls.add("ticket.list", self.ticket_list)
        calls.add("ticket.show", self.ticket_show)
        calls.add("ticket.cancel", self.ticket_cancel)
        calls.add("bank.list", self.bank_list)
        calls.add("bank.import", self.bank_import)
        calls.add("bank.rows", self.bank_rows)
        calls.add("bank.assign", self.bank_assign)
        calls.add("agent.credit", self.credit_propose)
        calls.add("credit.list", self.credit_list)
        calls.add("credit.confirm", self.credit_confirm)
        calls.add("credit.refuse", self.credit_refuse)

    # --- tickets ---

    async def ticket_new(self, args: TicketNew, peer: Peer) -> dict[str, Any]:
        """A ticket for an agent."""
        now_ms, rng = self._now(), Random(f"ticket/{self._context.new_id()}")
        given = await self._write(
            lambda db: tickets.ask(
                db,
                args.agent,
                args.amount,
                bank=args.bank,
                rng=rng,
                now_ms=now_ms,
                terms=ticket_terms(self._context.config),
            ),
            peer,
        )
        return {**self._ticket(given.ticket), "repeated": given.repeated}

    async def ticket_list(self, args: TicketList, _peer: Peer) -> dict[str, Any]:
        """The newest tickets."""
        now_ms = self._now()

        def job(db: Database) -> list[Ticket]:
            tickets.expire(db, now_ms=now_ms)
            return tickets.listed(
                db, agent=args.agent, open_only=bool(args.open), limit=args.limit or LIST_LIMIT
            )

        found = await self._context.store.write(job)
        return {"tickets": [asdict(one) for one in found]}

    async def ticket_show(self, args: TicketById, _peer: Peer) -> dict[str, Any]:
        """One ticket, and the row that paid it."""

        def job(db: Database) -> dict[str, Any] | None:
            ticket = tickets.find(db, args.id)
            if ticket is None:
                return None
            row = bank_rows.of_ticket(db, ticket.id)
            return {**self._ticket(ticket), "row": asdict(row) if row else None}

        found = await self._context.store.read(job)
        if found is None:
            raise not_found("ticket", args.id, "see: pulsarack ticket list")
        return found

    async def ticket_cancel(self, args: TicketCancel, peer: Peer) -> dict[str, Any]:
        """Take a ticket back."""
        now_ms = self._now()
        if not args.because.strip():
            raise CallError("NO_REASON", "a decision needs a reason", "give --because TEXT")
        why = f"by {args.who}: {args.because}"
        ticket = await self._write(
            lambda db: tickets.cancel(db, args.id, why=why, now_ms=now_ms), peer
        )
        self._context.log.info(
            "ticket.cancelled", ticket=args.id, agent=ticket.agent, who=args.who, uid=peer.uid
        )
        return self._ticket(ticket)

    def _ticket(self, ticket: Ticket) -> dict[str, Any]:
        """With the accounts that it may be paid in to."""
        banks = [one for one in self._context.config.banks if ticket.bank in ("", one.name)]
        accounts = [{"bank": b.name, "account": b.account, "holder": b.holder} for b in banks]
        return {**asdict(ticket), "accounts": accounts}

    # --- statements ---

    async def bank_list(self, _args: NoArguments, _peer: Peer) -> dict[str, Any]:
        """Our banks, how their statements are read, and the last day that a row can have."""
        rows = [
            {
                "name": one.name,
                "account": one.account,
                "holder": one.holder,
                "form": asdict(one.form),
            }
            for one in self._context.config.banks
        ]
        return {"banks": rows, "latest_day": bank_statements.latest_day(self._context)}

    async def bank_import(self, args: BankImport, peer: Peer) -> dict[str, Any]:
        """Store rows, and credit what pays a ticket."""
        banks = [bank.name for bank in self._context.config.banks]
        if args.bank not in banks:
            known = ", ".join(banks)
            raise CallError("UNKNOWN_BANK", f"{args.bank[:40]!r} is no bank of ours", known)
        rows = [
            StatementRow(one.day, one.amount, one.description, one.balance, one.occurrence)
            for one in args.rows
        ]
        latest, now_ms = bank_statements.latest_day(self._context), self._now()
        if args.check:
            self._check(rows, latest, peer)
            return {"added": 0, "known": 0, "debits": 0, "paid": [], "unmatched": []}
        source = f"{args.source or 'rows'} by user {peer.uid}"

        taken = await self._write(
            lambda db: paying_in.take(
                db, args.bank, rows, source=source, latest_day=latest, now_ms=now_ms
            ),
            peer,
        )
        bank_statements.tell(self._context, args.bank, taken, uid=peer.uid)
        return {
            "added": taken.added,
            "known": taken.known,
            "debits": taken.debits,
            "paid": [
                {"row": one.row.id, "ticket": one.ticket.id, "agent": one.ticket.agent,
                 "amount": one.row.amount, "day": one.row.day}
                for one in taken.paid
            ],
            "unmatched": [asdict(one) for one in taken.unmatched],
        }  # fmt: skip

    async def bank_rows(self, args: BankRows, _peer: Peer) -> dict[str, Any]:
        """The newest rows, or those that nobody was credited for."""
        unmatched, limit = bool(args.unmatched), args.limit or LIST_LIMIT
        found = await self._context.store.read(
            lambda db: bank_rows.listed(db, unmatched=unmatched, limit=limit)
        )
        return {"rows": [asdict(one) for one in found]}

    async def bank_assign(self, args: BankAssign, peer: Peer) -> dict[str, Any]:
        """Credit an agent with a row, on an admin's word."""
        now_ms = self._now()

        def job(db: Database) -> BankRow | Refusal:
            found = bank_rows.assign(
                db,
                args.id,
                args.agent,
                who=args.who,
                uid=peer.uid,
                because=args.because,
                now_ms=now_ms,
            )
            if isinstance(found, BankRow):
                self._came(db, args.agent, found.amount, "-", found.bank)
            return found

        row = await self._write(job, peer)
        self._context.events.noticed()
        self._context.log.info(
            "bank_row.assigned",
            row=row.id, agent=args.agent, amount=row.amount, who=args.who, uid=peer.uid,
        )  # fmt: skip
        return asdict(row)

    def _check(self, rows: list[StatementRow], latest_day: str, peer: Peer) -> None:
        refusal = bank_rows.refusal_of(rows, latest_day)
        if refusal is not None:
            raise self._refused(refusal, peer)

    # --- two admins ---

    async def credit_propose(self, args: AgentCredit, peer: Peer) -> dict[str, Any]:
        """Propose to raise a deposit, or to take back from it."""
        if args.id == "":
            raise CallError("NO_ID", "the id is empty", "leave it out, or give one of your own")
        now_ms, key = self._now(), args.id or self._context.new_id()
        made = await self._write(
            lambda db: credits.propose(
                db,
                args.code,
                -args.amount if args.take_back else args.amount,
                key=key,
                because=args.because,
                who=args.who,
                uid=peer.uid,
                now_ms=now_ms,
            ),
            peer,
        )
        request = made.request
        if not made.repeated:
            self._context.log.info(
                "credit.proposed",
                request=request.id, agent=request.agent, amount=request.amount,
                who=request.who, uid=request.uid,
            )  # fmt: skip
        return {**asdict(request), "repeated": made.repeated}

    async def credit_list(self, args: CreditList, _peer: Peer) -> dict[str, Any]:
        """What waits for another admin."""
        open_only, limit = not args.all, args.limit or LIST_LIMIT
        found = await self._context.store.read(
            lambda db: credits.listed(db, open_only=open_only, limit=limit)
        )
        return {"requests": [asdict(one) for one in found]}

    async def credit_confirm(self, args: CreditConfirm, peer: Peer) -> dict[str, Any]:
        """The second admin's word: the money moves."""
        now_ms = self._now()

        def job(db: Database) -> CreditRequest | Refusal:
            found = credits.confirm(db, args.id, who=args.who, uid=peer.uid, now_ms=now_ms)
            if isinstance(found, CreditRequest):
                self._came(db, found.agent, found.amount, "-", "-")
            return found

        request = await self._write(job, peer)
        self._context.events.noticed()
        self._context.log.info(
            "agent.credited",
            request=request.id, agent=request.agent, amount=request.amount,
            who=request.who, uid=request.uid, confirmed_by=args.who, confirmed_uid=peer.uid,
        )  # fmt: skip
        return asdict(request)

    async def credit_refuse(self, args: CreditRefuse, peer: Peer) -> dict[str, Any]:
        """End a proposal."""
        now_ms = self._now()
        request = await self._write(
            lambda db: credits.refuse(
                db, args.id, who=args.who, uid=peer.uid, because=args.because, now_ms=now_ms
            ),
            peer,
        )
        self._context.log.info(
            "credit.refused", request=request.id, agent=request.agent, who=args.who, uid=peer.uid
        )
        return asdict(request)

    # --- what all do ---

    def _came(self, db: Database, agent: str, amount: int, number: str, bank: str) -> None:
        """The agent is told, where he has an address."""
        notices.money_came(db, agent, amount, number=number, bank=bank, now_ms=self._now())

    def _now(self) -> int:
        return self._context.clock.now_ms()

    async def _write(self, job: Callable[[Database], Answer | Refusal], peer: Peer) -> Answer:
        """What a job gives; its refusal as an error of the socket."""
        found = await self._context.store.write(job)
        if isinstance(found, Refusal):
            raise self._refused(found, peer)
        return found

    def _refused(self, refusal: Refusal, peer: Peer) -> CallError:
        if refusal.code in _COUNTED and self._pressure is not None:
            self._pressure.refused(refusal.code.value, uid=peer.uid)
        return refused(refusal)
