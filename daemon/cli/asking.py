"""Secrets that people give: asked for without an echo, or read from a pipe, never an argument.

What stands in an argument is in the shell's history, and every user of the machine sees it in
the list of processes.
"""

import sys

import click

from pulsarack.daemon.errors import DaemonError

_LONGEST = 1024


def ask(what: str) -> str:
    """A secret: typed twice at a terminal, else the next line of the standard input."""
    if sys.stdin.isatty():
        typed: str = click.prompt(what, hide_input=True, confirmation_prompt=True, err=True)
        return typed.strip()
    line = sys.stdin.readline(_LONGEST).strip()
    if not line:
        raise DaemonError(f"no {what} came on the standard input", "give it as one line")
    return line
