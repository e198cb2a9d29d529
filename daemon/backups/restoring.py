"""Putting a backup back in the place of the database and its archives.

First everything new is made beside the old, in `restoring/`: the files copied, every byte
compared with the manifest, the tables brought up to this version, what was open made to stand
still (queue/restored.py), the whole audited. Up to here nothing was touched, and whatever is
wrong refuses the restore. Then a journal, `restore.json`, says which names change, and only
then they do: the old files move into `before-restore-<time>/`, the new ones into their place. A
kill at any step leaves the journal, with which no daemon starts; the same command goes on from
it, since a step that is done is known by its names. What was there before stays until a person
removes it.

The count of commits of the new database is put above that of the old one, so that its mark
(store_mark.py), which refuses an older copy that somebody put there by hand, lets it pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import apsw
import msgspec
from msgspec import Struct
from peewee import Database, PeeweeException
from playhouse.apsw_ext import APSWDatabase

from pulsarack.daemon import audit, durable
from pulsarack.daemon.archive_file import FOLDER
from pulsarack.daemon.backups import shelf
from pulsarack.daemon.backups.errors import BadBackup, RestoreRefused, on_disk
from pulsarack.daemon.backups.shelf import Backup
from pulsarack.daemon.backups.verifying import bring_up, check, lay_out
from pulsarack.daemon.service.start_clock import possible, said
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.store_files import (
    DATABASE_NAME,
    LOCK_NAME,
    MARK_NAME,
    RESTORE_NAME,
    StateLock,
    connect,
    database,
    files_of,
    leave_log_on_close,
)
from pulsarack.daemon.store_mark import LAST, commits, read_mark
from pulsarack.ledger import sql
from pulsarack.queue import clock_steps, restored
from pulsarack.queue.restored import Held

STAGING: Final = "restoring"
ASIDE: Final = "before-restore-"
RECORD: Final = "restored.json"
_MOST_BYTES: Final = 64 * 1024


class Restored(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was put back, and what stands still since; kept with the old files."""

    backup: str
    made_at: int
    restored_at: int
    newest_order: int
    waiting: int
    undecided: int
    agents: int
    aside: str


class _Move(Struct, frozen=True, forbid_unknown_fields=True):
    """A name in the state directory that becomes another; none of them has more than two parts."""

    old: str
    new: str


