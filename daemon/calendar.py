"""Days and hours as the people of one time zone read them.

The database keeps UTC milliseconds; a local day appears where the trade thinks in days
(the repeat index of an order starts anew each day, a chip has a limit a day) and where
a person reads a time. The zone is always an argument.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MILLISECONDS = 1000


@lru_cache(maxsize=16)
def zone(timezone: str) -> ZoneInfo:
    """The zone by its IANA name ("Asia/Jakarta"); raises ZoneInfoNotFoundError or ValueError."""
    return ZoneInfo(timezone)


def local_day(now_ms: int, timezone: str) -> str:
    """The calendar day in that zone, as "2026-11-22"."""
    return _local(now_ms, zone(timezone)).strftime("%Y-%m-%d")


def local_time(now_ms: int, timezone: str | None) -> str:
    """Day and time in that zone, as "2026-11-22 14:05:03"; None is the machine's own zone."""
    return _local(now_ms, zone(timezone) if timezone else None).strftime("%Y-%m-%d %H:%M:%S")


def _local(now_ms: int, where: tzinfo | None) -> datetime:
    # Whole seconds: a time that is rounded up would show a second that has not come yet.
    return datetime.fromtimestamp(now_ms // MILLISECONDS, tz=UTC).astimezone(where)


def day_bounds(now_ms: int, timezone: str) -> tuple[int, int]:
    """Where the local day of that moment begins and ends, milliseconds UTC."""
    return _bounds(_local(now_ms, zone(timezone)))


def bounds_of(day: date, timezone: str) -> tuple[int, int]:
    """Where that day begins and ends in that zone, milliseconds UTC."""
    return _bounds(datetime(day.year, day.month, day.day, tzinfo=zone(timezone)))


def _bounds(moment: datetime) -> tuple[int, int]:
    # The first midnight, where a clock that is set back shows it twice.
    midnight = moment.replace(hour=0, minute=0, second=0, fold=0)
    # Noon of the next day is in the next day whatever daylight saving does in between.
    noon = midnight + timedelta(hours=36)
    return (
        round(midnight.timestamp()) * MILLISECONDS,
        round(noon.replace(hour=0).timestamp()) * MILLISECONDS,
    )


class Day(NamedTuple):
    """A local day: "2026-11-22", and where it begins and ends, milliseconds UTC."""

    name: str
    begins_at: int
    ends_at: int


class Days:
    """The days of one zone. The last one is remembered: nearly all who ask live in the same."""

    def __init__(self, timezone: str) -> None:
        self._timezone = timezone
        self._last = Day("", 0, 0)

    def of(self, now_ms: int) -> Day:
        """The day of that moment."""
        day = self._last
        if not day.begins_at <= now_ms < day.ends_at:
            day = Day(local_day(now_ms, self._timezone), *day_bounds(now_ms, self._timezone))
            self._last = day
        return day


def moment_of_day(now_ms: int, timezone: str, time_of_day: str) -> int:
    """When it is so late ("03:30") on the local day of that moment, milliseconds UTC."""
    hour, minute = map(int, time_of_day.split(":"))
    day = _local(now_ms, zone(timezone))
    moment = day.replace(hour=hour, minute=minute, second=0)
    return round(moment.timestamp()) * MILLISECONDS
