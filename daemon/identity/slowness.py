"""Who was wrong waits longer each time before the next try is looked at.

Kept in memory, and only for so many: what must hold over a restart and for ever, the three
tries of an agent's PIN, is in the database. A restart therefore forgives delays, never tries;
nobody outside can bring one about. When the table is full the one that may try again the
soonest is forgotten.
"""

from collections.abc import Callable
from dataclasses import dataclass

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 900.0
FORGET_SECONDS = 3600.0
"""After so long without a wrong try all is well again."""
KEPT_MOST = 10_000
_SWEPT = 64
_MOST_DOUBLINGS = 20


@dataclass(slots=True)
class _Wrong:
    count: int
    free_at: float
    forget_at: float


class Slowness:
    """Delays by name; the caller says what a name stands for."""

    def __init__(self, monotonic: Callable[[], float], most: int = KEPT_MOST) -> None:
        self._monotonic = monotonic
        self._most = most
        self._wrong: dict[str, _Wrong] = {}  # the latest wrong one stands last

    def may_try(self, name: str) -> bool:
        """Whether a try of this one is looked at now."""
        found = self._wrong.get(name)
        return found is None or self._monotonic() >= found.free_at

    def was_wrong(self, name: str) -> float:
        """Count a wrong try; for how many seconds none is looked at."""
        now = self._monotonic()
        found = self._wrong.pop(name, None)
        count = 1 if found is None or now >= found.forget_at else found.count + 1
        doubled = FIRST_SECONDS * 2.0 ** min(count - 1, _MOST_DOUBLINGS)
        seconds = min(LONGEST_SECONDS, doubled)
        self._make_room(now)
        self._wrong[name] = _Wrong(count, now + seconds, now + FORGET_SECONDS)
        return seconds

    def __len__(self) -> int:
        return len(self._wrong)

    def _make_room(self, now: float) -> None:
        # Those who were wrong the longest ago stand first.
        for name in [name for name, _ in zip(self._wrong, range(_SWEPT), strict=False)]:
            if now < self._wrong[name].forget_at:
                break
            del self._wrong[name]
        if len(self._wrong) >= self._most:
            first = [name for name, _ in zip(self._wrong, range(_SWEPT), strict=False)]
            del self._wrong[min(first, key=lambda name: self._wrong[name].free_at)]
