"""`backup`: copies of the database, whether they are good, and putting one back."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

if TYPE_CHECKING:
    from pulsarack.daemon.backups.shelf import Backup
    from pulsarack.daemon.config import Config

# A large database on a slow disk.
_MORE_SECONDS = 3600.0
_COLUMNS = (
    Column("name", "backup"),
    Column("at", "made", "time"),
    Column("why", "why"),
    Column("bytes", "bytes", "number"),
    Column("newest_order", "up to order", "id"),
    Column("verified", "verified"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "now": Lazy("backups", "now", "Make a backup."),
        "list": Lazy("backups", "list_", "The backups there are."),
        "verify": Lazy("backups", "verify", "Put a backup back into a directory and audit it."),
        "restore": Lazy("backups", "restore", "Put a backup in the place of the database."),
        "reopen": Lazy("backups", "reopen", "Let agents order again after a restore."),
    },
)
def backup() -> None:
    """Backups of the database and its archives.

    The daemon makes them by itself, as [backup] says. PINs, passwords and the key file are not
    in them. docs/backups.md tells what to do after a restore.
    """


@click.command()
@click.option("--if-due", is_flag=True, help="Only if the newest is old enough.")
@click.option(
    "--database",
    type=click.Path(path_type=Path),
    help="Of another file than the daemon's: what litestream gave back.",
)
@as_json_option
@pass_session
def now(session: Session, if_due: bool, database: Path | None, as_json: bool) -> None:
    """Make a backup, through the daemon if it runs."""
    from pulsarack.daemon.store_files import lock_holder

    config = _config(session)
    if database is not None:
        result = _copy(config, database, f"of {database}"[:200])
    elif lock_holder(config.daemon.state_dir) is not None:
        more = {"if_due": True} if if_due else {}
        result = session.call_slowly("backup.now", _MORE_SECONDS, **more)
    else:
        result = _make(config, if_due)
    if as_json:
        tables.print_json(result)
    elif result["made"]:
        bytes_, order = formats.number(result["bytes"]), result["newest_order"]
        folder = formats.text(result["folder"])
        click.echo(f"backup made in {folder}: {bytes_} bytes, up to order {order}")
    else:
        click.echo("no backup is due")


def _make(config: "Config", if_due: bool) -> dict[str, Any]:
    """Without a daemon: on the files, which are ours meanwhile."""
    from pulsarack.daemon.backups import shelf
    from pulsarack.daemon.backups.maker import is_due
    from pulsarack.daemon.store_files import DATABASE_NAME, StateLock

    folder = config.backup.folder(config.daemon.state_dir)
    newest = next((one.made_at for one in shelf.every(folder) if one.good), None)
    if if_due and not is_due(newest, config.backup, _now_ms(config)):
        return {"made": False, "folder": str(folder)}
    lock = StateLock(config.daemon.state_dir)
    try:
        why = "by the timer" if if_due else "by hand"
        return _copy(config, config.daemon.state_dir / DATABASE_NAME, why)
    finally:
        lock.release()


def _copy(config: "Config", database: Path, why: str) -> dict[str, Any]:
    from pulsarack.daemon import calendar
    from pulsarack.daemon.backups import making
    from pulsarack.daemon.backups.maker import rule_of

    folder = config.backup.folder(config.daemon.state_dir)
    made = making.make(
        making.Wanted(
            database=database.absolute(),
            folder=folder,
            now_ms=_now_ms(config),
            why=why,
            rule=rule_of(config.backup),
            day_of=lambda at_ms: calendar.local_day(at_ms, config.daemon.timezone),
        )
    )
    return {
        "made": True,
        "folder": str(folder),
        "bytes": made.bytes,
        "newest_order": made.newest_order,
        "at": made.made_at,
    }


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """The backups there are, newest first; what cannot be used is said of each."""
    from pulsarack.daemon.backups import shelf

    config = _config(session)
    folder = config.backup.folder(config.daemon.state_dir)
    rows = [_row(one) for one in shelf.every(folder)]
    tables.show(
        {"folder": str(folder), "backups": rows},
        "backups",
        _COLUMNS,
        as_json=as_json,
        timezone=session.timezone,
        empty=f"there is no backup in {folder}",
    )
    for row in [] if as_json else rows:
        for what in (row["problem"], *row["findings"]):
            if what:
                click.echo(f"{row['name']}: {formats.text(what)}", err=True)


def _row(one: "Backup") -> dict[str, Any]:
    said = one.manifest
    proof = "no" if one.verified is None else "yes" if one.verified.ok else "DAMAGED"
    return {
        "name": one.name,
        "at": one.made_at,
        "why": said.why if said else None,
        "bytes": said.bytes if said else None,
        "newest_order": said.newest_order if said else None,
        "open_orders": said.open_orders if said else None,
        "version": said.version if said else None,
        "verified": "UNUSABLE" if one.problem else proof,
        "verified_at": one.verified.at if one.verified else None,
        "findings": list(one.verified.findings) if one.verified else [],
        "problem": one.problem,
    }


@click.command()
@click.argument("name", required=False)
@click.option("--gently", is_flag=True, help="At low priority, beside a busy daemon.")
@as_json_option
@pass_session
@click.pass_context
def verify(
    context: click.Context, session: Session, name: str | None, gently: bool, as_json: bool
) -> None:
    """Put the backup NAME (the newest) back into a directory of its own and audit it there.

    Status 1 if it breaks a promise.
    """
    import contextlib
    import os

    from pulsarack.daemon.backups import shelf, verifying

    if gently:
        with contextlib.suppress(OSError):  # the service's sandbox forbids it, to its children too
            os.nice(10)
    config = _config(session)
    one = shelf.find(config.backup.folder(config.daemon.state_dir), name)
    found = verifying.verify(one, now_ms=_now_ms(config))
    if as_json:
        tables.print_json({"name": one.name, "ok": found.ok, "findings": list(found.findings)})
    elif found.ok:
        click.echo(f"backup {one.name}: every promise holds")
    for line in [] if as_json else found.findings:
        click.echo(f"backup {one.name}: {formats.text(line)}")
    context.exit(0 if found.ok else 1)


@click.command()
@click.argument("name", required=False)
@click.option(
    "--sell-at-once",
    is_flag=True,
    help="Do not hold the agents back: orders of the lost time may be sold again.",
)
@click.option(
    "--despite-findings",
    is_flag=True,
    help="Although the audit of it finds something; never if its files are damaged.",
)
@as_json_option
@pass_session
def restore(
    session: Session, name: str | None, sell_at_once: bool, despite_findings: bool, as_json: bool
) -> None:
    """Put the backup NAME in the place of the database; the daemon must not run.

    It is verified first. What was there stays in before-restore-TIME. A restore that was broken
    off is finished by the same command, with or without the NAME.
    """
    import msgspec

    from pulsarack.daemon.backups import restoring, shelf
    from pulsarack.daemon.backups.errors import RestoreRefused

    config = _config(session)
    state_dir = config.daemon.state_dir

    def choose() -> "Backup":
        if name is None:
            raise RestoreRefused("say which backup", "see: pulsarack backup list")
        return shelf.find(config.backup.folder(state_dir), name)

    outcome = restoring.restore(
        choose,
        state_dir,
        now_ms=_now_ms(config),
        hold_agents=not sell_at_once,
        despite_findings=despite_findings,
    )
    done = outcome.restored
    if as_json:
        tables.print_json({**msgspec.to_builtins(done), "finished": outcome.finished})
        return
    if outcome.finished:
        click.echo("an earlier restore had been broken off; it is finished now")
    made, aside = formats.time(done.made_at, session.timezone), state_dir / done.aside
    click.echo(f"the backup {done.backup} of {made} is in place, up to order {done.newest_order}")
    click.echo(f"what was there before is in {aside}")
    click.echo(_WHAT_NOW.format(waiting=done.waiting, undecided=done.undecided))
    free = sell_at_once and not done.agents
    click.echo(_AGENTS_FREE if free else _AGENTS_HELD.format(agents=done.agents))


_WHAT_NOW = """
What happened after that moment is not known here:
- Orders accepted since are not in the books, nor their results; deposits paid in since neither.
  Never sell them again blindly: compare with the operators' lists and with your agents.
- {waiting} orders that waited and {undecided} that were being sent then stand still, since they
  may have been delivered since. They are never sent by themselves: pulsarack order undecided
- The stock of every chip is read before it sells; what went out since becomes a discrepancy.
- Statements of the banks can be imported again: no row counts twice.
Start the daemon, decide, compare, as docs/backups.md says."""
_AGENTS_HELD = (
    """{agents} agents may not order until you have compared: then pulsarack backup reopen"""
)
_AGENTS_FREE = (
    "No agent is held back: whoever repeats an order of the lost time is sold it a second time."
)


@click.command()
@as_json_option
@pass_session
def reopen(session: Session, as_json: bool) -> None:
    """Let the agents order again that a restore has held back."""
    result = session.call("backup.reopen")
    if as_json:
        tables.print_json(result)
    else:
        click.echo(f"{len(result['agents'])} agents may order again")


def _config(session: Session) -> "Config":
    from pulsarack.daemon import config

    return config.load(session.config_path)


def _now_ms(config: "Config") -> int:
    from pulsarack.daemon.clock import WallClock

    return WallClock(config.rehearsal.speed, config.rehearsal.anchor).now_ms()
