"""`config`: the configuration, printed, checked and read anew, with the daemon or without."""

import os
from pathlib import Path

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session

# EX_CONFIG of sysexits.h: the status with which the daemon would end (service/exits.py).
STATUS_BAD = 78


@click.command(
    cls=LazyGroup,
    lazy={
        "example": Lazy("configs", "example", "Print the whole configuration, explained."),
        "check": Lazy("configs", "check", "Check the file and all files that it names."),
        "show": Lazy("configs", "show", "The values with which the daemon runs."),
        "keys": Lazy("configs", "keys", "Which keys a reload changes, and which need a restart."),
        "reload": Lazy("configs", "reload", "Let the running daemon read its files anew."),
    },
)
def config() -> None:
    """The configuration of the daemon."""


@click.command()
def example() -> None:
    """Print every key with its default and what it is for, as a file to begin with."""
    from pulsarack.daemon.config_example import example as text

    click.echo(text(), nl=False)


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@as_json_option
@pass_session
@click.pass_context
def check(context: click.Context, session: Session, file: Path | None, as_json: bool) -> None:
    """Check FILE, or the configuration in use, and the files it names; status 78 if one is bad.

    What you may not read is left out and named; as root everything is seen.
    """
    from pulsarack.daemon.config_check import Seen
    from pulsarack.daemon.config_check import check as look

    found = list(look(file or session.config_path, os.environ))
    sound = all(one.seen is not Seen.BAD for one in found)
    if as_json:
        rows = [{"seen": one.seen.value, "what": one.what, "text": one.text} for one in found]
        tables.print_json({"sound": sound, "found": rows})
    else:
        for one in found:
            click.echo(f"{one.seen.value:6}  {one.what}: {formats.text(one.text)}")
    context.exit(0 if sound else STATUS_BAD)


@click.command()
@as_json_option
@pass_session
def show(session: Session, as_json: bool) -> None:
    """The values with which the daemon runs, defaults and all; secrets are not among them."""
    found = session.call("config.show")
    if as_json:
        tables.print_json(found)
        return
    from pulsarack.daemon.config_example import shown

    click.echo(shown(found["config"]), nl=False)


_KEYS = (
    tables.Column("key", "key"),
    tables.Column("counts", "counts with a"),
    tables.Column("why", "why"),
)


@click.command()
@as_json_option
def keys(as_json: bool) -> None:
    """Which keys count with a reload, and which need a restart, and why."""
    from pulsarack.daemon.service.live_keys import rows

    tables.show({"keys": rows()}, "keys", _KEYS, as_json=as_json)


@click.command()
@as_json_option
@pass_session
def reload(session: Session, as_json: bool) -> None:
    """Let the daemon read configuration, PINs and recipes anew, as systemctl reload does.

    Nothing is disturbed: a sale under way ends as it began. A bad file changes nothing. What
    cannot change in a running daemon is named.
    """
    found = session.call("config.reload")
    if as_json:
        tables.print_json(found)
        return
    changed = [formats.text(one) for one in found["changed"]]
    click.echo(f"changed: {', '.join(changed)}" if changed else "nothing changed")
    for one in found["restart"]:
        click.echo(f"needs a restart: {formats.text(one['key'])} ({formats.text(one['why'])})")
