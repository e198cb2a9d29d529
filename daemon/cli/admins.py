"""`admin`: which users of this machine may do what, and what each of them did."""

import json
from typing import Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

ROLES = ("viewer", "cashier", "technician", "admin", "none")
_LONGEST = 90
_ADMINS = (
    Column("login", "login"),
    Column("uid", "uid", "id"),
    Column("role", "role"),
    Column("since", "since", "time"),
    Column("set_by", "given by"),
    Column("note", "note"),
)
_ACTS = (
    Column("id", "id", "id"),
    Column("at", "at", "time"),
    Column("login", "login"),
    Column("role", "role"),
    Column("call", "did"),
    Column("subject", "to"),
    Column("ended", "ended"),
    Column("said", "with"),
)
# What the table shows elsewhere.
_SHOWN_ELSEWHERE = frozenset({"id", "iccid", "code", "slot", "who"})


@click.command(
    cls=LazyGroup,
    lazy={
        "list": Lazy("admins", "list_", "Who has a role."),
        "role": Lazy("admins", "role", "Give a user of this machine a role."),
        "log": Lazy("admins", "log", "What was done, by whom."),
        "whoami": Lazy("admins", "whoami", "Who you are to the daemon."),
    },
)
def admin() -> None:
    """Which users of this machine may do what, and what each of them did.

    The kernel tells who calls. Root is always admin; whoever is in the socket's group and was
    given no role is a viewer. See docs/admins.md.
    """


@click.command("list")
@as_json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """Who has a role. Root and the daemon's own user are admins without a row."""
    result = session.call("admin.list")
    if not as_json:
        result = {"admins": [{**row, "note": _note(row)} for row in result["admins"]]}
    tables.show(
        result,
        "admins",
        _ADMINS,
        as_json=as_json,
        timezone=session.timezone,
        empty="nobody has a role; root is admin, who is in the socket's group is viewer",
    )


def _note(row: dict[str, Any]) -> str | None:
    if row["holds"]:
        return None
    now = row.get("login_now") or "nobody"
    return f"the uid is {now} now: no role"


@click.command()
@click.argument("login")
@click.argument("role", type=click.Choice(ROLES))
@as_json_option
@pass_session
def role(session: Session, login: str, role: str, as_json: bool) -> None:
    """Give LOGIN, a user of this machine, a ROLE; `none` takes it away."""
    result = session.call("admin.role", login=login, role=role)
    if as_json:
        tables.print_json(result)
        return
    name, before = formats.text(result["login"]), result.get("before")
    was = f" (was {formats.text(before)})" if before else ""
    if result.get("role") is None:
        click.echo(f"{name} has no role any more{was}; in the socket's group that is viewer")
        return
    click.echo(f"{name} is {formats.text(result['role'])}{was}")
    if result.get("let_in") is False:
        group = formats.text(result.get("group"))
        click.echo(
            f"{name} is not in the group {group} and cannot use the socket:"
            f" sudo adduser {name} {group}",
            err=True,
        )


@click.command()
@click.option("--login", help="Only what this login did.")
@click.option("--call", help="Only this call, as credit.confirm.")
@click.option("--since", metavar="DATE", help="From the beginning of this day, as 2026-11-30.")
@limit_option
@as_json_option
@pass_session
def log(
    session: Session,
    login: str | None,
    call: str | None,
    since: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """What was done over the socket, and what was refused; newest first."""
    result = session.call("admin.log", login=login, call=call, since=since, limit=limit)
    if not as_json:
        result = {"acts": [_shown(row) for row in result["acts"]]}
    tables.show(
        result, "acts", _ACTS, as_json=as_json, timezone=session.timezone, empty="nothing was done"
    )


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    given = {
        name: value for name, value in row["arguments"].items() if name not in _SHOWN_ELSEWHERE
    }
    words = " ".join(f"{name}={_word(value)}" for name, value in given.items())
    return {**row, "ended": _ended(row), "said": _cut(words)}


def _ended(row: dict[str, Any]) -> str:
    if row["outcome"] == "BEGUN":
        return "begun, end unknown"
    if row["outcome"] == "DONE":
        return "done"
    return f"{row['outcome'].lower()}: {row.get('code', '')}"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else words[: _LONGEST - 3] + "..."


@click.command()
@as_json_option
@pass_session
def whoami(session: Session, as_json: bool) -> None:
    """Who you are to the daemon, and what you may do."""
    result = session.call("admin.whoami")
    if as_json:
        tables.print_json(result)
        return
    tables.pairs(
        [
            ("login", f"{formats.text(result['login'])} (uid {result['uid']})"),
            ("role", f"{formats.text(result['role'])}: {formats.text(result['why'])}"),
            ("may", formats.text(" ".join(result["may"]))),
        ]
    )
