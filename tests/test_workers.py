"""How the tests are shared out: what must not run at once is one piece, and each name is right."""

from pathlib import Path

import pytest

from tests import workers

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", workers.LONG)
def test_what_is_named_is_there(name: str) -> None:
    assert (ROOT / name).is_dir() if name.endswith("/") else (ROOT / name).is_file()


def test_a_file_is_a_piece() -> None:
    one = workers.piece("tests/queue/test_turns.py::test_one")
    assert one == workers.piece("tests/queue/test_turns.py::test_other[a::b]")
    assert one != workers.piece("tests/queue/test_texts.py::test_one")


def test_real_processes_are_one_piece_and_planted_bugs_are_many() -> None:
    soak, demo = (workers.piece(f"tests/{one}::test") for one in ("soak/test_soak.py", "demo/x.py"))
    assert soak == demo
    planted = "tests/simulation/test_planted.py::test_a_planted_bug_is_caught"
    assert workers.piece(f"{planted}[one]") != workers.piece(f"{planted}[other]")


def test_real_processes_come_first_and_the_rest_as_it_was() -> None:
    places = [
        workers.place(f"tests/{one}")
        for one in ("demo/x.py::t", "simulation/test_simulation.py::t", "queue/x.py::t", "a.py::t")
    ]
    assert places[0] < places[1] < places[2] == places[3]
