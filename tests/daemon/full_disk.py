"""A disk that is full when a test says so: files keep what they have and cannot grow."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw


class FullDisk:
    """Turn `full` on and off; `refused` counts what was not written meanwhile."""

    def __init__(self) -> None:
        self.full = False
        self.refused = 0


class _File(apsw.VFSFile):
    def __init__(
        self, disk: FullDisk, base: str, name: "str | apsw.URIFilename | None", flags: list[int]
    ) -> None:
        super().__init__(base, name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.full and offset + len(data) > self.xFileSize():
            self._disk.refused += 1
            raise apsw.FullError("no space left")
        super().xWrite(data, offset)


class _Vfs(apsw.VFS):
    def __init__(self, disk: FullDisk, base: str) -> None:
        super().__init__("full", base=base, makedefault=True)
        self._disk = disk
        self._base = base

    def xOpen(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> apsw.VFSFile:
        return _File(self._disk, self._base, name, flags)


@contextmanager
def full_disk() -> Iterator[FullDisk]:
    """While it lasts, databases that this process opens lie on such a disk."""
    disk = FullDisk()
    vfs = _Vfs(disk, apsw.vfs_names()[0])
    try:
        yield disk
    finally:
        vfs.unregister()
