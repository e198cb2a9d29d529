"""`doctor`: what is wrong on this machine, in words, and what to do about it."""

import os

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session


@click.command()
@as_json_option
@pass_session
@click.pass_context
def doctor(context: click.Context, session: Session, as_json: bool) -> None:
    """Look at everything the daemon needs and say what to do; status 1 if something is bad.

    It writes nothing, and works with the daemon running or not.
    """
    from pulsarack.daemon import clock
    from pulsarack.daemon.doctor import Level, Subject, examine, load
    from pulsarack.daemon.doctor_checks import CHECKS

    settings, findings = load(session.config_path)
    if settings is not None:
        now = clock.WallClock(settings.rehearsal.speed, settings.rehearsal.anchor)
        subject = Subject(settings, session.socket, os.environ, now.now_ms(), clock.synchronised())
        findings += examine(subject, CHECKS)
    rows = [
        {"level": one.level.value, "check": one.check, "what": one.what, "remedy": one.remedy}
        for one in findings
    ]
    is_bad = any(one.level is Level.BAD for one in findings)
    if as_json:
        tables.print_json({"sound": not is_bad, "findings": rows})
    for row in [] if as_json else rows:
        remedy = f"; {formats.text(row['remedy'])}" if row["remedy"] else ""
        click.echo(f"{row['level']:4}  {row['check']}: {formats.text(row['what'])}{remedy}")
    context.exit(1 if is_bad else 0)
