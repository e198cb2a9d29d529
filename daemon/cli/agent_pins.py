"""`agent pin`, `agent access`: an agent's PIN, and all by which he is known."""

import click

from pulsarack.daemon.cli import asking, formats, tables
from pulsarack.daemon.cli.accounts import COLUMNS as ACCOUNTS
from pulsarack.daemon.cli.arguments import who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.senders import COLUMNS as SENDERS
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_PIN = (
    Column("agent", "agent"),
    Column("pin", "PIN"),
    Column("pin_set_at", "set at", "time"),
    Column("wrong_tries", "wrong tries"),
    Column("locked", "locked"),
)
_EVENTS = (
    Column("at", "time", "time"),
    Column("what", "what"),
    Column("about", "about"),
    Column("by", "by"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "set": Lazy("agent_pins", "set_", "Give an agent a PIN that you type."),
        "reset": Lazy("agent_pins", "reset", "Give an agent a random PIN, shown once."),
        "unlock": Lazy("agent_pins", "unlock", "Let a locked PIN be tried again."),
    },
)
def pin() -> None:
    """An agent's PIN; after three wrong ones in a row it is locked."""


@click.command("set")
@click.argument("code")
@click.option(
    "--brought-along",
    is_flag=True,
    help="He has used it at another server: it may be a simple one.",
)
@who_option
@pass_session
def set_(session: Session, code: str, brought_along: bool, who: str) -> None:
    """Give the agent CODE a PIN of 4 to 8 digits, which is asked for (or a line of the input)."""
    new = asking.ask("PIN")
    session.call("pin.set", agent=code, pin=new, brought_along=brought_along, who=who)
    click.echo(f"agent {formats.text(code)} has a new PIN")


@click.command()
@click.argument("code")
@who_option
@as_json_option
@pass_session
def reset(session: Session, code: str, who: str, as_json: bool) -> None:
    """Give the agent CODE a random PIN and show it, this once."""
    result = session.call("pin.reset", agent=code, who=who)
    if as_json:
        tables.print_json(result)
        return
    click.echo(f"the new PIN of agent {formats.text(code)}: {formats.text(result.get('pin'))}")
    click.echo("(it is not shown again; tell the agent to change it)", err=True)


@click.command()
@click.argument("code")
@who_option
@pass_session
def unlock(session: Session, code: str, who: str) -> None:
    """Let the PIN of the agent CODE be tried again after three wrong ones."""
    result = session.call("pin.unlock", agent=code, who=who)
    done = "is tried again" if result.get("unlocked") else "had no wrong tries"
    click.echo(f"the PIN of agent {formats.text(code)} {done}")


@click.command()
@click.argument("code")
@as_json_option
@pass_session
def access(session: Session, code: str, as_json: bool) -> None:
    """By what the agent CODE is known: PIN, senders, accounts; and who changed them lately."""
    result = session.call("agent.access", agent=code)
    if as_json:
        tables.print_json(result)
        return
    zone = session.timezone
    values = tables.cells([result], _PIN, zone)[0]
    tables.pairs((column.heading, value) for column, value in zip(_PIN, values, strict=True))
    for title, columns in (("senders", SENDERS), ("accounts", ACCOUNTS), ("events", _EVENTS)):
        click.echo(f"\n{title}")
        tables.show(result, title, columns, as_json=False, timezone=zone, empty="  none")
