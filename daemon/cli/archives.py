"""`archive`: where the finished orders of past months lie, and moving them there now."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("month", "month"),
    Column("orders", "orders", "number"),
    Column("bytes", "bytes", "number"),
    Column("moved_at", "last moved", "time"),
    Column("file", "file"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("archives", "list_", "The archives there are."),
        "now": Lazy("archives", "now", "Move the orders that are old into their archives."),
    },
)
def archive() -> None:
    """Finished orders of past months.

    An order that was finished longer ago than the days of [retention] leaves the database
    at night for a file of its month. `order show` and `order list --archived` read it there.
    """


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """The archives there are, oldest month first; without bytes the file is missing."""
    tables.show(
        session.call("archive.list"),
        "archives",
        _COLUMNS,
        as_json=as_json,
        timezone=session.timezone,
        empty="nothing is archived yet",
    )


@click.command()
@as_json_option
@pass_session
@click.pass_context
def now(context: click.Context, session: Session, as_json: bool) -> None:
    """Move the orders that are old into their archives; status 1 if some could not be."""
    moved, archives = 0, set[str]()
    failed: dict[str, object] = {}
    while True:
        result = session.call("archive.now")
        moved += result["moved"]
        archives |= set(result.get("archives") or [])
        failed |= {formats.text(one.get("what")): one.get("why") for one in result["failed"]}
        if not (result["more"] and result["moved"]):
            break
    if as_json:
        rows = [{"what": what, "why": why} for what, why in sorted(failed.items())]
        tables.print_json({"moved": moved, "archives": sorted(archives), "failed": rows})
    elif result.get("days") == 0:
        click.echo("nothing is archived: [retention] days is 0")
    else:
        where = f" to {', '.join(sorted(map(formats.text, archives)))}" if archives else ""
        click.echo(f"{moved} orders moved{where}")
    for what, why in [] if as_json else sorted(failed.items()):
        click.echo(f"{what}: {formats.text(why)}", err=True)
    context.exit(1 if failed else 0)
