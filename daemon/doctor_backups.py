"""What the doctor says of the backups: that there are some, young, proved, and on another disk."""

from collections.abc import Iterator

from pulsarack.daemon import durable
from pulsarack.daemon.backups import standing
from pulsarack.daemon.backups.errors import BackupFailed
from pulsarack.daemon.doctor import Finding, Subject, edit, error, ok, warn

NAME = "backups"
HOUR_MS = 3_600_000
PROVED_DAYS = 3
"""They are tried every night; a machine may be off for a weekend."""
_NOW = "sudo pulsarack backup now"
_LIST = "sudo pulsarack backup list"
_MINUTE_MS = 60_000
_CLOCKS_DIFFER_MINUTES = 5


def backups(subject: Subject) -> Iterator[Finding]:
    """There is a backup that is young enough, and one that was proved."""
    if not subject.database.exists():
        return
    settings = subject.config.backup
    folder = settings.folder(subject.state_dir)
    try:
        found = standing.figures(folder)
    except BackupFailed as failed:
        yield error(NAME, failed, f"sudo ls -ld {folder}")
        return
    if found.newest_at_ms is None:
        yield warn(NAME, f"there is none in {folder}", _NOW)
    else:
        yield from _age(subject, found.newest_at_ms)
        yield from _proof(subject, found.newest_verified_at_ms)
    if found.unusable:
        yield warn(NAME, f"{found.unusable} of them cannot be used", _LIST)
    if durable.on_one_disk(folder, subject.state_dir):
        what = f"{folder} is on the disk of the database: whoever loses one loses both"
        remedy = "name a folder on another disk as [backup] dir, or copy them to another machine"
        yield warn(NAME, what, edit(subject), remedy)


def _age(subject: Subject, newest_at_ms: int) -> Iterator[Finding]:
    minutes = (subject.now_ms - newest_at_ms) // _MINUTE_MS
    every = subject.config.backup.every_minutes
    if minutes < -_CLOCKS_DIFFER_MINUTES:
        what = f"the newest lies {-minutes} minutes ahead: it was made by a wrong clock"
        remedy = (
            "remove the folder of that backup: while it counts as the newest no other is verified"
        )
        yield warn(NAME, what, _LIST, remedy)
    elif every and minutes > max(3 * every, 60):
        what = f"the newest is {minutes} minutes old, though one is to be made every {every}"
        yield warn(NAME, what, _NOW, "why none was made: pulsarack schedule list")
    else:
        yield ok(NAME, f"the newest is {minutes} minutes old")


def _proof(subject: Subject, proved_at_ms: int | None) -> Iterator[Finding]:
    verify = "sudo pulsarack backup verify"
    if proved_at_ms is None:
        yield warn(NAME, "none was ever put back to see whether it is good", verify)
    elif subject.now_ms - proved_at_ms > PROVED_DAYS * 24 * HOUR_MS:
        days = (subject.now_ms - proved_at_ms) // (24 * HOUR_MS)
        yield warn(NAME, f"the newest that was put back to see is {days} days old", verify)
