"""`bank`: statements of our banks, and the payments in them that nobody was credited for."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.arguments import Troubles, because_option, who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

# Less than a line of the socket holds, with room for what stands around the rows.
_PART_BYTES = 48 * 1024
_PART_ROWS = 500

_COLUMNS = (
    Column("id", "id", "id"),
    Column("bank", "bank"),
    Column("day", "day"),
    Column("amount", "amount", "number"),
    Column("balance", "balance", "number"),
    Column("state", "state"),
    Column("agent", "agent"),
    Column("description", "description"),
    Column("note", "note"),
)
_PAID = (
    Column("row", "row", "id"),
    Column("day", "day"),
    Column("amount", "amount", "number"),
    Column("agent", "agent"),
    Column("ticket", "ticket", "id"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "import": Lazy("banks", "import_", "Read a bank's statement and credit what pays tickets."),
        "rows": Lazy("banks", "rows", "The newest rows of statements."),
        "assign": Lazy("banks", "assign", "Say whose a payment is that matched no ticket."),
        "list": Lazy("banks", "list_", "Our banks."),
    },
)
def bank() -> None:
    """Statements of our banks, and the payments in them."""


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--bank", "name", metavar="NAME", required=True, help="Which of our banks it is.")
@click.option("--check", is_flag=True, help="Only say whether it can be read.")
@as_json_option
@pass_session
def import_(session: Session, file: Path, name: str, check: bool, as_json: bool) -> None:
    """Read the CSV file FILE, a statement of the bank NAME.

    How it is written stands in the section [[bank]] of the configuration. Each row is stored
    once, however often it is imported: statements may overlap. If a line is wrong nothing is
    imported.
    """
    read = _read(session, file, name)
    parts = list(_parts(read))
    result: dict[str, Any] = {"added": 0, "known": 0, "debits": 0, "paid": [], "unmatched": []}
    with session.client() as client:
        # All of it is looked at before anything is stored.
        for looking in (True,) if check else (True, False):
            for part in parts:
                taken = client.call(
                    "bank.import", bank=name, rows=part, source=file.name[:80], check=looking
                )
                for key in () if looking else result:
                    result[key] += taken[key]
    if as_json:
        tables.print_json(result)
    elif check:
        click.echo(f"{formats.text(file)}: {len(read)} rows can be imported")
    else:
        _print(result)


def _print(result: dict[str, Any]) -> None:
    figures = [f"{formats.number(result[key])} {word}" for key, word in (
        ("added", "new"), ("known", "known"), ("debits", "that left"))]  # fmt: skip
    click.echo(f"rows: {', '.join(figures)}")
    if result["paid"]:
        click.echo("\ntickets that are paid")
        tables.show(result, "paid", _PAID, as_json=False)
    if result["unmatched"]:
        click.echo("\npayments of nobody; say whose they are: pulsarack bank assign ROW AGENT")
        tables.show(result, "unmatched", _COLUMNS, as_json=False)


def _read(session: Session, file: Path, name: str) -> list[dict[str, Any]]:
    """The rows of the file as bank.import takes them."""
    from pulsarack.queue.deposits import statement_file
    from pulsarack.queue.deposits.statement_file import Problems

    known = session.call("bank.list")
    forms = {one["name"]: one["form"] for one in known["banks"]}
    if name not in forms:
        raise Troubles([f"{formats.text(name)} is no bank of ours; one of {', '.join(forms)}"])
    try:
        with file.open("rb") as source:
            raw = source.read(statement_file.SIZE_LIMIT + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise Troubles([f"{formats.text(file)}: {why}; name a file you may read"]) from None
    try:
        form = statement_file.form_of(forms[name])
    except TypeError:
        raise Troubles(["the daemon is of another version; restart it"]) from None
    found = statement_file.read(raw, form, latest_day=known["latest_day"], name=formats.text(file))
    if isinstance(found, Problems):
        raise Troubles(list(found.lines))
    return [asdict(row) for row in found]


def _parts(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows in parts, each of which is one request."""
    part: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        length = len(json.dumps(row)) + 2
        if part and (size + length > _PART_BYTES or len(part) == _PART_ROWS):
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part


@click.command()
@click.option("--unmatched", is_flag=True, help="Only payments of nobody.")
@limit_option
@as_json_option
@pass_session
def rows(session: Session, unmatched: bool, limit: int | None, as_json: bool) -> None:
    """The newest rows of statements."""
    result = session.call("bank.rows", unmatched=unmatched, limit=limit)
    tables.show(result, "rows", _COLUMNS, as_json=as_json, empty="no rows")


@click.command()
@click.argument("row_id", metavar="ROW", type=int)
@click.argument("agent")
@because_option
@who_option
@as_json_option
@pass_session
def assign(
    session: Session, row_id: int, agent: str, because: str, who: str, as_json: bool
) -> None:
    """Credit AGENT with the payment ROW, which matched no ticket."""
    result = session.call("bank.assign", id=row_id, agent=agent, because=because, who=who)
    if as_json:
        tables.print_json(result)
    else:
        click.echo(f"agent {formats.text(agent)}: {formats.number(result['amount'])} credited")


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """Our banks."""
    columns = (Column("name", "name"), Column("account", "account"), Column("holder", "holder"))
    tables.show(session.call("bank.list"), "banks", columns, as_json=as_json)
