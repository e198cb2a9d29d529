"""[backup]: where copies of the database lie, how often one is made, and which stay."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import FilePath, Section, explained, time_of_day

_Minutes = Annotated[int, Field(ge=0, le=1440)]


class BackupSection(Section):
    """[backup]: the daemon's own backups.

    `dir` None: `backups` in the state directory. `every_minutes` 0: only by hand. What stays:
    all of the last `keep_hours`, the newest of each of `keep_days` days and of `keep_months`
    months; and no more than `most_gb` (10^9 bytes, 0: no bound) but for the newest ones.
    """

    ABOUT: ClassVar[str] = (
        "Backups of the database and its archives, made while the daemon works; docs/backups.md"
        " tells more. PINs, passwords and the key file of [agents] are not in them: keep those"
        " elsewhere."
    )

    dir: FilePath | None = explained(
        None,
        "Without this key: backups, in the state directory. Name a directory on another disk: what"
        " lies on the same one is lost with it.",
        "/mnt/backup/pulsarack",
    )
    every_minutes: _Minutes = explained(
        15,
        "How often one is made: so much, at most, can be lost with the disk. 0: only by hand.",
    )
    keep_hours: Annotated[int, Field(ge=0, le=168)] = explained(
        3,
        "Which stay: all of so many hours, then the newest of each day and of each month. 0 of each"
        " keeps the newest alone, and the newest that was verified.",
    )
    keep_days: Annotated[int, Field(ge=0, le=366)] = explained(14, "")
    keep_months: Annotated[int, Field(ge=0, le=120)] = explained(6, "")
    most_gb: Annotated[int, Field(ge=0, le=100_000)] = explained(
        0,
        "No more than so many gigabytes of them; the oldest go first. 0: no bound but the rule"
        " above.",
    )
    verify_at: Annotated[str, AfterValidator(time_of_day)] = explained(
        "04:40",
        "At what time of the local day the newest is verified: put back into a directory of its own"
        " and audited there.",
    )

    def folder(self, state_dir: Path) -> Path:
        """Where the backups lie."""
        return self.dir or state_dir / "backups"