class _Journal(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be done, in this order, once everything new is on the disk."""

    moves: tuple[_Move, ...]
    done: Restored


@dataclass(frozen=True, slots=True)
class Outcome:
    """`finished`: this is an earlier restore, which had been broken off."""

    restored: Restored
    finished: bool


def restore(
    choose: Callable[[], Backup],
    state_dir: Path,
    *,
    now_ms: int,
    hold_agents: bool,
    despite_findings: bool = False,
) -> Outcome:
    """Put a backup back; `choose` names it, if no earlier restore has to be finished first.

    `despite_findings`: although the audit found something, which was in the database itself.

    Raises StoreLocked while a daemon works there, BackupError if the backup cannot be used. Then
    nothing was touched, or the restore can be gone on with, as the error says.
    """
    if not possible(now_ms):
        raise RestoreRefused(
            f"the clock says {said(now_ms)}, and nothing may be booked on such a day",
            "set it, then run the same again: timedatectl status",
        )
    with _locked(state_dir):
        try:
            found = _unfinished(state_dir)
            if found is not None:
                return Outcome(_carry_out(found, state_dir), finished=True)
            staged = _stage(choose(), state_dir, now_ms, hold_agents, despite_findings)
            journal = _begin(state_dir, staged)
            return Outcome(_carry_out(journal, state_dir), finished=False)
        except OSError as error:
            raise on_disk("the backup could not be put back", state_dir, error) from error


@contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    lock = StateLock(state_dir)
    try:
        durable.give(state_dir / LOCK_NAME, state_dir)
        yield
    finally:
        lock.release()


def _unfinished(state_dir: Path) -> _Journal | None:
    path = state_dir / RESTORE_NAME
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        journal = msgspec.json.decode(path.read_bytes(), type=_Journal)
        for name in (name for move in journal.moves for name in (move.old, move.new)):
            if len(parts := Path(name).parts) > 2 or ".." in parts or Path(name).is_absolute():
                raise ValueError(f"{name[:80]!r} is no name of ours")
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RestoreRefused(
            f"{path} is damaged: {error}",
            f"look which files are in {state_dir}/{ASIDE}*, put them back by hand, remove {path}",
        ) from None
    return journal


# --- what is new, beside what is there ------------------------------------------------------


def _stage(
    backup: Backup, state_dir: Path, now_ms: int, hold_agents: bool, despite_findings: bool
) -> Restored:
    staging = state_dir / STAGING
    durable.remove_tree(staging)
    try:
        said = check(backup)
        lay_out(backup, said, staging, link=False)
        path = staging / DATABASE_NAME
        bring_up(path, now_ms=now_ms)
        held = _make_ready(path, backup, state_dir, now_ms, hold_agents)
        _audit(backup, path, despite_findings)
        _sync_all(staging)
    except BaseException:
        durable.remove_tree(staging)
        raise
    return Restored(
        backup=backup.name,
        made_at=said.made_at,
        restored_at=now_ms,
        newest_order=said.newest_order,
        waiting=held.waiting,
        undecided=held.undecided,
        agents=held.agents,
        aside=_free_name(state_dir, now_ms),
    )


def _begin(state_dir: Path, done: Restored) -> _Journal:
    """From here on it is gone on with, whatever happens."""
    aside = state_dir / done.aside
    aside.mkdir(mode=0o700)
    durable.give(aside, state_dir)
    durable.sync_folder(state_dir)
    _keep_record(state_dir, aside, done)
    journal = _Journal(moves=tuple(_moves(state_dir, aside)), done=done)
    durable.write(state_dir / RESTORE_NAME, msgspec.json.encode(journal))
    return journal


def _make_ready(
    path: Path, backup: Backup, state_dir: Path, now_ms: int, hold_agents: bool
) -> Held:
    told_up_to = max(_numbers_given(state_dir / DATABASE_NAME), _newest_order(backup))
    db = database(path, "OFF")
    connect(db, path)
    try:
        leave_log_on_close(db, False)
        with db.atomic("IMMEDIATE"):
            # First, as at every start: the clock of another machine may be behind.
            clock_steps.follow_since_stop(db, now_ms=now_ms)
            held = restored.hold_back(
                db,
                why=f"the backup {backup.name} was put back: it may have been sent since",
                hold_agents=hold_agents,
                now_ms=now_ms,
                told_up_to=told_up_to,
            )
            _count_on(db, read_mark(state_dir) or 0)
        sql.run(db, "PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        db.close()
    return held


def _numbers_given(path: Path) -> int:
    """The greatest number that the database given up has told; 0 if it cannot be read any more."""
    if not path.is_file():
        return 0
    db = APSWDatabase(str(path), flags=apsw.SQLITE_OPEN_READONLY, autoconnect=False)
    try:
        connect(db, path)
        leave_log_on_close(db, True)
        return restored.numbers_given(db)
    except (StoreError, PeeweeException, apsw.Error, UnicodeDecodeError):
        return 0
    finally:
        db.close()


def _newest_order(backup: Backup) -> int:
    """The newest order that any backup beside this one knows: the disk may be lost."""
    beside = (one.manifest for one in shelf.every(backup.path.parent))
    told = (one.newest_order for one in beside if one is not None)
    return max((number for number in told if number < restored.MOST_TOLD), default=0)


def _count_on(db: Database, mark: int) -> None:
    following = max(commits(db), mark) + 1
    number = 1 if following > LAST else following
    sql.run(db, f"PRAGMA user_version = {number}")


def _audit(backup: Backup, path: Path, despite_findings: bool) -> None:
    findings = audit.main(path, archives=True)
    for ending in ("-wal", "-shm"):  # of the audit; it left nothing in them
        Path(f"{path}{ending}").unlink(missing_ok=True)
    if findings and not despite_findings:
        first = findings[0]
        raise BadBackup(
            f"the backup {backup.name} breaks a promise ({len(findings)} findings):"
            f" {first.rule} {first.subject}: {first.detail}",
            "nothing was touched; use another backup (pulsarack backup list), or this one all the"
            " same with --despite-findings",
        )


def _sync_all(staging: Path) -> None:
    for one in sorted(staging.rglob("*")):
        if one.is_file():
            durable.sync_file(one)
            durable.give(one, staging)
        else:
            durable.sync_folder(one)
    (staging / DATABASE_NAME).chmod(0o640)
    durable.sync_folder(staging)


def _free_name(state_dir: Path, now_ms: int) -> str:
    stamp = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{ASIDE}{stamp}{more}" for more in ("", *(f"-{n}" for n in range(2, 10_000))))
    return next(name for name in names if not (state_dir / name).exists())


def _keep_record(state_dir: Path, aside: Path, done: Restored) -> None:
    if (state_dir / MARK_NAME).exists():  # so that the old files are all there for a way back
        durable.copy(state_dir / MARK_NAME, aside / MARK_NAME)
    durable.write(aside / RECORD, msgspec.json.format(msgspec.json.encode(done), indent=2) + b"\n")


def _moves(state_dir: Path, aside: Path) -> Iterator[_Move]:
    path = state_dir / DATABASE_NAME
    # The log first: it must never lie beside another database than its own.
    for old in (*reversed(files_of(path)), Path(f"{path}-journal"), state_dir / FOLDER):
        if old.exists():
            yield _Move(old.name, f"{aside.name}/{old.name}")
    if (state_dir / STAGING / FOLDER).exists():
        yield _Move(f"{STAGING}/{FOLDER}", FOLDER)
    # The database last: once it is there everything else is.
    yield _Move(f"{STAGING}/{DATABASE_NAME}", DATABASE_NAME)


# --- the names -------------------------------------------------------------------------------


def _carry_out(journal: _Journal, state_dir: Path) -> Restored:
    for move in journal.moves:
        old, new = state_dir / move.old, state_dir / move.new
        if not new.exists():  # else it was done before a kill
            durable.rename(old, new)
            for folder in {old.parent, new.parent}:
                durable.sync_folder(folder)
    (state_dir / RESTORE_NAME).unlink()
    durable.sync_folder(state_dir)
    durable.remove_tree(state_dir / STAGING)
    return journal.done
