"""Rows of our banks' statements over the native API, from a program that reads them at the bank.

Whoever hands in rows makes money: a row that fits a ticket raises its agent's deposit. So the
configuration names the accounts that may, and such an account must have a list of addresses. What
is stored, what is matched and what a repeat is, the deposits decide (`queue/deposits/`): all rows
of a request or none, and each row once, however often it comes.
"""

from collections.abc import Sequence

from aiohttp import web
from peewee import Database

from pulsarack.daemon import bank_statements
from pulsarack.daemon.channels.http import json_body, wire
from pulsarack.daemon.channels.http.door import Door
from pulsarack.daemon.channels.http.parts import Account
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why, of_queue
from pulsarack.daemon.channels.http.routes import Call, Operation, Route
from pulsarack.daemon.context import Context
from pulsarack.queue.deposits.bank_rows import StatementRow, Taken
from pulsarack.queue.service import paying_in
from pulsarack.queue.validation import Refusal, RefusalCode

_BODY_OCTETS = 1024 * 1024


class BankApi:
    """POST /v1/bank-rows."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

    async def take(self, call: Call) -> web.Response:
        """Store rows, and credit what pays a ticket."""
        account = await self._door.signed(call)
        self._check_right(account)
        wanted = json_body.read(call, wire.NewBankRows)
        taken = await self._take(account, wanted)
        if isinstance(taken, Refusal):
            raise of_queue(taken)
        bank_statements.tell(self._context, wanted.bank, taken, account=account.member)
        paid = [
            wire.PaidTicket(one.ticket.id, one.ticket.agent, one.row.amount, one.row.day)
            for one in taken.paid
        ]
        unmatched = [
            wire.UnmatchedRow(one.id, one.day, one.amount, one.description)
            for one in taken.unmatched
        ]
        return json_body.answer(
            wire.BankRowsTaken(taken.added, taken.known, taken.debits, paid, unmatched)
        )

    def routes(self) -> Sequence[Route]:
        """The one that there is."""
        operation = Operation(
            "takeBankRows",
            "Rows of a bank's statement; what fits a ticket is credited, each row once",
            {200: wire.BankRowsTaken},
            asks=wire.NewBankRows,
            refusals=(422,),
        )
        return (
            Route(
                "POST",
                "/v1/bank-rows",
                self.take,
                operation=operation,
                body_octets=_BODY_OCTETS,
            ),
        )

    def _check_right(self, account: Account) -> None:
        named = {one.upper() for one in self._context.config.http.bank_accounts}
        if account.member.upper() not in named:
            message = "this account may not hand in rows of bank statements"
            raise HttpRefusal(
                Why.NOT_FOR_THIS_ACCOUNT, message, "name it as bank_accounts in [http]"
            )
        if not tuple(account.networks):
            message = "an account that hands in rows needs a list of addresses"
            raise HttpRefusal(Why.NOT_FOR_THIS_ACCOUNT, message, "give the account its networks")

    async def _take(self, account: Account, wanted: wire.NewBankRows) -> Taken | Refusal:
        config, now_ms = self._context.config, self._context.clock.now_ms()
        banks = [one.name for one in config.banks]
        if wanted.bank not in banks:
            known = f"ours are {', '.join(banks)}"
            return Refusal(RefusalCode.UNKNOWN_BANK, "that is no bank of ours", known)
        rows = [
            StatementRow(one.day, one.amount, one.description, one.balance, one.occurrence)
            for one in wanted.rows
        ]
        latest = bank_statements.latest_day(self._context)

        def job(db: Database) -> Taken | Refusal:
            return paying_in.take(
                db,
                wanted.bank,
                rows,
                source=f"account {account.member}",
                latest_day=latest,
                now_ms=now_ms,
            )

        return await self._context.store.write_for(account.agent, job)
