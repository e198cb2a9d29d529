"""`status` and `tail`: how the daemon is doing, now and as it goes on."""

import json
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
    tables.pairs((formats.text(name), _flat(value)) for name, value in result.items())


@click.command()
@as_json_option
@pass_session
def tail(session: Session, as_json: bool) -> None:
    """Follow what happens to orders and chips, until Ctrl-C."""
    with session.client() as client:
        for event in client.stream("events.follow"):
            if as_json:
                click.echo(json.dumps(event, ensure_ascii=False))
            else:
                click.echo(_line(event, session.timezone))


def _line(event: dict[str, Any], timezone: str | None) -> str:
    rest = dict(event)
    at = rest.pop("at", None)
    kind = formats.text(rest.pop("kind", None))
    shown = " ".join(
        f"{formats.text(name)}={_flat(value)}" for name, value in rest.items() if value is not None
    )
    time = f"{formats.clock(at, timezone)} " if isinstance(at, int) else ""
    return f"{time}{kind} {shown}"


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return (
            ", ".join(f"{formats.text(name)} {_flat(inner)}" for name, inner in value.items())
            or "-"
        )
    if isinstance(value, list):
        return ", ".join(map(_flat, value)) or "-"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return formats.number(value)
    return formats.text(value)
