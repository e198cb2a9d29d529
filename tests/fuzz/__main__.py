"""Fuzz one target for a while: ``.venv/bin/python -m tests.fuzz TARGET --seconds 60``.

TARGET is a name of the table (``--list`` shows them) or ``all``, which takes each target
in a process of its own. With atheris the run is guided by coverage; without it a seeded
mutator does what it can. atheris is no dependency of the tests; install it where it runs
(Linux, Python 3.11 to 3.13):

    .venv/bin/pip install atheris

``--corpus DIR`` keeps what atheris found worth keeping from run to run; inputs that fail
are written to DIR/TARGET-found. A failing input is repeated by ``--repeat FILE``. The
exit code is 0 if nothing was found.
"""

import argparse
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

SECONDS_AN_INPUT = 10
MEGABYTES_MAX = 2048
LENGTH_MAX = 16 * 1024
# Modules whose branches guide atheris; tomllib, csv and json parse what we are given.
INSTRUMENTED = ["pulsarack", "tomllib", "csv", "json", "phonenumbers"]


def main() -> int:
    """Reads the command line and runs what it asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", nargs="?", default="all")
    parser.add_argument("--seconds", type=int, default=60, help="how long (each of all)")
    parser.add_argument("--runs", type=int, default=0, help="so many inputs instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"))
    parser.add_argument("--repeat", type=Path, help="only the input in this file")
    parser.add_argument("--list", action="store_true", help="the names of the targets")
    parser.add_argument("--plain", action="store_true", help="without atheris")
    asked = parser.parse_args()
    if asked.list or asked.target == "all":
        from tests.fuzz.table import TARGETS

        if asked.list:
            sys.stdout.write("\n".join(TARGETS) + "\n")
            return 0
        return _all(list(TARGETS))
    if asked.repeat:
        from tests.fuzz.table import TARGETS

        taken = TARGETS[asked.target].check(asked.repeat.read_bytes())
        sys.stdout.write("taken\n" if taken else "refused\n")
        return 0
    guided = find_spec("atheris") is not None and not asked.plain
    return (_guided if guided else _plain)(asked)


def _all(names: list[str]) -> int:
    options = [word for word in sys.argv[1:] if word != "all"]
    failed = [
        name
        for name in names
        if subprocess.run([sys.executable, "-m", "tests.fuzz", name, *options]).returncode
    ]
    sys.stdout.write(f"{len(names)} targets, {len(failed)} failed {' '.join(failed)}\n")
    return 1 if failed else 0


def _plain(asked: argparse.Namespace) -> int:
    """Damaged seeds from one seed of randomness, until time or runs are over."""
    from tests.fuzz.edits import WORDS, random_input
    from tests.fuzz.table import TARGETS

    target = TARGETS[asked.target]
    rng = random.Random(asked.seed)
    seeds, words = list(target.seeds()), (*WORDS, *target.words)
    count = taken = 0
    ends = time.monotonic() + asked.seconds
    while count < asked.runs if asked.runs else time.monotonic() < ends:
        data = random_input(rng, seeds, words)
        try:
            taken += target.check(data)
        except Exception:  # noqa: BLE001  whatever it is, it is what we look for
            traceback.print_exc()
            sys.stdout.write(f"{target.name}: found by {_keep(asked, data)}\n")
            return 1
        count += 1
    sys.stdout.write(f"{target.name}: {count} inputs, {taken} taken, nothing found\n")
    return 0


def _keep(asked: argparse.Namespace, data: bytes) -> Path:
    directory = _found(asked)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"plain-{asked.seed}"
    path.write_bytes(data)
    return path


def _found(asked: argparse.Namespace) -> Path:
    directory: Path = asked.corpus / f"{asked.target}-found"
    return directory


def _guided(asked: argparse.Namespace) -> int:
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.fuzz.edits import WORDS
        from tests.fuzz.table import TARGETS
    target = TARGETS[asked.target]
    corpus, found = asked.corpus / asked.target, _found(asked)
    for directory in (corpus, found):
        directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number:04}").write_bytes(seed[:LENGTH_MAX])
    dictionary = found.with_suffix(".dict")
    dictionary.write_text("".join(map(_quoted, (*WORDS, *target.words))), "ascii")
    length = f"-runs={asked.runs}" if asked.runs else f"-max_total_time={asked.seconds}"
    options = [
        length,
        f"-seed={asked.seed}",
        f"-timeout={SECONDS_AN_INPUT}",
        f"-rss_limit_mb={MEGABYTES_MAX}",
        f"-max_len={LENGTH_MAX}",
        f"-dict={dictionary}",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], _fuzzed(target.check))
    atheris.Fuzz()
    return 0


def _fuzzed(check: Callable[[bytes], bool]) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        check(data)

    return one


def _quoted(word: bytes) -> str:
    """A line of libFuzzer's dictionary; long words do not help it."""
    return '"' + "".join(f"\\x{octet:02x}" for octet in word[:64]) + '"\n'


if __name__ == "__main__":
    sys.exit(main())
