"""Habits that a program can check, checked in every file of the five folders.

Each check is a small function that is given a file and its syntax tree and yields the
violations with their lines. The second half of this file proves each check on planted
violations, since a check that never fails is worth nothing.
"""

import ast
import configparser
import re
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("daemon", "modems", "ussd", "queue", "ledger")

FUNCTION_LINES = 70
MODULE_LINES = 500

# The two places that may read clocks and randomness; everybody else is handed them.
CLOCKS = (PurePosixPath("daemon/clock.py"), PurePosixPath("modems/simulator/clock.py"))
SIMULATOR = PurePosixPath("modems/simulator")


class Source:
    """One file of ours: its path in the repository, its text, its tree."""

    def __init__(self, path: str, text: str) -> None:
        self.path = PurePosixPath(path)
        self.text = text
        self.folder = self.path.parts[0]
        self.in_simulator = SIMULATOR in self.path.parents

    @cached_property
    def tree(self) -> ast.Module:
        """Parsed when it is asked for: every worker collects these files, one checks them."""
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All of the tree, the outer before the inner."""
        return list(ast.walk(self.tree))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Every imported module with its line; of `from a import b` both a and a.b."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.name
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.lineno, node.module
                for alias in node.names:
                    yield node.lineno, f"{node.module}.{alias.name}"


Violations = Iterator[tuple[int, str]]
Check = Callable[[Source], Violations]


def functions_are_short(source: Source) -> Violations:
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {lines} lines, at most {FUNCTION_LINES}"


def modules_are_short(source: Source) -> Violations:
    lines = len(source.text.splitlines())
    if lines > MODULE_LINES:
        yield lines, f"the module has {lines} lines, at most {MODULE_LINES}"


def modules_tell_their_strategy(source: Source) -> Violations:
    if not (ast.get_docstring(source.tree) or "").strip():
        yield 1, "the module has no docstring"


_MARKER = re.compile(r"\b(TODO|FIXME|XXX)\b")


def nothing_is_left_for_later(source: Source) -> Violations:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if match := _MARKER.search(line):
            yield number, f"{match[1]}: do it, or write it where plans are kept"


# --- calls --------------------------------------------------------------------------------

_BANNED_EVERYWHERE = re.compile(r"time\.sleep|print")
_BANNED_OUTSIDE_CLOCKS = re.compile(
    r"time\.(time|monotonic|perf_counter|time_ns|monotonic_ns|perf_counter_ns)"
    r"|datetime\.(datetime\.)?(now|utcnow|today)"
    r"|datetime\.date\.today|date\.today"
    r"|random\.(?!Random$)\w+"
    r"|secrets\.\w+"
    r"|os\.urandom"
    r"|uuid\.uuid[14]"
)


def _full_names(tree: ast.Module) -> dict[str, str]:
    """What a name in this module stands for: {"now": "datetime.datetime.now"} and so on."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    names[alias.asname] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        inside = _dotted(node.value, names)
        return f"{inside}.{node.attr}" if inside else ""
    return ""


def time_and_chance_are_arguments(source: Source) -> Violations:
    names = _full_names(source.tree)
    for node in source.nodes:
        # Also a clock that is only passed on (default_factory=time.time) is one that is read.
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        name = _dotted(node, names)
        if _BANNED_EVERYWHERE.fullmatch(name):
            yield node.lineno, f"{name} is not used here"
        elif _BANNED_OUTSIDE_CLOCKS.fullmatch(name) and source.path not in CLOCKS:
            yield node.lineno, f"{name}: time, chance and ids are arguments"


def errors_are_not_swallowed(source: Source) -> Violations:
    for node in source.nodes:
        if not isinstance(node, ast.ExceptHandler):
            continue
        if node.type is None:
            yield node.lineno, "bare except"
        elif "BaseException" in ast.unparse(node.type) and not _raises_again(node):
            yield node.lineno, "except BaseException without raise"


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))


def money_is_whole(source: Source) -> Violations:
    if source.folder != "ledger":
        return
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"{node.value} in the ledger"
        elif isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "float in the ledger"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "/ in the ledger makes a float"


# --- imports ------------------------------------------------------------------------------


def the_simulator_stands_alone(source: Source) -> Violations:
    for line, name in source.imports():
        inside = name == "pulsarack.modems.simulator" or name.startswith(
            "pulsarack.modems.simulator."
        )
        if source.in_simulator:
            # `from pulsarack.modems import simulator` names the parent on the way.
            if name.startswith("pulsarack.") and not inside and name != "pulsarack.modems":
                yield line, f"the simulated rack must not share {name}"
        elif source.folder == "modems" and inside:
            yield line, "the product must not know its simulator"


