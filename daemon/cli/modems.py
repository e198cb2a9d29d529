"""`modem`: what is plugged into the rack, and how far each has come."""

import click

from pulsarack.daemon.cli import tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("slot", "slot"),
    Column("port", "port"),
    Column("state", "state"),
    Column("why", "why"),
    Column("manufacturer", "manufacturer"),
    Column("model", "model"),
    Column("profile", "profile"),
    Column("imei", "imei"),
    Column("iccid", "chip"),
    Column("signal", "signal", "number"),
    Column("registration", "registration"),
    Column("network", "network"),
    Column("technology", "technology"),
    Column("area", "area", "id"),
    Column("cell", "cell", "id"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("modems", "list_", "All slots and the modems in them."),
        "probe": Lazy("probes", "probe", "What is at a port, and what is missing (no daemon)."),
        "trace": Lazy("traces", "trace", "What is said on a slot's line, live."),
        "at": Lazy("hands", "at", "One AT command between two orders."),
        "acts": Lazy("hands", "acts", "What was forced by hand, by whom and why."),
        "reset": Lazy("hands", "reset", "Reset a modem at a safe moment."),
        "find": Lazy("hands", "find", "Make a modem blink."),
    },
)
def modem() -> None:
    """The modems of the rack."""


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """All slots and the modems in them."""
    tables.show(session.call("modem.list"), "modems", _COLUMNS, as_json=as_json, empty="no modems")
