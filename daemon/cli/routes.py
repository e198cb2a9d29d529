"""`route`: which chip an order would take, and why not the others."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("name", "chip"),
    Column("iccid", "iccid"),
    Column("verdict", "verdict"),
    Column("load", "load", "number"),
    Column("reasons", "reasons"),
)


@click.command(
    cls=LazyGroup,
    lazy={"explain": Lazy("routes", "explain", "Which chip such an order would take now.")},
)
def route() -> None:
    """Which chip an order would take, and why."""


@click.command()
@click.argument("product")
@click.argument("destination")
@as_json_option
@pass_session
def explain(session: Session, product: str, destination: str, as_json: bool) -> None:
    """Which chip an order of PRODUCT for DESTINATION would take now; nothing is ordered."""
    result = session.call("route.explain", product=product, destination=destination)
    if not as_json:
        click.echo(f"operator: {formats.text(result.get('operator'))}")
        click.echo(f"winner:   {formats.text(result.get('winner') or 'none')}")
    tables.show(result, "chips", _COLUMNS, as_json=as_json, empty="no chips")
