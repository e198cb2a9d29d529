"""`product`: what is sold, and for how much."""

from pathlib import Path

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("code", "code"),
    Column("operator", "operator"),
    Column("denomination", "denomination", "number"),
    Column("price", "price", "number"),
    Column("cost", "cost", "number"),
    Column("name", "name"),
    Column("kind", "kind"),
    Column("time_limit_seconds", "time limit", "number"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "import": Lazy("products", "import_", "Add and change products from a CSV file."),
        "list": Lazy("products", "list_", "All products with their prices."),
        "below-cost": Lazy("products", "below_cost", "Whether it may be sold below its cost."),
    },
)
def product() -> None:
    """What is sold, and for how much."""


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@as_json_option
@pass_session
def import_(session: Session, file: Path, as_json: bool) -> None:
    """Add and change products from the CSV file FILE.

    Its first line names the columns: code,operator,denomination,price,cost and, if you
    like, name, time_limit_seconds, below_cost (1 lets it be sold for less than it costs)
    and kind (meter for what is sold to electricity meters, else airtime). Amounts are
    rupiah in plain digits. If a line is wrong nothing is imported.
    """
    from pulsarack.daemon.cli import product_file

    rows = product_file.read(file)
    product_file.refuse_too_many(rows, str(file))
    result = session.call("product.import", rows=rows)
    if as_json:
        tables.print_json(result)
    else:
        added, changed = formats.number(result["added"]), formats.number(result["changed"])
        click.echo(f"products: {added} added, {changed} changed")


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """All products with their prices."""
    result = session.call("product.list")
    tables.show(result, "products", _COLUMNS, as_json=as_json, empty="no products")


@click.command("below-cost")
@click.argument("code")
@click.option("--allow/--forbid", "allowed", required=True, help="May it be?")
@pass_session
def below_cost(session: Session, code: str, allowed: bool) -> None:
    """Say whether the product CODE may be sold for less than it costs us."""
    session.call("product.below_cost", code=code, allowed=allowed)
    may = "may" if allowed else "may not"
    click.echo(f"{formats.text(code)} {may} be sold below its cost")
