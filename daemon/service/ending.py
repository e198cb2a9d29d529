"""How the daemon ends: told to, because a part of it died, or because it could not even start.

Told to end, it takes nothing new. A chip that is in a dialogue past its point of no return goes on
until the operator's answer is there; what is queued stays queued. Only while such a dialogue is
alive is systemd asked for more time, and no longer than STOP_SECONDS: what is cut off then is
undecided, and followed up at the next start as after a kill.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine, Mapping
from typing import Any

import click

from pulsarack.daemon.context import Context
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.logs.journal import goes_to_journal
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.service import exits
from pulsarack.daemon.service.notify import STOPPING, more_time, notify, status
from pulsarack.daemon.service.signals import Signals

# How long the chips may take to finish what is past its point of no return.
STOP_SECONDS = 60.0
_ASK_SECONDS = 5.0
# The answer is written down, files are closed, what callers began is answered.
_CLOSING_SECONDS = 20.0
# syslog(3): an error.
_PRIORITY = "<3>"


def start_failed(error: BaseException) -> int:
    """Say why the daemon could not start, one problem a line; the exit status."""
    said = error.lines() if isinstance(error, DaemonError) else str(error).splitlines()
    lines = list(said) or [type(error).__name__]  # a TimeoutError has no words
    mark = _PRIORITY if goes_to_journal(sys.stderr, os.environ.get("JOURNAL_STREAM", "")) else ""
    for line in lines:
        click.echo(f"{mark}pulsarack: {line}", err=True)
    # What systemctl status shows of a service that failed.
    notify(status(lines[0] if len(lines) == 1 else f"{lines[0]} (and {len(lines) - 1} more)"))
    return exits.status_of(error)


async def work(
    context: Context,
    rack: Rack,
    signals: Signals,
    parts: Mapping[str, Coroutine[Any, Any, None]],
) -> int:
    """Run all parts, by their names, until told to end or one of them dies; the exit status."""
    tasks = {asyncio.create_task(part, name=name) for name, part in parts.items()}
    ended = asyncio.create_task(signals.stop.wait(), name="signal")
    try:
        await asyncio.wait({*tasks, ended}, return_when=asyncio.FIRST_COMPLETED)
        code = _log_failures(context, tasks)
        notify(STOPPING, status("stopping"))
        context.log.info("daemon.stopping", failed=code != exits.DONE)
        await _stop_rack(context, rack)
    finally:
        for task in (*tasks, ended):
            task.cancel()
        await asyncio.gather(*tasks, ended, return_exceptions=True)
    return code


async def _stop_rack(context: Context, rack: Rack) -> None:
    """Let the chips finish, and ask for the time that this takes while it does."""
    asking = asyncio.create_task(_ask_for_time(context, rack), name="time to stop")
    try:
        await rack.stop(STOP_SECONDS)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _ask_for_time(context: Context, rack: Rack) -> None:
    until = context.clock.monotonic() + STOP_SECONDS
    while (left := until - context.clock.monotonic()) > 0:
        if busy := rack.committed():
            what = "1 order is" if busy == 1 else f"{busy} orders are"
            said = status(f"stopping; {what} past the point of no return")
            notify(more_time(left + _CLOSING_SECONDS), said)
        await context.clock.sleep(_ASK_SECONDS)


def _log_failures(context: Context, parts: set[asyncio.Task[None]]) -> int:
    """Log which parts died, and why; the exit status that follows from it."""
    code = exits.DONE
    for task in parts:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            part, known = task.get_name(), isinstance(error, DaemonError)
            context.log.error(
                "daemon.part_failed", part=part, why=str(error), exc_info=None if known else error
            )
            code = exits.status_of(error)
    return code
