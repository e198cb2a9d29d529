"""What the daemon counts while it runs: plain numbers, since its start, in memory only.

Parts note here what happened; nobody waits for anything, nothing is stored, and an order costs
some microseconds. Who wants to show the figures reads them (`daemon/metrics/`); without a reader
they do no harm: every key is one of a few (operators, channels, reasons), never an agent, a number
or an order.

Prometheus knows that such counters begin anew with the process. What must outlive it (how many
orders are in each state, what waits, what a chip holds) is read from the database instead.
"""

from bisect import bisect_left
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from pulsarack.queue.orders import AttemptSummary, Order

# A USSD dialogue takes 2 to 10 s; its recipe may wait for some minutes.
ANSWER_SECONDS: Final = (0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 120, 300)
# An order waits no longer than its product lets it: ten minutes, if nothing else is said.
WAIT_SECONDS: Final = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1200, 3600)
# From the receipt to the end; one that was undecided may take a day.
TOTAL_SECONDS: Final = (1, 2, 3, 5, 8, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400)
# A turn of the event loop, a job of the store, a commit.
SHORT_SECONDS: Final = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
_TOLD_MOST: Final = 1024
_MS: Final = 1000


class Spread:
    """How values are spread: how many were at most so much, and their sum."""

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.total = 0.0
        self._counts = [0] * (len(self.bounds) + 1)

    def note(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def at_most(self) -> list[tuple[float, int]]:
        """Each bound with how many values were no greater; the last bound is infinity."""
        found, seen = [], 0
        for bound, count in zip((*self.bounds, float("inf")), list(self._counts), strict=True):
            seen += count
            found.append((bound, seen))
        return found


def _spreads(bounds: Sequence[float]) -> defaultdict[str, Spread]:
    """One for each name that is noted."""
    return defaultdict(lambda: Spread(bounds))


class Measures:
    """One for the whole daemon.

    accepted       orders by (operator, channel)
    finished       orders by (operator, channel, state, reason); a reversal counts once more
    sold_rupiah    prices of what succeeded, by operator; less those reversed is not told
    cost_rupiah    and what it cost
    attempts       tries on a chip by (operator, outcome, reason)
    replies        what operators said by (operator, 'ussd' or 'sms', 'understood' or 'unparsed')
    remedies       what was done about modems by (remedy, 'done', 'failed' or 'held_back')
    discrepancies  differences of the stock that were booked, by operator
    heard          texts of agents by (channel, what was answered)
    carried        texts to agents by (channel, what became of the try)
    """

    def __init__(self) -> None:
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.finished: Counter[tuple[str, str, str, str]] = Counter()
        self.sold_rupiah: Counter[str] = Counter()
        self.cost_rupiah: Counter[str] = Counter()
        self.attempts: Counter[tuple[str, str, str]] = Counter()
        self.replies: Counter[tuple[str, str, str]] = Counter()
        self.remedies: Counter[tuple[str, str]] = Counter()
        self.discrepancies: Counter[str] = Counter()
        self.heard: Counter[tuple[str, str]] = Counter()
        self.carried: Counter[tuple[str, str]] = Counter()
        self.queue_seconds = _spreads(WAIT_SECONDS)
        self.answer_seconds = _spreads(ANSWER_SECONDS)
        self.order_seconds = _spreads(TOTAL_SECONDS)
        # The end of an order may be told twice: by the text that decided it, and by its sale.
        self._told: OrderedDict[tuple[int, str], None] = OrderedDict()

    def order_ended(self, order: Order, attempts: AttemptSummary) -> None:
        """An order stands in a final state; the same once more is not counted again."""
        if order.finished_at is None or not self._is_news(order):
            return
        operator = order.operator
        self.finished[(operator, order.channel, order.state, order.reason or "")] += 1
        if order.state == "REVERSED":  # its times were noted when it succeeded
            return
        if order.state == "SUCCEEDED":
            self.sold_rupiah[operator] += order.price
            self.cost_rupiah[operator] += order.cost
        claimed = attempts.first_claimed_at or order.finished_at
        self.queue_seconds[operator].note(_seconds(claimed - order.received_at))
        self.order_seconds[operator].note(_seconds(order.finished_at - order.received_at))

    def reply(self, operator: str, way: str, *, understood: bool) -> None:
        """An operator said something over 'ussd' or 'sms'."""
        self.replies[(operator, way, "understood" if understood else "unparsed")] += 1

    def summary(self) -> dict[str, int]:
        """The most telling of it, for `pulsarack status`: counts since the start."""
        ended: Counter[str] = Counter()
        for (_, _, state, _), number in self.finished.items():
            ended[state] += number
        said: Counter[str] = Counter()
        for (_, _, meaning), number in self.replies.items():
            said[meaning] += number
        return {
            "accepted": sum(self.accepted.values()),
            "succeeded": ended["SUCCEEDED"],
            "failed": ended["FAILED"],
            "replies": said.total(),
            "unparsed": said["unparsed"],
            "remedies": sum(self.remedies.values()),
            "discrepancies": sum(self.discrepancies.values()),
        }

    def _is_news(self, order: Order) -> bool:
        key = (order.id, order.state)
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > _TOLD_MOST:
            self._told.popitem(last=False)
        return True


def _seconds(milliseconds: int) -> float:
    return max(0, milliseconds) / _MS  # less than nothing: somebody set the clock meanwhile


Stopwatch = Callable[[], float]
"""Seconds that really pass, to take how long something took; the zero means nothing."""
