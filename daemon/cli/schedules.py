"""`schedule` and `report`: what the daemon does by itself, and a day in figures."""

import sys
from typing import Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

# The report of a day long past, or the audit of a database of years, takes minutes.
REPORT_SECONDS = 600.0
RUN_SECONDS = 4 * 3600.0

_JOBS = (
    Column("name", "job"),
    Column("when", "when"),
    Column("due_at", "due", "time"),
    Column("began_at", "ran", "time"),
    Column("outcome", "outcome"),
    Column("failures", "failures", "number"),
    Column("said", "said"),
)
_FIGURES = (
    ("sold", "sold"),
    ("face_value", "face value"),
    ("revenue", "revenue"),
    ("given_back", "given back"),
    ("cost", "cost"),
    ("commission", "commission"),
    ("profit", "profit"),
    ("failed", "failed"),
    ("undecided", "undecided"),
    ("reversed", "reversed"),
    ("discrepancy", "discrepancy"),
    ("begin", "begin"),
    ("came", "came"),
    ("went", "went"),
    ("end", "end"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("schedules", "list_", "The jobs: when they are due, and what came of them."),
        "run": Lazy("schedules", "run", "Run a job now."),
    },
)
def schedule() -> None:
    """What the daemon does by itself, as [schedules] of the configuration says."""


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """Every job: when it is due, when it ran and what came of it."""
    tables.show(
        session.call("schedule.list"), "jobs", _JOBS, as_json=as_json, timezone=session.timezone
    )


@click.command()
@click.argument("name")
@as_json_option
@pass_session
def run(session: Session, name: str, as_json: bool) -> None:
    """Run the job NAME now and wait until it has ended; it goes on if you leave."""
    result = session.call_slowly("schedule.run", RUN_SECONDS, name=name)
    if as_json:
        tables.print_json(result)
    else:
        click.echo(formats.text(result["said"]))


@click.command(
    cls=LazyGroup,
    lazy={"day": Lazy("schedules", "day", "A day in figures, by operator, agent or chip.")},
)
def report() -> None:
    """What was sold and what it left, from the books."""


@click.command()
@click.argument("day", metavar="[YYYY-MM-DD]", required=False)
@click.option(
    "--by",
    type=click.Choice(["operator", "agent", "chip"]),
    default="operator",
    show_default=True,
    help="A line for each of these.",
)
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of a table.")
@as_json_option
@pass_session
def day(session: Session, day: str | None, by: str, as_csv: bool, as_json: bool) -> None:
    """A local day in figures: today, if none is named; days that are archived as well.

    What is late counts on the day on which it was booked. Begin, came, went and end are of the
    stock of chips, or of the deposits of agents; docs/schedules.md explains each figure.
    """
    result = session.call_slowly("report.day", REPORT_SECONDS, day=day, by=by)
    if as_json:
        tables.print_json(result)
    elif as_csv:
        _print_csv(by, result["lines"])
    else:
        _print(by, result)


def _print(by: str, result: dict[str, Any]) -> None:
    state = "" if result["complete"] else ", which is not over"
    click.echo(f"{formats.text(result['day'])}{state}, rupiah\n")
    columns = [Column(by, by)]
    if by != "operator":
        columns.append(Column("name", "name"))
    total = {**result["total"], by: "total"}
    # A column of nothing says nothing.
    rows = [*result["lines"], total]
    columns += [
        Column(field, heading, "number")
        for field, heading in _FIGURES
        if any(row.get(field) for row in rows)
    ]
    tables.show({"rows": rows}, "rows", columns, as_json=False)
    reasons = [
        {by: row[by], "reason": reason, "count": count}
        for row in result["lines"]
        for reason, count in sorted(row.get("reasons", {}).items())
    ]
    if reasons:
        click.echo()
        heads = (Column(by, by), Column("reason", "failed because"), Column("count", "", "number"))
        tables.show({"rows": reasons}, "rows", heads, as_json=False)


def _print_csv(by: str, lines: list[dict[str, Any]]) -> None:
    from pulsarack.daemon.csv_text import as_csv

    heads = [by, *(() if by == "operator" else ("name",)), *(field for field, _ in _FIGURES)]
    sys.stdout.write(as_csv(heads, ([row.get(head, "") for head in heads] for row in lines)))
