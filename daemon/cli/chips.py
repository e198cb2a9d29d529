"""`chip`: the SIM cards that hold dealer stock."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import RUPIAH, who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("name", "name"),
    Column("iccid", "iccid"),
    Column("operator", "operator"),
    Column("state", "state"),
    Column("why", "why"),
    Column("slot", "slot"),
    Column("doing", "doing"),
    Column("stock_available", "available", "number"),
    Column("stock_held", "held", "number"),
    Column("stock_posted", "booked", "number"),
    Column("stock_read", "operator says", "number"),
    Column("sold_hour", "this hour", "number"),
    Column("sold_today", "today", "number"),
    Column("undecided", "undecided", "number"),
)
_MORE = (
    Column("recipe", "recipe"),
    Column("expires_on", "valid until"),
    Column("modem", "modem"),
    Column("network", "network"),
    Column("registration", "registration"),
    Column("technology", "technology"),
    Column("signal", "signal", "number"),
    Column("area", "area", "id"),
    Column("cell", "cell", "id"),
    Column("reserve", "reserve", "number"),
    Column("per_hour", "per hour", "number"),
    Column("per_day", "per day", "number"),
    Column("receives", "receives texts"),
    Column("answers", "answers texts"),
)
_READINGS = (
    Column("at", "time", "time"),
    Column("stock", "operator says", "number"),
    Column("ledger", "booked", "number"),
    Column("source", "source"),
)
_ATTEMPTS = (
    Column("order", "order", "id"),
    Column("number", "attempt", "id"),
    Column("claimed_at", "claimed", "time"),
    Column("closed_at", "closed", "time"),
    Column("outcome", "outcome"),
    Column("reason", "reason"),
    Column("why", "why"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("chips", "list_", "All chips with their stock and state."),
        "show": Lazy("chips", "show", "One chip with its latest readings and attempts."),
        "adopt": Lazy("chips", "adopt", "Let a chip that was found take orders."),
        "rest": Lazy("chips", "rest", "Give a chip no more orders."),
        "enable": Lazy("chips", "enable", "Let a resting chip take orders again."),
        "channel": Lazy("chips", "channel", "Say whether agents write to a chip, and from it."),
        "expiry": Lazy("chips", "expiry", "Note until when a chip is valid."),
        "try-pin": Lazy("chips", "try_pin", "Let a refused SIM PIN be tried again."),
    },
)
def chip() -> None:
    """The SIM cards that hold dealer stock, named by their ICCID."""


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """All chips with their stock and state."""
    tables.show(session.call("chip.list"), "chips", _COLUMNS, as_json=as_json, empty="no chips")


@click.command()
@click.argument("iccid")
@as_json_option
@pass_session
def show(session: Session, iccid: str, as_json: bool) -> None:
    """One chip with its latest readings and attempts."""
    result = session.call("chip.show", iccid=iccid)
    if as_json:
        tables.print_json(result)
        return
    columns = (*_COLUMNS, *_MORE)
    values = tables.cells([result], columns, session.timezone)[0]
    tables.pairs((column.heading, value) for column, value in zip(columns, values, strict=True))
    for title, found in (("readings", _READINGS), ("attempts", _ATTEMPTS)):
        click.echo(f"\n{title}")
        tables.show(result, title, found, as_json=False, timezone=session.timezone, empty="  none")


@click.command()
@click.argument("iccid")
@click.option("--operator", required=True, help="Whose chip it is, as in `prefix list`.")
@click.option("--recipe", required=True, help="How it is talked to.")
@click.option("--name", help="What people call it.")
@click.option("--reserve", type=RUPIAH, help="Stock that is never sold.")
@click.option("--per-hour", type=click.IntRange(1), help="The most top-ups an hour.")
@click.option("--per-day", type=click.IntRange(1), help="The most top-ups a day.")
@click.option("--pause-seconds", type=click.FloatRange(0), help="Rest between two top-ups.")
@click.option("--msisdn", help="Its own number.")
@pass_session
def adopt(
    session: Session,
    iccid: str,
    operator: str,
    recipe: str,
    name: str | None,
    reserve: int | None,
    per_hour: int | None,
    per_day: int | None,
    pause_seconds: float | None,
    msisdn: str | None,
) -> None:
    """Let the chip ICCID, which was found in a modem, take orders.

    Its PIN belongs into the secrets file first.
    """
    session.call(
        "chip.adopt",
        iccid=iccid,
        operator=operator,
        recipe=recipe,
        name=name,
        reserve=reserve,
        per_hour=per_hour,
        per_day=per_day,
        pause_seconds=pause_seconds,
        msisdn=msisdn,
    )
    click.echo(f"chip {formats.text(iccid)} is adopted")


@click.command()
@click.argument("iccid")
@click.option("--because", required=True, help="Why; it is shown beside the chip.")
@pass_session
def rest(session: Session, iccid: str, because: str) -> None:
    """Give the chip ICCID no more orders; what it has begun it finishes."""
    session.call("chip.rest", iccid=iccid, because=because)
    click.echo(f"chip {formats.text(iccid)} rests")


@click.command()
@click.argument("iccid")
@pass_session
def enable(session: Session, iccid: str) -> None:
    """Let the chip ICCID take orders again."""
    session.call("chip.enable", iccid=iccid)
    click.echo(f"chip {formats.text(iccid)} takes orders")


_SWITCH = click.Choice(["on", "off", "default"])


@click.command()
@click.argument("iccid")
@click.option("--receives", type=_SWITCH, help="Whether it takes agents' orders.")
@click.option("--answers", type=_SWITCH, help="Whether it sends texts to agents.")
@pass_session
def channel(session: Session, iccid: str, receives: str | None, answers: str | None) -> None:
    """Say whether agents order by SMS to the chip ICCID, and are answered from it.

    "default" is what [sms] of the configuration says; what is not named stays as it is.
    """
    told = session.call("chip.channel", iccid=iccid, receives=receives, answers=answers)
    click.echo(
        f"chip {formats.text(iccid)} {'takes' if told['receives'] else 'takes no'} orders by SMS"
        f" and {'answers' if told['answers'] else 'does not answer'}"
    )


@click.command()
@click.argument("iccid")
@click.argument("day", metavar="[YYYY-MM-DD]", required=False)
@click.option("--unknown", is_flag=True, help="Nobody knows it: warn no more.")
@who_option
@pass_session
def expiry(session: Session, iccid: str, day: str | None, unknown: bool, who: str) -> None:
    """Note the last day on which the chip ICCID is valid (masa aktif); the daemon warns before.

    The operator says it with the stock of some chips, else ask it or look at the card.
    """
    if (day is None) != unknown:
        raise click.UsageError("name the day, or say --unknown")
    session.call("chip.expiry", iccid=iccid, expires_on=day, who=who)
    told = "is not known" if day is None else f"is {formats.text(day)}"
    click.echo(f"the last day of chip {formats.text(iccid)} {told}")


@click.command("try-pin")
@click.argument("card")
@pass_session
def try_pin(session: Session, card: str) -> None:
    """Let the SIM PIN on file be tried again in CARD, which refused it before.

    CARD is the ICCID, or the IMEI of a modem that does not tell it of a locked card. Correct
    sim_pin in the secrets file and run pulsarack config reload first: three wrong tries block a
    card.
    """
    session.call("chip.try_pin", card=card)
    click.echo(f"the SIM PIN of {formats.text(card)} is tried again")
