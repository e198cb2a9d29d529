"""What other parts of the daemon tell of themselves, as far as it is exported: shapes, no more."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


class JobStanding(Protocol):
    """How a scheduled job stands; times in milliseconds UTC, None: never."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def failures(self) -> int:
        """How many runs in a row failed, the last one included."""

    @property
    def done_at(self) -> int | None:
        """When the last run began that did not fail."""


class BackupFigures(Protocol):
    """The backups that lie there; times in milliseconds UTC, None: there is none."""

    @property
    def backups(self) -> int:
        """How many can be used, as far as is known."""

    @property
    def newest_at_ms(self) -> int | None:
        """Of which moment the newest is."""

    @property
    def newest_verified_at_ms(self) -> int | None:
        """Of which moment the newest is that was restored and audited on trial."""

    @property
    def bytes(self) -> int:
        """What they take on their disk, a file that several share once."""

    @property
    def unusable(self) -> int:
        """How many others lie there: damaged, or refused by the audit."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What is asked at each scrape. `backups` looks at files: it is called on another thread.

    log_lines   lines of the log by what became of them
    admin_acts  calls of admins by what became of them
    """

    jobs: Callable[[], Iterable[JobStanding]] = tuple
    backups: Callable[[], BackupFigures | None] = lambda: None
    log_lines: Callable[[], Mapping[str, int]] = dict
    admin_acts: Callable[[], Mapping[str, int]] = dict
