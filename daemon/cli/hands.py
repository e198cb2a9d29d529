"""`modem at`, `modem reset`, `modem find`: hands on one modem while the rack works."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import who_option
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

# A search for networks takes three minutes, a hub one.
MOST_SECONDS = 200.0
_ACTS = (
    Column("at", "time", "time"),
    Column("slot", "slot"),
    Column("chip", "chip"),
    Column("act", "what"),
    Column("who", "who"),
    Column("because", "because"),
)


@click.command()
@click.argument("slot")
@click.argument("command")
@click.option("--seconds", type=click.FloatRange(0, 180, min_open=True), help="Wait so long.")
@click.option("--force", is_flag=True, help="Also what could do harm; it is recorded.")
@click.option("--because", default="", help="The reason, for --force; it is recorded.")
@who_option
@as_json_option
@pass_session
@click.pass_context
def at(
    context: click.Context,
    session: Session,
    slot: str,
    command: str,
    seconds: float | None,
    force: bool,
    because: str,
    who: str,
    as_json: bool,
) -> None:
    """Send one AT COMMAND to the modem in SLOT, between two orders.

    What could move money, lock the card or lose a text is refused. After a command that
    sets something the modem is set up anew. Status 1 if the modem says an error.
    """
    result = session.call_slowly(
        "modem.at",
        MOST_SECONDS,
        slot=slot,
        command=command,
        seconds=seconds,
        force=force,
        because=because,
        who=who,
    )
    if as_json:
        tables.print_json(result)
    else:
        for line in (*result["lines"], result["final"]):
            click.echo(formats.text(line))
        if result.get("note"):
            click.echo(f"({formats.text(result['note'])})", err=True)
    context.exit(0 if result["ok"] else 1)


@click.command()
@limit_option
@as_json_option
@pass_session
def acts(session: Session, limit: int | None, as_json: bool) -> None:
    """What was forced by hand on the modems, by whom and why, newest first."""
    result = session.call("modem.acts", limit=limit)
    zone = session.timezone
    tables.show(result, "acts", _ACTS, as_json=as_json, timezone=zone, empty="none")


@click.command()
@click.argument("slot")
@click.option(
    "--how",
    type=click.Choice(["cfun", "usb", "power"]),
    help="AT+CFUN=1,1, USB reset, or the hub's power; without it the mildest there is.",
)
@click.option("--because", default="", help="The reason; it is shown among the remedies taken.")
@who_option
@as_json_option
@pass_session
def reset(
    session: Session, slot: str, how: str | None, because: str, who: str, as_json: bool
) -> None:
    """Reset the modem in SLOT as soon as its chip does nothing.

    Refused while an order of it is undecided: its answer may still come.
    """
    result = session.call_slowly(
        "modem.reset", MOST_SECONDS, slot=slot, how=how, because=because, who=who
    )
    if as_json:
        tables.print_json(result)
        return
    click.echo(f"slot {formats.text(result.get('slot'))}: {formats.text(result.get('how'))} done")


@click.command()
@click.argument("slot")
@pass_session
def find(session: Session, slot: str) -> None:
    """Make the modem in SLOT blink for ten seconds, where its model can."""
    session.call_slowly("modem.find", MOST_SECONDS, slot=slot)
    click.echo(f"the modem in slot {formats.text(slot)} has blinked")
