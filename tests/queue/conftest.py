"""Worlds, each a copy of one migrated and furnished database file."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.queue.world import World


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A furnished database with nobody in it."""
    with tempfile.TemporaryDirectory(prefix="pulsarack-queue-") as folder:
        path = Path(folder) / "template.db"
        World(path).close()
        yield path


@pytest.fixture(scope="session")
def new_world(template: Path) -> Iterator[Callable[[], World]]:
    """Makes worlds; for hypothesis, which needs a new one for every example."""
    with tempfile.TemporaryDirectory(prefix="pulsarack-queue-") as folder:
        numbers = itertools.count()

        def make() -> World:
            place = Path(folder) / str(next(numbers))
            place.mkdir()
            return World(place / "pulsarack.db", template)

        yield make


@pytest.fixture
def world(new_world: Callable[[], World]) -> Iterator[World]:
    """A new world."""
    made = new_world()
    yield made
    made.close()


@pytest.fixture
def shop(world: World) -> World:
    """A world with an agent and one chip that can sell."""
    world.agent()
    world.chip()
    return world
