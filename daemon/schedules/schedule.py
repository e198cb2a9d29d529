"""The schedule: runs each job when it is due, beside the trade and never in its way.

Every job has a task of its own that waits until it is due and then runs it: no job waits for
another, and none runs twice at once. When it last ran stands in the database, so what was
missed while the daemon or the machine was down is made up for once, and a restart repeats
nothing. A job that fails is logged with its remedy and tried again, at first soon
(moments.py); the others do not notice. What is missed by a clock that is set is the same as
what is missed by a stop.

Jobs move no money of orders. What they read and write goes through the same store as all
else, in small pieces, and waits its turn there. When the daemon ends they are cut off.
"""

import asyncio
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.schedules import moments
from pulsarack.daemon.schedules.job import BadNews, Daily, Every, Job, JobFailed, When
from pulsarack.daemon.schedules.moments import Moments
from pulsarack.daemon.store_errors import StoreError
from pulsarack.queue import job_runs
from pulsarack.queue.job_runs import JobRun

START_SECONDS: Final = 30.0
"""After the start nothing runs for so long: the chips come first."""
LOOK_SECONDS: Final = 300.0
"""The clock may be set: it is looked at this often, whenever the next moment is."""
LATE_SECONDS: Final = 600.0
"""What runs so long after its moment was missed, and the log says so."""
OK: Final = "ok"
FAILED: Final = "failed"
RUNNING: Final = "running"


@dataclass(frozen=True, slots=True)
class JobStanding:
    """How a job stands, for people and metrics; times in milliseconds UTC, None: never.

    `outcome` is ok, failed or running, and None before the first run; `failures` in a row.
    `done_at` is when the last run began that did its work, whatever it found. `due_at` is about
    when it runs next.
    """

    name: str
    what: str
    when: str
    due_at: int | None
    began_at: int | None
    ended_at: int | None
    outcome: str | None
    said: str
    done_at: int | None
    failures: int


@dataclass(slots=True)
class _Entry:
    """A job and what is known of it here.

    Moments of the day count from `since_ms`: the last run that did its work, or the day on which
    runs were first kept.
    `not_before` is a monotonic instant.
    """

    job: Job
    when: When = None
    moments: Moments | None = None  # of one that runs at a time of the day
    last: JobRun | None = None
    since_ms: int = 0
    not_before: float = 0.0
    task: asyncio.Task[str] | None = None
    began_at: int = 0


