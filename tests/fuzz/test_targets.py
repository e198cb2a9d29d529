"""No input hangs a parser or raises anything but the parser's own error: every target, briefly.

The inputs are the same in every run; ``python -m tests.fuzz`` searches further. An input
that was found once is a test of its own in test_found.py. pytest's time limit is what
notices a hang.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import ROOT
from tests.fuzz.strategies import inputs
from tests.fuzz.table import TARGETS
from tests.fuzz.target import Target

# Whole worlds and whole recipes are slow; the rest takes microseconds an input.
EXAMPLES = {"modem": 40, "server": 60, "async-client": 60, "recipe": 40, "config": 60}
EXAMPLES_ELSE = 80

every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())


@every_target
def test_good_inputs_are_taken(target: Target) -> None:
    seeds = list(target.seeds())
    assert seeds
    taken = [target.check(seed) for seed in seeds]
    # Both clients are also shown how a daemon refuses.
    assert all(taken) or (target.name.endswith("client") and any(taken))


@every_target
def test_bad_inputs_are_refused_in_its_own_way(target: Target) -> None:
    @settings(
        max_examples=EXAMPLES.get(target.name, EXAMPLES_ELSE),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(target))
    def check(data: bytes) -> None:
        target.check(data)

    check()


@every_target
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 300,
        b"\xff\xfe" * 300,
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b"a = " + b"[" * 5000,
        b"a = " + b"{a=" * 5000,
        b"9" * 5000,
        b"a = 0x" + b"f" * 5000,
        b"a." * 100_000 + b"a = 1",
        b'"' * 10_000,
        b" " * 100_000,
        b"(" * 499,
        "\u0661\u0662".encode() * 300,
        b"\xed\xa0\x80" * 100,
        b"\r" * 10_000,
    ],
    ids=lambda data: f"{data[:8]!r}x{len(data)}",
)
def test_shapes_that_have_broken_others(target: Target, data: bytes) -> None:
    target.check(data)


def test_the_runner_finds_nothing_and_says_so(tmp_path: Path) -> None:
    """In a process of its own: gammu is C, and what it breaks ends the process."""
    command = (sys.executable, "-m", "tests.fuzz", "pdu", "--plain", "--runs", "1500")
    done = subprocess.run(
        [*command, "--corpus", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1500 inputs" in done.stdout


def test_a_finding_is_kept_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.fuzz import __main__ as runner

    def broken(data: bytes) -> None:
        assert b"\xff" not in data

    monkeypatch.setitem(TARGETS, "broken", Target("broken", broken, lambda: [b"whole"]))
    monkeypatch.setattr(sys, "argv", ["fuzz", "broken", "--plain", "--corpus", str(tmp_path)])
    assert runner.main() == 1
    [kept] = (tmp_path / "broken-found").iterdir()
    assert str(kept) in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["fuzz", "broken", "--repeat", str(kept)])
    with pytest.raises(AssertionError):
        runner.main()


@given(st.data())
@settings(max_examples=20, derandomize=True, database=None)
def test_no_damage_is_the_seed_itself(data: st.DataObject) -> None:
    from tests.fuzz.edits import damage

    seed = data.draw(st.binary(max_size=50))
    assert damage(seed, []) == seed
