"""What is made of the configuration, made anew once a reload has changed it.

The configuration of a running daemon is read where it is used, so that a reload counts from the
next use on. What would be dear to make with every use (a grammar, a table) is kept here, together
with which configuration it was made of.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from pulsarack.daemon.config import Config

T = TypeVar("T")


class Derived(Generic[T]):
    """Call it for the value as it is now."""

    def __init__(self, config: Config, make: Callable[[Config], T]) -> None:
        self._config = config
        self._make = make
        self._changes = config.changes
        self._made_of = self._changes.count
        self._value = make(config)

    def __call__(self) -> T:
        """The value of the configuration in effect."""
        if self._made_of != self._changes.count:
            self._made_of, self._value = self._changes.count, self._make(self._config)
        return self._value
