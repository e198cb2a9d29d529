"""`credit`: deposits that one admin wants raised or taken back, and another one confirms."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import because_option, who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("id", "id", "id"),
    Column("asked_at", "proposed", "time"),
    Column("agent", "agent"),
    Column("amount", "amount", "number"),
    Column("who", "by"),
    Column("uid", "user", "id"),
    Column("because", "because"),
    Column("state", "state"),
    Column("decided_who", "decided by"),
    Column("decided_uid", "user", "id"),
    Column("decided_because", "because"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("credits", "list_", "What waits for another admin."),
        "confirm": Lazy("credits", "confirm", "Confirm what another admin proposed."),
        "refuse": Lazy("credits", "refuse", "End a proposal."),
    },
)
def credit() -> None:
    """Deposits that one admin wants raised or taken back, and another one confirms.

    Proposed with: pulsarack agent credit. Who is who the kernel says, by the login.
    """


@click.command("list")
@click.option("--all", "all_", is_flag=True, help="Also those that are decided.")
@limit_option
@as_json_option
@pass_session
def list_(session: Session, all_: bool, limit: int | None, as_json: bool) -> None:
    """What waits for another admin, newest first; below zero is taken back."""
    tables.show(
        session.call("credit.list", all=all_, limit=limit),
        "requests",
        _COLUMNS,
        as_json=as_json,
        timezone=session.timezone,
        empty="no proposals" if all_ else "none waits",
    )


@click.command()
@click.argument("request_id", metavar="ID", type=int)
@who_option
@as_json_option
@pass_session
def confirm(session: Session, request_id: int, who: str, as_json: bool) -> None:
    """Confirm the proposal ID of another admin: the money moves."""
    result = session.call("credit.confirm", id=request_id, who=who)
    if as_json:
        tables.print_json(result)
        return
    amount = result["amount"]
    words = "credited" if amount > 0 else "taken back"
    click.echo(f"agent {formats.text(result['agent'])}: {formats.number(abs(amount))} {words}")


@click.command()
@click.argument("request_id", metavar="ID", type=int)
@because_option
@who_option
@as_json_option
@pass_session
def refuse(session: Session, request_id: int, because: str, who: str, as_json: bool) -> None:
    """End the proposal ID: nothing moves."""
    result = session.call("credit.refuse", id=request_id, because=because, who=who)
    if as_json:
        tables.print_json(result)
    else:
        click.echo(f"proposal {request_id} is refused")
