"""`events`: what a line of the log means, and what to do about it. Needs no daemon."""

from typing import Any

import click

from pulsarack.daemon.cli import tables
from pulsarack.daemon.cli.session import as_json_option
from pulsarack.daemon.logs.catalogue.event import Event
from pulsarack.daemon.logs.catalogue.every import EVENTS
from pulsarack.daemon.logs.fields import FIELDS

LEVELS = ("debug", "info", "warning", "error")
_COLUMNS = (
    tables.Column("event", "event"),
    tables.Column("level", "level"),
    tables.Column("means", "what it means"),
    tables.Column("do", "what to do"),
)


@click.command()
@click.argument("name", required=False)
@click.option("--level", type=click.Choice(LEVELS), help="Only events of this level.")
@click.option("--markdown", "as_markdown", is_flag=True, help="The reference as it is in docs/.")
@as_json_option
def events(name: str | None, level: str | None, as_markdown: bool, as_json: bool) -> None:
    """What the events of the log mean, and what to do about each.

    NAME is one event, as order.undecided, or its beginning, as order.
    """
    if as_markdown:
        from pulsarack.daemon.logs.reference import markdown

        click.echo(markdown(), nl=False)
        return
    found = [
        event
        for event in EVENTS.values()
        if (name is None or event.name == name or event.name.startswith(f"{name}."))
        and level in (None, event.level)
    ]
    if name is not None and not found:
        raise click.ClickException(_unknown(name))
    if len(found) == 1 and not as_json:
        _show(found[0])
        return
    rows = {"events": [_row(event) for event in sorted(found)]}
    tables.show(rows, "events", _COLUMNS, as_json=as_json, empty="no such events")


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    near = ", ".join(get_close_matches(name, EVENTS, 3))
    return (
        f"there is no event {name}; {f'did you mean {near}?' if near else 'see: pulsarack events'}"
    )


def _row(event: Event) -> dict[str, Any]:
    return {
        "event": event.name,
        "level": event.level,
        "means": event.means,
        "do": event.do,
        "fields": {field: FIELDS[field] for field in event.names if field != "exc_info"},
    }


def _show(event: Event) -> None:
    tables.pairs(
        [("event", event.name), ("level", event.level), ("means", event.means), ("do", event.do)]
    )
    fields = _row(event)["fields"]
    if fields:
        click.echo("\nfields")
        tables.pairs((f"  {name}", meaning) for name, meaning in fields.items())
