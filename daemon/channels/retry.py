"""How long a channel waits before it tries its other side again. No I/O.

What the other side will not change by itself is MISCONFIGURED, and tried seldom: a password that
is refused every second gets an account locked. Everything else is DOWN, and tried soon at first.
"""

from pulsarack.daemon.channels.carrier import Standing

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0
MISCONFIGURED_SECONDS = 300.0


def pause_seconds(standing: Standing, failures: int) -> float:
    """How long to wait after so many failures in a row: twice as long each time."""
    if standing is Standing.MISCONFIGURED:
        return MISCONFIGURED_SECONDS
    return min(FIRST_SECONDS * 2.0 ** min(max(failures - 1, 0), 10), LONGEST_SECONDS)
