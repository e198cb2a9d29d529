"""When a job is due, as pure arithmetic: what was done, the time, and nothing else.

Moments of the day are APScheduler's (its CronTrigger, which knows about zones and daylight
saving). Its scheduler is not used: it reads the machine's clock (`datetime.now` in
`schedulers/base.py`, with no seam for another), so that nothing would run in a rehearsal or
under a virtual clock, and its `shutdown` cuts jobs off without waiting for them. Nor is its
IntervalTrigger: it counts in times of day, and a clock that is set would starve or flood what
is due every so many seconds; that is a length, which only a monotonic clock measures.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from pulsarack.daemon import calendar
from pulsarack.daemon.schedules.job import Daily, Every, When

DAY_MS: Final = 86_400_000
RETRY_SECONDS: Final = (60.0, 300.0, 900.0, 3600.0)
"""After so long a job that failed is tried again: the first time, the second, ... and so on."""
_MOST_MISSED_MS: Final = 2 * DAY_MS
_MS: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Moments:
    """The moments of one time of the day: one on each local day."""

    def __init__(self, daily: Daily, timezone: str) -> None:
        hour, minute = daily.at.split(":")
        self._timezone = timezone
        self._trigger = CronTrigger(
            hour=int(hour), minute=int(minute), timezone=calendar.zone(timezone)
        )

    def due_after(self, since_ms: int, now_ms: int) -> int:
        """The moment for which a job is to run that was done last at `since_ms`; it may be over.

        Of several that were missed it is the last, so they are made up for once.
        """
        due = self._next(max(since_ms, now_ms - _MOST_MISSED_MS))
        while (later := self._next(due)) <= now_ms:
            due = later
        return due

    def _next(self, after_ms: int) -> int:
        # Each day is asked for from its midnight: over days the trigger counts 24 hours, so it
        # leaves out the day after one of 23, and it gives a time that comes twice both times.
        begins_at, ends_at = calendar.day_bounds(after_ms, self._timezone)
        today = self._from(begins_at)
        return today if today > after_ms else self._from(ends_at)

    def _from(self, midnight_ms: int) -> int:
        # With a moment before, the trigger goes on from that, and not from the machine's clock.
        before = _moment(midnight_ms) - timedelta(microseconds=1)
        found = self._trigger.get_next_fire_time(before, before + timedelta(days=4))
        assert found is not None, "each day has one"
        return int((found - _EPOCH) // timedelta(milliseconds=1))


def first_wait(every: Every, done_ms: int | None, now_ms: int) -> float:
    """Seconds from the daemon's start until a job is due that runs every so often.

    It goes on where the daemon before left it; what was never done, or should have been done
    meanwhile, is due at once.
    """
    if done_ms is None:
        return 0.0
    return min(max(0.0, (done_ms - now_ms) / _MS + every.seconds), every.seconds)


def retry_seconds(when: Daily | Every, failures: int) -> float:
    """After how long a job is tried again that failed so many times in a row."""
    seconds = RETRY_SECONDS[min(failures, len(RETRY_SECONDS)) - 1]
    return min(seconds, when.seconds) if isinstance(when, Every) else seconds


def in_words(when: When) -> str:
    """When a job runs, for people."""
    if when is None:
        return "by hand"
    if isinstance(when, Daily):
        return f"daily at {when.at}"
    seconds = round(when.seconds)
    if seconds % 3600 == 0:
        return f"every {seconds // 3600} h"
    return f"every {seconds // 60} min" if seconds % 60 == 0 else f"every {seconds} s"


def _moment(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ms)
