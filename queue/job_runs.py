"""How the scheduled jobs stand, so that a new daemon knows what an old one had done."""

from dataclasses import dataclass
from typing import Final

from peewee import Database

from pulsarack.queue.rows import columns, execute, scalar, select

SAID_MOST: Final = 1000
"""Characters kept of what a job said."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """The newest run of a job; times in milliseconds UTC.

    `done_at`: when the last run began that did its work; `failures`: in a row. One that did its
    work and found what is bad is a failure, too.
    """

    name: str
    began_at: int
    ended_at: int
    outcome: str
    said: str
    done_at: int | None
    failures: int


def standings(db: Database) -> dict[str, JobRun]:
    """Every job that ever ran, by its name."""
    rows = select(db, JobRun, f"SELECT {columns(JobRun)} FROM job_standing ORDER BY name")
    return {row.name: row for row in rows}


def counted_since(db: Database) -> int:
    """When this database began to keep how jobs stand: what never ran is due after that."""
    made = "SELECT applied_at FROM schema_version WHERE folder = 'queue' AND number = 17"
    return int(scalar(db, made) or 0)


def note(db: Database, run: JobRun) -> None:
    """Keep how a job ended, in place of what was kept before."""
    execute(
        db,
        f"INSERT OR REPLACE INTO job_standing ({columns(JobRun)}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            run.name,
            run.began_at,
            run.ended_at,
            run.outcome,
            run.said[:SAID_MOST],
            run.done_at,
            run.failures,
        ),
    )
