"""The calls about what is done by itself: the jobs, the report of a day, chips that expire."""

from dataclasses import asdict
from datetime import date
from typing import Any

from peewee import Database

from pulsarack.daemon.calls.office import Office, not_found
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.control_schedules import ChipExpiry, ReportDay, ScheduleRun
from pulsarack.daemon.control_values import Nothing
from pulsarack.daemon.schedules.job import JobFailed
from pulsarack.daemon.store_errors import StoreError
from pulsarack.queue import chips, expiry


class ScheduleCalls:
    """Answers what is asked about schedules and reports."""

    def __init__(self, office: Office) -> None:
        self._context = office.context
        self._schedule = office.schedule
        self._reports = office.reports

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("schedule.list", self.list)
        calls.add("schedule.run", self.run)
        calls.add("report.day", self.day)
        calls.add("chip.expiry", self.expiry)

    async def list(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """Every job: when it is due, when it ran and what came of it."""
        assert self._schedule is not None, "the daemon has one"
        return {"jobs": [asdict(one) for one in self._schedule.standings()]}

    async def run(self, args: ScheduleRun, _peer: Peer) -> dict[str, Any]:
        """Run a job now and say what it did."""
        assert self._schedule is not None, "the daemon has one"
        try:
            said = await self._schedule.run_now(args.name)
        except JobFailed as error:
            raise CallError("JOB_FAILED", error.message, error.remedy) from None
        return {"name": args.name, "said": said}

    async def day(self, args: ReportDay, _peer: Peer) -> dict[str, Any]:
        """The report of a day: today as far as it has come, or one that is over."""
        assert self._reports is not None, "the daemon has them"
        today = date.fromisoformat(self._context.day())
        wanted = today if args.day is None else _day(args.day)
        if wanted > today:
            raise CallError("NO_SUCH_DAY", f"{wanted} is still to come", f"today is {today}")
        try:
            told = await self._reports.read(wanted)
        except StoreError as error:
            raise CallError("UNREADABLE", error.message, error.remedy) from None
        return {
            "day": wanted.isoformat(),
            "complete": wanted < today,
            "by": args.by,
            "lines": told.rows(args.by),
            "total": told.total(args.by),
        }

    async def expiry(self, args: ChipExpiry, _peer: Peer) -> dict[str, Any]:
        """Note until when a chip is valid."""
        if args.expires_on is not None:
            _day(args.expires_on)
        now_ms = self._context.clock.now_ms()

        def job(db: Database) -> bool:
            known = chips.find(db, args.iccid) is not None
            if known:
                expiry.put(db, args.iccid, args.expires_on, who=args.who, now_ms=now_ms)
            return known

        if not await self._context.store.write(job):
            raise not_found("chip", args.iccid, "see: pulsarack chip list")
        return {"iccid": args.iccid, "expires_on": args.expires_on}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CallError("BAD_DAY", f"{text!r} is not a day", "write it as 2026-11-30") from None
