"""The long crash test: `python -m tests.soak --orders 1000 --kills 50 --seed 1`.

Ends with status 0 only if no promise was broken and every kill has happened. Its
directory (configuration, database, logs, the operators' books) stays if something was
wrong, and wherever it was named.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

import click

from pulsarack.daemon.demo.main import cancel_on_sigterm
from pulsarack.daemon.errors import DaemonError
from tests.soak import report
from tests.soak.aims import Kind
from tests.soak.run import Outcome, run


@click.command()
@click.option("--orders", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--kills", type=click.IntRange(len(Kind)), default=50, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--speed", type=click.FloatRange(1, 100), default=40.0, show_default=True)
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="Keep it all there.")
@click.option("--upgrades", is_flag=True, help="Each start brings up an older database.")
def main(
    orders: int, kills: int, seed: int, speed: float, directory: Path | None, upgrades: bool
) -> None:
    """Kill the daemon where it hurts and hold everything against everything."""
    root = directory or Path(tempfile.mkdtemp(prefix="pulsarack-soak-"))
    click.echo(f"seed {seed}, {kills} kills, at least {orders} orders, in {root}")
    good = False
    try:
        outcome = asyncio.run(_run(root, orders, kills, seed, speed, upgrades))
        for line in report.lines(outcome):
            click.echo(line)
        good = not outcome.faults
    except asyncio.CancelledError:
        click.echo("FAULT: it was told to stop")
    except DaemonError as error:
        click.echo(f"FAULT: {error}")
    finally:
        if good and directory is None:
            shutil.rmtree(root)
        elif not good:
            click.echo(f"everything is kept in {root}")
    sys.exit(0 if good else 1)


async def _run(
    root: Path, orders: int, kills: int, seed: int, speed: float, upgrades: bool
) -> Outcome:
    # A harness that is told to stop must not leave a daemon behind.
    cancel_on_sigterm()
    return await run(root, orders, kills, seed, speed, upgrades=upgrades)


if __name__ == "__main__":
    main()
