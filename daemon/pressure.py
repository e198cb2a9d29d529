"""What was refused because too much came at once: counted, and logged without flooding the log.

The first refusal of a kind is logged at once; what follows of the same kind within some
seconds is one line with their number. Kinds are the codes that a caller is refused with, so
there are only a few. `pulsarack status` shows the counts, and beside them what waits now.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pulsarack.daemon import log as logging
from pulsarack.modems.timing import Clock

QUIET_SECONDS = 10.0


class Pressure:
    """One for the whole daemon."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._log = logging.get()
        self._refused: Counter[str] = Counter()
        self._untold: dict[str, int] = {}
        self._gauges: list[Callable[[], Mapping[str, int]]] = []

    def refused(self, kind: str, **fields: object) -> None:
        """Something was refused, or somebody cut off; the fields are those of the first one."""
        self._refused[kind] += 1
        if kind in self._untold:
            self._untold[kind] += 1
            return
        self._log.warning("pressure.refused", kind=kind, count=1, **fields)
        self._be_quiet(kind)

    def watch(self, gauge: Callable[[], Mapping[str, int]]) -> None:
        """Show these figures, too."""
        self._gauges.append(gauge)

    def figures(self) -> dict[str, Any]:
        """What waits now, and what was refused since the start, by kind."""
        found: dict[str, Any] = {}
        for gauge in self._gauges:
            found |= gauge()
        return found | {"refused": dict(sorted(self._refused.items()))}

    def _be_quiet(self, kind: str) -> None:
        self._untold[kind] = 0
        until = self._clock.monotonic() + QUIET_SECONDS
        self._clock.call_at(until, partial(self._tell, kind))

    def _tell(self, kind: str) -> None:
        if count := self._untold.pop(kind):
            self._log.warning("pressure.refused", kind=kind, count=count, seconds=QUIET_SECONDS)
            self._be_quiet(kind)
