"""The jobs of the daemon, in one list.

Stock and signal of a chip are no jobs: only the worker of a chip may speak to it, and it does so
when nothing else is to be done there (`[chips] stock_check_seconds`, spread over the chips by
stock_check.py). A checkpoint of the log is SQLite's own affair after each thousand pages, and
`PRAGMA optimize` is left out: its statistics could turn a query that is quick today.
"""

import random
from collections.abc import Awaitable, Callable, Iterable

from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.config import Config
from pulsarack.daemon.context import Context
from pulsarack.daemon.schedules.auditing import audit
from pulsarack.daemon.schedules.day_reports import NAME, DayReports
from pulsarack.daemon.schedules.job import Daily, Every, Job, When
from pulsarack.daemon.schedules.reconciliation import reconcile
from pulsarack.daemon.schedules.schedule import Schedule
from pulsarack.daemon.schedules.warnings import StockWatch, look_for_expiry
from pulsarack.daemon.side_reader import SideReader

Work = Callable[[], Awaitable[str]]


def times(config: Config) -> dict[str, When]:
    """When each of these jobs runs by a configuration."""
    settings = config.schedules
    often = settings.low_stock_minutes * 60.0
    return {
        NAME: Daily(settings.report_at),
        "low-stock": Every(often, often / 10),
        "expiry": Daily(settings.expiry_at),
        "reconciliation": Daily(settings.reconcile_at),
        "audit": Daily(settings.audit_at),
        "retention": Daily(config.retention.at),
    }


def jobs(
    context: Context, archivist: Archivist, reader: SideReader, reports: DayReports
) -> list[Job]:
    """What the daemon does again and again, but for other parts' own jobs."""
    stock = StockWatch(context, reports)
    work: dict[str, tuple[str, Work]] = {
        NAME: ("writes the report of the day that is over as CSV", reports.write_due),
        "low-stock": ("warns of stock that runs out", stock.look),
        "expiry": ("warns of chips that expire", lambda: look_for_expiry(context)),
        "reconciliation": (
            "looks what of stock and payments is open",
            lambda: reconcile(context, reader),
        ),
        "audit": (
            "checks every promise on the whole database",
            lambda: audit(context, reader),
        ),
        "retention": ("moves old orders into archives", archivist.tonight),
    }
    when = times(context.config)
    return [Job(name, what, when[name], run) for name, (what, run) in work.items()]


def schedule_of(
    context: Context,
    archivist: Archivist,
    reader: SideReader,
    reports: DayReports,
    *,
    rng: random.Random,
    more: Iterable[Job] = (),
) -> Schedule:
    """The schedule of a daemon; what [schedules] turns off runs by hand only."""

    def when(job: Job) -> When:
        if job.name in context.config.schedules.off:
            return None
        return times(context.config).get(job.name, job.when)

    made = [*jobs(context, archivist, reader, reports), *more]
    return Schedule(context, made, rng=rng, when=when)
