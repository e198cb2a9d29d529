"""Times of the day over every kind of day, and how often is said."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pulsarack.daemon import calendar
from pulsarack.daemon.schedules import moments
from pulsarack.daemon.schedules.job import Daily, Every
from pulsarack.daemon.schedules.moments import DAY_MS, Moments

# The clocks of Berlin go ahead on 28 March 2027 at two, and back on 31 October at three.
BERLIN = [date(2027, 3, 26), date(2027, 10, 29)]


def ms(*parts: int) -> int:
    """A moment of UTC."""
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize("at", ["00:00", "00:10", "01:30", "02:30", "03:00", "23:59"])
@pytest.mark.parametrize("zone", ["Asia/Jakarta", "Europe/Berlin", "America/Sao_Paulo"])
@pytest.mark.parametrize("first", BERLIN)
def test_there_is_one_on_each_local_day(at: str, zone: str, first: date) -> None:
    daily = Moments(Daily(at), zone)
    since = calendar.bounds_of(first, zone)[0] - 1
    for number in range(5):
        due = daily.due_after(since, since)
        told = calendar.local_time(due, zone)
        assert told[:10] == (first + timedelta(number)).isoformat()
        assert told[11:16] in (at, "03:30" if at == "02:30" else at)
        since = due + 5


def test_of_many_that_were_missed_it_is_the_last() -> None:
    daily = Moments(Daily("00:10"), "Asia/Jakarta")  # 17:10 UTC
    since = ms(2027, 1, 1, 17, 10, 1)
    assert daily.due_after(since, ms(2027, 1, 2, 17, 9)) == ms(2027, 1, 2, 17, 10)
    assert daily.due_after(since, ms(2027, 1, 5, 17, 9)) == ms(2027, 1, 4, 17, 10)
    assert daily.due_after(since, ms(2033, 1, 5, 17, 11)) == ms(2033, 1, 5, 17, 10)
    assert daily.due_after(0, 0) == ms(1970, 1, 1, 17, 10)  # a clock that nobody set yet


def test_what_runs_every_so_often_goes_on_where_it_was_left() -> None:
    often = Every(3600.0)
    waits = {None: 0.0, 0: 0.0, DAY_MS - 600_000: 3000.0, DAY_MS: 3600.0, 9 * DAY_MS: 3600.0}
    for done_ms, seconds in waits.items():
        assert moments.first_wait(often, done_ms, DAY_MS) == seconds


def test_how_often_is_said_and_failures_are_tried_again_more_seldom() -> None:
    said = {Daily("03:30"): "daily at 03:30", Every(7200): "every 2 h", Every(900): "every 15 min"}
    assert {when: moments.in_words(when) for when in said} == said
    assert (moments.in_words(None), moments.in_words(Every(45))) == ("by hand", "every 45 s")
    tried = [moments.retry_seconds(Daily("03:30"), failures) for failures in (1, 2, 3, 4, 99)]
    assert tried == [60, 300, 900, 3600, 3600]
    assert moments.retry_seconds(Every(120), 2) == 120
