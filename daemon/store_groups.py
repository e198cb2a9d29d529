"""How many of the daemon's own jobs are written with one commit.

    a big group       its first job waits for the work of all the others
    a small group     every job pays for a commit

So a group is as large as keeps both alike: its work takes about twice the time of the commit
behind it, as both were seen of late. Where a commit takes a fraction of a millisecond that is two
or three jobs, and chips whose answers come together do not go on together for ever, each time
waiting for each other; on a disk that waits for ten milliseconds it is as many as are allowed.
"""

from pulsarack.daemon.store_lanes import Shares

FEWEST, FIRST, MOST = 2, 16, 64
WORK_TO_COMMIT = 2.0
# Of each new time so much is believed, so that about the last eight groups count. A checkpoint
# in a commit, or an archivist's job, takes a hundred times as long and says nothing of the next.
_BELIEF = 1 / 8
_RISE = 2.0


class GroupSize:
    """Learns how long work and commits take; used from the writing thread only.

    `shares`: how large the next group may be.
    """

    def __init__(self) -> None:
        self.shares = Shares(batch=MOST, own=FIRST)
        self._job: float | None = None
        self._commit: float | None = None

    def note(self, jobs: int, work_seconds: float, commit_seconds: float) -> None:
        """A group was worked off and committed; a job that stands for many counts as so many."""
        self._job = _moved(self._job, work_seconds / jobs)
        self._commit = _moved(self._commit, commit_seconds)
        if self._job > 0:
            wanted = WORK_TO_COMMIT * self._commit / self._job
            self._resize(round(max(FEWEST, min(MOST, wanted))))

    def _resize(self, own: int) -> None:
        if own != self.shares.own:
            # As many strangers to as many of our own as before.
            self.shares = Shares(batch=MOST, own=own, visitors_beside=own // 2)


def _moved(known: float | None, seen: float) -> float:
    if not known:  # nothing yet, or too little for a coarse clock
        return seen
    return known + (min(seen, known * _RISE) - known) * _BELIEF
