"""The reader of the log, held against logs that SQLite has written and we have cut."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.soak import wal

PAGE = 4096
FRAME = 24 + PAGE
HEADER = 32


def written(directory: Path, commits: int) -> Path:
    """The log of a database that is still open, copied; each commit writes some pages."""
    directory.mkdir(exist_ok=True)
    database = directory / "some.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {PAGE}")
        db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("CREATE TABLE t (x)")
        for number in range(commits):
            db.execute("INSERT INTO t VALUES (?)", (b"x" * (3 * PAGE + number),))
        copy = directory / "copy-wal"
        shutil.copy(database.with_name("some.db-wal"), copy)
    return copy


def cut(log: Path, missing: int) -> wal.Tail:
    """The end of the log without its last octets."""
    shorter = log.with_name("shorter-wal")
    shorter.write_bytes(log.read_bytes()[:-missing])
    return wal.read(shorter)


def test_a_log_that_ends_in_a_commit(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    tail = wal.read(log)
    assert tail.committed == (log.stat().st_size - HEADER) // FRAME
    assert tail.uncommitted == 0
    assert not wal.is_inside_commit(log)


def test_a_commit_that_was_cut_short(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    whole, tail = wal.read(log), cut(log, FRAME)
    assert tail.uncommitted > 1
    assert tail.committed < whole.committed
    assert tail.mark != whole.mark
    assert wal.is_inside_commit(log.with_name("shorter-wal"))


def test_a_frame_without_its_page_does_not_count(tmp_path: Path) -> None:
    log = written(tmp_path, 2)
    whole_frames = cut(log, FRAME)
    for missing in (1, PAGE // 2, PAGE, PAGE + 1):
        assert cut(log, missing) == whole_frames


def test_a_damaged_page_ends_the_log(tmp_path: Path) -> None:
    log = written(tmp_path, 4)
    content = bytearray(log.read_bytes())
    content[HEADER + FRAME + 24 + 100] ^= 1
    log.write_bytes(content)
    tail = wal.read(log)
    assert tail.committed + tail.uncommitted == 1


def test_frames_of_an_earlier_round_do_not_count(tmp_path: Path) -> None:
    log = written(tmp_path, 2)
    earlier = written(tmp_path / "earlier", 3).read_bytes()
    whole = wal.read(log)
    with log.open("ab") as file:
        file.write(earlier[HEADER:])
    assert wal.read(log) == whole
    assert not wal.is_inside_commit(log)


def test_no_log_is_nothing(tmp_path: Path) -> None:
    assert wal.read(tmp_path / "none") == wal.NOTHING
    (tmp_path / "empty").touch()
    assert wal.read(tmp_path / "empty") == wal.NOTHING
    (tmp_path / "strange").write_bytes(b"strange" * 100)
    assert wal.read(tmp_path / "strange") == wal.NOTHING
    assert not wal.is_inside_commit(tmp_path / "none")
