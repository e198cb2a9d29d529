"""`unparsed`: operators' texts that no pattern knew, waiting for somebody to read them."""

import click

from pulsarack.daemon.cli import tables
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("id", "id", "id"),
    Column("at", "time", "time"),
    Column("chip", "chip"),
    Column("channel", "channel"),
    Column("sender", "sender"),
    Column("attempt", "attempt", "id"),
    Column("text", "text"),
)


@click.command()
@limit_option
@as_json_option
@pass_session
def unparsed(session: Session, limit: int | None, as_json: bool) -> None:
    """Operators' texts that no pattern knew.

    `pulsarack recipe try` shows what a recipe makes of such a text.
    """
    tables.show(
        session.call("unparsed.list", limit=limit),
        "replies",
        _COLUMNS,
        as_json=as_json,
        timezone=session.timezone,
        empty="every text was understood",
    )
