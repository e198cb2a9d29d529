"""What the agents of a demonstration of the channels were told, by their own references.

Answers and results come by themselves, late or twice; each is entered with the line that it came
on. At the end this is held against the database: every final result must have been told on the
line from which its order came, and no other.
"""

from collections import defaultdict
from dataclasses import dataclass

from pulsarack.daemon.demo.progress import Progress


@dataclass(frozen=True, slots=True)
class Told:
    """A final result, as it was told."""

    agent: str
    kind: str
    state: str


class Heard:
    """All of one run."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.results: defaultdict[str, set[Told]] = defaultdict(set)
        # By reference: the order's number, as far as it was told or looked up.
        self.orders: dict[str, int] = {}
        # What agents found wrong themselves.
        self.complaints: list[tuple[str, str]] = []
        self.repeated_results = 0
        # Messages that got no answer and were sent once more, as the same.
        self.sent_again = 0

    def accepted(self, reference: str, order: int) -> None:
        """An answer, or somebody who looked it up, says which order a reference is."""
        known = self.orders.setdefault(reference, order)
        if known != order:
            self.complain(f"text {reference}", f"it was order {known}, and now it is {order}")
        if reference in self.results:
            self._progress.message(order, order)

    def result(self, reference: str, told: Told) -> None:
        """A final result has come."""
        if told in self.results[reference]:
            self.repeated_results += 1
        self.results[reference].add(told)
        order = self.orders.get(reference)
        if order is not None:
            self._progress.message(order, order)

    def complain(self, subject: str, what: str) -> None:
        """Something that must not be."""
        self.complaints.append((subject, what))
