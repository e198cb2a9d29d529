"""`account`: what agents' programs order with over HTTP."""

from collections.abc import Mapping
from typing import Any

import click

from pulsarack.daemon.cli import asking, formats, tables
from pulsarack.daemon.cli.arguments import who_option
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.cli.tables import Column

COLUMNS = (
    Column("member", "member"),
    Column("agent", "agent"),
    Column("kind", "kind"),
    Column("active", "active"),
    Column("secrets", "secrets"),
    Column("may_be_unsigned", "unsigned"),
    Column("networks", "from"),
    Column("report_url", "reports to"),
    Column("report_dialect", "dialect"),
)
_NAMES = {"key": "key", "pin": "PIN", "password": "password", "report_secret": "report secret"}
_WHICH = click.Choice(["key", "pin", "password", "report-secret"])


@click.command(
    cls=LazyGroup,
    lazy={
        "new": Lazy("accounts", "new", "Make an account for an agent's program."),
        "show": Lazy("accounts", "show", "One account; of its secrets only which there are."),
        "list": Lazy("accounts", "list_", "All accounts."),
        "off": Lazy("accounts", "off", "Let an account order no more."),
        "on": Lazy("accounts", "on", "Let an account order again."),
        "secret": Lazy("accounts", "secret", "Give an account another key, PIN or password."),
        "networks": Lazy("accounts", "networks", "Say where an account may call from."),
        "report": Lazy("accounts", "report", "Say where an account's results are reported to."),
    },
)
def account() -> None:
    """What agents' programs order with over HTTP, named by their member id."""


@click.command()
@click.argument("member")
@click.argument("agent")
@click.option(
    "--kind",
    type=click.Choice(["native", "trade"]),
    default="trade",
    show_default=True,
    help="The native API, or the protocols of the trade.",
)
@click.option("--key", is_flag=True, help="Ask for the key; a native account draws one without.")
@click.option("--pin", is_flag=True, help="Ask for the PIN that the program signs with.")
@click.option("--password", is_flag=True, help="Ask for the password it signs with.")
@click.option(
    "--report-secret", is_flag=True, help="Ask for the secret that reports are signed by."
)
@click.option("--unsigned", is_flag=True, help="It may send PIN and password as they are.")
@click.option("--network", "networks", multiple=True, help="It calls from there; may be repeated.")
@click.option("--report-url", default="", help="Results are reported to this URL.")
@click.option("--dialect", default="", help="And in this dialect.")
@who_option
@as_json_option
@pass_session
def new(
    session: Session,
    member: str,
    agent: str,
    kind: str,
    key: bool,
    pin: bool,
    password: bool,
    report_secret: bool,
    unsigned: bool,
    networks: tuple[str, ...],
    report_url: str,
    dialect: str,
    who: str,
    as_json: bool,
) -> None:
    """Make the account MEMBER for a program of AGENT.

    Secrets are asked for, or read from the standard input, a line each, in the order key, PIN,
    password, report secret.
    """
    wanted = {"key": key, "pin": pin, "password": password, "report_secret": report_secret}
    secrets = {name: asking.ask(_NAMES[name]) for name, wished in wanted.items() if wished}
    result = session.call(
        "account.new",
        member=member,
        agent=agent,
        kind=kind,
        may_be_unsigned=unsigned,
        networks=list(networks),
        report_url=report_url,
        report_dialect=dialect,
        who=who,
        **secrets,
    )
    _tell(result, "made_key", f"account {formats.text(member)} is there", as_json)


@click.command()
@click.argument("member")
@as_json_option
@pass_session
def show(session: Session, member: str, as_json: bool) -> None:
    """The account MEMBER; of its secrets only which there are."""
    result = session.call("account.show", member=member)
    if as_json:
        tables.print_json(result)
        return
    columns = (*COLUMNS, Column("created_at", "made at", "time"))
    values = tables.cells([result], columns, session.timezone)[0]
    tables.pairs((column.heading, value) for column, value in zip(columns, values, strict=True))


@click.command("list")
@click.option("--agent", help="Only of this agent.")
@as_json_option
@pass_session
def list_(session: Session, agent: str | None, as_json: bool) -> None:
    """All accounts, by agent."""
    result = session.call("account.list", agent=agent)
    tables.show(result, "accounts", COLUMNS, as_json=as_json, empty="no accounts")


@click.command()
@click.argument("member")
@who_option
@pass_session
def off(session: Session, member: str, who: str) -> None:
    """Let the account MEMBER order no more; to its program it is a stranger then."""
    session.call("account.active", member=member, active=False, who=who)
    click.echo(f"account {formats.text(member)} is off")


@click.command()
@click.argument("member")
@who_option
@pass_session
def on(session: Session, member: str, who: str) -> None:
    """Let the account MEMBER order again."""
    session.call("account.active", member=member, active=True, who=who)
    click.echo(f"account {formats.text(member)} is on")


@click.command()
@click.argument("member")
@click.argument("which", type=_WHICH)
@click.option("--draw", is_flag=True, help="Let a random one be made, which is shown once.")
@click.option("--remove", is_flag=True, help="Take it away.")
@who_option
@as_json_option
@pass_session
def secret(
    session: Session, member: str, which: str, draw: bool, remove: bool, who: str, as_json: bool
) -> None:
    """Give the account MEMBER another secret; it is asked for, or a line of the input."""
    if draw and remove:
        raise click.UsageError("say --draw or --remove, not both")
    name = which.replace("-", "_")
    value = None if draw or remove else asking.ask(_NAMES[name])
    result = session.call(
        "account.secret", member=member, which=name, value=value, remove=remove, who=who
    )
    done = "has lost its" if remove else "has a new"
    words = f"account {formats.text(member)} {done} {_NAMES[name]}"
    _tell(result, "made_secret", words, as_json)


@click.command()
@click.argument("member")
@click.argument("network", nargs=-1)
@who_option
@pass_session
def networks(session: Session, member: str, network: tuple[str, ...], who: str) -> None:
    """Let the account MEMBER call from these networks only (192.0.2.7, 2001:db8::/32).

    They take the place of those of before; without any it may call from everywhere.
    """
    session.call("account.networks", member=member, networks=list(network), who=who)
    shown = ", ".join(map(formats.text, network)) or "everywhere"
    click.echo(f"account {formats.text(member)} may call from {shown}")


@click.command()
@click.argument("member")
@click.argument("url")
@click.option("--dialect", help="How results are told; as before if it is left out.")
@who_option
@pass_session
def report(session: Session, member: str, url: str, dialect: str | None, who: str) -> None:
    """Report the results of the account MEMBER to URL; to nowhere if it is ''."""
    session.call("account.report", member=member, url=url, dialect=dialect, who=who)
    click.echo(f"account {formats.text(member)} reports to {formats.text(url)}")


def _tell(result: Mapping[str, Any], made: str, words: str, as_json: bool) -> None:
    """What was done, and a secret that was drawn, this once."""
    if as_json:
        tables.print_json(result)
        return
    click.echo(words)
    if made in result:
        click.echo(f"key: {formats.text(result[made])}")
        click.echo("(it is not shown again)", err=True)
