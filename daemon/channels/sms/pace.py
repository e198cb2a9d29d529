"""How fast texts may leave: all chips together, and each chip. Seconds are monotonic.

Turns are given out ahead: who asks learns how long to wait. A chip at which texts to different
people failed one after the other rests, ever longer: it is the chip, not the address.
"""

from dataclasses import dataclass, field

# So many texts may leave at once after a quiet time.
BURST = 10
FAILED_MOST = 2
REST_SECONDS, LONGEST_REST_SECONDS = 60.0, 3600.0


@dataclass(slots=True)
class _Chip:
    next_at: float = float("-inf")
    rests_until: float = float("-inf")
    rests: int = 0
    failed: set[str] = field(default_factory=set)  # in a row


class Pace:
    """The turns of all chips."""

    def __init__(self, per_minute: int, pause_seconds: float) -> None:
        self.follow(per_minute, pause_seconds)
        self._next_at = float("-inf")
        self._chips: dict[str, _Chip] = {}

    def follow(self, per_minute: int, pause_seconds: float) -> None:
        """Go by this from now on; turns that were given out stay."""
        self._each_seconds = 60.0 / per_minute
        self._pause_seconds = pause_seconds

    def wait_for_all(self, now: float) -> float:
        """How long until another text may leave the rack; takes that turn if it is at once."""
        earliest = max(self._next_at, now - (BURST - 1) * self._each_seconds)
        if earliest > now:
            return earliest - now
        self._next_at = earliest + self._each_seconds
        return 0.0

    def wait_for_chip(self, iccid: str, now: float, most: float) -> float:
        """How long until the chip's next turn comes; takes it if that is no longer than `most`."""
        chip = self._chip(iccid)
        at = max(chip.next_at, now)
        if at - now <= most:
            chip.next_at = at + self._pause_seconds
        return at - now

    def used_at(self, iccid: str) -> float:
        """When the chip's last turn was, for choosing the one that waits longest."""
        return self._chip(iccid).next_at

    def rests(self, iccid: str, now: float) -> bool:
        """Whether a chip rests since it failed."""
        return now < self._chip(iccid).rests_until

    def sent(self, iccid: str) -> None:
        """A text left: nothing is wrong with the chip."""
        chip = self._chip(iccid)
        chip.failed.clear()
        chip.rests = 0

    def failed(self, iccid: str, address: str, now: float) -> bool:
        """A text was refused, or nobody knows whether it left; whether the chip rests now."""
        chip = self._chip(iccid)
        chip.failed.add(address)
        if len(chip.failed) < FAILED_MOST:
            return False
        chip.failed.clear()
        seconds = min(REST_SECONDS * 2.0**chip.rests, LONGEST_REST_SECONDS)
        chip.rests += 1
        chip.rests_until = now + seconds
        return True

    def _chip(self, iccid: str) -> _Chip:
        found = self._chips.get(iccid)
        if found is None:
            found = self._chips[iccid] = _Chip()
        return found
