"""What callers may take: requests a second, requests in flight, connections.

A request may stand for many, and counts as so many; more than are allowed at all it has alone. All
counts are bounded by themselves: of buckets the longest unused is forgotten, which never makes a
caller poorer. Time is the caller's of `take`, monotonic seconds.
"""

from collections import Counter, OrderedDict

MOST_BUCKETS = 10_000


class Buckets:
    """Token buckets by name: so many a second, so many at once."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._filled: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, name: str, now: float) -> float:
        """How much is left to take now."""
        tokens, at = self._filled.get(name, (self._burst, now))
        return min(self._burst, tokens + (now - at) * self._per_second)

    def take(self, name: str, now: float) -> float:
        """Take one; 0 if it was there, else the seconds until one is."""
        tokens = self.left(name, now)
        if tokens < 1:
            return (1 - tokens) / self._per_second
        self._set(name, tokens - 1, now)
        return 0.0

    def take_more(self, name: str, now: float, more: int) -> float:
        """So many beside the one that was taken; 0, or the seconds until all of them are there.

        More than there are at once are given to who had a full bucket; what it lacked is owed.
        """
        tokens = self.left(name, now)
        needed = min(more, self._burst - 1)
        if tokens < needed:
            return (needed + 1 - tokens) / self._per_second
        self._set(name, tokens - more, now)
        return 0.0

    def _set(self, name: str, tokens: float, now: float) -> None:
        self._filled[name] = (tokens, now)
        self._filled.move_to_end(name)
        if len(self._filled) > MOST_BUCKETS:
            self._filled.popitem(last=False)


class Places:
    """So many at the same time, of all together and of each."""

    def __init__(self, all_together: int, of_each: int) -> None:
        self._all, self._each = all_together, of_each
        self._taken: Counter[str] = Counter()
        self._total = 0

    @property
    def taken(self) -> int:
        """How many are taken now."""
        return self._total

    def enter(self, name: str, *, unbounded: bool = False) -> bool:
        """Take a place; False if there is none. `unbounded`: only the sum counts."""
        if self._total >= self._all or (not unbounded and self._taken[name] >= self._each):
            return False
        self._taken[name] += 1
        self._total += 1
        return True

    def enter_more(self, name: str, more: int) -> bool:
        """Take so many of one's own beside the one that was taken; False if they are not there.

        More than there are at all are given to who has no others. The sum counts them as one.
        """
        if self._taken[name] > 1 and self._taken[name] + more > self._each:
            return False
        self._taken[name] += more
        return True

    def leave(self, name: str, places: int = 1) -> None:
        """Give back what was taken."""
        self._total -= 1
        self._taken[name] -= places
        if not self._taken[name]:
            del self._taken[name]
