"""`agent statement` and `agent recap`: what moved one agent's deposit, and a day in figures."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

_LINES = (
    Column("at", "at", "time"),
    Column("kind", "what"),
    Column("amount", "amount", "number"),
    Column("balance", "balance", "number"),
    Column("order_id", "order", "id"),
    Column("product", "product"),
    Column("destination", "destination", "destination"),
    Column("other", "agent"),
    Column("memo", "memo"),
)
_RECAP = (
    Column("product", "product"),
    Column("state", "state"),
    Column("count", "orders", "number"),
    Column("amount", "sum", "number"),
)
day_option = click.option("--day", metavar="YYYY-MM-DD", help="Of this local day.")


@click.command()
@click.argument("code")
@day_option
@limit_option
@as_json_option
@pass_session
def statement(
    session: Session, code: str, day: str | None, limit: int | None, as_json: bool
) -> None:
    """What moved the deposit of the agent CODE, newest first, archived months included."""
    result = session.call("agent.statement", agent=code, day=day, limit=limit)
    tables.show(
        result, "lines", _LINES, as_json=as_json, timezone=session.timezone, empty="no lines"
    )
    for note in result.get("unreadable") or ():
        click.echo(f"pulsarack: older lines are missing: {formats.text(note)}", err=True)
    if result.get("cut"):
        click.echo("pulsarack: the day has more lines, which are too far back", err=True)


@click.command()
@click.argument("code")
@day_option
@as_json_option
@pass_session
def recap(session: Session, code: str, day: str | None, as_json: bool) -> None:
    """A day of the agent CODE in figures: today, if none is named."""
    result = session.call("agent.recap", agent=code, day=day)
    if as_json:
        tables.print_json(result)
        return
    figures = ("orders", "spent", "held", "earned")
    rows = [("day", formats.text(result["day"]))]
    tables.pairs([*rows, *((name, formats.number(result[name])) for name in figures)])
    if result["lines"]:
        click.echo()
        tables.show(result, "lines", _RECAP, as_json=False)
