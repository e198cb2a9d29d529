"""Small whole runs: real processes, quick operators, and no word about how long they took."""

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as bench
from benchmarks import (
    dialogue,
    dispatch,
    http_orders,
    intake,
    ledger,
    profile,
    rack,
    start,
    storm,
)
from benchmarks.figures import Figure
from benchmarks.settings import Profile
from benchmarks.steps import PLACE
from pulsarack.daemon.cli import processes
from pulsarack.daemon.errors import DaemonError

SPEED = 40.0


def small(directory: Path) -> Profile:
    return Profile(
        directory,
        rounds=1,
        racks=((1, 2.0),),
        rack_seconds=10.0,
        loop_seconds=4.0,
        busy=(1,),
        idle=(),
        dispatches=2,
        round_seconds=0.2,
        starts=1,
        profiled=(1, 2.0),
        storm=(300, 30, 1),
        plugged=(3,),
        speed=SPEED,
    )


async def every(shown: AsyncIterator[list[Figure]]) -> list[Figure]:
    return [figure async for figures in shown for figure in figures]


async def test_a_rack_of_one(tmp_path: Path) -> None:
    figures = {one.name: one for one in await every(rack.run(small(tmp_path)))}
    size = "1 modem, 2 s USSD"
    assert 0 < figures[f"occupancy, {size}"].rounds[0] <= 1
    assert figures[f"top-ups, {size}"].rounds[0] > 0
    assert figures[f"orders waiting at least, {size}"].rounds[0] > 0
    cpu = figures[f"daemon CPU, {size}"]
    assert cpu.rounds[0] > 0
    assert cpu.reference is not None
    assert cpu.reference.rounds[0] > 0
    assert figures[f"daemon PSS, {size}"].rounds[0] > 1
    assert figures["bytes written a top-up"].rounds[0] > 20
    assert not list(tmp_path.glob("*/state")), "the databases are removed"


async def test_the_recorded_dialogue_is_that_of_a_sale(tmp_path: Path) -> None:
    recorded = await dialogue.record(tmp_path / "run")
    assert recorded.steps[-1].write.startswith(b"AT+CUSD=1,")
    assert PLACE in recorded.steps[-1].write
    assert recorded.steps[-1].until == dialogue.USSD_ANSWER


async def test_an_idle_chip(tmp_path: Path) -> None:
    figures = await every(dispatch.run(small(tmp_path)))
    assert [one.name for one in figures] == [
        "answer to first byte p50, 1 busy, 8 idle",
        "request to first byte p50, 1 busy, 8 idle",
        "answer to first byte p99, 1 busy, 8 idle",
        "request to first byte p99, 1 busy, 8 idle",
    ]
    assert figures[1].rounds[0] > 0
    assert all(one.reference and one.reference.rounds[0] > 0 for one in figures)


async def test_a_profile(tmp_path: Path) -> None:
    figures = {one.name: one.rounds[0] for one in await every(profile.run(small(tmp_path)))}
    # Of so short a run the first and the last sale count in part.
    assert figures["SQL statements"] > 10
    assert figures["writes to a modem"] > 0.5
    assert figures["daemon thread: MainThread"] > 0
    assert figures["rack thread: MainThread"] > 0
    assert any(name.startswith("daemon with callees: daemon/") for name in figures)


async def test_a_storm_in_small(tmp_path: Path) -> None:
    figures = {one.name: one for one in await every(storm.run(small(tmp_path)))}
    for name in ("1 connection", "30 agents"):
        lost = figures[f"accepted and not stored, or stored and not accepted, {name}"]
        assert lost.met(), lost
        accepted, refused = figures[f"accepted, {name}"], figures[f"refused, {name}"]
        assert accepted.rounds[0] + refused.rounds[0] == 300
        assert accepted.rounds[0] > 0
        assert figures[f"another agent's order waits at most, {name}"].rounds[0] > 0
        memory = [figures[f"daemon PSS {when}, {name}"].rounds[0] for when in ("before", "at most")]
        assert 1 < memory[0] <= memory[1]
    assert figures["all ready, 3 modems at once"].rounds[0] > 0
    assert not list(tmp_path.glob("*/state")), "the databases are removed"


async def test_intake_ledger_and_start(tmp_path: Path) -> None:
    quick = small(tmp_path)
    figures = [
        figure for run in (intake.run, ledger.run, start.run) for figure in await every(run(quick))
    ]
    for figure in figures:
        assert all(value > 0 for value in figure.rounds), figure
        assert figure.reference is None or all(value > 0 for value in figure.reference.rounds)
    groups = {one.name: one.rounds[0] for one in figures}
    assert groups["orders a commit, 64 clients"] > groups["orders a commit, 1 client"]
    assert groups["orders a commit, 1 client, 64 a request"] > 1
    assert groups["transfers a commit, 1 caller"] == 1


async def test_orders_over_http(tmp_path: Path) -> None:
    for size, least in ((1, 0.5), (64, 2.0)):
        rounds = await http_orders.measure(small(tmp_path), 2, size)
        figures = {one.name.split(",")[0]: one for one in http_orders.report(2, rounds, size)}
        for figure in figures.values():
            assert all(value > 0 for value in figure.rounds), figure
            assert figure.reference is None or all(value > 0 for value in figure.reference.rounds)
        assert figures["orders a commit"].rounds[0] >= least


def test_the_command_writes_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def measured(_: Profile) -> AsyncIterator[list[Figure]]:
        yield ledger.report(1, ledger.Rounds([10.0], [1.0], [0.5], [20.0]))

    monkeypatch.setitem(bench.BENCHES, "ledger", measured)
    path = tmp_path / "results" / "one.json"
    given = ["ledger", "--rounds", "1", "--json", str(path), "--dir", str(tmp_path)]
    result = CliRunner().invoke(bench.main, given)
    assert result.exit_code == 0, result.output
    assert "hold and post, 1 caller" in result.output
    written = json.loads(path.read_text())
    assert written["figures"][0]["rounds"] == [10.0]
    assert written["figures"][0]["goal_met"] is True
    assert {"at", "commit", "cores", "load_average", "sync_ms"} <= written["machine"].keys()
    assert [one.name for one in tmp_path.iterdir()] == ["results"], "nothing else is left"


def test_an_unknown_bench_is_refused() -> None:
    assert CliRunner().invoke(bench.main, ["rocket"]).exit_code == 2


def test_pulsarack_bench_becomes_the_bench() -> None:
    with mock.patch.object(os, "execve") as execve:
        result = CliRunner().invoke(processes.bench, ["rack", "--full", "--modems", "8"])
    assert result.exit_code == 0, result.output
    program, command, environment = execve.call_args.args
    assert program == sys.executable
    assert command[1:] == ["-m", "benchmarks", "rack", "--full", "--modems", "8"]
    tree = environment["PYTHONPATH"].split(os.pathsep)[0]
    assert (Path(tree) / "benchmarks" / "__main__.py").is_file()


def test_without_the_source_tree_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "__file__", "/nowhere/pulsarack/daemon/cli/processes.py")
    result = CliRunner().invoke(processes.bench, [])
    assert isinstance(result.exception, DaemonError)
    assert "make bench" in str(result.exception)
