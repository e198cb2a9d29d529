"""`tail`: follow what happens to orders and chips, as it happens.

What is wanted is chosen in the daemon, so that nothing of it is lost for the sake of what is not
shown. When the daemon goes away, as for an upgrade, this waits and follows again, and says so;
what happened meanwhile is not shown. Colours only on a terminal, and not if $NO_COLOR is set
(no-color.org).
"""

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from pulsarack.daemon.cli import formats
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.watch import flat
from pulsarack.daemon.client import CallFailed, ClientError, NotReached, ProtocolTrouble

RETRY_SECONDS = 1.0
KINDS = ("order", "chip", "stock", "sms", "modem")
OUTCOMES = ("SUCCEEDED", "FAILED", "CANCELLED", "REVERSED", "UNKNOWN")
# What the daemon says when it sends no more; nothing is wrong with the request then.
_GOES_ON = frozenset({"STOPPING", "TOO_SLOW"})
_COLOURS: Mapping[str, str] = {
    "SUCCEEDED": "green",
    "FAILED": "red",
    "CANCELLED": "red",
    "REVERSED": "magenta",
    "UNKNOWN": "yellow",
    "ready": "green",
    "held": "red",
    "failed": "red",
    "gone": "red",
    "not adopted": "yellow",
    "resting": "yellow",
    "different": "red",
    "lost": "red",
    "away": "red",
    "back": "green",
}
_WORDS_OF_STATE = ("state", "doing", "compared")


@click.command()
@click.option("--agent", multiple=True, help="Only this agent's orders.")
@click.option("--chip", multiple=True, metavar="ICCID", help="Or its last digits, four at least.")
@click.option("--operator", multiple=True, help="Only this operator's orders and chips.")
@click.option("--slot", multiple=True, help="Only what happens in this slot.")
@click.option("--order", multiple=True, type=click.IntRange(1), help="Only this order.")
@click.option("--state", multiple=True, help="Of orders and modems: SENDING, ready, ...")
@click.option(
    "--outcome", multiple=True, type=click.Choice(OUTCOMES, case_sensitive=False),
    help="Only orders that end so, or are undecided.",
)  # fmt: skip
@click.option("--kind", multiple=True, type=click.Choice(KINDS), help="Only this kind of event.")
@click.option("--once", is_flag=True, help="End when the daemon does.")
@as_json_option
@pass_session
def tail(session: Session, /, once: bool, as_json: bool, **wanted: Sequence[Any]) -> None:
    """Follow what happens to orders and chips, until Ctrl-C.

    Each option may be given several times: any of its values will do. All options that are
    given must be met.
    """
    filters = {name: list(values) for name, values in wanted.items() if values}
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for event in events(session, filters, once=once):
        if as_json:
            click.echo(json.dumps(event, ensure_ascii=False))
        else:
            click.echo(line_of(event, session.timezone, colours=colours))
        sys.stdout.flush()


def events(
    session: Session, filters: Mapping[str, Any], *, once: bool = False
) -> Iterator[dict[str, Any]]:
    """All events that are wanted, those of the connection itself among them; raises ClientError.

    A daemon that is not there when this begins is an error; one that goes away is waited for.
    """
    been_there = away = False
    while True:
        try:
            with session.client() as client:
                following = client.stream("events.follow", **filters)
                client.call("status")  # handled behind the other: from here on nothing is missed
                been_there = True
                if away:
                    away = False
                    yield {"kind": "back"}
                yield from following
            why = "the daemon ended the stream"
        except (NotReached, ProtocolTrouble, CallFailed) as error:
            if once or not _comes_back(error, been_there):
                raise
            why = error.message
        if once:
            return
        if not away:
            away = True
            yield {"kind": "away", "why": why}
        threading.Event().wait(RETRY_SECONDS)


def _comes_back(error: ClientError, been_there: bool) -> bool:
    """Whether to wait for another daemon."""
    if isinstance(error, CallFailed):
        return error.code in _GOES_ON
    return been_there


def line_of(event: Mapping[str, Any], timezone: str | None, *, colours: bool) -> str:
    """One event as a line for people."""
    rest = dict(event)
    at, kind = rest.pop("at", None), rest.pop("kind", None)
    if told := _told(kind, rest):
        return click.style(told, fg=_COLOURS[str(kind)]) if colours else told
    words = [f"{formats.clock(at, timezone)} "] if isinstance(at, int) else []
    words.append(f"{formats.text(kind):5}")
    for name, value in rest.items():
        if value is not None and value != "":
            words.append(_word(name, value, colours))
    return " ".join(words)


def _told(kind: object, rest: Mapping[str, Any]) -> str | None:
    """What is said of the connection itself."""
    if kind == "lost":
        count = formats.number(rest.get("count"))
        return f"-- {count} events are lost: they came faster than they were shown --"
    if kind == "away":
        return f"-- {formats.text(rest.get('why'))}; waiting for the daemon --"
    if kind == "back":
        return "-- the daemon is there again; what happened meanwhile is not shown --"
    return None


def _word(name: str, value: Any, colours: bool) -> str:
    shown = str(value) if name == "id" else flat(value)
    if colours and name in _WORDS_OF_STATE and (colour := _COLOURS.get(str(value))):
        shown = click.style(shown, fg=colour, bold=True)
    label = formats.text(name)
    return f"{click.style(label, dim=True) if colours else label}={shown}"
