"""Verifying a backup: it is put back into an empty directory and audited there.

Digests first, then the tables are brought up to this version, as the daemon would do it, and
then every promise is checked, the archives' as well. What came of it is noted beside the
manifest. The backup itself is only read: what is opened is a copy.
"""

import errno
import os
from importlib.metadata import version as installed
from pathlib import Path

from pulsarack.daemon import audit, durable
from pulsarack.daemon.archive_file import FOLDER
from pulsarack.daemon.backups import manifest, shelf
from pulsarack.daemon.backups.errors import BadBackup, on_disk
from pulsarack.daemon.backups.making import RESERVE_BYTES
from pulsarack.daemon.backups.manifest import MANIFEST, VERIFIED, Manifest, Verified
from pulsarack.daemon.backups.shelf import VERIFYING, Backup
from pulsarack.daemon.migrations import load_scripts
from pulsarack.daemon.store import prepare
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.store_files import DATABASE_NAME, database, free_bytes
from pulsarack.queue.audit import Finding

_LOCK = ".verify-lock"
_MOST_KEPT = 20
_OTHER = "use another backup: pulsarack backup list"


def verify(backup: Backup, *, now_ms: int) -> Verified:
    """Verify a backup and note what came of it; raises BackupError if it cannot be tried."""
    folder = backup.path.parent
    with shelf.alone(folder, _LOCK):
        shelf.sweep(folder, VERIFYING)
        place = folder / f"{VERIFYING}{backup.name}"
        try:
            found = _try(backup, place, now_ms)
            return _note(backup, found, now_ms)
        except OSError as error:
            raise on_disk(f"{backup.name} could not be verified", folder, error) from error
        finally:
            durable.remove_tree(place)


def _try(backup: Backup, place: Path, now_ms: int) -> list[str]:
    try:
        said = check(backup)
    except BadBackup as error:
        return [str(error)]
    lay_out(backup, said, place, link=True)
    try:
        bring_up(place / DATABASE_NAME, now_ms=now_ms)
        findings = audit.main(place / DATABASE_NAME, archives=True)
    except StoreError as error:
        return [str(error)]
    return [_line(one) for one in findings]


def _line(found: Finding) -> str:
    return f"{found.rule} {found.subject}: {found.detail}"


def _note(backup: Backup, findings: list[str], now_ms: int) -> Verified:
    verified = Verified(
        at=now_ms,
        version=installed("pulsarack"),
        ok=not findings,
        manifest=durable.digest(backup.path / MANIFEST)
        if (backup.path / MANIFEST).exists()
        else "0" * 64,
        findings=tuple(one[:2000] for one in findings[:_MOST_KEPT]),
    )
    manifest.write(backup.path / VERIFIED, verified)
    return verified


def check(backup: Backup) -> Manifest:
    """Read all of a backup; its manifest if every byte is as it says. Raises BadBackup."""
    if backup.manifest is None or backup.problem:
        raise BadBackup(f"the backup {backup.name} cannot be used: {backup.problem}", _OTHER)
    known = {script.folder: script.number for script in load_scripts()}
    for folder, number in backup.manifest.schema.items():
        if number > known.get(folder, 0):
            raise BadBackup(
                f"the backup {backup.name} was made by a newer pulsarack"
                f" ({backup.manifest.version}): its {folder} tables are at {number}, this version"
                f" knows them up to {known.get(folder, 0)}",
                "install that version or a newer one, then put it back",
            )
    for one in backup.manifest.files:
        try:
            digest = durable.digest(backup.path / one.name)
        except OSError as error:
            raise BadBackup(f"{backup.name}: {one.name}: {error.strerror}", _OTHER) from None
        if digest != one.sha256:
            raise BadBackup(
                f"{backup.name}: {one.name} is damaged, its SHA-256 is another one", _OTHER
            )
    if not any(one.name == DATABASE_NAME for one in backup.manifest.files):
        raise BadBackup(f"{backup.name}: there is no database in it", _OTHER)
    return backup.manifest


def lay_out(backup: Backup, said: Manifest, place: Path, *, link: bool) -> None:
    """Copy a backup's files into a new directory; `link`: archives, which are only read there,
    need no copy. Raises OSError."""
    needed = sum(one.bytes for one in said.files if not link or one.name == DATABASE_NAME)
    if free_bytes(place.parent) < needed + RESERVE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))
    place.mkdir(mode=0o700)
    durable.give(place, place.parent)
    for one in said.files:
        target = place / one.name
        if one.name != DATABASE_NAME and not target.parent.exists():
            (place / FOLDER).mkdir(mode=0o700)
            durable.give(place / FOLDER, place)
        if link and one.name != DATABASE_NAME:
            durable.link_or_copy(backup.path / one.name, target)
        else:
            durable.copy(backup.path / one.name, target)


def bring_up(path: Path, *, now_ms: int) -> None:
    """Bring the tables of a copy up to this version; raises StoreError."""
    db = prepare(database(path, "OFF"), path, now_ms, ())
    db.close()
