"""The clock against sources that the test turns by hand; calendars against known days."""

import asyncio

import pytest

from pulsarack.daemon import calendar
from pulsarack.daemon.clock import SteadyClock, WallClock
from pulsarack.modems.timing import Clock

HALF_AN_HOUR_MS = 1_800_000


class Hands:
    """The machine's clock, turned by the test."""

    def __init__(self) -> None:
        self.wall_ns = 1_795_350_000_000_000_000
        self.monotonic = 50.0

    def turn(self, seconds: float) -> None:
        self.wall_ns += round(seconds * 1e9)
        self.monotonic += seconds

    def clock(self, speed: float = 1.0, anchor: float | None = None) -> WallClock:
        return WallClock(
            speed,
            anchor,
            read_wall_ns=lambda: self.wall_ns,
            read_monotonic=lambda: self.monotonic,
        )


def test_it_is_the_clock_that_the_modems_ask_for() -> None:
    clock: Clock = WallClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.now_ms() > 1_700_000_000_000


def test_at_speed_one_it_is_the_machine_s_own() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.turn(3)
    assert (clock.now_ms(), clock.monotonic()) == (1_795_350_003_000, 53.0)
    hands.wall_ns -= 10_000_000_000  # NTP steps back
    assert (clock.now_ms(), clock.monotonic()) == (1_795_349_993_000, 53.0)


def test_a_fast_clock_multiplies_what_has_passed() -> None:
    hands = Hands()
    clock = hands.clock(speed=20)
    assert clock.now_ms() == 1_795_350_000_000
    hands.turn(1.5)
    assert clock.now_ms() == 1_795_350_030_000
    assert clock.monotonic() == 80.0


def test_two_clocks_with_one_anchor_agree_though_they_start_apart() -> None:
    hands = Hands()
    early = hands.clock(speed=10)
    hands.turn(60)
    late = hands.clock(speed=10, anchor=early.anchor)
    hands.turn(7)
    assert early.now_ms() == late.now_ms() == 1_795_350_000_000 + 670_000


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_clock_that_cannot_run_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        WallClock(speed)


# --- the clock is set ---------------------------------------------------------------------


def test_a_step_comes_when_it_is_taken_and_not_before() -> None:
    hands = Hands()
    clock = SteadyClock(hands.clock())
    before = clock.now_ms()
    hands.turn(5)
    hands.wall_ns -= 3_600_000_000_000
    hands.turn(5)
    assert clock.now_ms() == before + 10_000
    assert clock.take_step() == -3_600_000
    assert clock.now_ms() == before + 10_000 - 3_600_000
    assert clock.take_step() == 0
    assert clock.monotonic() == hands.monotonic


def test_a_step_that_could_not_be_written_down_is_still_to_be_taken() -> None:
    hands = Hands()
    clock = SteadyClock(hands.clock())
    before = clock.now_ms()
    hands.wall_ns += 60_000_000_000
    clock.give_back(clock.take_step())
    assert clock.now_ms() == before
    assert clock.take_step() == 60_000


def test_small_corrections_are_followed_at_once() -> None:
    hands = Hands()
    clock = SteadyClock(hands.clock())
    before = clock.now_ms()
    for _ in range(10):
        hands.turn(1)
        hands.wall_ns += 1_500_000_000
        clock.now_ms()
    assert clock.take_step() == 0
    assert clock.now_ms() == before + 25_000


async def test_it_sleeps_and_rings_as_the_clock_within() -> None:
    clock: Clock = SteadyClock(WallClock(speed=1_000_000))
    fired = asyncio.Event()
    clock.call_at(clock.monotonic() + 3600, fired.set)
    await clock.sleep(1)
    await fired.wait()


async def test_sleep_and_timers_are_scaled() -> None:
    # A virtual hour passes in some milliseconds.
    clock = WallClock(speed=1_000_000)
    before = clock.monotonic()
    await clock.sleep(3600)
    assert clock.monotonic() - before >= 3600
    fired = asyncio.Event()
    clock.call_at(clock.monotonic() + 3600, fired.set)
    assert not fired.is_set()
    await fired.wait()


async def test_a_timer_can_be_taken_back_and_a_late_one_fires_at_once() -> None:
    clock = WallClock()
    called: list[str] = []
    clock.call_at(clock.monotonic() - 5, lambda: called.append("cancelled")).cancel()
    done = asyncio.Event()
    clock.call_at(clock.monotonic() - 5, done.set)
    await done.wait()
    await clock.sleep(-1)
    assert called == []


@pytest.mark.parametrize(
    ("at_ms", "timezone", "day", "time"),
    [
        (1_795_366_799_999, "Asia/Jakarta", "2026-11-22", "2026-11-22 23:59:59"),
        (1_795_366_800_000, "Asia/Jakarta", "2026-11-23", "2026-11-23 00:00:00"),
        (1_795_366_799_999, "Asia/Jayapura", "2026-11-23", "2026-11-23 01:59:59"),
        (1_795_366_799_999, "UTC", "2026-11-22", "2026-11-22 16:59:59"),
        (0, "Asia/Jakarta", "1970-01-01", "1970-01-01 07:00:00"),
    ],
)
def test_days_begin_at_local_midnight(at_ms: int, timezone: str, day: str, time: str) -> None:
    assert calendar.local_day(at_ms, timezone) == day
    assert calendar.local_time(at_ms, timezone) == time


@pytest.mark.parametrize(
    "timezone",
    [
        "Asia/Jakarta",
        "Europe/Berlin",
        "America/Havana",  # set back at one o'clock: it is midnight twice
        "America/Santiago",  # set forward at midnight: one day has none
        "Asia/Beirut",  # set back at midnight: eleven o'clock comes twice
    ],
)
def test_a_remembered_day_is_the_day_that_is_reckoned(timezone: str) -> None:
    days = calendar.Days(timezone)
    forgetful = calendar.Days(timezone)
    for at_ms in range(1_795_350_000_000, 1_827_000_000_000, HALF_AN_HOUR_MS):
        day = days.of(at_ms)
        assert day.name == calendar.local_day(at_ms, timezone)
        assert (day.begins_at, day.ends_at) == calendar.day_bounds(at_ms, timezone)
        assert day.begins_at <= at_ms < day.ends_at
    assert forgetful.of(day.ends_at - 1) == day
    assert forgetful.of(day.begins_at - 1).ends_at == day.begins_at
