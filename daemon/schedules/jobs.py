"""The jobs of the daemon, in one list.

Stock and signal of a chip are no jobs: only the worker of a chip may speak to it, and it does so
when nothing else is to be done there (`[chips] stock_check_seconds`, spread over the chips by
stock_check.py). A checkpoint of the log is SQLite's own affair after each thousand pages, and
`PRAGMA optimize` is left out: its statistics could turn a query that is quick today.
"""

import random
from collections.abc import Iterable
from dataclasses import replace

from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.context import Context
from pulsarack.daemon.schedules.auditing import audit
from pulsarack.daemon.schedules.day_reports import NAME, DayReports
from pulsarack.daemon.schedules.job import Daily, Every, Job
from pulsarack.daemon.schedules.reconciliation import reconcile
from pulsarack.daemon.schedules.schedule import Schedule
from pulsarack.daemon.schedules.warnings import StockWatch, look_for_expiry
from pulsarack.daemon.side_reader import SideReader


def jobs(
    context: Context, archivist: Archivist, reader: SideReader, reports: DayReports
) -> list[Job]:
    """What the daemon does again and again, but for other parts' own jobs."""
    settings = context.config.schedules
    stock = StockWatch(context, reports)
    often = settings.low_stock_minutes * 60.0
    return [
        Job(
            NAME,
            "writes the report of the day that is over as CSV",
            Daily(settings.report_at),
            reports.write_due,
        ),
        Job("low-stock", "warns of stock that runs out", Every(often, often / 10), stock.look),
        Job(
            "expiry",
            "warns of chips that expire",
            Daily(settings.expiry_at),
            lambda: look_for_expiry(context),
        ),
        Job(
            "reconciliation",
            "looks what of stock and payments is open",
            Daily(settings.reconcile_at),
            lambda: reconcile(context, reader),
        ),
        Job(
            "audit",
            "checks every promise on the whole database",
            Daily(settings.audit_at),
            lambda: audit(context, reader),
        ),
        Job(
            "retention",
            "moves old orders into archives",
            Daily(context.config.retention.at),
            archivist.tonight,
        ),
    ]


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
    off = context.config.schedules.off
    all_of_them = [*jobs(context, archivist, reader, reports), *more]
    return Schedule(
        context,
        [replace(one, when=None) if one.name in off else one for one in all_of_them],
        rng=rng,
    )
