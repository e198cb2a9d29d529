"""Archives with the threads and the disk of a running daemon."""

import asyncio
from pathlib import Path

import pytest
from peewee import Database

from pulsarack.daemon import archive_file
from pulsarack.daemon.archive_file import Archives, names_in, path_of
from pulsarack.daemon.store_errors import ArchiveError
from pulsarack.queue.rows import execute, scalar

NAME = "2026-08"
INSERT = "INSERT INTO recipe_version VALUES ('h', 'n', 's', 1)"
COUNT = "SELECT count(*) FROM recipe_version"


def fail(db: Database) -> None:
    execute(db, INSERT.replace("'h'", "'x'"))
    raise RuntimeError


def test_what_is_written_is_there_and_read_only_to_readers(tmp_path: Path) -> None:
    async def work() -> None:
        archives = Archives(tmp_path / "archive")
        await archives.write(NAME, lambda db: execute(db, INSERT), begin=True)
        assert await archives.read(NAME, lambda db: scalar(db, COUNT)) == 1
        with pytest.raises(ArchiveError):
            await archives.read(NAME, lambda db: execute(db, "DELETE FROM recipe_version"))
        with pytest.raises(RuntimeError):
            await archives.write(NAME, fail, begin=True)
        assert await archives.read(NAME, lambda db: scalar(db, COUNT)) == 1
        assert [one.name for one in archives.folder.iterdir()] == [f"{NAME}.sqlite"]
        assert names_in(archives.folder) == [NAME]

    asyncio.run(work())


def test_a_new_archive_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "archive"
    archives = Archives(folder, threads=False)

    def die(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(archive_file, "_create", die)
        with pytest.raises(ArchiveError, match="Input/output error"):
            archives._write(NAME, lambda db: None, True)
    assert names_in(folder) == []
    archives._write(NAME, lambda db: None, True)
    assert names_in(folder) == [NAME]
    assert path_of(folder, NAME).stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_file, "free_bytes", lambda _: 0)
    with pytest.raises(ArchiveError, match="the disk is full; free some space"):
        Archives(tmp_path / "archive", threads=False)._write(NAME, lambda db: None, True)


@pytest.mark.parametrize("name", ["../x", "2026-8", "2026-08.sqlite", ""])
def test_only_months_are_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no month"):
        path_of(tmp_path, name)
    assert names_in(tmp_path / "none") == []
