"""How a bug is planted: a patch of the product in this process, which takes itself back.

Each is a mistake that real systems of this kind have made. `promises`: one of them the
auditor finds broken. A bug that survives is a hole in the simulation.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

Plant = Callable[[ExitStack], None]


@dataclass(frozen=True)
class Bug:
    """One planted bug: what was done wrong, and which promise that breaks."""

    name: str
    what: str
    promises: frozenset[str]
    plant: Plant


BUGS: dict[str, Bug] = {}


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """The product with this bug (None: as it is)."""
    with ExitStack() as patches:
        if name is not None:
            BUGS[name].plant(patches)
        yield


def bug(what: str, *promises: str) -> Callable[[Plant], Plant]:
    """Enter a bug into the catalogue, under its function's name."""

    def register(plant: Plant) -> Plant:
        BUGS[plant.__name__] = Bug(plant.__name__, what, frozenset(promises), plant)
        return plant

    return register


def put(patches: ExitStack, target: Any, name: str, new: Any) -> Any:
    """Replace an attribute; returns what was there."""
    old = getattr(target, name)
    patches.enter_context(mock.patch.object(target, name, new))
    return old