class Schedule:
    """All jobs of one daemon."""

    def __init__(
        self,
        context: Context,
        jobs: Iterable[Job],
        *,
        rng: random.Random,
        when: Callable[[Job], When] = lambda job: job.when,
    ) -> None:
        """`rng` spreads what is due every so often; names of jobs are unique.

        `when` says when a job runs as things are now: it is asked again and again, since a new
        configuration may say otherwise.
        """
        self._context = context
        self._rng = rng
        self._when = when
        self._entries: dict[str, _Entry] = {}
        for job in jobs:
            assert job.name not in self._entries, f"two jobs are called {job.name}"
            self._entries[job.name] = _Entry(job)
            self._retime(self._entries[job.name])

    async def load(self) -> None:
        """Learn what the daemon before had done; before `run`."""
        known, began = await self._context.store.read(
            lambda db: (job_runs.standings(db), job_runs.counted_since(db))
        )
        clock = self._context.clock
        begin = clock.monotonic() + START_SECONDS
        for name, entry in self._entries.items():
            entry.last = known.get(name)
            entry.since_ms, entry.not_before = _since(entry.last, began), begin
            if isinstance(when := entry.when, Every):
                done = None if entry.last is None else entry.last.done_at
                wait = moments.first_wait(when, done, clock.now_ms())
                entry.not_before += max(0.0, wait + self._jitter(when))

    async def run(self) -> None:
        """Run what is due, until cancelled."""
        await self.load()
        tasks = [
            asyncio.create_task(self._serve(entry), name=f"schedule {name}")
            for name, entry in self._entries.items()
        ]
        try:
            await asyncio.gather(asyncio.Event().wait(), *tasks)
        finally:
            running = [entry.task for entry in self._entries.values() if entry.task is not None]
            for task in (*tasks, *running):
                task.cancel()
            await asyncio.gather(*tasks, *running, return_exceptions=True)

    async def run_now(self, name: str) -> str:
        """Run a job at once and say what it did; it goes on if the caller leaves.

        Raises JobFailed if it fails, if it runs already, and if there is none of that name.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise JobFailed(f"there is no job {name!r}", "see: pulsarack schedule list")
        if entry.task is not None:
            raise JobFailed(f"{name} is running already", "see: pulsarack schedule list")
        task = self._start(entry)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise JobFailed(f"{name} was cut off", "run it again") from None
            raise

    def standings(self) -> list[JobStanding]:
        """How every job stands, by name."""
        return [self._standing(entry) for _, entry in sorted(self._entries.items())]

    async def _serve(self, entry: _Entry) -> None:
        clock = self._context.clock
        while True:
            while (seconds := self._seconds_left(entry)) > 0:
                await clock.sleep(min(seconds, LOOK_SECONDS))
            if entry.task is None:  # else somebody runs it by hand
                self._tell_if_late(entry)
                self._start(entry)
            assert entry.task is not None
            await asyncio.wait([entry.task])

    def _seconds_left(self, entry: _Entry) -> float:
        """How long until a job is due; 0 or less if it is."""
        self._retime(entry)
        clock = self._context.clock
        left = entry.not_before - clock.monotonic()
        if entry.when is None:
            return math.inf
        if entry.moments is None:
            return left
        return max(left, (self._due_at(entry, entry.moments) - clock.now_ms()) / MS)

    def _retime(self, entry: _Entry) -> None:
        """Follow the configuration."""
        when = self._when(entry.job)
        if when == entry.when:
            return
        entry.when, entry.moments = when, None
        if isinstance(when, Daily):
            entry.moments = Moments(when, self._context.config.daemon.timezone)
        elif isinstance(when, Every):
            soon = self._context.clock.monotonic() + when.seconds
            entry.not_before = min(entry.not_before or soon, soon)

    def _due_at(self, entry: _Entry, of_day: Moments) -> int:
        now_ms = self._context.clock.now_ms()
        # Set back by less than a day, the clock comes to that run again, and it counts; by more,
        # it was wrong then, and what was done by it says nothing.
        if entry.since_ms - now_ms > moments.DAY_MS:
            entry.since_ms = now_ms
        return of_day.due_after(entry.since_ms, now_ms)

    def _start(self, entry: _Entry) -> "asyncio.Task[str]":
        entry.began_at = self._context.clock.now_ms()
        entry.task = asyncio.create_task(self._carry_out(entry), name=f"job {entry.job.name}")

        def ended(task: "asyncio.Task[str]") -> None:
            entry.task = None
            if not task.cancelled():
                task.exception()  # who ran it by hand hears of it, and the log has told

        entry.task.add_done_callback(ended)
        return entry.task

    async def _carry_out(self, entry: _Entry) -> str:
        clock, log = self._context.clock, self._context.log.bind(job=entry.job.name)
        began, failed, said = clock.monotonic(), None, ""
        try:
            said = await entry.job.run()
        except Exception as error:
            failed = _failure(error)
            if not isinstance(error, DaemonError):
                log.exception("schedule.fault")
        seconds = round(clock.monotonic() - began, 3)
        again = self._set_next(entry, began, said, failed)
        await self._note(entry)
        if failed is not None:
            remedy, times = failed.remedy, entry.last.failures if entry.last else 1
            log.error(
                "schedule.failed",
                why=failed.message,
                remedy=remedy,
                times=times,
                again_in_seconds=None if again is None else round(again),
            )
            raise failed
        if isinstance(entry.when, Every):
            log.debug("schedule.ran", said=said, seconds=seconds)
        else:
            log.info("schedule.done", said=said, seconds=seconds)
        return said

    def _set_next(
        self, entry: _Entry, began: float, said: str, failed: JobFailed | None
    ) -> float | None:
        """Keep how a run ended; in how many seconds it is tried again, if it failed."""
        clock, before, when = self._context.clock, entry.last, entry.when
        done_at, failures = (None, 0) if before is None else (before.done_at, before.failures)
        done = failed is None or isinstance(failed, BadNews)
        if done:
            done_at = entry.since_ms = entry.began_at
        failures = 0 if failed is None else failures + 1
        outcome = OK if failed is None else FAILED
        entry.last = JobRun(
            entry.job.name,
            entry.began_at,
            clock.now_ms(),
            outcome,
            (said if failed is None else str(failed))[: job_runs.SAID_MOST],
            done_at,
            failures,
        )
        if not done and when is not None:
            again = moments.retry_seconds(when, failures)
            entry.not_before = clock.monotonic() + again
            return again
        entry.not_before = 0.0
        if isinstance(when, Every):
            entry.not_before = began + max(1.0, when.seconds + self._jitter(when))
        return None

    async def _note(self, entry: _Entry) -> None:
        run = entry.last
        assert run is not None
        try:
            await self._context.store.write(lambda db: job_runs.note(db, run))
        except StoreError as error:  # this daemon knows it; the next one may run it again
            self._context.log.error("schedule.not_noted", job=run.name, why=str(error))

    def _tell_if_late(self, entry: _Entry) -> None:
        if entry.moments is None:
            return
        due_at = self._due_at(entry, entry.moments)
        seconds = (self._context.clock.now_ms() - due_at) / MS
        if seconds > LATE_SECONDS and (entry.last is None or not entry.last.failures):
            self._context.log.info(
                "schedule.late", job=entry.job.name, due_at=due_at, seconds=round(seconds)
            )

    def _jitter(self, when: Every) -> float:
        if not when.jitter_seconds:
            return 0.0
        return self._rng.uniform(-when.jitter_seconds, when.jitter_seconds)

    def _standing(self, entry: _Entry) -> JobStanding:
        self._retime(entry)
        last, job = entry.last, entry.job
        running = entry.task is not None
        return JobStanding(
            name=job.name,
            what=job.what,
            when=moments.in_words(entry.when),
            due_at=self._told_due(entry),
            began_at=entry.began_at if running else (last.began_at if last else None),
            ended_at=None if running or last is None else last.ended_at,
            outcome=RUNNING if running else (last.outcome if last else None),
            said="" if running or last is None else last.said,
            done_at=last.done_at if last else None,
            failures=last.failures if last else 0,
        )

    def _told_due(self, entry: _Entry) -> int | None:
        left = self._seconds_left(entry)
        if entry.when is None or entry.task is not None:
            return None
        return self._context.clock.now_ms() + round(max(0.0, left) * MS)


def _since(last: JobRun | None, began_ms: int) -> int:
    if last is None:
        return began_ms
    return last.began_at - moments.DAY_MS if last.done_at is None else last.done_at


def _failure(error: Exception) -> JobFailed:
    if isinstance(error, JobFailed):
        return error
    if isinstance(error, DaemonError):
        return JobFailed(error.message, error.remedy)
    return JobFailed(f"a fault of the program: {type(error).__name__}", "report what the log shows")
