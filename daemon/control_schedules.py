"""The arguments of the calls about schedules, reports and chips that expire."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pulsarack.daemon.control_values import Day, Name, Nothing

JobName = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}\Z")]


class ScheduleRun(Struct, frozen=True, forbid_unknown_fields=True):
    """schedule.run: answers when the job has ended."""

    name: JobName


class ReportDay(Struct, frozen=True, forbid_unknown_fields=True):
    """report.day: without a day of today, as far as it has come."""

    day: Day | None = None
    by: Literal["operator", "agent", "chip"] = "operator"


class ChipExpiry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """chip.expiry: the last day on which a chip is valid; None: nobody knows."""

    iccid: Name
    who: Name
    expires_on: Day | None = None


ARGUMENTS: dict[str, type[Struct]] = {
    "schedule.list": Nothing,
    "schedule.run": ScheduleRun,
    "report.day": ReportDay,
    "chip.expiry": ChipExpiry,
}
