"""`order`: place one, find it, see its whole story, cancel or settle it by hand."""

from typing import Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import because_option, who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

# In these nothing happens to an order any more unless a person reverses it.
FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "REVERSED"})
STATES = ("QUEUED", "SENDING", "UNKNOWN", "SUCCEEDED", "FAILED", "CANCELLED", "REVERSED")

_COLUMNS = (
    Column("id", "id", "id"),
    Column("received_at", "received", "time"),
    Column("state", "state"),
    Column("reason", "reason"),
    Column("agent", "agent"),
    Column("product", "product"),
    Column("destination", "destination", "destination"),
    Column("price", "price", "number"),
    Column("cost", "cost", "number"),
    Column("chip", "chip"),
    Column("serial_number", "serial number"),
    Column("finished_at", "finished", "time"),
)

_ARCHIVE = Column("archive", "archive")


@click.command(
    cls=LazyGroup,
    lazy={
        "new": Lazy("orders", "new", "Place an order as an agent's text."),
        "show": Lazy("order_story", "show", "The whole story of one order."),
        "list": Lazy("orders", "list_", "The latest orders."),
        "undecided": Lazy("orders", "undecided", "Orders that nobody knows the end of, and why."),
        "cancel": Lazy("orders", "cancel", "Cancel an order that has not left yet."),
        "resolve": Lazy("orders", "resolve", "Decide an undecided order by hand."),
        "reverse": Lazy("orders", "reverse", "Take a success back, with its price."),
        "refuted": Lazy("orders", "refuted", "Failed orders that a late text says were done."),
        "acknowledge": Lazy("orders", "acknowledge", "Note what came of such an order."),
        "pipe": Lazy("order_pipe", "pipe", "Orders in as JSON lines, results and messages out."),
    },
)
def order() -> None:
    """Place, find, cancel and settle orders."""


