"""Statements that take long are told: a sick disk, or a question that reads too much.

SQLite says of each statement how long it ran; a COMMIT is one as well, so a disk that is slow
to write shows too. The text is told without its values. On a bad day every statement is slow:
of each text the first is told, then the second, the fourth, the eighth, with their number.
"""

from collections.abc import Callable

from peewee import Database

from pulsarack.daemon.log import Logger

NANOSECONDS_IN_SECOND = 1_000_000_000
# The daemon has fewer statements; of others that come beyond that all are told.
TEXTS_MOST = 512
TEXT_SHOWN = 300
REMEDY = "look at the disk (iostat -x 5) and at what else reads or writes there"


class SlowStatements:
    """Called by SQLite after each statement of one connection, on its thread."""

    def __init__(self, limit_seconds: float, log: Logger) -> None:
        self._limit = round(limit_seconds * NANOSECONDS_IN_SECOND)
        self._log = log
        self._times: dict[str, int] = {}

    def __call__(self, sql: str, nanoseconds: int) -> None:
        """A statement has ended."""
        if nanoseconds < self._limit:
            return
        times = self._times.get(sql, 0) + 1
        if len(self._times) < TEXTS_MOST or sql in self._times:
            self._times[sql] = times
        if times & (times - 1) == 0:
            self._log.warning(
                "store.slow",
                seconds=round(nanoseconds / NANOSECONDS_IN_SECOND, 3),
                times=times,
                statement=" ".join(sql.split())[:TEXT_SHOWN],
                remedy=REMEDY,
            )


Listen = Callable[[Database], None]
"""Begins to listen to a connection, on its own thread."""


def to_nothing(_db: Database) -> None:
    """Nobody listens."""


def listen(limit_seconds: float, log: Logger) -> Listen:
    """Each connection gets its own listener, which its own thread calls."""

    def begin(db: Database) -> None:
        connection = db.connection()  # type: ignore[no-untyped-call]
        connection.set_profile(SlowStatements(limit_seconds, log))

    return begin
