"""`modem probe`: what is at a port, asked without the daemon."""

import contextlib
import os
from typing import TYPE_CHECKING, Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.errors import DaemonError

if TYPE_CHECKING:
    from pulsarack.daemon.prober import Report

_SHOWN = (
    "port", "manufacturer", "model", "revision", "imei", "profile", "encodings", "card", "iccid",
    "imsi", "registration", "operator", "signal",
)  # fmt: skip


@click.command()
@click.argument("port")
@click.option("--baud", type=click.IntRange(300, 4_000_000), default=115_200, show_default=True)
@as_json_option
@pass_session
@click.pass_context
def probe(context: click.Context, session: Session, port: str, baud: int, as_json: bool) -> None:
    """Ask the device at PORT who it is and what is missing; status 1 if anything is.

    Works without the daemon, as long as that does not use the port. No PIN is entered and
    nothing is dialled.
    """
    import asyncio

    from pulsarack.daemon.clock import WallClock
    from pulsarack.daemon.prober import device_of, examine
    from pulsarack.modems.port import open_port
    from pulsarack.modems.profile import Profiles

    report = asyncio.run(
        examine(
            port,
            baud,
            clock=WallClock(),
            profiles=Profiles.load(),
            open_port=open_port,
            device=device_of(port),
        )
    )
    slot = _slot_of(session, report)
    row = report.row() | {"slot": slot}
    if slot is not None:
        # No stranger has it: what there is to know, the daemon knows.
        what, remedy = f"the daemon uses this port for slot {slot}", "see: pulsarack rack"
        row["problems"] = [{"what": what, "remedy": remedy}]
    if as_json:
        tables.print_json(row)
    else:
        _show(row)
    context.exit(1 if row["problems"] else 0)


def _slot_of(session: Session, report: "Report") -> str | None:
    """The slot for which the daemon holds the port, if it is the daemon."""
    if report.holder is None:
        return None
    wanted = os.path.realpath(report.port)
    with contextlib.suppress(DaemonError):
        for one in session.call("modem.list")["modems"]:
            ttys = one.get("ttys")
            known = [one.get("port"), *(ttys if isinstance(ttys, list) else [])]
            if wanted in {os.path.realpath(path) for path in known if isinstance(path, str)}:
                return str(one.get("slot"))
    return None


def _show(row: dict[str, Any]) -> None:
    tables.pairs((name, _text(row[name])) for name in _SHOWN)
    for port, said in row["ports"].items():
        click.echo(f"{formats.text(port)}: {formats.text(said)}")
    for one in row["problems"]:
        remedy = f"; {formats.text(one['remedy'])}" if one["remedy"] else ""
        click.echo(f"! {formats.text(one['what'])}{remedy}")


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else formats.text(value)
