"""`ticket`: amounts by which the bank's statement tells who paid in."""

from typing import Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import RUPIAH, because_option, who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("id", "id", "id"),
    Column("agent", "agent"),
    Column("state", "state"),
    Column("amount", "amount", "number"),
    Column("asked", "asked", "number"),
    Column("bank", "bank"),
    Column("created_at", "given", "time"),
    Column("expires_at", "until", "time"),
    Column("finished_at", "ended", "time"),
    Column("why", "because"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "new": Lazy("tickets", "new", "Give an agent a ticket."),
        "list": Lazy("tickets", "list_", "The newest tickets."),
        "show": Lazy("tickets", "show", "One ticket, and the payment."),
        "cancel": Lazy("tickets", "cancel", "Take a ticket back."),
    },
)
def ticket() -> None:
    """Amounts by which the bank's statement tells who paid in."""


@click.command()
@click.argument("agent")
@click.argument("amount", type=RUPIAH)
@click.option("--bank", metavar="NAME", help="Only at this bank of ours.")
@as_json_option
@pass_session
def new(session: Session, agent: str, amount: int, bank: str | None, as_json: bool) -> None:
    """Give AGENT a ticket for AMOUNT rupiah: what it shall pay in, to the last rupiah."""
    result = session.call("ticket.new", agent=agent, amount=amount, bank=bank)
    if as_json:
        tables.print_json(result)
        return
    if result["repeated"]:
        click.echo("the agent had asked for that already; it is the same ticket", err=True)
    amount_text = formats.number(result["amount"])
    until = formats.time(result.get("expires_at"), session.timezone)
    click.echo(f"ticket {result['id']}: {formats.text(agent)} pays {amount_text} until {until}")
    for one in result["accounts"]:
        words = (formats.text(one.get(key)) for key in ("bank", "account", "holder"))
        click.echo("  " + " ".join(word for word in words if word != formats.NOTHING))


@click.command("list")
@click.option("--agent", metavar="CODE", help="Only this agent's.")
@click.option("--open", "open_", is_flag=True, help="Only those that may still be paid.")
@limit_option
@as_json_option
@pass_session
def list_(
    session: Session, agent: str | None, open_: bool, limit: int | None, as_json: bool
) -> None:
    """The newest tickets."""
    tables.show(
        session.call("ticket.list", agent=agent, open=open_, limit=limit),
        "tickets",
        _COLUMNS,
        as_json=as_json,
        timezone=session.timezone,
        empty="no tickets",
    )


@click.command()
@click.argument("ticket_id", metavar="ID", type=int)
@as_json_option
@pass_session
def show(session: Session, ticket_id: int, as_json: bool) -> None:
    """The ticket ID, and the row of the bank that paid it."""
    _print(session, session.call("ticket.show", id=ticket_id), as_json)


@click.command()
@click.argument("ticket_id", metavar="ID", type=int)
@because_option
@who_option
@as_json_option
@pass_session
def cancel(session: Session, ticket_id: int, because: str, who: str, as_json: bool) -> None:
    """Take the ticket ID back; a payment of it then matches nothing."""
    _print(session, session.call("ticket.cancel", id=ticket_id, because=because, who=who), as_json)


def _print(session: Session, result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        tables.print_json(result)
        return
    values = tables.cells([result], _COLUMNS, session.timezone)[0]
    shown = zip(_COLUMNS, values, strict=True)
    rows = [(one.heading, value) for one, value in shown if value != formats.NOTHING]
    row = result.get("row")
    if row:
        paid = f"row {row.get('id')} of {row.get('bank')}, {row.get('day')}"
        rows.append(("paid by", formats.text(f"{paid}: {row.get('description')}")))
    tables.pairs(rows)
