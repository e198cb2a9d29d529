"""`ledger`: the books, as accounts, as one account's lines, and as the whole in balance."""

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, limit_option, pass_session
from pulsarack.daemon.cli.tables import Column

_ACCOUNTS = (
    Column("code", "account"),
    Column("type", "type"),
    Column("asset", "asset"),
    Column("posted", "posted", "number"),
    Column("held", "held", "number"),
    Column("available", "available", "number"),
)
_LINES = (
    Column("at", "time", "time"),
    Column("id", "transfer"),
    Column("phase", "phase"),
    Column("memo", "memo"),
    Column("other", "other account"),
    Column("debit", "debit", "number"),
    Column("credit", "credit", "number"),
    Column("balance", "balance", "number"),
)
_ASSETS = (
    Column("asset", "asset"),
    Column("debits", "debits", "number"),
    Column("credits", "credits", "number"),
    Column("difference", "difference", "number"),
)


@click.command(
    cls=LazyGroup,
    lazy={
        "accounts": Lazy("ledgers", "accounts", "All accounts with their balances."),
        "statement": Lazy("ledgers", "statement", "The lines of one account."),
        "trial-balance": Lazy("ledgers", "trial_balance", "Debits against credits, per asset."),
    },
)
def ledger() -> None:
    """The books."""


@click.command()
@as_json_option
@pass_session
def accounts(session: Session, as_json: bool) -> None:
    """All accounts with their balances."""
    result = session.call("ledger.accounts")
    tables.show(result, "accounts", _ACCOUNTS, as_json=as_json, empty="no accounts")


@click.command()
@click.argument("account")
@limit_option
@as_json_option
@pass_session
def statement(session: Session, account: str, limit: int | None, as_json: bool) -> None:
    """The lines of ACCOUNT, as in liability:agent:kios1."""
    result = session.call("ledger.statement", account=account, limit=limit)
    tables.show(
        result, "lines", _LINES, as_json=as_json, timezone=session.timezone, empty="no lines"
    )
    for why in result.get("unreadable") or []:
        click.echo(f"pulsarack: older lines cannot be shown: {formats.text(why)}", err=True)


@click.command("trial-balance")
@as_json_option
@pass_session
@click.pass_context
def trial_balance(context: click.Context, session: Session, as_json: bool) -> None:
    """Debits against credits, per asset; status 1 if they differ."""
    result = session.call("ledger.trial_balance")
    tables.show(result, "assets", _ASSETS, as_json=as_json, empty="no transfers")
    if any(asset.get("difference") for asset in result["assets"]):
        context.exit(1)
