"""What can go wrong with a demonstration itself, as against what it finds wrong."""

from collections.abc import Sequence
from pathlib import Path

from pulsarack.daemon.errors import DaemonError


class DemoError(DaemonError):
    """The demonstration could not be run."""


class ChildFailed(DemoError):
    """The daemon or the rack did not start, or ended by itself."""

    def __init__(self, what: str, log: Path, last_lines: Sequence[str]) -> None:
        super().__init__(what, f"read its log {log}")
        self._last_lines = tuple(last_lines)

    def lines(self) -> tuple[str, ...]:
        """What happened, and what the process said last."""
        return (str(self), *(f"  {line}" for line in self._last_lines))
