"""The command `pulsarack`: its verbs, its global options, and how its errors look.

An error is one line on the standard error, `pulsarack: what is wrong; what to do`, and
status 1; a wrong command line is status 2. Only faults of the program itself show a
trace.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pulsarack.daemon import places
from pulsarack.daemon.cli.lazy import Lazy, LazyGroup
from pulsarack.daemon.cli.session import Session
from pulsarack.daemon.errors import DaemonError

STATUS_FAILED = 1
STATUS_INTERRUPTED = 130

COMMANDS = {
    "run": Lazy("processes", "run", "Run the daemon in the foreground."),
    "simulate": Lazy("processes", "simulate", "Run a simulated rack of modems."),
    "demo": Lazy("processes", "demo", "Show the whole system at work on a simulated rack."),
    "bench": Lazy("processes", "bench", "Measure the daemon (in the source tree only)."),
    "status": Lazy("watch", "status", "How the daemon is doing."),
    "tail": Lazy("tail", "tail", "Follow what happens to orders and chips."),
    "events": Lazy("log_events", "events", "What lines of the log mean, and what to do."),
    "order": Lazy("orders", "order", "Place, find, cancel and settle orders."),
    "rack": Lazy("racks", "rack", "The slots as the rack is built, and what is due."),
    "slot": Lazy("racks", "slot", "The places of the rack."),
    "chip": Lazy("chips", "chip", "The SIM cards that hold dealer stock."),
    "modem": Lazy("modems", "modem", "The modems of the rack."),
    "agent": Lazy("agents", "agent", "Who sells, and what they have paid in."),
    "channel": Lazy("channels", "channel", "The ways on which agents order and are told."),
    "inbox": Lazy("channels", "inbox", "The newest messages that came in."),
    "outbox": Lazy("channels", "outbox", "The messages that wait to go out."),
    "wording": Lazy("wordings", "wording", "What agents are told, and how."),
    "sender": Lazy("senders", "sender", "The addresses that agents order from."),
    "account": Lazy("accounts", "account", "What agents' programs order with."),
    "secret": Lazy("secret_files", "secret", "The master key of PINs and agents' secrets."),
    "price": Lazy("prices", "price", "What products cost the agents of a level."),
    "markup": Lazy("markups", "markup", "What uplines add to the price, and earn."),
    "commission": Lazy("commissions", "commission", "What uplines have earned."),
    "ticket": Lazy("tickets", "ticket", "Amounts that tell who paid in."),
    "bank": Lazy("banks", "bank", "Statements of our banks, and whose payments they hold."),
    "credit": Lazy("credits", "credit", "What another admin must confirm."),
    "complaint": Lazy("complaints", "complaint", "What agents say is wrong with an order."),
    "product": Lazy("products", "product", "What is sold, and for how much."),
    "discrepancies": Lazy(
        "discrepancies", "discrepancies", "Where a chip's stock was off the books."
    ),
    "prefix": Lazy("prefixes", "prefix", "Which numbers belong to which operator."),
    "archive": Lazy("archives", "archive", "Finished orders of past months."),
    "backup": Lazy("backups", "backup", "Copies of the database, and putting one back."),
    "ledger": Lazy("ledgers", "ledger", "The books."),
    "route": Lazy("routes", "route", "Which chip an order would take, and why."),
    "recipe": Lazy("recipes", "recipe", "Check how operators' answers are read."),
    "text": Lazy("order_texts", "text", "Check how agents' texts are read."),
    "unparsed": Lazy("unparsed", "unparsed", "Operators' texts that no pattern knew."),
    "config": Lazy("configs", "config", "Print, check and reload the configuration."),
    "admin": Lazy("admins", "admin", "Who may do what here, and what each did."),
    "doctor": Lazy("doctor", "doctor", "Look at this machine and say what to do."),
    "schedule": Lazy("schedules", "schedule", "What the daemon does by itself, and when."),
    "report": Lazy("schedules", "report", "A day in figures, from the books."),
    "audit": Lazy("audits", "audit", "Check every promise on the database itself."),
}


class Root(LazyGroup):
    """The top of the command line; turns errors into one line and a status."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs a command line; leaves by SystemExit as a program does."""
        try:
            status = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.UsageError as error:
            _fail([f"{error.format_message()}; see: {_help_for(error)}"], error.exit_code)
        except click.ClickException as error:
            _fail([error.format_message()], error.exit_code)
        except DaemonError as error:
            _fail(error.lines(), STATUS_FAILED)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(STATUS_INTERRUPTED)
        except BrokenPipeError:
            # The reader of a pipe has seen enough; nothing may be flushed to it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(STATUS_FAILED)
        sys.exit(status if isinstance(status, int) else 0)


def _help_for(error: click.UsageError) -> str:
    command = error.ctx.command_path if error.ctx else "pulsarack"
    return f"{command} --help"


def _fail(lines: Sequence[str], status: int) -> None:
    for line in lines:
        click.echo(f"pulsarack: {line}", err=True)
    sys.exit(status)


@click.command(cls=Root, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=places.CONFIG_FILE,
    show_default=True,
    help="The configuration file.",
)
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    help="The daemon's control socket; without it the configuration tells.",
)
@click.version_option(package_name="pulsarack", message="pulsarack %(version)s")
@click.pass_context
def root(context: click.Context, config: Path, socket: Path | None) -> None:
    """Server pulsa: a rack of GSM modems, a queue that loses nothing, and its books.

    `run` is the daemon. The other commands talk to it, or work without it where they
    can. Every listing takes --json.
    """
    context.obj = Session(config, socket)
