"""`sender`: the addresses that agents write from."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

COLUMNS = (
    Column("agent", "agent"),
    Column("channel", "channel"),
    Column("address", "address"),
    Column("bound_at", "since", "time"),
    Column("bound_by", "by"),
)
_CHANNEL = click.Choice(["sms", "whatsapp", "xmpp"])


@click.command(
    cls=LazyGroup,
    lazy={
        "add": Lazy("senders", "add", "Let an agent order from an address."),
        "remove": Lazy("senders", "remove", "Let nobody order from an address any more."),
        "list": Lazy("senders", "list_", "The addresses that agents order from."),
    },
)
def sender() -> None:
    """The telephone numbers, WhatsApp ids and XMPP addresses that agents order from."""


@click.command()
@click.argument("code")
@click.argument("channel", type=_CHANNEL)
@click.argument("address")
@who_option
@as_json_option
@pass_session
def add(session: Session, code: str, channel: str, address: str, who: str, as_json: bool) -> None:
    """Let the agent CODE order from ADDRESS of CHANNEL (0812..., or name@server)."""
    result = session.call("sender.add", agent=code, channel=channel, address=address, who=who)
    if as_json:
        tables.print_json(result)
    else:
        kept = formats.text(result.get("address"))
        click.echo(f"agent {formats.text(code)} may order from {channel} {kept}")


@click.command()
@click.argument("channel", type=_CHANNEL)
@click.argument("address")
@who_option
@pass_session
def remove(session: Session, channel: str, address: str, who: str) -> None:
    """Let nobody order from ADDRESS of CHANNEL any more."""
    session.call("sender.remove", channel=channel, address=address, who=who)
    click.echo(f"{channel} {formats.text(address)} is a stranger's now")


@click.command("list")
@click.option("--agent", help="Only of this agent.")
@as_json_option
@pass_session
def list_(session: Session, agent: str | None, as_json: bool) -> None:
    """The addresses that agents order from, by agent."""
    result = session.call("sender.list", agent=agent)
    zone = session.timezone
    tables.show(result, "senders", COLUMNS, as_json=as_json, timezone=zone, empty="no senders")
