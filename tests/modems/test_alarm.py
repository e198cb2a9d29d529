"""The alarm against a clock that counts its timers."""

from collections.abc import Callable

from pulsarack.modems.alarm import Alarm
from tests.modems.world import Timer, VirtualClock


class CountingClock(VirtualClock):
    def __init__(self) -> None:
        super().__init__()
        self.made: list[Timer] = []

    def wake_at(self, now: float) -> None:
        self._now = now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = super().call_at(when, callback)
        self.made.append(timer)
        return timer


def alarm() -> tuple[CountingClock, Alarm, list[float]]:
    clock, rang = CountingClock(), list[float]()
    return clock, Alarm(clock, lambda: rang.append(clock.monotonic())), rang


def run_out(clock: CountingClock) -> None:
    while clock.jump():
        pass


def test_it_rings_once_at_its_deadline() -> None:
    clock, one, rang = alarm()
    one.set(1010.0)
    run_out(clock)
    assert rang == [1010.0]


def test_deadlines_that_move_away_share_one_timer() -> None:
    clock, one, rang = alarm()
    for seconds in range(100):
        one.set(1010.0 + seconds)
        one.set(None)
    one.set(1500.0)
    assert len(clock.made) == 1
    run_out(clock)
    assert rang == [1500.0]
    assert len(clock.made) == 2, "the first one came for nothing, and made the second"


def test_an_earlier_deadline_is_not_late() -> None:
    clock, one, rang = alarm()
    one.set(1100.0)
    one.set(1005.0)
    run_out(clock)
    assert rang == [1005.0]


def test_what_was_taken_back_does_not_ring() -> None:
    clock, one, rang = alarm()
    one.set(1010.0)
    one.set(None)
    run_out(clock)
    assert rang == []
    one.set(1020.0)
    run_out(clock)
    assert rang == [1020.0]


def test_a_timer_that_stood_still_with_the_machine_is_not_relied_on() -> None:
    """Suspended, the machine stops the loop's timers; the clock goes on."""
    clock, one, _ = alarm()
    one.set(1100.0)
    one.set(None)
    clock.wake_at(2000.0)
    one.set(2002.0)
    assert len(clock.made) == 2


def test_a_stopped_one_leaves_nothing_with_the_clock() -> None:
    clock, one, rang = alarm()
    one.set(1010.0)
    one.stop()
    assert all(timer.callback is None for timer in clock.made)
    run_out(clock)
    assert rang == []


def test_it_may_be_set_anew_while_it_rings() -> None:
    clock, rang = CountingClock(), list[float]()

    def ring() -> None:
        rang.append(clock.monotonic())
        if len(rang) < 3:
            one.set(clock.monotonic() + 5.0)

    one = Alarm(clock, ring)
    one.set(1005.0)
    run_out(clock)
    assert rang == [1005.0, 1010.0, 1015.0]
