"""[backup]: where copies of the database lie, how often one is made, and which stay."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import FilePath, Section, time_of_day

_Minutes = Annotated[int, Field(ge=0, le=1440)]


class BackupSection(Section):
    """[backup]: the daemon's own backups.

    `dir` None: `backups` in the state directory. `every_minutes` 0: only by hand. What stays:
    all of the last `keep_hours`, the newest of each of `keep_days` days and of `keep_months`
    months; and no more than `most_gb` (10^9 bytes, 0: no bound) but for the newest ones.
    """

    dir: FilePath | None = None
    every_minutes: _Minutes = 15
    keep_hours: Annotated[int, Field(ge=0, le=168)] = 3
    keep_days: Annotated[int, Field(ge=0, le=366)] = 14
    keep_months: Annotated[int, Field(ge=0, le=120)] = 6
    most_gb: Annotated[int, Field(ge=0, le=100_000)] = 0
    verify_at: Annotated[str, AfterValidator(time_of_day)] = "04:40"

    def folder(self, state_dir: Path) -> Path:
        """Where the backups lie."""
        return self.dir or state_dir / "backups"
