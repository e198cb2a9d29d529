"""How little a command loads before it does its work: held by counts, since times are noise.

Most of the time of a command is what Python loads for it. click is counted as given.
"""

import io
import json
import os
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.cli import tables

PROGRAM = """
import sys, click
given = set(sys.modules)
from pulsarack.daemon.main import main
try: main()
except SystemExit as left: status = left.code
print(status, *sorted(set(sys.modules) - given), file=sys.stderr)
"""

HEAVY = {
    "aiohttp", "apsw", "asyncio", "concurrent", "dataclasses", "gammu", "importlib.metadata",
    "logging", "msgspec", "peewee", "phonenumbers", "playhouse", "pydantic", "rich", "serial",
    "structlog", "usb",
}  # fmt: skip
OF_HELP = {
    "pulsarack",
    "pulsarack.daemon",
    "pulsarack.daemon.cli",
    "pulsarack.daemon.cli.lazy",
    "pulsarack.daemon.cli.root",
    "pulsarack.daemon.cli.session",
    "pulsarack.daemon.errors",
    "pulsarack.daemon.main",
    "pulsarack.daemon.places",
    "pulsarack.modems",
    "pulsarack.modems.errors",
}
OF_A_CALL = OF_HELP | {
    "pulsarack.daemon.answers",
    "pulsarack.daemon.cli.arguments",
    "pulsarack.daemon.cli.formats",
    "pulsarack.daemon.cli.orders",
    "pulsarack.daemon.cli.tables",
    "pulsarack.daemon.client",
    "pulsarack.daemon.json_text",
    "pulsarack.daemon.toml_text",
}
ORDER = {"id": 1, "state": "QUEUED", "agent": "kios1", "received_at": 1_795_366_799_000}


def loaded(args: list[str], stdout: int = subprocess.PIPE) -> tuple[str, set[str]]:
    """What a command prints, and the modules that it loads beyond click's."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
    )
    status, *names = result.stderr.splitlines()[-1].split()
    assert status in ("0", "2"), result.stderr
    return result.stdout, set(names)


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.partition(".")[0] == "pulsarack"}


@pytest.fixture
def place(fake_daemon: Any, tmp_path: Path) -> list[str]:
    """The options that lead to a daemon with an order."""
    fake_daemon.answers["order.list"] = {"orders": [ORDER]}
    config = tmp_path / "pulsarack.toml"
    config.write_text('[daemon]\nsocket = "control.sock"\ntimezone = "Asia/Jakarta"\n')
    return ["--config", str(config)]


@pytest.mark.parametrize("args", [["--help"], ["order", "--help"], ["chip", "lst"]])
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    _, names = loaded(args)
    assert not names & HEAVY
    if args == ["--help"]:
        assert ours(names) == OF_HELP
        assert len(names) <= 30  # 23 with Python 3.11


def test_a_call_loads_the_socket_and_what_it_shows(place: list[str]) -> None:
    shown, names = loaded([*place, "order", "list"])
    assert "2026-11-22 23:59:59" in shown
    assert not names & HEAVY
    assert ours(names) == OF_A_CALL | {"pulsarack.daemon.calendar"}
    assert len(names) <= 54  # 47 with Python 3.11


def test_json_needs_no_zones(place: list[str]) -> None:
    shown, names = loaded([*place, "order", "list", "--json"])
    assert json.loads(shown) == {"orders": [ORDER]}
    assert ours(names) == OF_A_CALL
    assert "zoneinfo" not in names


@pytest.mark.parametrize(("columns", "folded"), [(220, False), (60, True)])
def test_only_a_narrow_terminal_needs_rich(place: list[str], columns: int, folded: bool) -> None:
    ours_, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    try:
        _, names = loaded([*place, "order", "list"], stdout=theirs)
        lines = os.read(ours_, 65536).decode().splitlines()
    finally:
        os.close(theirs)
        os.close(ours_)
    assert ("rich" in names) == folded
    assert max(map(len, lines)) <= columns
    assert any(set(line) == {"\u2500"} for line in lines)


HEADINGS = st.text("abcdefghij", min_size=1, max_size=6)
SHOWN = st.characters(categories=["L", "M", "N", "P", "S"])
CELLS = st.lists(st.text(SHOWN, min_size=1, max_size=4), min_size=1, max_size=3).map(" ".join)


def columns(count: int) -> st.SearchStrategy[Any]:
    row = st.lists(CELLS, min_size=count, max_size=count)
    headings = st.lists(HEADINGS, min_size=count, max_size=count)
    right = st.frozensets(st.integers(0, count - 1))
    return st.tuples(headings, st.lists(row, max_size=5), right)


@given(st.integers(1, 4).flatmap(columns))
def test_a_table_is_the_same_whoever_draws_it(
    drawn: tuple[list[str], list[list[str]], frozenset[int]],
) -> None:
    headings, rows, right = drawn
    with mock.patch("sys.stdout", io.TextIOWrapper(io.BytesIO(), "utf-8")) as plain:
        tables.table(headings, rows, right)
        plain.flush()
        shown = plain.buffer.getvalue()
    with mock.patch("sys.stdout", io.TextIOWrapper(io.BytesIO(), "utf-8")) as folded:
        tables.fold(headings, rows, right)
        folded.flush()
        assert folded.buffer.getvalue() == shown


def test_a_terminal_without_unicode_gets_a_table_it_can_show() -> None:
    with mock.patch("sys.stdout", io.TextIOWrapper(io.BytesIO(), "iso-8859-1")) as old:
        tables.table(["chip", "name"], [["1", "\xe9" * 300]])
        old.flush()
        lines = old.buffer.getvalue().decode("iso-8859-1").splitlines()
    assert "\xe9" * 300 in lines[-1]
