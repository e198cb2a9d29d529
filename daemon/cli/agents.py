"""`agent`: who sells, and what they have paid in."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import RUPIAH, because_option, who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("code", "code"),
    Column("name", "name"),
    Column("upline", "upline"),
    Column("level", "level"),
    Column("active", "active"),
    Column("balance", "balance", "number"),
    Column("held", "held", "number"),
    Column("available", "available", "number"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "new": Lazy("agents", "new", "Add an agent."),
        "list": Lazy("agents", "list_", "All agents with their balances."),
        "pin": Lazy("agent_pins", "pin", "An agent's PIN: set, reset, unlock."),
        "access": Lazy("agent_pins", "access", "By what an agent is known, and who changed it."),
        "tree": Lazy("agent_tree", "tree", "Who is below whom."),
        "move": Lazy("agent_tree", "move", "Put an agent below another."),
        "level": Lazy("agent_tree", "level", "Let an agent pay the prices of a level."),
        "language": Lazy("agent_tree", "language", "Talk to an agent in another language."),
        "on": Lazy("agent_tree", "on", "Let an agent order."),
        "off": Lazy("agent_tree", "off", "Let an agent order no more."),
        "credit": Lazy("agents", "credit", "Propose to raise a deposit, or to take back."),
        "statement": Lazy("statements", "statement", "What moved an agent's deposit."),
        "recap": Lazy("statements", "recap", "A day of an agent in figures."),
    },
)
def agent() -> None:
    """Who sells, and what they have paid in."""


@click.command()
@click.argument("code")
@click.argument("name")
@click.option("--upline", help="The agent above it.")
@click.option("--level", help="The level of its prices.")
@click.option("--language", type=click.Choice(["id", "en"]), help="Of what it is told.")
@pass_session
def new(
    session: Session,
    code: str,
    name: str,
    upline: str | None,
    level: str | None,
    language: str | None,
) -> None:
    """Add the agent CODE, called NAME."""
    more = {"upline": upline, "level": level, "language": language}
    session.call("agent.new", code=code, name=name, **more)
    click.echo(f"agent {formats.text(code)} is there")


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """All agents with their balances."""
    tables.show(session.call("agent.list"), "agents", _COLUMNS, as_json=as_json, empty="no agents")


@click.command()
@click.argument("code")
@click.argument("amount", type=RUPIAH)
@because_option
@who_option
@click.option("--take-back", is_flag=True, help="Take so much out of the deposit.")
@click.option("--id", "credit_id", help="Your own key: the same again proposes nothing.")
@as_json_option
@pass_session
def credit(
    session: Session,
    code: str,
    amount: int,
    because: str,
    who: str,
    take_back: bool,
    credit_id: str | None,
    as_json: bool,
) -> None:
    """Propose to raise the deposit of the agent CODE by AMOUNT rupiah.

    Nothing moves until another admin, under another login, confirms it. What was paid in over a
    bank needs no second admin: pulsarack bank import.
    """
    result = session.call(
        "agent.credit",
        code=code,
        amount=amount,
        because=because,
        who=who,
        id=credit_id,
        take_back=take_back or None,
    )
    if as_json:
        tables.print_json(result)
        return
    shown, number, state = formats.number(amount), result["id"], formats.text(result["state"])
    words = f"take {shown} back" if result["amount"] < 0 else f"credit {shown}"
    click.echo(f"agent {formats.text(code)}: {words}: proposal {number} is {state}")
    if state == "OPEN":
        click.echo(f"another admin confirms it: pulsarack credit confirm {number}")
