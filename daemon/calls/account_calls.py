"""The calls about one agent's affairs: its statement, a day in figures, complaints of its orders.

A statement goes on in the archives where the database ends.
"""

from dataclasses import asdict
from datetime import date
from typing import Any

from peewee import Database

from pulsarack.daemon import calendar
from pulsarack.daemon.calls.office import Office, not_found, refused
from pulsarack.daemon.control_deposits import (
    AgentRecap,
    AgentStatement,
    ComplaintAnswer,
    ComplaintList,
)
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.ledger import accounts
from pulsarack.queue import agents, complaints
from pulsarack.queue.complaints import Complaint
from pulsarack.queue.reports import recap, statement
from pulsarack.queue.service import notices
from pulsarack.queue.validation import Refusal

LIST_LIMIT = 200
STATEMENT_LIMIT = 20
# Rows of the ledger that are looked through for a day, holds included.
_MOST_ROWS = 10_000
# Of the rows of an account that many are holds at most, for one that moves something.
_ROWS_A_LINE = 3


class AccountCalls:
    """Answers what is asked about an agent's money and complaints."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._context = office.context
        self._timezone = office.context.config.daemon.timezone

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("agent.statement", self.agent_statement)
        calls.add("agent.recap", self.agent_recap)
        calls.add("complaint.list", self.complaint_list)
        calls.add("complaint.answer", self.complaint_answer)

    async def agent_statement(self, args: AgentStatement, _peer: Peer) -> dict[str, Any]:
        """What moved a deposit, newest first."""
        await self._known(args.agent)
        limit = args.limit or (_MOST_ROWS if args.day else STATEMENT_LIMIT)
        wanted = _MOST_ROWS if args.day else min(limit * _ROWS_A_LINE, _MOST_ROWS)
        past = self._office.past_orders
        found = await past.lines(accounts.agent(args.agent), wanted)
        assert found is not None, "every agent has a deposit"
        ledger_lines, unreadable = found
        lines = await self._context.store.read(lambda db: statement.told(db, ledger_lines))
        cut = False
        if args.day:
            begins_at, ends_at = self._bounds(args.day)
            cut = len(ledger_lines) == wanted and ledger_lines[-1].entry.at >= begins_at
            lines = [one for one in lines if begins_at <= one.at < ends_at]
        return {
            "lines": [asdict(one) for one in lines[:limit]],
            "unreadable": unreadable,
            "cut": cut,
        }

    async def agent_recap(self, args: AgentRecap, _peer: Peer) -> dict[str, Any]:
        """A day in figures."""
        await self._known(args.agent)
        day = args.day or self._context.day()
        begins_at, ends_at = self._bounds(day)
        found = await self._context.store.read(
            lambda db: recap.of_day(db, args.agent, day, begins_at, ends_at)
        )
        return {
            "day": day,
            "orders": found.count,
            "spent": found.spent,
            "held": found.held,
            "earned": found.earned,
            "lines": [asdict(one) for one in found.lines],
        }

    async def complaint_list(self, args: ComplaintList, _peer: Peer) -> dict[str, Any]:
        """What waits for an answer."""
        open_only, limit = not args.all, args.limit or LIST_LIMIT
        found = await self._context.store.read(
            lambda db: complaints.listed(db, open_only=open_only, limit=limit)
        )
        return {"complaints": [asdict(one) for one in found]}

    async def complaint_answer(self, args: ComplaintAnswer, _peer: Peer) -> dict[str, Any]:
        """Answer a complaint."""
        now_ms = self._context.clock.now_ms()

        def job(db: Database) -> Complaint | Refusal:
            done = complaints.answer(
                db, args.id, words=args.answer, who=args.who, close=bool(args.close), now_ms=now_ms
            )
            if isinstance(done, Complaint):
                notices.complaint_answered(db, done, now_ms=now_ms)
            return done

        found = await self._context.store.write(job)
        if isinstance(found, Refusal):
            raise refused(found)
        self._context.events.noticed()
        self._context.log.info(
            "complaint.answered",
            complaint=found.id, order=found.order_id, agent=found.agent, who=args.who,
        )  # fmt: skip
        return asdict(found)

    async def _known(self, code: str) -> None:
        if await self._context.store.read(lambda db: agents.find(db, code)) is None:
            raise not_found("agent", code[:40], "see: pulsarack agent list")

    def _bounds(self, day: str) -> tuple[int, int]:
        try:
            return calendar.bounds_of(date.fromisoformat(day), self._timezone)
        except (ValueError, OverflowError):
            message = f"{day!r} is not a day"
            raise CallError("BAD_DAY", message, "write it as 2026-11-30") from None
