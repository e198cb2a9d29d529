"""`commission`: what uplines have earned, and how it becomes deposit."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import RUPIAH
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (Column("agent", "agent"), Column("balance", "commission", "number"))


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("commissions", "list_", "What uplines have earned and not drawn."),
        "exchange": Lazy("commissions", "exchange", "Turn commission into deposit."),
    },
)
def commission() -> None:
    """What uplines have earned of the orders below them."""


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """What uplines have earned and not drawn; below zero if more was reversed since."""
    result = session.call("commission.list")
    tables.show(result, "commissions", _COLUMNS, as_json=as_json, empty="no uplines")


@click.command()
@click.argument("agent")
@click.argument("amount", type=RUPIAH, required=False)
@click.option("--id", "exchange_id", help="Your own key: the same again moves nothing.")
@as_json_option
@pass_session
def exchange(
    session: Session, agent: str, amount: int | None, exchange_id: str | None, as_json: bool
) -> None:
    """Turn AMOUNT rupiah of the commission of AGENT into deposit; without one, all."""
    result = session.call("commission.exchange", agent=agent, amount=amount, id=exchange_id)
    if as_json:
        tables.print_json(result)
        return
    moved, left = formats.number(result["amount"]), formats.number(result["left"])
    again = " (it was before)" if result["repeated"] else ""
    click.echo(f"agent {formats.text(agent)}: {moved} is deposit now{again}, {left} is left")
