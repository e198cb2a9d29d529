"""What can be wrong with a backup, or with putting one back; each says what to do."""

from pathlib import Path

from pulsarack.daemon.errors import DaemonError


class BackupError(DaemonError):
    """Base of all errors of backups. None of them has done anything to the database."""


class BackupFailed(BackupError):
    """A backup could not be made; what was made of it is gone again."""


class NoBackup(BackupError):
    """There is none of that name, or none at all."""


class BadBackup(BackupError):
    """A backup is not what its manifest says, or breaks a promise: it is not put back."""


class RestoreRefused(BackupError):
    """Nothing was put back, and nothing was touched."""


def on_disk(what: str, place: Path, error: OSError) -> BackupFailed:
    """What an error of the disk means for a backup."""
    why = error.strerror or str(error)
    return BackupFailed(
        f"{what}: {why} ({place})",
        "look at that disk (df -h), or set another [backup] dir; nothing else is hurt",
    )
