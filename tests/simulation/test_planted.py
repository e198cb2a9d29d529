"""The tests are tested: each planted bug is caught by the auditor within 200 seeds.

The seeds that caught a bug last are tried first; if none does any more, all of them are
tried in order. The table of the bugs in the README is made from the same catalogue.
"""

from pathlib import Path

import pytest

from tests.simulation import runner, test_simulation
from tests.simulation.planted import BUGS, Bug
from tests.simulation.planted_table import CAUGHT_LAST, readme_table

SEEDS = 200
README = Path(__file__).parents[2] / "README.md"
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("bug", BUGS.values(), ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    last = CAUGHT_LAST.get(bug.name, (0,))
    seeds = [*last, *(seed for seed in range(SEEDS) if seed not in last)]
    caught = runner.first_caught(bug.name, seeds)
    assert caught is not None, f"{bug.name} survives: the simulation has a hole"
    broken = {line.split(":")[0] for line in caught.broken}
    assert broken & bug.promises, caught.broken[:5]


def test_the_seeds_that_catch_planted_bugs_are_clean_without_them() -> None:
    """They are: test_simulation.py asserts it of all of these."""
    caught = {seed for seeds in CAUGHT_LAST.values() for seed in seeds}
    assert caught <= {*range(test_simulation.SEEDS), *test_simulation.RARE}


def test_the_readme_shows_the_planted_bugs() -> None:
    assert readme_table() in README.read_text(encoding="utf-8")
