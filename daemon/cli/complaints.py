"""`complaint`: what agents say is wrong with an order, and what they are answered."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("id", "id", "id"),
    Column("opened_at", "opened", "time"),
    Column("agent", "agent"),
    Column("order_id", "order", "id"),
    Column("words", "says"),
    Column("channel", "by way of"),
    Column("state", "state"),
    Column("answer", "answer"),
    Column("answered_by", "by"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("complaints", "list_", "What waits for an answer."),
        "answer": Lazy("complaints", "answer", "Answer a complaint."),
    },
)
def complaint() -> None:
    """What agents say is wrong with an order, and what they are answered."""


@click.command("list")
@click.option("--all", "all_", is_flag=True, help="Also those that are answered.")
@limit_option
@as_json_option
@pass_session
def list_(session: Session, all_: bool, limit: int | None, as_json: bool) -> None:
    """What waits for an answer, newest first."""
    tables.show(
        session.call("complaint.list", all=all_, limit=limit),
        "complaints",
        _COLUMNS,
        as_json=as_json,
        timezone=session.timezone,
        empty="no complaints" if all_ else "none waits",
    )


@click.command()
@click.argument("complaint_id", metavar="ID", type=int)
@click.argument("text")
@click.option("--close", is_flag=True, help="That is the last word.")
@who_option
@as_json_option
@pass_session
def answer(
    session: Session, complaint_id: int, text: str, close: bool, who: str, as_json: bool
) -> None:
    """Answer the complaint ID with TEXT, which is what the agent is told.

    An order that was not delivered is put right on its own: pulsarack order resolve, or
    pulsarack order reverse.
    """
    result = session.call("complaint.answer", id=complaint_id, answer=text, who=who, close=close)
    if as_json:
        tables.print_json(result)
    else:
        order, agent = result["order_id"], formats.text(result["agent"])
        click.echo(f"complaint {complaint_id}, order {order} of {agent}: {result['state']}")