_ALLOWED = {
    "ledger": {"peewee"},
    "ussd": set(),
    "queue": {"peewee", "phonenumbers"},
    "modems": {"serial", "gammu", "pyudev", "usb"},
}
_MODULE_OF = {
    "argon2-cffi": "argon2",
    "pyserial": "serial",
    "python-gammu": "gammu",
    "pyusb": "usb",
}
_WITH_PEEWEE = {"playhouse"}


def declared() -> set[str]:
    """The modules of the packages that setup.cfg declares."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config["options"]["install_requires"].splitlines()
    for extra, text in config["options.extras_require"].items():
        lines += text.splitlines() if extra != "dev" else []
    packages = {re.split(r"[\s<>=!~;\[]", line, maxsplit=1)[0] for line in lines if line.strip()}
    return {_MODULE_OF.get(name, name.replace("-", "_")) for name in packages} | _WITH_PEEWEE


def third_parties(source: Source) -> set[tuple[int, str]]:
    """The modules of others that a file imports, by their first name."""
    first = {(line, name.split(".")[0]) for line, name in source.imports()}
    return {
        (line, name)
        for line, name in first
        if name != "pulsarack" and name not in sys.stdlib_module_names
    }


def third_parties_are_known(source: Source) -> Violations:
    allowed = _ALLOWED.get(source.folder)
    if allowed is None:
        allowed = declared()
    for line, name in third_parties(source):
        if name not in allowed:
            yield line, f"{source.folder} does not use {name}"


def test_hardware_libraries_are_in_one_file_each() -> None:
    """serial, pyudev and usb in one file each, gammu in two (and one more of the simulator's)."""
    for library in ("serial", "gammu", "pyudev", "usb"):
        users = [each for each in SOURCES if library in {name for _, name in third_parties(each)}]
        product = [str(each.path) for each in users if not each.in_simulator]
        simulator = [str(each.path) for each in users if each.in_simulator]
        most = ["modems/gammu_phone.py", "modems/sms.py"] if library == "gammu" else product[:1]
        assert set(product) <= set(most), f"{library} in {product}"
        assert len(simulator) <= 1, f"{library} in {simulator}"
        assert library == "gammu" or not simulator, f"{library} in {simulator}"


# --- all files ----------------------------------------------------------------------------

CHECKS: tuple[Check, ...] = (
    functions_are_short,
    modules_are_short,
    modules_tell_their_strategy,
    nothing_is_left_for_later,
    time_and_chance_are_arguments,
    errors_are_not_swallowed,
    money_is_whole,
    the_simulator_stands_alone,
    third_parties_are_known,
)

SOURCES = [
    Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
def test_all_files_keep_the_habit(check: Check) -> None:
    found = [
        f"{source.path}:{line}: {what}"
        for source in SOURCES
        for line, what in sorted(check(source))
    ]
    assert not found, "\n" + "\n".join(found)


# --- the checks themselves ----------------------------------------------------------------

LONG_FUNCTION = "def f():\n" + "    pass\n" * FUNCTION_LINES

PLANTED = [
    (functions_are_short, "ussd/x.py", LONG_FUNCTION, 1),
    (
        functions_are_short,
        "ussd/x.py",
        "class A:\n    async " + LONG_FUNCTION[:-4].replace("\n", "\n    "),
        2,
    ),
    (modules_are_short, "ussd/x.py", "pass\n" * (MODULE_LINES + 1), MODULE_LINES + 1),
    (modules_tell_their_strategy, "ussd/x.py", "x = 1\n", 1),
    (modules_tell_their_strategy, "ussd/x.py", '""" """\n', 1),
    (nothing_is_left_for_later, "ussd/x.py", "x = 1\n# TODO: more\n", 2),
    (nothing_is_left_for_later, "ussd/x.py", "# FIXME\n", 1),
    (nothing_is_left_for_later, "ussd/x.py", "# XXX\n", 1),
    (time_and_chance_are_arguments, "queue/x.py", "import time\ntime.time()\n", 2),
    (time_and_chance_are_arguments, "queue/x.py", "from time import monotonic as m\nm()\n", 2),
    (time_and_chance_are_arguments, "queue/x.py", "import time as t\nf = t.monotonic\n", 2),
    (
        time_and_chance_are_arguments,
        "queue/x.py",
        "from datetime import datetime\ndatetime.now()\n",
        2,
    ),
    (
        time_and_chance_are_arguments,
        "queue/x.py",
        "import datetime\ndatetime.datetime.utcnow()\n",
        2,
    ),
    (time_and_chance_are_arguments, "queue/x.py", "import datetime as d\nd.date.today()\n", 2),
    (time_and_chance_are_arguments, "queue/x.py", "import random\nrandom.choice([1])\n", 2),
    (time_and_chance_are_arguments, "queue/x.py", "from random import random\nrandom()\n", 2),
    (time_and_chance_are_arguments, "queue/x.py", "import os\nos.urandom(4)\n", 2),
    (time_and_chance_are_arguments, "queue/x.py", "import uuid\nuuid.uuid4()\n", 2),
    (time_and_chance_are_arguments, "queue/x.py", "import secrets\nsecrets.token_hex()\n", 2),
    (time_and_chance_are_arguments, "queue/x.py", "print('x')\n", 1),
    (time_and_chance_are_arguments, "daemon/clock.py", "import time\ntime.sleep(1)\n", 2),
    (errors_are_not_swallowed, "queue/x.py", "try:\n    pass\nexcept:\n    pass\n", 3),
    (
        errors_are_not_swallowed,
        "queue/x.py",
        "try:\n    pass\nexcept (OSError, BaseException) as e:\n    raise OSError from e\n",
        3,
    ),
    (money_is_whole, "ledger/x.py", "x = 1.0\n", 1),
    (money_is_whole, "ledger/x.py", "x = float('1')\n", 1),
    (money_is_whole, "ledger/x.py", "x = 3 / 2\n", 1),
    (the_simulator_stands_alone, "modems/simulator/x.py", "from pulsarack.ussd import status\n", 1),
    (the_simulator_stands_alone, "modems/simulator/a/x.py", "import pulsarack.modems.at\n", 1),
    (the_simulator_stands_alone, "modems/simulator/x.py", "from pulsarack.modems import at\n", 1),
    (the_simulator_stands_alone, "modems/x.py", "from pulsarack.modems.simulator import rack\n", 1),
    (the_simulator_stands_alone, "modems/x.py", "from pulsarack.modems import simulator\n", 1),
    (third_parties_are_known, "ussd/x.py", "import peewee\n", 1),
    (third_parties_are_known, "ledger/x.py", "def f():\n    from apsw import Connection\n", 2),
    (third_parties_are_known, "modems/x.py", "import bluetooth\n", 1),
    (third_parties_are_known, "daemon/x.py", "import requests\n", 1),
]

HARMLESS = [
    (functions_are_short, "ussd/x.py", "def f():\n" + "    pass\n" * (FUNCTION_LINES - 1)),
    (modules_are_short, "ussd/x.py", "pass\n" * MODULE_LINES),
    (modules_tell_their_strategy, "ussd/x.py", '"""What it does."""\n'),
    (nothing_is_left_for_later, "ussd/x.py", "todo = 'XXXL'\n"),
    (time_and_chance_are_arguments, "daemon/clock.py", "import time\ntime.monotonic()\n"),
    (time_and_chance_are_arguments, "modems/simulator/clock.py", "import time\ntime.time()\n"),
    (time_and_chance_are_arguments, "queue/x.py", "def f(clock):\n    return clock.monotonic()\n"),
    (time_and_chance_are_arguments, "queue/x.py", "import random\nrng = random.Random(7)\n"),
    (time_and_chance_are_arguments, "queue/x.py", "import datetime\nx: datetime.datetime\n"),
    (time_and_chance_are_arguments, "queue/x.py", "def f(rng):\n    return rng.choice([1])\n"),
    (errors_are_not_swallowed, "queue/x.py", "try:\n    pass\nexcept BaseException:\n    raise\n"),
    (money_is_whole, "ledger/x.py", "x = 3 // 2 + int('4')\n"),
    (money_is_whole, "queue/x.py", "seconds = 1.5\n"),
    (
        the_simulator_stands_alone,
        "modems/simulator/x.py",
        "from pulsarack.modems.simulator.rack import Rack\nimport asyncio\n",
    ),
    (the_simulator_stands_alone, "daemon/x.py", "from pulsarack.modems.simulator import rack\n"),
    (third_parties_are_known, "ledger/x.py", "import re\nfrom peewee import Database\n"),
    (third_parties_are_known, "daemon/x.py", "import apsw\nfrom playhouse.apsw_ext import *\n"),
    (third_parties_are_known, "modems/x.py", "import serial\nfrom pulsarack.ussd import status\n"),
]


@pytest.mark.parametrize(("check", "path", "text", "line"), PLANTED)
def test_a_planted_violation_is_found(check: Check, path: str, text: str, line: int) -> None:
    assert line in [found for found, _ in check(Source(path, text))]


@pytest.mark.parametrize(("check", "path", "text"), HARMLESS)
def test_what_is_harmless_is_let_be(check: Check, path: str, text: str) -> None:
    assert list(check(Source(path, text))) == []


def test_every_check_is_proved() -> None:
    assert {check for check, *_ in PLANTED} == set(CHECKS) == {check for check, *_ in HARMLESS}
