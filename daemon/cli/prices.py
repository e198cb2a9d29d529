"""`price`: what products cost the agents of a level, and why an agent pays what it pays."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import RUPIAH
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("level", "level"),
    Column("product", "product"),
    Column("price", "price", "number"),
)
_SHARES = (Column("who", "who"), Column("amount", "amount", "number"))


@click.command(
    cls=LazyGroup,
    lazy={
        "set": Lazy("prices", "set_", "Set what a product costs on a level."),
        "list": Lazy("prices", "list_", "All prices of a level."),
        "remove": Lazy("prices", "remove", "Forget a price of a level."),
        "explain": Lazy("prices", "explain", "What an agent pays for a product, and why."),
    },
)
def price() -> None:
    """What products cost the agents of a level; others pay the product's own price."""


@click.command("set")
@click.argument("level")
@click.argument("product")
@click.argument("amount", type=RUPIAH)
@pass_session
def set_(session: Session, level: str, product: str, amount: int) -> None:
    """Let PRODUCT cost the agents of LEVEL so much, from the next order on."""
    session.call("price.set", level=level, product=product, price=amount)
    shown = f"{formats.text(product)} costs {formats.number(amount)}"
    click.echo(f"level {formats.text(level)}: {shown}")


@click.command("list")
@click.argument("level")
@as_json_option
@pass_session
def list_(session: Session, level: str, as_json: bool) -> None:
    """All prices of LEVEL."""
    result = session.call("price.list", level=level)
    tables.show(result, "prices", _COLUMNS, as_json=as_json, empty="no prices")


@click.command()
@click.argument("level")
@click.argument("product")
@pass_session
def remove(session: Session, level: str, product: str) -> None:
    """Let PRODUCT cost the agents of LEVEL what it costs everybody."""
    session.call("price.remove", level=level, product=product)
    click.echo(f"level {formats.text(level)}: {formats.text(product)} has no price of its own")


@click.command()
@click.argument("agent")
@click.argument("product")
@as_json_option
@pass_session
def explain(session: Session, agent: str, product: str, as_json: bool) -> None:
    """What AGENT pays for PRODUCT at this moment, and who has how much of it."""
    result = session.call("price.explain", agent=agent, product=product)
    if as_json:
        tables.print_json(result)
        return
    rows = [{"who": f"upline {one['agent']}", "amount": one["amount"]} for one in result["shares"]]
    rows += [
        {"who": "remains to us", "amount": result["remains"]},
        {"who": "of that cost", "amount": result["cost"]},
        {"who": "the agent pays", "amount": result["price"]},
    ]
    tables.show({"rows": rows}, "rows", _SHARES, as_json=False)
    if not result["sold"]:
        click.echo(f"it is not sold: {formats.text(product)} is below its cost")
