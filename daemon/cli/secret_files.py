"""`secret new`: the file with the master key, without the daemon."""

from pathlib import Path

import click

from pulsarack.daemon.cli.lazy import Lazy, LazyGroup


@click.command(
    cls=LazyGroup,
    lazy={"new": Lazy("secret_files", "new", "Make the file with the master key.")},
)
def secret() -> None:
    """The master key, without which nobody reads agents' PINs and keys in the database."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--renew", is_flag=True, help="Put a new key in front of those that FILE holds.")
def new(file: Path, renew: bool) -> None:
    """Make FILE with a new master key, for its owner alone.

    The daemon reads it as the systemd credential `pepper`, or by [agents] pepper_file. Keep a
    copy in a safe place, away from the backups of the database: without it all PINs and keys of
    agents are lost. With --renew what is new is made with the new key, and the old ones stay
    for what was made with them; start the daemon anew then.
    """
    from pulsarack.daemon import clock
    from pulsarack.daemon.identity import pepper

    octets = clock.dice().randbytes(pepper.MASTER_OCTETS)
    name = pepper.renew_file(file, octets) if renew else pepper.new_file(file, octets)
    click.echo(f"{file} holds the new master key {name}")
