"""What was refused because too much came at once, counted by kind.

Each is a line in the log, where the first of a kind is written and the others are counted
(`logs/storms.py`). Kinds are the codes that a caller is refused with, so there are only a few.
`pulsarack status` shows the counts, and beside them what waits now.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pulsarack.daemon import log as logging


class Pressure:
    """One for the whole daemon."""

    def __init__(self) -> None:
        self._log = logging.get()
        self._refused: Counter[str] = Counter()
        self._gauges: list[Callable[[], Mapping[str, int]]] = []

    def refused(self, kind: str, **fields: object) -> None:
        """Something was refused, or somebody cut off; the fields say who, as far as it is known."""
        self._refused[kind] += 1
        self._log.warning("pressure.refused", kind=kind, **fields)

    def watch(self, gauge: Callable[[], Mapping[str, int]]) -> None:
        """Show these figures, too."""
        self._gauges.append(gauge)

    def figures(self) -> dict[str, Any]:
        """What waits now, and what was refused since the start, by kind."""
        found: dict[str, Any] = {}
        for gauge in self._gauges:
            found |= gauge()
        return found | {"refused": dict(sorted(self._refused.items()))}
