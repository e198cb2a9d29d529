"""How the backups stand, in plain figures: for metrics, the doctor and whoever looks."""

from dataclasses import dataclass
from pathlib import Path

from pulsarack.daemon.backups import shelf
from pulsarack.daemon.backups.keep import bytes_of


@dataclass(frozen=True, slots=True)
class BackupFigures:
    """Of one directory. Moments are milliseconds UTC, None if there is no such backup.

    `unusable`: those that something is known against; `bytes`: of all of them.
    """

    backups: int
    unusable: int
    bytes: int
    newest_at_ms: int | None
    newest_verified_at_ms: int | None


def figures(folder: Path) -> BackupFigures:
    """Raises BackupFailed if the directory cannot be read; one that is not there has none."""
    backups = shelf.every(folder)
    good = [one for one in backups if one.good]
    proved = [one for one in good if one.proved]
    return BackupFigures(
        backups=len(good),
        unusable=len(backups) - len(good),
        bytes=bytes_of(backups),
        newest_at_ms=good[0].made_at if good else None,
        newest_verified_at_ms=proved[0].made_at if proved else None,
    )
