"""What an archive has acknowledged outlives a power cut: the database has let go of it by then."""

import random
from pathlib import Path

import pytest

from pulsarack.daemon.archive_file import make, open_to_read, open_to_write, path_of
from pulsarack.ledger import sql
from tests.daemon.power import recorded


@pytest.mark.parametrize("keep", ["nothing", "everything", "parts"])
def test_what_an_archive_acknowledged_outlives_a_power_cut(tmp_path: Path, keep: str) -> None:
    folder = tmp_path / "archive"
    path = path_of(folder, "2026-08")
    make(path)
    with recorded(folder) as diary:
        with open_to_write(path) as db, db.atomic("IMMEDIATE"):
            sql.run(db, "INSERT INTO arriving VALUES (1)")
        until = len(diary.events)
    for seed in range(8):
        after = tmp_path / f"after-{seed}"
        after.mkdir()
        for name, content in diary.after_cut(until, keep, random.Random(seed)).items():
            (after / name).write_bytes(content)
        with open_to_read(path_of(after, "2026-08")) as db:
            assert sql.one(db, "SELECT count(*) FROM arriving") == (1,)
