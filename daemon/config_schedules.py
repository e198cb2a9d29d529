"""[schedules]: what the daemon does by itself, when, and what it warns of."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import Rupiah, Section, time_of_day

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

    off: Names = Field(
        default=(),
        description="Jobs that run only by hand (pulsarack schedule run NAME).",
    )
    report_at: TimeOfDay = Field(
        default="00:10",
        description="When the report of the day that is over is written.",
    )
    audit_at: TimeOfDay = Field(
        default="04:10",
        description="When the whole database is audited.",
    )
    reconcile_at: TimeOfDay = Field(
        default="06:00",
        description="When it is looked what of stock, discrepancies and payments is open.",
    )
    unread_hours: Hours = Field(
        default=24,
        description="A chip whose stock was not read for so many hours is named then; 0: none is.",
    )
    low_stock_minutes: Minutes = Field(
        default=15,
        description="How often stock is compared with the three figures that follow.",
    )
    low_stock_chip: Rupiah = Field(
        default=0,
        description="Warn of a chip that holds less than so many rupiah; 0: of none.",
    )
    low_stock_operator: Rupiah = Field(
        default=0,
        description="Warn if all chips of an operator hold less than so many rupiah; 0: never.",
    )
    low_stock_hours: Hours = Field(
        default=3,
        description="Warn if an operator's stock lasts no longer than so many hours, sold as"
        " quickly as today; 0: never.",
    )
    expiry_at: TimeOfDay = Field(
        default="07:00",
        description="When it is looked which chips expire (pulsarack chip expiry).",
    )
    expiry_days: Days = Field(
        default=14,
        description="Warn so many days before a chip expires.",
    )
