"""Orders over the control socket, as many as are needed for some always to wait.

How many wait is not asked of the daemon: what was accepted is known here, and what was sold
stands in the operators' books.
"""

import asyncio
from collections.abc import Iterator

from benchmarks.rack_file import Line
from benchmarks.site import AGENT, Site

_LOOK_SECONDS = 0.02
# Calls that are under way at once; what the daemon groups into a commit.
_AT_ONCE = 64


class Feeder:
    """Keeps a number of accepted orders unsold, for as long as it runs."""

    def __init__(self, site: Site, line: Line, numbers: Iterator[str], depth: int) -> None:
        """`depth`: orders accepted and not booked yet, those under way included."""
        self._site = site
        self._line = line
        self._numbers = numbers
        self._depth = depth
        self.accepted = 0
        self.least_unsold = depth

    @property
    def unsold(self) -> int:
        """Accepted orders that no operator has booked."""
        return self.accepted - self._site.books.by_operator[self._line.operator]

    async def fill(self) -> None:
        """Orders what is lacking now; a rack that sells as fast as this may leave some lacking."""
        self._site.books.look()
        await self.add(max(0, self._depth - self.unsold))

    async def add(self, count: int) -> None:
        """Orders so many more."""
        while count:
            burst = min(count, _AT_ONCE)
            await asyncio.gather(*(self._order() for _ in range(burst)))
            count -= burst

    async def run(self) -> None:
        """Keeps it there, until cancelled."""
        while True:
            self._site.books.look()
            self.least_unsold = min(self.least_unsold, self.unsold)
            await self.fill()
            await asyncio.sleep(_LOOK_SECONDS)

    def begin_round(self) -> None:
        """Forgets how few there were."""
        self.least_unsold = self._depth

    async def _order(self) -> None:
        await self._site.link.call("order.new", **order(self._line, next(self._numbers)))
        self.accepted += 1


def order(line: Line, destination: str) -> dict[str, str]:
    """The arguments of one order, with a reference of its own."""
    return {
        "agent": AGENT,
        "text": f"{line.product}.{destination}",
        "client_reference": f"{line.product}-{destination}",
    }
