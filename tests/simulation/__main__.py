"""`python -m tests.simulation --seeds 2000 --first 0`: live through many seeds, say what was hit.

`--seed N` lives through one and prints what broke; it is the same history every time.
`--planted` shows for every planted bug the first seed that catches it, and their table.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation import coverage, planted, planted_table, runner
from tests.simulation.report import Report

PLANTED_SEEDS = 200


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--jobs", type=int, help="processes; as many as there are cores")
    parser.add_argument("--planted", action="store_true", help="the planted bugs")
    given = parser.parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False)
    if given.planted:
        return _show_planted(console)
    if given.seed is not None:
        return _show_one(console, runner.live(given.seed))
    return _show_many(console, range(given.first, given.first + given.seeds), given.jobs)


def _show_many(console: Console, seeds: range, jobs: int | None) -> int:
    total, failed = Report(-1), []
    began = time.monotonic()
    columns = TextColumn("seeds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("seeds", total=len(seeds))
        for report in runner.reports(seeds, jobs):
            progress.advance(task)
            total.add(report)
            if report.broken:
                failed.append(report)
                console.print(f"seed {report.seed}: {report.broken[0]}", markup=False)
    for line in [*coverage.tables(total), ""]:
        console.print(line, markup=False)
    for line in coverage.summary(total, len(seeds), time.monotonic() - began):
        console.print(line, markup=False)
    if failed:
        first = min(report.seed for report in failed)
        console.print(f"{len(failed)} seeds failed; the first is {first}. See it again with:")
        console.print(f"  python -m tests.simulation --seed {first}")
        return 1
    console.print("Every promise was kept.")
    return 0


def _show_one(console: Console, report: Report) -> int:
    console.print(f"seed {report.seed}, trace {report.digest}")
    for line in [*coverage.tables(report), "", *report.broken]:
        console.print(line, markup=False)
    return 1 if report.broken else 0


def _show_planted(console: Console) -> int:
    survived = False
    for name in planted.BUGS:
        caught = runner.first_caught(name, range(PLANTED_SEEDS))
        survived |= caught is None
        told = f"seed {caught.seed}: {caught.broken[0][:150]}" if caught else "SURVIVED"
        console.print(f"{name:40} {told}", markup=False)
    console.print(planted_table.readme_table(), markup=False)
    return int(survived)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
