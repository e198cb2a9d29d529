"""`markup`: what uplines add to the price of those below them, and earn."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import RUPIAH
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("upline", "upline"),
    Column("downline", "downline"),
    Column("product", "product"),
    Column("amount", "amount", "number"),
)
_downline = click.option("--downline", help="Only for this agent, and those below it.")
_product = click.option("--product", help="Only for this product.")


@click.command(
    cls=LazyGroup,
    lazy={
        "set": Lazy("markups", "set_", "Set what an upline adds."),
        "list": Lazy("markups", "list_", "The mark-ups of an upline."),
        "remove": Lazy("markups", "remove", "Forget a mark-up."),
    },
)
def markup() -> None:
    """What uplines add to the price; the most specific one counts, and it is their commission."""


@click.command("set")
@click.argument("upline")
@click.argument("amount", type=RUPIAH)
@_downline
@_product
@pass_session
def set_(
    session: Session, upline: str, amount: int, downline: str | None, product: str | None
) -> None:
    """Let UPLINE add AMOUNT rupiah, from the next order on; 0 is nothing at all."""
    session.call("markup.set", upline=upline, amount=amount, downline=downline, product=product)
    click.echo(f"{formats.text(upline)} adds {formats.number(amount)}{_for(downline, product)}")


@click.command("list")
@click.argument("upline")
@as_json_option
@pass_session
def list_(session: Session, upline: str, as_json: bool) -> None:
    """The mark-ups of UPLINE; no downline or product is any."""
    result = session.call("markup.list", upline=upline)
    tables.show(result, "markups", _COLUMNS, as_json=as_json, empty="no mark-ups")


@click.command()
@click.argument("upline")
@_downline
@_product
@pass_session
def remove(session: Session, upline: str, downline: str | None, product: str | None) -> None:
    """Forget the mark-up of UPLINE for exactly that; a less specific one may count then."""
    session.call("markup.remove", upline=upline, downline=downline, product=product)
    click.echo(f"the mark-up of {formats.text(upline)}{_for(downline, product)} is forgotten")


def _for(downline: str | None, product: str | None) -> str:
    of_whom = f" for {formats.text(downline)}" if downline else ""
    return of_whom + (f" on {formats.text(product)}" if product else "")
