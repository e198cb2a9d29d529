"""`run`, `simulate`, `demo` and `bench`: the commands that are a process of their own."""

import os
import signal
import sys
from pathlib import Path

import click

from pulsarack.daemon.cli.session import Session, pass_session
from pulsarack.daemon.errors import DaemonError

_FILE = click.Path(path_type=Path)
_SPEED = click.FloatRange(min=0, min_open=True, max=10_000)


@click.command()
@pass_session
@click.pass_context
def run(context: click.Context, session: Session) -> None:
    """Run the daemon in the foreground, until it is told to stop (SIGTERM, Ctrl-C)."""
    # A reload that comes while all this is loaded, which takes a second, must not end it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from pulsarack.daemon.run import main

    context.exit(main(session.config_path))


@click.command()
@click.argument("rack", type=_FILE)
@click.option("--dir", "directory", type=_FILE, required=True, help="Where its ports appear.")
@click.option("--truth", type=_FILE, required=True, help="The operators' own books, to audit by.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same, the same faults.")
@click.option("--speed", type=_SPEED, default=1.0, show_default=True, help="Times faster.")
@click.option("--anchor", type=float, help="Unix time at which the daemon's clock starts, too.")
@click.option("--telephones", type=_FILE, help="A socket where people's telephones are.")
@click.pass_context
def simulate(
    context: click.Context,
    rack: Path,
    directory: Path,
    truth: Path,
    seed: int,
    speed: float,
    anchor: float | None,
    telephones: Path | None,
) -> None:
    """Run a simulated rack, described in the TOML file RACK.

    Its modems are serial ports in the directory; the operators behind them keep books
    that the daemon never reads and `pulsarack audit --truth` compares. With --telephones other
    programs can write to the chips and read what these send to people, as JSON lines; what was
    written and heard is in a file beside the socket.
    """
    from pulsarack.modems.simulator.process import run as run_rack

    context.exit(run_rack(rack, directory, truth, seed, speed, anchor, telephones))


@click.command()
@click.option("--orders", type=click.IntRange(1), default=120, show_default=True)
@click.option("--kill", type=click.IntRange(0), default=0, show_default=True, help="kill -9s.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same, the same run.")
@click.option("--speed", type=_SPEED, default=20.0, show_default=True, help="Times faster.")
@click.option("--rack", type=_FILE, help="Another rack than the one that comes with it.")
@click.option("--dir", "directory", type=_FILE, help="Keep everything there, for a look later.")
@click.option("--plain", is_flag=True, help="Lines instead of a moving display.")
@click.option("--channels", is_flag=True, help="Agents write SMS, WhatsApp, XMPP and HTTP.")
@click.pass_context
def demo(
    context: click.Context,
    orders: int,
    kill: int,
    seed: int,
    speed: float,
    rack: Path | None,
    directory: Path | None,
    plain: bool,
    channels: bool,
) -> None:
    """Run agents, daemon and a simulated rack together, with faults, and audit the books.

    With --channels a tree of agents orders over SMS (the rack's telephones), HTTP (three kinds of
    programs), WhatsApp (a stand-in for Meta's API) and, if prosody is installed, XMPP at once.
    """
    from pulsarack.daemon.demo.main import run as run_demo

    context.exit(
        run_demo(
            orders=orders,
            kill=kill,
            seed=seed,
            speed=speed,
            rack=rack,
            directory=directory,
            plain=plain,
            channels=channels,
        )
    )


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[NAME]... [OPTION]...")
def bench(arguments: tuple[str, ...]) -> None:
    """Measure what the daemon costs and how quick it is, all of it or by NAME.

    Names: start, ledger, intake, http, dispatch, rack, growth, recovery, profile, storm. Options:
    --full for every size (most of an hour), --rounds N, --modems N, --json FILE, --dir DIR. The
    benches are a part of the source tree that is not installed with the product.
    """
    tree = Path(__file__).resolve().parents[2]
    if not (tree / "benchmarks" / "__main__.py").is_file():
        raise DaemonError("the benches are not installed", "run it in the source tree: make bench")
    path = os.pathsep.join(filter(None, (str(tree), os.environ.get("PYTHONPATH"))))
    # This process becomes theirs.
    command = [sys.executable, "-m", "benchmarks", *arguments]
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": path})
