"""The report of a day (queue/reports/day.py): for a person who asks, and as files each night.

The files are CSV, one of operators, agents, chips and reasons of failure each, and lie in
`<state_dir>/reports`. A file is whole or not there. What the nights of an outage left out is
written as well, and a report that is written again is the same, since a day that is over does
not change. If it differs all the same, a backup was put back, or the clock set: then the older
file stays beside it (`.old-1`), since it may be all that is known of that day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

from peewee import Database

from pulsarack.daemon import calendar, durable
from pulsarack.daemon.archive_file import folder_of, open_to_read, path_of
from pulsarack.daemon.context import Context
from pulsarack.daemon.csv_text import as_csv
from pulsarack.daemon.schedules.job import JobFailed
from pulsarack.daemon.side_reader import SideReader
from pulsarack.queue import job_runs
from pulsarack.queue.reports import day
from pulsarack.queue.reports.day import FIGURES, Day, DayLine
from pulsarack.queue.rows import tuples

NAME: Final = "day-report"
FOLDER: Final = "reports"
FOLDER_MODE: Final = 0o750
FILE_MODE: Final = 0o640
MOST_DAYS: Final = 31
"""So many days back a report that was missed is written."""
BY: Final = ("operator", "agent", "chip")


@dataclass(frozen=True, slots=True)
class Told:
    """A day, and what people call its agents and chips."""

    figures: Day
    names: Mapping[str, Mapping[str, str]]

    def rows(self, by: str) -> list[dict[str, Any]]:
        """The lines by "operator", "agent" or "chip"."""
        return [self._row(by, line) for line in self.figures.lines(by)]

    def total(self, by: str) -> dict[str, Any]:
        """All lines together."""
        return self._row(by, day.total(self.figures.lines(by)))

    def _row(self, by: str, line: DayLine) -> dict[str, Any]:
        name = self.names.get(by, {}).get(line.key, "")
        return {by: line.key, "name": name, **line.figures(), "reasons": dict(line.reasons)}


class DayReports:
    """Reads days, and writes those that are over."""

    def __init__(self, context: Context, reader: SideReader) -> None:
        self._context = context
        self._reader = reader

    async def read(self, of: date) -> Told:
        """The figures of a local day. Raises StoreError, ArchiveError among them."""
        archives = folder_of(self._reader.path)
        begins_at, ends_at = calendar.bounds_of(of, self._context.config.daemon.timezone)

        def job(db: Database) -> Told:
            figures = day.read(
                db,
                of.isoformat(),
                begins_at,
                ends_at,
                lambda name: open_to_read(path_of(archives, name)),
            )
            return Told(
                figures,
                {
                    "agent": dict(tuples(db, "SELECT code, name FROM agent")),
                    "chip": dict(tuples(db, "SELECT iccid, name FROM chip")),
                },
            )

        return await self._reader.run(job)

    async def write_due(self) -> str:
        """Write the files of every day that is over and was not reported yet; what was done."""
        folder = self._reader.path.parent / FOLDER
        days = await self.due()
        for one in days:
            told = await self.read(one)
            try:
                await self._reader.aside(lambda told=told: write(folder, told))  # type: ignore[misc]
            except OSError as error:
                raise JobFailed(
                    f"{error.filename or folder} cannot be written: {error.strerror}",
                    f"make room or put the rights right, then: pulsarack schedule run {NAME}",
                ) from error
        span = days[-1].isoformat() if len(days) == 1 else f"{days[0]} to {days[-1]}"
        return f"{span} is written to {folder}"

    async def due(self) -> list[date]:
        """The days to be reported: from that of the last report on, and at least yesterday."""
        today = date.fromisoformat(self._context.day())
        known = await self._context.store.read(job_runs.standings)
        done_at = known[NAME].done_at if NAME in known else None
        first = today - timedelta(days=1)
        if done_at is not None:
            first = min(first, date.fromisoformat(self._context.day_of(done_at)))
        first = max(first, today - timedelta(days=MOST_DAYS))
        return [first + timedelta(days=n) for n in range((today - first).days)]


def write(folder: Path, told: Told) -> list[Path]:
    """Write the files of a day; raises OSError."""
    if not folder.exists():
        folder.mkdir()
        folder.chmod(FOLDER_MODE)  # whatever the umask of the service is
    written = []
    for by in BY:
        heads = [by, *(() if by == "operator" else ("name",)), *FIGURES]
        rows = ([row[head] for head in heads] for row in told.rows(by))
        written.append(_put(folder / f"{told.figures.name}-{by}s.csv", heads, rows))
    failures = (
        (by, row[by], reason, count)
        for by in BY
        for row in told.rows(by)
        for reason, count in sorted(row["reasons"].items())
    )
    heads = ["by", "of", "reason", "failed"]
    written.append(_put(folder / f"{told.figures.name}-failures.csv", heads, failures))
    return written


def _put(path: Path, heads: Iterable[str], rows: Iterable[Iterable[str | int]]) -> Path:
    content = as_csv(heads, rows).encode()
    _keep_other(path, content)
    durable.write(path, content, FILE_MODE)
    return path


def _keep_other(path: Path, content: bytes) -> None:
    """Give a file that says something else another name."""
    if not path.exists() or path.read_bytes() == content:
        return
    names = (path.with_name(f"{path.stem}.old-{number}{path.suffix}") for number in count(1))
    path.rename(next(name for name in names if not name.exists()))
