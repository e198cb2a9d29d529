"""`wording`: what agents are told, and how to say it otherwise."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

_COLUMNS = (
    Column("key", "wording"),
    Column("language", "language"),
    Column("who", "changed by"),
    Column("text", "text"),
)
_TEXTS = (
    Column("language", "language"),
    Column("text", "in use"),
    Column("who", "changed by"),
    Column("changed_at", "at", "time"),
)
_VARIABLES = (
    Column("name", "variable"),
    Column("also", "or"),
    Column("kind", "kind"),
    Column("meaning", "meaning"),
)
_language_option = click.option(
    "--language", type=click.Choice(["id", "en"]), default="id", show_default=True
)
_parts_option = click.option(
    "--parts",
    type=click.IntRange(1, 3),
    default=1,
    show_default=True,
    help="How many SMS the text may take; each of them is paid for.",
)


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("wordings", "list_", "All wordings."),
        "show": Lazy("wordings", "show", "One wording, and what may stand in it."),
        "set": Lazy("wordings", "set_", "Say it otherwise."),
        "reset": Lazy("wordings", "reset", "Say it again as it is shipped."),
        "try": Lazy("wordings", "try_", "Show a text with usual values."),
    },
)
def wording() -> None:
    """What agents are told. Variables stand in brackets: [saldo], [tujuan], [sn]."""


@click.command("list")
@click.option("--changed", is_flag=True, help="Only those that somebody changed.")
@as_json_option
@pass_session
def list_(session: Session, changed: bool, as_json: bool) -> None:
    """All wordings as they are in use."""
    found = session.call("wording.list")
    if changed:
        found["wordings"] = [one for one in found["wordings"] if one["changed"]]
    tables.show(found, "wordings", _COLUMNS, as_json=as_json, empty="no wording was changed")


@click.command()
@click.argument("key")
@as_json_option
@pass_session
def show(session: Session, key: str, as_json: bool) -> None:
    """One wording, and what may stand in it."""
    found = session.call("wording.show", key=key)
    if as_json:
        tables.show(found, "texts", _TEXTS, as_json=True)
        return
    click.echo(f"{formats.text(found['key'])}: {formats.text(found['when'])}")
    tables.show(found, "texts", _TEXTS, as_json=False, timezone=session.timezone)
    tables.show(found, "variables", _VARIABLES, as_json=False, empty="it has no variables")


@click.command("set")
@click.argument("key")
@click.argument("template")
@_language_option
@_parts_option
@who_option
@pass_session
def set_(session: Session, key: str, template: str, language: str, parts: int, who: str) -> None:
    """Say KEY as TEMPLATE from now on; what was told already stays."""
    found = session.call(
        "wording.set", key=key, template=template, language=language, parts=parts, who=who
    )
    _echo(found)


@click.command()
@click.argument("key")
@_language_option
@who_option
@pass_session
def reset(session: Session, key: str, language: str, who: str) -> None:
    """Say KEY again as it is shipped."""
    found = session.call("wording.reset", key=key, language=language, who=who)
    was = "" if found["changed"] else " (it was so already)"
    click.echo(f"{formats.text(found['template'])}{was}")


@click.command("try")
@click.argument("key")
@click.argument("template", required=False)
@_language_option
@_parts_option
@pass_session
def try_(session: Session, key: str, template: str | None, language: str, parts: int) -> None:
    """Show KEY, or TEMPLATE in its place, with usual values; nothing changes."""
    found = session.call("wording.try", key=key, template=template, language=language, parts=parts)
    _echo(found)


def _echo(found: dict[str, object]) -> None:
    click.echo(formats.text(str(found["text"])))
    click.echo(f"({found['size']} characters, {found['parts']} SMS)")
