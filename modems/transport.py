"""What the driver needs of a port, as a protocol.

modems/port.py fulfils it over a serial line; tests and the simulation do in memory.
"""

from collections.abc import Callable
from enum import Enum
from typing import Protocol, runtime_checkable


class Port(Protocol):
    """An open port. Whoever drives it sets the two callbacks right after opening.

    on_bytes  called with what was read
    on_gone   called once, at once, when the port has vanished, with the reason
    """

    on_bytes: Callable[[bytes], None]
    on_gone: Callable[[str], None]

    def write(self, data: bytes) -> None:
        """Hand over bytes; never blocks. Into a port that has gone they are lost."""

    def close(self) -> None:
        """Stop reading and writing; ``on_gone`` is not called for it."""


@runtime_checkable
class Closing(Protocol):
    """A port that the kernel may take its time to take back."""

    async def wait_closed(self, seconds: float = ...) -> bool:
        """Whether it was taken back within the time."""


class Direction(Enum):
    """Which way bytes went, for a trace."""

    SENT = ">"
    RECEIVED = "<"


Trace = Callable[[Direction, bytes], None]
