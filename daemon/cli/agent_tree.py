"""`agent`: where an agent stands, what level it is on, and whether it may order."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_TREE = (
    Column("shown", "agent"),
    Column("name", "name"),
    Column("level", "level"),
    Column("active", "active"),
    Column("available", "available", "number"),
    Column("commission", "commission", "number"),
)
_STEP = "  "


@click.command()
@click.argument("code")
@click.option("--upline", help="Whom to put it below.")
@click.option("--nobody", is_flag=True, help="Put it below nobody.")
@pass_session
def move(session: Session, code: str, upline: str | None, nobody: bool) -> None:
    """Put the agent CODE, with all below it, below another one."""
    if (upline is None) != nobody:
        raise click.UsageError("give either --upline CODE or --nobody")
    session.call("agent.move", code=code, upline=upline)
    below = "nobody" if upline is None else formats.text(upline)
    click.echo(f"agent {formats.text(code)} is below {below}")


@click.command()
@click.argument("code")
@click.argument("level", required=False, default="")
@pass_session
def level(session: Session, code: str, level: str) -> None:
    """Let the agent CODE pay the prices of LEVEL; without one, what everybody pays."""
    session.call("agent.level", code=code, level=level)
    click.echo(f"agent {formats.text(code)}: level {formats.text(level)}")


@click.command()
@click.argument("code")
@click.argument("language", type=click.Choice(["id", "en"]))
@pass_session
def language(session: Session, code: str, language: str) -> None:
    """Talk to the agent CODE in another LANGUAGE."""
    session.call("agent.language", code=code, language=language)
    click.echo(f"agent {formats.text(code)}: language {language}")


@click.command()
@click.argument("code")
@pass_session
def on(session: Session, code: str) -> None:
    """Let the agent CODE order."""
    session.call("agent.active", code=code, active=True)
    click.echo(f"agent {formats.text(code)} is on")


@click.command()
@click.argument("code")
@pass_session
def off(session: Session, code: str) -> None:
    """Let the agent CODE order no more; those below it still may."""
    session.call("agent.active", code=code, active=False)
    click.echo(f"agent {formats.text(code)} is off")


@click.command()
@click.argument("code", required=False)
@as_json_option
@pass_session
def tree(session: Session, code: str | None, as_json: bool) -> None:
    """Who is below whom: all agents, or CODE and those below it."""
    result = session.call("agent.tree", code=code)
    if as_json:
        tables.print_json(result)
        return
    rows = [{**row, "shown": _STEP * row["depth"] + row["code"]} for row in result["agents"]]
    tables.show({"agents": rows}, "agents", _TREE, as_json=False, empty="no agents")