@click.command()
@click.argument("agent")
@click.argument("text")
@click.option("--reference", help="Your own key: the same again is not a second order.")
@click.option("--wait", is_flag=True, help="Wait for the result; status 1 if not delivered.")
@as_json_option
@pass_session
@click.pass_context
def new(
    context: click.Context,
    session: Session,
    agent: str,
    text: str,
    reference: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Place the order TEXT for AGENT, written as agents write it: S10.081200000012"""
    with session.client() as client:
        # Followed first, on the same connection, so that no change is missed.
        events = client.stream("events.follow") if wait else None
        result = client.call("order.new", agent=agent, text=text, client_reference=reference)
        while events is not None and result["state"] not in FINAL:
            event = next(events, None)
            if event is None:
                break
            # A follower that fell behind is told so ("lost"), and has to look again.
            if event.get("kind") == "lost" or event.get("id") == result["id"]:
                repeated = result.get("repeated", False)
                result = client.call("order.show", id=result["id"])["order"]
                result["repeated"] = repeated
    _print_order(session, result, as_json)
    context.exit(1 if wait and result["state"] != "SUCCEEDED" else 0)


@click.command("list")
@click.option("--state", type=click.Choice(STATES, case_sensitive=False))
@click.option("--agent", help="Only this agent's.")
@click.option("--archived", is_flag=True, help="Those that left the database for an archive.")
@click.option("--month", metavar="YYYY-MM", help="Archived orders that were finished then.")
@limit_option
@as_json_option
@pass_session
def list_(
    session: Session,
    state: str | None,
    agent: str | None,
    archived: bool,
    month: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """The latest orders."""
    past: dict[str, Any] = {"archived": True, "month": month} if archived or month else {}
    result = session.call("order.list", state=state, agent=agent, limit=limit, **past)
    columns = (*_COLUMNS, _ARCHIVE) if past else _COLUMNS
    tables.show(
        result, "orders", columns, as_json=as_json, timezone=session.timezone, empty="no orders"
    )
    for why in result.get("unreadable") or []:
        click.echo(f"pulsarack: {formats.text(why)}", err=True)


@click.command()
@as_json_option
@pass_session
def undecided(session: Session, as_json: bool) -> None:
    """Orders that nobody knows the end of, each with what was found about it."""
    _print_findings(session, session.call("order.undecided"), as_json)


@click.command()
@as_json_option
@pass_session
def refuted(session: Session, as_json: bool) -> None:
    """Failed orders that a late text says were done.

    The agent has his price back and the customer his airtime; no money moves by itself.
    Settle it with the agent. What the chip lost is in `pulsarack discrepancies`, to be
    cleared --as delivery. Then: pulsarack order acknowledge ID --because TEXT
    """
    _print_findings(session, session.call("order.refuted"), as_json)


def _print_findings(session: Session, result: dict[str, Any], as_json: bool) -> None:
    tables.show(
        result, "orders", _COLUMNS, as_json=as_json, timezone=session.timezone, empty="none"
    )
    if as_json:
        return
    for row in result["orders"]:
        click.echo(f"\norder {row['id']}")
        for found in row["evidence"]:
            at = formats.time(found.get("at"), session.timezone)
            rule = f" [{formats.text(found['rule'])}]" if found.get("rule") else ""
            detail = formats.text(found["detail"])
            click.echo(f"  {at}  {formats.text(found['kind'])}: {detail}{rule}")


@click.command()
@click.argument("order_id", metavar="ID", type=int)
@as_json_option
@pass_session
def cancel(session: Session, order_id: int, as_json: bool) -> None:
    """Cancel the order ID and give its price back, if it has not left yet."""
    _print_order(session, session.call("order.cancel", id=order_id), as_json)


@click.command()
@click.argument("order_id", metavar="ID", type=int)
@click.option("--delivered/--not-delivered", default=None, help="What is proved; one is needed.")
@click.option("--chip", metavar="ICCID", help="What delivered an order of a restored backup.")
@because_option
@who_option
@as_json_option
@pass_session
def resolve(
    session: Session,
    order_id: int,
    delivered: bool | None,
    chip: str | None,
    because: str,
    who: str,
    as_json: bool,
) -> None:
    """Decide the undecided order ID by hand, on evidence that the daemon cannot see."""
    if delivered is None:
        # Money hangs on it, so neither of the two is what happens by itself.
        raise click.UsageError("say --delivered or --not-delivered", click.get_current_context())
    more = {} if chip is None else {"chip": chip}
    result = session.call(
        "order.resolve", id=order_id, delivered=delivered, because=because, who=who, **more
    )
    _print_order(session, result, as_json)


@click.command()
@click.argument("order_id", metavar="ID", type=int)
@click.option(
    "--stock-returned",
    is_flag=True,
    help="The operator gave the cost back, and it is not booked.",
)
@because_option
@who_option
@as_json_option
@pass_session
def reverse(
    session: Session, order_id: int, stock_returned: bool, because: str, who: str, as_json: bool
) -> None:
    """Take the success ID back: the agent gets the price again and is told."""
    result = session.call(
        "order.reverse", id=order_id, because=because, who=who, stock_returned=stock_returned
    )
    _print_order(session, result, as_json)
    if not as_json:
        for one in result.get("owing", ()):
            name, amount = formats.text(one["agent"]), formats.number(one["amount"])
            click.echo(f"agent {name} had drawn its commission: it is {amount} below zero")


@click.command()
@click.argument("order_id", metavar="ID", type=int)
@because_option
@who_option
@as_json_option
@pass_session
def acknowledge(session: Session, order_id: int, because: str, who: str, as_json: bool) -> None:
    """Note what came of the failed order ID that was done after all. No money moves."""
    result = session.call("order.acknowledge", id=order_id, because=because, who=who)
    _print_order(session, result, as_json)


def _print_order(session: Session, order: dict[str, Any], as_json: bool) -> None:
    if as_json:
        tables.print_json(order)
        return
    if order.get("repeated"):
        click.echo("this order was known already; nothing was ordered again", err=True)
    tables.pairs(order_pairs(order, session.timezone))


def order_pairs(order: dict[str, Any], timezone: str | None) -> list[tuple[str, str]]:
    """The head of an order, name by name; what is not there is left out."""
    shown = [("order", str(order.get("id")))]
    others = (Column("client_reference", "reference"), Column("text", "text"), _ARCHIVE)
    for column in (*_COLUMNS[1:], *others):
        if order.get(column.field) is not None:
            shown.append((column.heading, tables.cells([order], [column], timezone)[0][0]))
    return shown


def attempt_title(attempt: dict[str, Any]) -> str:
    """One attempt in a line: which chip, where, and how it ended."""
    parts = [f"attempt {attempt.get('number')}"]
    parts += [
        f"{name} {formats.text(attempt[name])}"
        for name in ("chip", "slot", "modem", "recipe")
        if attempt.get(name) is not None
    ]
    ended = attempt.get("outcome") or "open"
    reason = f" ({formats.text(attempt['reason'])})" if attempt.get("reason") else ""
    why = f", {formats.text(attempt['why'])}" if attempt.get("why") else ""
    return f"{', '.join(parts)}: {formats.text(ended)}{reason}{why}"
