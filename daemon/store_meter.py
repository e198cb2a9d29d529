"""How long the store's threads take: counted on the threads themselves, read by anybody.

    waiting  +------------ the jobs of one batch ------------+  commit   +  wakes
    job A ---|--> run A                                       |           |--> A has its result
    job B ---|----------> run B                               |           |--> B has its result

A job's time is all of that, from being handed over to its result. A commit's time is what SQLite
takes to write the changes into its log and to wait for the disk (fsync); a batch that changed
nothing commits nothing, and is not counted there. Seconds here are real ones, in a rehearsal too.
"""

from pulsarack.daemon import clock
from pulsarack.daemon.measures import SHORT_SECONDS, Spread, Stopwatch
from pulsarack.daemon.store_groups import GroupSize

BATCH_JOBS = (1, 2, 4, 8, 16, 32, 64)


class StoreMeter:
    """One for a store.

    job_seconds     by thread: 'writing', 'reading', 'reading for callers'
    batch_jobs      how many jobs were written with one commit
    commit_seconds  how long each commit took
    failed          batches that could not be stored: the disk is full, the file damaged
    size            how large batches are to be, which follows from how long they take
    """

    def __init__(self, stopwatch: Stopwatch = clock.stopwatch) -> None:
        self.now = stopwatch
        self.job_seconds = {name: Spread(SHORT_SECONDS) for name in THREADS}
        self.batch_jobs = Spread(BATCH_JOBS)
        self.commit_seconds = Spread(SHORT_SECONDS)
        self.failed = 0
        self.size = GroupSize()

    def group(self, jobs: int, requests: int, work_seconds: float, commit_seconds: float) -> None:
        """A batch that changed something was worked off and committed. On the writing thread.

        `requests`: for how many its jobs stand; of those from outside one may stand for many.
        """
        self.batch_jobs.note(jobs)
        self.commit_seconds.note(commit_seconds)
        self.size.note(requests, work_seconds, commit_seconds)


WRITING, READING, VISITING = "writing", "reading", "reading for callers"
THREADS = (WRITING, READING, VISITING)
