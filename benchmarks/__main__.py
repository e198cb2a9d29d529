"""`python -m benchmarks [NAME...]`: measures, prints a table, writes JSON.

Without a name everything is measured. `pulsarack bench` and `make bench` come here, too.
"""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks import (
    backup,
    dispatch,
    growth,
    http_orders,
    intake,
    ledger,
    machine,
    peers,
    profile,
    rack,
    recovery,
    settings,
    start,
    storm,
)
from benchmarks.figures import Figure, as_json
from benchmarks.settings import Profile
from benchmarks.table import table
from pulsarack.daemon import sqlite_engine
from pulsarack.daemon.demo.main import STATUS_TERMINATED, cancel_on_sigterm
from pulsarack.daemon.errors import DaemonError

Bench = Callable[[Profile], AsyncIterator[list[Figure]]]

BENCHES: dict[str, Bench] = {
    "start": start.run,
    "ledger": ledger.run,
    "intake": intake.run,
    "http": http_orders.run,
    "dispatch": dispatch.run,
    "rack": rack.run,
    "growth": growth.run,
    "recovery": recovery.run,
    "profile": profile.run,
    "storm": storm.run,
}
# Only when they are named.
ASKED_FOR: dict[str, Bench] = {"peers": peers.run, "backup": backup.run}
RESULTS = machine.ROOT / "benchmarks" / "results"
_NAME = click.Choice([*BENCHES, *ASKED_FOR])
_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("names", nargs=-1, type=_NAME, metavar="[NAME]...")
@click.option("--full", is_flag=True, help="Every size and longer rounds: most of an hour.")
@click.option("--rounds", type=click.IntRange(1), help="How often each thing is measured.")
@click.option("--modems", type=click.IntRange(1), multiple=True, help="Racks of these sizes only.")
@click.option("--json", "json_path", type=_FILE, help="Where the figures go. [benchmarks/results]")
@click.option("--dir", "directory", type=_FILE, help="Where the databases lie while it runs.")
def main(
    names: tuple[str, ...],
    full: bool,
    rounds: int | None,
    modems: tuple[int, ...],
    json_path: Path | None,
    directory: Path | None,
) -> None:
    """Measure NAMEs, or all there are: start, ledger, intake, http, dispatch, rack, growth,
    recovery, profile, storm. Only when they are named: peers (other programs that
    send SMS), backup (what making one costs the daemon).

    Every figure stands beside its reference, measured in the same run.
    """
    sqlite_engine.tune()  # what is measured in this process, and its references, as in the daemon
    root = Path(tempfile.mkdtemp(prefix="pulsarack-bench-", dir=directory))
    chosen = settings.full(root) if full else Profile(root)
    chosen = settings.narrowed(chosen, rounds=rounds, modems=modems)
    try:
        report = asyncio.run(measure(names or tuple(BENCHES), chosen))
    except (asyncio.CancelledError, KeyboardInterrupt) as told:
        shutil.rmtree(root)
        if isinstance(told, KeyboardInterrupt):
            raise
        sys.exit(STATUS_TERMINATED)
    except DaemonError as error:
        for line in error.lines():
            click.echo(f"bench: {line}", err=True)
        click.echo(f"bench: everything is kept in {root}", err=True)
        sys.exit(1)
    shutil.rmtree(root)
    path = json_path or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    click.echo(f"written to {path}")


async def measure(names: tuple[str, ...], chosen: Profile) -> dict[str, Any]:
    """Runs the benches one after the other, shows each table as it comes; all of it as JSON."""
    cancel_on_sigterm()
    found = machine.describe(chosen.directory)
    click.echo(machine.sentence(found))
    figures: list[Figure] = []
    for name in names:
        async for measured in (BENCHES | ASKED_FOR)[name](chosen):
            click.echo("\n" + table(measured))
            figures += measured
    return {
        "machine": found,
        "rounds": chosen.rounds,
        "figures": [as_json(one) for one in figures],
    }


if __name__ == "__main__":
    main(prog_name="pulsarack bench")
