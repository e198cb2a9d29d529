"""What is done to files that must outlive a power cut; each is durable when it returns.

What root makes belongs to whom the directory belongs: the daemon must be able to read it.
"""

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o750
FILE_MODE: Final = 0o600
_PIECE: Final = 1024 * 1024


def make_folder(path: Path) -> None:
    """Make a directory, and those above it; it may be there."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=FOLDER_MODE, exist_ok=True)
        give(one, one.parent)
    if missing:
        sync_folder(missing[-1].parent)


def give(path: Path, like: Path) -> None:
    """If root made it: to whom another place belongs."""
    if os.geteuid() == 0:
        owner = like.stat()
        # Never of what a link leads to: the directory belongs to a user who has fewer rights.
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def sync_folder(path: Path) -> None:
    """The names in a directory are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """What is in a file is on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, data: bytes, mode: int = FILE_MODE) -> None:
    """A whole small file or none, in place of the one that is there; `mode` whatever the umask."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(data)
        file.flush()
        os.fsync(handle)
    give(new, path.parent)
    rename(new, path)
    sync_folder(path.parent)


def rename(old: Path, new: Path) -> None:
    """Give a file or a directory another name; durable once the directory is synced."""
    old.rename(new)


def copy(source: Path, target: Path) -> None:
    """Copy a file that nobody writes."""
    with source.open("rb") as reader:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(handle, "wb") as writer:
            shutil.copyfileobj(reader, writer, _PIECE)
            writer.flush()
            os.fsync(handle)
    give(target, target.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name, where the file system can; for files that never change."""
    try:
        os.link(source, target)
    except OSError:
        copy(source, target)


def remove_tree(path: Path) -> None:
    """Remove a directory and all in it, as far as that is possible."""
    with suppress(FileNotFoundError):
        shutil.rmtree(path)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def on_one_disk(one: Path, other: Path) -> bool:
    """Whether two places lie on one device, as far as the file system knows."""

    def device(path: Path) -> int:
        there = next(part for part in (path, *path.parents) if part.exists())
        return there.stat().st_dev

    return device(one.absolute()) == device(other.absolute())
