"""`discrepancies`: where a chip's stock was off the books, and what it turned out to be."""

from typing import Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import because_option, who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

KINDS = ("loss", "gain", "stock-in", "delivery", "opening")

_COLUMNS = (
    Column("id", "id", "id"),
    Column("at", "found", "time"),
    Column("chip", "chip"),
    Column("name", "name"),
    Column("difference", "difference", "number"),
    Column("rest", "open", "number"),
    Column("stock", "operator says", "number"),
    Column("ledger", "booked", "number"),
    Column("since", "exact until", "time"),
    Column("orders", "orders", "number"),
    Column("first_order", "first", "id"),
    Column("last_order", "last", "id"),
    Column("cleared", "cleared as"),
)
_SPAN = (
    Column("id", "order", "id"),
    Column("state", "state"),
    Column("destination", "destination", "destination"),
    Column("cost", "cost", "number"),
    Column("committed_at", "sent", "time"),
    Column("outcome", "attempt"),
    Column("said_done", "said done"),
)
_CLEARINGS = (
    Column("at", "cleared", "time"),
    Column("kind", "as"),
    Column("amount", "amount", "number"),
    Column("account", "account"),
    Column("who", "by"),
    Column("why", "because"),
    Column("transfer_id", "transfer"),
)


@click.command(
    cls=LazyGroup,
    invoke_without_command=True,
    lazy={
        "show": Lazy("discrepancies", "show", "One, with the orders that it can lie in."),
        "clear": Lazy("discrepancies", "clear", "Decide what one was, and book it."),
    },
)
@click.option("--all", "cleared", is_flag=True, help="Also those that are cleared.")
@click.option("--chip", metavar="ICCID", help="Only this chip's.")
@limit_option
@as_json_option
@pass_session
@click.pass_context
def discrepancies(
    context: click.Context,
    session: Session,
    cleared: bool,
    chip: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Where a chip's stock was off the books, newest first.

    Below zero stock is missing. `orders` are those that it can lie in; with none, no
    order explains it.
    """
    if context.invoked_subcommand is not None:
        return
    tables.show(
        session.call("discrepancies.list", cleared=cleared, chip=chip, limit=limit),
        "discrepancies",
        _COLUMNS,
        as_json=as_json,
        timezone=session.timezone,
        empty="none" if cleared else "none is open",
    )


@click.command()
@click.argument("discrepancy_id", metavar="ID", type=int)
@as_json_option
@pass_session
def show(session: Session, discrepancy_id: int, as_json: bool) -> None:
    """The discrepancy ID, with the orders that it can lie in."""
    _print(session, session.call("discrepancies.show", id=discrepancy_id), as_json)


@click.command()
@click.argument("discrepancy_id", metavar="ID", type=int)
@click.option("--as", "kind", type=click.Choice(KINDS), help="What it was; else a loss, or a gain.")
@because_option
@who_option
@as_json_option
@pass_session
def clear(
    session: Session, discrepancy_id: int, kind: str | None, because: str, who: str, as_json: bool
) -> None:
    """Decide what the discrepancy ID was, for good, and book it there.

    \b
    loss      stock that is gone                       expense:stock-loss
    gain      stock that nobody gave                   income:stock-gain
    stock-in  stock that came or went without a text   asset:supplier:OPERATOR
    delivery  cost of an order, delivered after all    expense:airtime
    opening   it was so before the books were kept     equity:opening
    """
    result = session.call(
        "discrepancies.clear", id=discrepancy_id, because=because, who=who, kind=kind
    )
    if result["repeated"] and not as_json:
        click.echo("this was decided already; nothing was booked again", err=True)
    _print(session, result, as_json)


def _print(session: Session, result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        tables.print_json(result)
        return
    values = tables.cells([result], _COLUMNS, session.timezone)[0]
    shown = zip(_COLUMNS, values, strict=True)
    tables.pairs((one.heading, value) for one, value in shown if value != formats.NOTHING)
    empty = "no order explains it"
    click.echo("\norders that it can lie in")
    tables.show(result, "span", _SPAN, as_json=False, timezone=session.timezone, empty=f"  {empty}")
    if result["clearings"]:
        click.echo()
        tables.show(result, "clearings", _CLEARINGS, as_json=False, timezone=session.timezone)
