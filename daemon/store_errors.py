"""What can go wrong with the database file, and what to do about it."""

from pathlib import Path

import apsw

from pulsarack.daemon.errors import DaemonError

_FREE_SPACE = (
    "free some space on the disk of the state directory (see: df -h); it goes on by itself"
)


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


class StateDirectoryFull(StoreError):
    """There is no room for the first order."""

    def __init__(self, directory: Path, free: int) -> None:
        super().__init__(
            f"the disk of the state directory {directory} is full: {free} bytes are left",
            "free some space there (see: df -h), then start again",
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


class DatabaseGone(StoreError):
    """The file is missing or empty, while what lies beside it says that it was in use."""

    def __init__(self, path: Path, beside: Path) -> None:
        super().__init__(
            f"the database {path} is gone or empty, but {beside} is there",
            "put the database back beside it, of the same moment, or restore a backup; nothing"
            " was touched: for a new beginning move all files of the directory away",
        )


class NotAFile(StoreError):
    """Where a file of the database should be stands something that cannot be one."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(
            f"{path} is {kind}, where the daemon keeps a file",
            "the daemon makes no such thing: find out who did, and move it away; if it stands in"
            " the place of the database or its log, put the file back or restore a backup",
        )


class DatabaseLocked(StoreError):
    """Another program has the file locked."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"another program has the database {path} locked",
            f"it is not damaged; find that program and end it: fuser -v {path}",
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

    def __init__(self, cause: BaseException) -> None:
        self.full = isinstance(cause, apsw.FullError)
        remedy = "check free space and health of the disk, and that no other program keeps the"
        super().__init__(
            f"the database did not take the changes: {cause}",
            _FREE_SPACE if self.full else f"{remedy} database locked",
        )


class CommitsLost(StoreError):
    """The database lacks commits that were made: its log, or the file itself, is another one."""

    def __init__(self, path: Path, mark: Path, missing: int) -> None:
        super().__init__(
            f"the newest {missing} commits are missing from {path}: its log {path.name}-wal was"
            " removed or damaged, or an older copy was put in its place",
            "put the files of the same moment back; if there are none, what was ordered and sent"
            " since is unknown here: compare with your agents and the operators' lists, then"
            f" remove {mark} and start again",
        )
        self.missing = missing


class RestoreUnfinished(StoreError):
    """A backup is half put back: some files are the old ones, some the new ones."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"a backup is half put back in {directory}: that was broken off",
            "run the same again, it goes on where it stopped: pulsarack backup restore",
        )


class ArchiveError(StoreError):
    """An archive cannot be used. It says nothing about the database, which goes on."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"the archive {path}: {what}", remedy)
        self.path = path


class StoreBroken(StoreError):
    """The store cannot go on in this process, whatever is tried: the daemon has to end."""


class DatabaseDamaged(StoreBroken):
    """What is in the file cannot be true."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"the database {path} is damaged: {what}",
            "stop the daemon, copy all files of the directory away, check the disk, then restore"
            " the newest backup, or see what can be saved: pulsarack doctor",
        )


class DatabaseMoved(StoreBroken):
    """Somebody removed or replaced a file of the database under the running daemon."""

    def __init__(self, path: Path, *, saved: bool) -> None:
        happened = f"a file of the database {path} was removed or replaced while it was in use"
        if saved:
            remedy = "nothing is lost; find out who removes files there, and start the daemon again"
        else:
            remedy = (
                "stop whatever does that and put the files back before the daemon starts again;"
                " the newest changes may be lost: pulsarack doctor"
            )
        super().__init__(happened, remedy)
        self.saved = saved


class StoreClosed(StoreBroken):
    """A job came after the store was closed, or its thread is gone."""

    def __init__(self) -> None:
        super().__init__("the store is closed", "start the daemon again")


_DAMAGED = (apsw.CorruptError, apsw.NotADBError)
# What the machine refuses and may grant again: space, the disk, the lock, memory.
_REFUSED = (
    apsw.FullError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ProtocolError,
    apsw.NoMemError,
)


def fault_of(error: BaseException, path: Path) -> StoreError | None:
    """The error of the store behind one that a job ran into; None: it is the job's own."""
    found: BaseException | None = error
    while found is not None:
        # peewee raises an error of its own and keeps the original in it.
        cause = getattr(found, "orig", None) or found
        if isinstance(cause, _DAMAGED):
            return DatabaseDamaged(path, " ".join(str(cause).split()))
        if isinstance(cause, _REFUSED):
            return NotStored(cause)
        # SQLite ends a transaction by itself on a full disk and the like; then the roll-back
        # fails as well, and hides why.
        found = found.__context__
    return None
