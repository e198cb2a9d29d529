"""`text`: how agents' texts are read, tried with the configured grammar."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pulsarack.daemon import places
from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session

if TYPE_CHECKING:
    from pulsarack.queue.order_text.commands import Command
    from pulsarack.queue.order_text.grammar import Grammar, Vocabulary
    from pulsarack.queue.order_text.misread import Misread
    from pulsarack.queue.order_text.reading import Reading

_GUESSED = "guessed: no list of products, so letters with figures behind them count as a code"


@click.command(
    cls=LazyGroup,
    lazy={"try": Lazy("order_texts", "try_", "Show how a text is read, and why.")},
)
def text() -> None:
    """Check how agents' texts are read; works without the daemon."""


@click.command("try")
@click.argument("typed", metavar="TEXT")
@click.option(
    "--products",
    type=click.Path(path_type=Path),
    help="A product list (CSV); without it the daemon's, if it runs.",
)
@click.option("--pin-expected", is_flag=True, help="As from a sender who must give a PIN.")
@as_json_option
@pass_session
@click.pass_context
def try_(
    context: click.Context,
    session: Session,
    typed: str,
    products: Path | None,
    pin_expected: bool,
    as_json: bool,
) -> None:
    """Show how TEXT is read and why; status 1 if it is not. Nothing is done and nothing kept."""
    from pulsarack.queue.order_text.reading import Reading, read

    words, known_from = _vocabulary(session, products)
    found = read(typed, _grammar(session), words, pin_expected=pin_expected)
    if as_json:
        tables.print_json({**_as_json(found), "products": known_from})
    elif isinstance(found, Reading):
        _print_reading(found, known_from)
    else:
        _print_misread(found, known_from)
    context.exit(0 if isinstance(found, Reading) else 1)


def _grammar(session: Session) -> "Grammar":
    from pulsarack.daemon import config

    # Without a file of one's own everything has its default, as in an empty one.
    if session.config_path == places.CONFIG_FILE and not session.config_path.exists():
        return config.Config().texts.grammar()
    return config.load(session.config_path).texts.grammar()


def _vocabulary(session: Session, products: Path | None) -> "tuple[Vocabulary, str]":
    from pulsarack.daemon.cli import product_file
    from pulsarack.daemon.client import ClientError
    from pulsarack.queue.order_text.grammar import Vocabulary

    if products is not None:
        codes = {row["code"].upper() for row in product_file.read(products)}
        return Vocabulary.of(frozenset(codes)), str(products)
    try:
        rows = session.call("product.list")["products"]
    except ClientError:
        return Vocabulary.guessed(), _GUESSED
    return Vocabulary.of(frozenset(row["code"] for row in rows)), "the daemon"


def _as_json(found: "Reading | Misread") -> dict[str, Any]:
    from pulsarack.queue.order_text.reading import Reading

    if not isinstance(found, Reading):
        return {"read": False, **{each.name: getattr(found, each.name) for each in fields(found)}}
    return {
        "read": True,
        "commands": [
            {"command": type(command).__name__, **dict(_values(command))}
            for command in found.commands
        ],
        "pin": found.pin is not None,
        "reference": found.reference,
        "masked": found.masked,
        "why": list(found.why),
    }


def _values(command: "Command") -> list[tuple[str, Any]]:
    """The arguments of a command; a secret shows itself as ****."""
    values = ((each.name, getattr(command, each.name)) for each in fields(command))
    return [
        (name, value if value is None or isinstance(value, int | str) else str(value))
        for name, value in values
    ]


def _print_reading(found: "Reading", known_from: str) -> None:
    for command in found.commands:
        click.echo(type(command).__name__)
        tables.pairs(
            (f"  {name}", formats.text(value))
            for name, value in _values(command)
            if value is not None
        )
    pairs = [("PIN", "yes" if found.pin else "none"), ("stored as", formats.text(found.masked))]
    if found.reference:
        pairs.append(("reference", formats.text(found.reference)))
    tables.pairs([*pairs, ("products", formats.text(known_from))])
    click.echo("why:")
    for reason in found.why:
        click.echo(f"  {formats.text(reason)}")


def _print_misread(found: "Misread", known_from: str) -> None:
    tables.pairs(
        [
            ("not read", found.code.value),
            ("because", formats.text(found.message)),
            ("remedy", formats.text(found.remedy)),
            ("stored as", formats.text(found.masked)),
            ("products", formats.text(known_from)),
        ]
    )
