"""A disk that loses its power: what was written since the last sync is gone, or torn.

A VFS under SQLite passes everything on to the real file system and keeps a diary of what
was written, cut off, synced, created and removed. From the diary the state of the disk
after a power cut at any moment can be made: what was synced is there; of what was not, the
cut keeps nothing, everything, or any part of it in sectors of 512 bytes, in any order,
since a drive and a kernel write back as they please. Names are kept by the directory: it is
synced with the first sync of a log or journal that was just opened, which is what SQLite's
VFS for Unix does; until then new names may be missing and removed ones may be back.

Sectors are written whole or not at all, and a sector that is not written does not change:
that is what drives promise and what SQLite relies on by default.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import apsw

SECTOR = 512
Keep = Literal["nothing", "everything", "parts"]


@dataclass(frozen=True)
class Written:
    path: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    path: str
    size: int


@dataclass(frozen=True)
class Synced:
    path: str


@dataclass(frozen=True)
class Removed:
    path: str
    durable: bool


@dataclass(frozen=True)
class Acknowledged:
    """A caller was told that this is stored."""

    what: str


Event = Written | Cut | Synced | Removed | Acknowledged


class Diary:
    """What happened to the files of one directory, in order, and how they were at first."""

    def __init__(self, directory: Path) -> None:
        self.events: list[Event] = []
        self._first = {str(path): path.read_bytes() for path in directory.iterdir()}

    def note(self, event: Event) -> None:
        self.events.append(event)

    def acknowledged(self, until: int) -> set[str]:
        """What had been acknowledged when that many events had happened."""
        return {e.what for e in self.events[:until] if isinstance(e, Acknowledged)}

    def after_cut(self, until: int, keep: Keep, rng: random.Random) -> dict[str, bytes]:
        """The files, by name, as they are after a cut at that moment."""
        disk = _Disk(self._first)
        for event in self.events[:until]:
            disk.happen(event)
        return disk.after_cut(keep, rng)


class _File:
    def __init__(self, durable: bytes = b"", *, named: bool = False) -> None:
        self.durable = bytearray(durable)
        self.pending: list[Written | Cut] = []
        self.named = named  # its name in the directory is durable
        self.synced = False  # since it was opened

    def sync(self) -> None:
        for event in self.pending:
            _apply(self.durable, event)
        self.pending.clear()
        self.synced = True


class _Disk:
    def __init__(self, first: dict[str, bytes]) -> None:
        self.files = {path: _File(content, named=True) for path, content in first.items()}
        self.removed: dict[str, _File] = {}  # removed, but the directory may not know it yet

    def happen(self, event: Event) -> None:
        match event:
            case Written() | Cut():
                self.files.setdefault(event.path, _File()).pending.append(event)
            case Synced():
                file = self.files.setdefault(event.path, _File())
                if not file.synced and Path(event.path).name.endswith(("-wal", "-journal")):
                    self._sync_directory()
                file.sync()
            case Removed():
                file = self.files.pop(event.path, _File())
                if event.durable:
                    self._sync_directory()
                elif file.named:
                    self.removed[event.path] = file

    def _sync_directory(self) -> None:
        self.removed.clear()
        for file in self.files.values():
            file.named = True

    def after_cut(self, keep: Keep, rng: random.Random) -> dict[str, bytes]:
        left = {}
        for path, file in [*self.removed.items(), *self.files.items()]:
            there = path in self.files
            by_luck = {"nothing": not there, "everything": there, "parts": rng.random() < 0.5}
            if (file.named and there) or by_luck[keep]:
                left[Path(path).name] = _torn(file, keep, rng)
        return left


def _apply(content: bytearray, event: Written | Cut) -> None:
    if isinstance(event, Cut):
        del content[event.size :]
        content.extend(bytes(event.size - len(content)))
        return
    if len(content) < event.offset:
        content.extend(bytes(event.offset - len(content)))
    content[event.offset : event.offset + len(event.data)] = event.data


def _torn(file: _File, keep: Keep, rng: random.Random) -> bytes:
    content = bytearray(file.durable)
    if keep == "nothing":
        return bytes(content)
    share = rng.random()
    for event in file.pending:
        for piece in _sectors(event):
            if keep == "everything" or rng.random() < share:
                _apply(content, piece)
    return bytes(content)


def _sectors(event: Written | Cut) -> Iterator[Written | Cut]:
    if isinstance(event, Cut):
        yield event
        return
    at, end = event.offset, event.offset + len(event.data)
    while at < end:
        stop = min(end, (at // SECTOR + 1) * SECTOR)
        yield Written(event.path, at, event.data[at - event.offset : stop - event.offset])
        at = stop


class _RecordedFile(apsw.VFSFile):
    def __init__(
        self, diary: Diary, base: str, name: "str | apsw.URIFilename | None", flags: list[int]
    ) -> None:
        super().__init__(base, name, flags)
        self._diary = diary
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._diary.note(Written(self._path, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._diary.note(Cut(self._path, newsize))

    def xSync(self, flags: int) -> None:
        # The real disk need not be waited for: the diary is the disk here.
        self._diary.note(Synced(self._path))


class _RecordingVfs(apsw.VFS):
    def __init__(self, diary: Diary, base: str) -> None:
        super().__init__("diary", base=base, makedefault=True)
        self._diary = diary
        self._base = base

    def xOpen(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> apsw.VFSFile:
        return _RecordedFile(self._diary, self._base, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self._diary.note(Removed(filename, syncdir))


@contextmanager
def recorded(directory: Path) -> Iterator[Diary]:
    """While it lasts, all that SQLite writes into the directory is written down, too."""
    diary = Diary(directory)
    vfs = _RecordingVfs(diary, apsw.vfs_names()[0])
    try:
        yield diary
    finally:
        vfs.unregister()
