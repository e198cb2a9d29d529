"""[schedules]: what the daemon does by itself, when, and what it warns of."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import Rupiah, Section, explained, time_of_day

JobName = Literal[
    "day-report",
    "low-stock",
    "expiry",
    "reconciliation",
    "audit",
    "retention",
    "backup",
    "backup-verify",
]
Names = Annotated[tuple[JobName, ...], Field(strict=False)]
TimeOfDay = Annotated[str, AfterValidator(time_of_day)]
Minutes = Annotated[int, Field(ge=1, le=1440)]
Hours = Annotated[int, Field(ge=0, le=24 * 365)]
Days = Annotated[int, Field(ge=0, le=365)]


class SchedulesSection(Section):
    """[schedules]: times are of the local day; docs/schedules.md has the table of jobs."""

    ABOUT: ClassVar[str] = (
        "What the daemon does by itself: docs/schedules.md has the table of jobs, pulsarack"
        " schedule list shows when each is due, pulsarack schedule run NAME runs one now. Times are"
        " of the local day."
    )

    off: Names = explained(
        (),
        'Jobs that run by hand only, as in off = ["audit", "low-stock"].',
    )
    report_at: TimeOfDay = explained(
        "00:10",
        "When the report of the day that is over is written to the folder reports of the "
        "state directory.",
    )
    audit_at: TimeOfDay = explained(
        "04:10",
        "When the whole database is audited.",
    )
    reconcile_at: TimeOfDay = explained(
        "06:00",
        "When it is looked what of stock, discrepancies and payments is open.",
    )
    unread_hours: Hours = explained(
        24,
        "A chip whose stock was not read for so many hours is named then; 0: none is.",
    )
    low_stock_minutes: Minutes = explained(
        15,
        "How often stock is compared with the three figures that follow.",
    )
    low_stock_chip: Rupiah = explained(
        0,
        "Warn of a chip that holds less than so many rupiah; 0: of none.",
    )
    low_stock_operator: Rupiah = explained(
        0,
        "Warn if all chips of an operator together hold less than so many rupiah; 0: never.",
    )
    low_stock_hours: Hours = explained(
        3,
        "Warn if an operator's stock lasts no longer than so many hours, sold as quickly as "
        "today; 0: never.",
    )
    expiry_at: TimeOfDay = explained(
        "07:00",
        "When it is looked which chips expire (pulsarack chip expiry), and how many days "
        "before the last day of one the warnings begin.",
    )
    expiry_days: Days = explained(
        14,
        "",
    )
