"""`channel`, `inbox`, `outbox`: the ways on which agents order and are told."""

import click

from pulsarack.daemon.cli import tables
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_CHANNELS = (
    Column("channel", "channel"),
    Column("state", "state"),
    Column("waiting", "waiting", "number"),
    Column("why", "why"),
    Column("remedy", "remedy"),
)
_INBOX = (
    Column("id", "id"),
    Column("received_at", "at", "time"),
    Column("channel", "channel"),
    Column("sender", "sender"),
    Column("agent", "agent"),
    Column("outcome", "outcome"),
    Column("text", "text"),
)
_OUTBOX = (
    Column("id", "id"),
    Column("created_at", "at", "time"),
    Column("channel", "channel"),
    Column("address", "address"),
    Column("state", "state"),
    Column("tries", "tries", "number"),
    Column("why", "why"),
    Column("text", "text"),
)
_limit_option = click.option("--limit", type=click.IntRange(1, 1000), help="How many at most.")


@click.group()
def channel() -> None:
    """The ways on which agents order and are told."""


@channel.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """Every channel, how it is doing, and how much waits for it."""
    empty = "no channel is configured"
    tables.show(session.call("channel.list"), "channels", _CHANNELS, as_json=as_json, empty=empty)


@click.command()
@click.option("--channel", help="Only of this channel.")
@_limit_option
@as_json_option
@pass_session
def inbox(session: Session, channel: str | None, limit: int | None, as_json: bool) -> None:
    """The newest messages that came in; secrets are masked."""
    found = session.call("inbox.list", channel=channel, limit=limit)
    tables.show(found, "messages", _INBOX, as_json=as_json, empty="nothing came in yet")


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also what was sent already.")
@_limit_option
@as_json_option
@pass_session
def outbox(session: Session, everything: bool, limit: int | None, as_json: bool) -> None:
    """The messages that wait to go out."""
    found = session.call("outbox.list", all=everything, limit=limit)
    tables.show(found, "messages", _OUTBOX, as_json=as_json, empty="nothing waits")
