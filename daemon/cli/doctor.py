"""`doctor`: what is wrong on this machine, each in a sentence, and the command for it below."""

import os
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session

if TYPE_CHECKING:
    from pulsarack.daemon.doctor import Finding


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
    from pulsarack.daemon.doctor_facts import this_machine, with_credentials

    settings, loaded = load(session.config_path)
    made: Iterable[Finding] = loaded
    if settings is not None:
        now = clock.WallClock(settings.rehearsal.speed, settings.rehearsal.anchor)
        subject = Subject(
            settings,
            session.socket,
            with_credentials(os.environ, session.config_path),
            now.now_ms(),
            clock.synchronised(),
            this_machine(),
            session.config_path,
        )
        made = chain(loaded, examine(subject, CHECKS))
    rows, sound = [], True
    for finding in made:
        sound = sound and finding.level is not Level.BAD
        rows.append(_row(finding))
        if not as_json:
            # Each at once: a check that takes its time shows what came before it.
            click.echo(_line(rows[-1]))
    if as_json:
        tables.print_json({"sound": sound, "findings": rows})
    context.exit(0 if sound else 1)


def _row(found: "Finding") -> dict[str, str]:
    return {
        "level": found.level.value,
        "check": found.check,
        "what": found.what,
        "command": found.command,
        "remedy": found.remedy,
    }


def _line(row: dict[str, str]) -> str:
    remedy = f"; {formats.text(row['remedy'])}" if row["remedy"] else ""
    line = f"{row['level']:4}  {row['check']}: {formats.text(row['what'])}{remedy}"
    return f"{line}\n      $ {formats.text(row['command'])}" if row["command"] else line
