"""What is done again and again: its name, when it is due, and what it does.

A part of the daemon that has such work makes a `Job` of it and hands it to the schedule; when
it runs, beside what, and what is told of it is the schedule's affair. A job does its work in
transactions that each leave everything whole: it is cut off where it stands when the daemon
ends, and runs again when it is due.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pulsarack.daemon.errors import DaemonError


class JobFailed(DaemonError):
    """A job could not do its work; the message says why, the remedy what to do."""


class BadNews(JobFailed):
    """A job did its work, and what it found is bad: it is not tried again before it is due."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day at this time ("03:30") of the place where the trade is."""

    at: str


@dataclass(frozen=True, slots=True)
class Every:
    """So many seconds after it was due before, give or take up to `jitter_seconds`."""

    seconds: float
    jitter_seconds: float = 0.0


When = Daily | Every | None
"""When a job runs; None: only by hand."""


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of work.

    name  as it is run by hand: `pulsarack schedule run NAME`
    what  in a few words, for a list of them
    when  None: only by hand
    run   does it and says in a sentence what was done; raises JobFailed, or BadNews
    """

    name: str
    what: str
    when: When
    run: Callable[[], Awaitable[str]]
