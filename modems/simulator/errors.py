"""What can be wrong with the simulated rack itself: always the rack file, never a modem's talk.

A virtual modem answers bad input the way its model does, with a result code; only the files a
person writes for the simulator raise.
"""

from collections.abc import Sequence
from pathlib import Path


class SimulatorError(Exception):
    """Base of everything the simulated rack raises."""


class RackErrors(SimulatorError):
    """A rack file is wrong; every problem is named at once, each with its place and remedy."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
