"""`recipe`: how operators' answers are read, tried without a daemon and without a modem."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import Troubles
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import as_json_option

if TYPE_CHECKING:
    from pulsarack.ussd.check import CheckReport
    from pulsarack.ussd.reply import Explanation, Reply

_FILE = click.Path(path_type=Path)


@click.command(
    cls=LazyGroup,
    lazy={
        "check": Lazy("recipes", "check", "Run every sample of recipe files."),
        "try": Lazy("recipes", "try_", "Show what a recipe makes of a text."),
    },
)
def recipe() -> None:
    """Check how operators' answers are read; works without the daemon."""


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
@as_json_option
@click.pass_context
def check(context: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Run every sample of each recipe FILE; status 1 if one file may not be used."""
    from pulsarack.ussd.check import check as check_file

    reports = [check_file(file) for file in files]
    if as_json:
        tables.print_json({"files": [_report(report) for report in reports]})
    else:
        for report in reports:
            _print_report(report)
    context.exit(0 if all(report.ok for report in reports) else 1)


@click.command("try")
@click.argument("file", type=_FILE)
@click.argument("text")
@click.option(
    "--channel",
    type=click.Choice(["ussd", "sms"]),
    help="The way the text came; without it both are tried.",
)
@as_json_option
@click.pass_context
def try_(context: click.Context, file: Path, text: str, channel: str | None, as_json: bool) -> None:
    """Show what the recipe FILE makes of the operator's TEXT; status 1 if nothing."""
    from pulsarack.ussd.errors import RecipeErrors
    from pulsarack.ussd.recipe import load_recipe
    from pulsarack.ussd.reply import Channel, explain

    try:
        loaded = load_recipe(file)
    except RecipeErrors as errors:
        raise Troubles([str(problem) for problem in errors.problems]) from None
    channels = [Channel(channel)] if channel else list(Channel)
    found = [explain(loaded, text, one) for one in channels]
    if as_json:
        tables.print_json({"readings": [_explanation(one) for one in found]})
    else:
        for explanation in found:
            tables.pairs(_reading(explanation))
    context.exit(0 if any(one.reply for one in found) else 1)


def _report(report: "CheckReport") -> dict[str, Any]:
    return {
        "file": report.file,
        "name": report.name,
        "ok": report.ok,
        "patterns": [
            {
                "name": line.name,
                "kind": line.kind,
                "reason": line.reason,
                "samples": line.samples,
                "failed": line.failed,
            }
            for line in report.lines
        ],
        "problems": [str(problem) for problem in report.problems],
    }


def _print_report(report: "CheckReport") -> None:
    samples = sum(line.samples for line in report.lines)
    verdict = "good" if report.ok else "may not be used"
    patterns = f"{len(report.lines)} patterns, {samples} samples"
    click.echo(f"{report.file}: {verdict}; {patterns}")
    for line in report.lines:
        reason = f" {line.reason}" if line.reason else ""
        failed = f", {line.failed} missed" if line.failed else ""
        name = formats.text(line.name)
        click.echo(f"  {name}: {line.kind}{reason}, {line.samples} samples{failed}")
    for problem in report.problems:
        click.echo(formats.text(problem), err=True)


def _explanation(explanation: "Explanation") -> dict[str, Any]:
    return {
        "channel": explanation.channel,
        "why": explanation.why,
        "reply": dict(_fields(explanation.reply)) if explanation.reply else None,
        "matched": [one.pattern.name for one in explanation.matches],
    }


def _reading(explanation: "Explanation") -> Iterator[tuple[str, str]]:
    yield "channel", explanation.channel.value
    if explanation.reply is None:
        yield "reading", f"none: {formats.text(explanation.why)}"
    for name, value in _fields(explanation.reply) if explanation.reply else ():
        if value is not None and value != []:
            yield name, formats.number(value) if isinstance(value, int) else formats.text(value)


def _fields(reply: "Reply") -> Iterator[tuple[str, Any]]:
    yield "kind", reply.kind.value
    for name in ("pattern", "reason", "destination", "amount", "cost", "stock", "serial_number"):
        yield name, getattr(reply, name)
    yield "part", f"{reply.part[0]} of {reply.part[1]}" if reply.part else None
    yield (
        "entries",
        [
            f"{entry.destination} {entry.amount} {'done' if entry.succeeded else 'not done'}"
            for entry in reply.entries
        ],
    )
