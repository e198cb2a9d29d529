"""`rack` and `slot`: the rack as it is built, for who stands in front of it."""

import sys
from collections.abc import Iterator
from typing import Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

LOOK_SECONDS = 1.0
_CLEAR = "\x1b[H\x1b[2J"

_COLUMNS = (
    Column("slot", "slot"),
    Column("state", "state"),
    Column("name", "chip"),
    Column("operator", "operator"),
    Column("network", "network"),
    Column("signal", "signal", "number"),
    Column("stock", "stock", "number"),
    Column("doing", "doing"),
    Column("last_fault_at", "last fault", "time"),
    Column("last_fault", "what it was"),
    Column("remedies", "remedies taken"),
    Column("do", "what to do"),
)


@click.command()
@click.option("--watch", is_flag=True, help="Go on, a look a second, until Ctrl-C.")
@as_json_option
@pass_session
def rack(session: Session, watch: bool, as_json: bool) -> None:
    """The slots in the order of their places: chip, stock, what each does, what is due.

    With --watch and --json every look is one line.
    """
    for result in _looks(session, watch):
        if watch and as_json:
            import json

            click.echo(json.dumps(result, ensure_ascii=False))
            continue
        if watch and sys.stdout.isatty():
            click.echo(_CLEAR, nl=False)
        tables.show(
            result,
            "slots",
            _COLUMNS,
            as_json=as_json,
            timezone=session.timezone,
            empty="no slots; is a port named in the configuration, and a modem plugged in?",
        )


def _looks(session: Session, watch: bool) -> Iterator[dict[str, Any]]:
    with session.client() as client:
        yield client.call("rack.show")
        if not watch:
            return
        from threading import Event

        pause = Event()
        while True:
            pause.wait(LOOK_SECONDS)
            yield client.call("rack.show")


@click.command(
    cls=LazyGroup, lazy={"name": Lazy("racks", "name", "Give a slot a name that people use.")}
)
def slot() -> None:
    """The places of the rack: a USB path or a configured port."""


@click.command()
@click.argument("slot")
@click.argument("name")
@pass_session
def name(session: Session, slot: str, name: str) -> None:
    """Call SLOT (its name or path) NAME from now on, everywhere and for good."""
    session.call("slot.name", slot=slot, name=name)
    click.echo(f"slot {formats.text(slot)} is called {formats.text(name)}")
