"""`status`: how the daemon is doing."""

from typing import Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session


@click.command()
@as_json_option
@pass_session
def status(session: Session, as_json: bool) -> None:
    """How the daemon is doing.

    `resolution` says how undecided orders were decided, the newest 1000 times of it.
    """
    result = session.call("status")
    if as_json:
        tables.print_json(result)
        return
    tables.pairs((formats.text(name), flat(value)) for name, value in result.items())


def flat(value: Any) -> str:
    """A value of any depth on one line."""
    if isinstance(value, dict):
        return (
            ", ".join(f"{formats.text(name)} {flat(inner)}" for name, inner in value.items()) or "-"
        )
    if isinstance(value, list):
        return ", ".join(map(flat, value)) or "-"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return formats.number(value)
    return formats.text(value)
