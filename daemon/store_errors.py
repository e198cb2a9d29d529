"""What can go wrong with the database file, and what to do about it."""

from pathlib import Path

from pulsarack.daemon.errors import DaemonError


class StoreError(DaemonError):
    """Base of all errors of the store."""


class StateDirectoryUnusable(StoreError):
    """The state directory is missing, or we may not write in it."""

    def __init__(self, directory: Path, cause: OSError) -> None:
        super().__init__(
            f"cannot use the state directory {directory}: {cause.strerror or cause}",
            "create it, or give it to the user who runs pulsarack "
            f"(install -d -o pulsarack -g pulsarack {directory}), or set another state_dir",
        )


class StoreLocked(StoreError):
    """Another process works on this state directory."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{who} already works in {directory}",
            "stop it first (systemctl stop pulsarack), or set another state_dir",
        )
        self.pid = pid


class DatabaseUnreadable(StoreError):
    """The file is not a database, or cannot be opened as one."""

    def __init__(self, path: Path, cause: Exception) -> None:
        super().__init__(
            f"cannot read the database {path}: {cause}",
            "check that the path is right and the disk is sound, or restore a backup",
        )


class NotOurDatabase(StoreError):
    """The file is a database of some other program."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is a database, but not one of pulsarack",
            "set another state_dir, or move the file away",
        )


class SchemaNewer(StoreError):
    """The database was written by a newer version; going back is not possible."""

    def __init__(self, path: str, folder: str, number: int, known: int) -> None:
        super().__init__(
            f"{path} was made by a newer pulsarack: its {folder} tables are at {number}, "
            f"this version knows them up to {known}",
            "install the newer version again, or restore the backup made before the upgrade",
        )


class SchemaOlder(StoreError):
    """The database waits for a migration, which a reader must not do."""

    def __init__(self, path: str, script: str) -> None:
        super().__init__(
            f"{path} was made by an older pulsarack and lacks {script}",
            "start the daemon of this version once, it brings the tables up to date",
        )


class SchemaDiffers(StoreError):
    """What was applied under a number is not what this version has under it."""

    def __init__(self, path: str, script: str, detail: str) -> None:
        super().__init__(
            f"{path}: {script}: {detail}",
            "install the version that made this database, or restore a backup",
        )


class MigrationFault(StoreError):
    """The migration scripts of this installation are not as they must be."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}", "install pulsarack again and report this")


class NotStored(StoreError):
    """The database did not take a group of changes.

    Nothing of the group is visible. If the disk failed while it was being written the
    group may still turn up after the next start, so treat it as neither done nor undone:
    every job is safe to repeat under its own ids.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"the database did not take the changes: {cause}",
            "check free space and health of the disk, "
            "and that no other program keeps the database locked",
        )


class StoreClosed(StoreError):
    """A job came after the store was closed, or its thread is gone."""

    def __init__(self) -> None:
        super().__init__("the store is closed", "start the daemon again")
