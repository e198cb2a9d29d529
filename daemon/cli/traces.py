"""`modem trace`: what is said on a slot's line, on the screen and as a trace file.

The file has the form that `tests/traces/README.md` describes, so that what a modem did in
the rack can be played to the tests. Secrets are masked before they leave the daemon; a
masked command becomes a pattern that any command of that shape fits.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from pulsarack.daemon.cli import formats
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session
from pulsarack.daemon.errors import DaemonError

_MASK = "****"
_MS = 1000
# Shorter pauses are the noise of the line.
_PAUSE_SECONDS = 0.05
# What would end a line of the file, or be no character of a modem's.
_UNFIT = re.compile(r"[^\x09\x20-\x7e\xa0-\xff]")


class CannotWrite(DaemonError):
    """The file of the trace cannot be written."""


@click.command()
@click.argument("slot")
@click.option("--out", type=click.Path(path_type=Path), help="Save it there as a trace file.")
@as_json_option
@pass_session
def trace(session: Session, slot: str, out: Path | None, as_json: bool) -> None:
    """Show every line to and from the modem in SLOT until Ctrl-C; secrets are masked.

    Who reads too slowly loses lines and is told how many; the modem is never held up.
    """
    with session.client() as client:
        lines = client.stream("modem.trace", slot=slot)
        if out is not None:
            lines = _saved(lines, out)
        for line in lines:
            if as_json:
                import json

                click.echo(json.dumps(line, ensure_ascii=False))
            else:
                click.echo(_shown(line, session.timezone))


def _shown(line: dict[str, Any], timezone: str | None) -> str:
    if line["way"] == "lost":
        return f"# {line.get('count')} lines were lost: read faster"
    at = formats.clock(line["at"], timezone)
    return f"{at} {formats.text(line['way']):2} {formats.text(line['text'])}"


def _saved(lines: Iterator[dict[str, Any]], out: Path) -> Iterator[dict[str, Any]]:
    try:
        with out.open("x", encoding="utf-8") as file:
            writer = TraceWriter()
            for line in lines:
                file.writelines(f"{text}\n" for text in writer.write(line))
                file.flush()
                yield line
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotWrite(f"{out}: {why}", "name a file that is not there yet") from None


class TraceWriter:
    """The lines of the socket as the lines of a trace file."""

    def __init__(self) -> None:
        self._sent = False
        self._last_ms: int | None = None

    def write(self, line: dict[str, Any]) -> Iterable[str]:
        """The lines of the file for one of the stream."""
        way, text, at = line["way"], _UNFIT.sub("?", line["text"]), line["at"]
        if way == ">":
            self._sent, self._last_ms = True, at
            return ("", f"> {_pattern(text)}")
        if way == "lost":
            return (f"# {line.get('count')} lines were lost here",)
        if way == "#" or not self._sent:
            # What came before the first command answers nothing.
            return (f"# {text}" if way == "#" else f"# {way} {text}",)
        return (*self._pause(at), f"{way} {text}")

    def _pause(self, at: int) -> Iterable[str]:
        before, self._last_ms = self._last_ms, at
        seconds = 0.0 if before is None else (at - before) / _MS
        return (f"< @{seconds:g}",) if seconds >= _PAUSE_SECONDS else ()


def _pattern(command: str) -> str:
    """A masked command as a pattern; of a run of stars the last four are the mask."""
    if command == "<body>" or _MASK not in command:
        return command
    pieces = re.split(r"(\*{4,})", command)
    shown = (
        re.escape("*" * (len(piece) - len(_MASK))) + ".*" if number % 2 else re.escape(piece)
        for number, piece in enumerate(pieces)
    )
    return f"/{''.join(shown)}/"
