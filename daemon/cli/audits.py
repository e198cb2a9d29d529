"""`audit`: checks every promise on the database itself, with the daemon running or not."""

from pathlib import Path

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session

_FILE = click.Path(path_type=Path)


@click.command()
@click.option("--database", type=_FILE, help="Another file than the configured one.")
@click.option("--truth", type=_FILE, help="The books of a simulated rack, to compare with.")
@click.option("--archives", is_flag=True, help="Also read every archive, row for row.")
@as_json_option
@pass_session
@click.pass_context
def audit(
    context: click.Context,
    session: Session,
    database: Path | None,
    truth: Path | None,
    archives: bool,
    as_json: bool,
) -> None:
    """Check every promise on the database itself; status 1 if one is broken."""
    from pulsarack.daemon.audit import main

    findings = main(database or _configured(session), truth, archives=archives)
    rows = [
        {"rule": finding.rule, "subject": finding.subject, "detail": finding.detail}
        for finding in findings
    ]
    if as_json:
        tables.print_json({"findings": rows})
    elif not rows:
        click.echo("audit: every promise holds")
    for row in [] if as_json else rows:
        click.echo("  ".join(map(formats.text, row.values())))
    context.exit(1 if rows else 0)


def _configured(session: Session) -> Path:
    from pulsarack.daemon import config
    from pulsarack.daemon.store_files import DATABASE_NAME

    return config.load(session.config_path).daemon.state_dir / DATABASE_NAME
