"""`prefix`: which numbers belong to which operator."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (Column("prefix", "prefix", "destination"), Column("operator", "operator"))


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("prefixes", "list_", "All prefixes."),
        "set": Lazy("prefixes", "set_", "Give a prefix to an operator."),
        "remove": Lazy("prefixes", "remove", "Forget a prefix."),
    },
)
def prefix() -> None:
    """Which numbers belong to which operator; the longest prefix decides."""


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """All prefixes."""
    result = session.call("prefix.list")
    tables.show(result, "prefixes", _COLUMNS, as_json=as_json, empty="no prefixes")


@click.command("set")
@click.argument("prefix_digits", metavar="PREFIX")
@click.argument("operator")
@pass_session
def set_(session: Session, prefix_digits: str, operator: str) -> None:
    """Give the numbers that begin with PREFIX (as in 0812) to OPERATOR."""
    session.call("prefix.set", prefix=prefix_digits, operator=operator)
    click.echo(f"{formats.text(prefix_digits)} belongs to {formats.text(operator)}")


@click.command()
@click.argument("prefix_digits", metavar="PREFIX")
@pass_session
def remove(session: Session, prefix_digits: str) -> None:
    """Forget PREFIX; a shorter one may still cover its numbers."""
    session.call("prefix.remove", prefix=prefix_digits)
    click.echo(f"{formats.text(prefix_digits)} is forgotten")
