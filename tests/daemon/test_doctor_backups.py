"""What the doctor says of the backups: none, old, unproved, unusable, beside what they save."""

from pathlib import Path

import pytest

from pulsarack.daemon import config, doctor_backups
from pulsarack.daemon.backups.errors import BackupFailed
from pulsarack.daemon.backups.standing import BackupFigures
from pulsarack.daemon.doctor import Level, Subject, examine
from tests.daemon.machine_tree import NOWHERE

NOW = 1_795_331_100_000
DAY = 86_400_000
GOOD = BackupFigures(3, 0, 1000, NOW - 600_000, NOW - DAY)


def told(
    place: Path, monkeypatch: pytest.MonkeyPatch, found: BackupFigures | Exception
) -> list[str]:
    (place / "pulsarack.db").touch()

    def figures(folder: Path) -> BackupFigures:
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("pulsarack.daemon.backups.standing.figures", figures)
    # The other disk: a folder of the kernel's own.
    settings = {"daemon": {"state_dir": str(place)}, "backup": {"dir": "/proc/none"}}
    subject = Subject(config.parse(settings, place / "x.toml"), place / "s", {}, NOW, True, NOWHERE)
    return [
        f"{one.level} {one.what} $ {one.command}"
        for one in examine(subject, [doctor_backups.backups])
        if one.level is not Level.OK
    ]


NOBODY_TRIED = "none was ever put back to see whether it is good $ sudo pulsarack backup verify"


@pytest.mark.parametrize(
    ("figures", "lines"),
    [
        (GOOD, []),
        (
            BackupFigures(0, 0, 0, None, None),
            ["there is none in /proc/none $ sudo pulsarack backup now"],
        ),
        (BackupFigures(1, 0, 9, NOW, None), [NOBODY_TRIED]),
        (
            BackupFigures(1, 0, 9, NOW + 2 * 3_600_000, NOW),
            [
                "the newest lies 120 minutes ahead: it was made by a wrong clock"
                " $ sudo pulsarack backup list"
            ],
        ),
        (
            BackupFigures(1, 2, 9, NOW - 2 * 3_600_000, NOW - 4 * DAY),
            [
                "the newest is 120 minutes old, though one is to be made every 15"
                " $ sudo pulsarack backup now",
                "the newest that was put back to see is 4 days old $ sudo pulsarack backup verify",
                "2 of them cannot be used $ sudo pulsarack backup list",
            ],
        ),
    ],
)
def test_how_the_backups_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: BackupFigures, lines: list[str]
) -> None:
    assert told(tmp_path, monkeypatch, figures) == [f"warn {line}" for line in lines]


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = BackupFailed("the backups cannot be listed: Input/output error", "look at that disk")
    assert told(tmp_path, monkeypatch, failed) == [
        "bad the backups cannot be listed: Input/output error $ sudo ls -ld /proc/none"
    ]


def test_backups_beside_the_database(tmp_path: Path) -> None:
    (tmp_path / "pulsarack.db").touch()
    settings = config.parse({"daemon": {"state_dir": str(tmp_path)}}, tmp_path / "x.toml")
    subject = Subject(settings, tmp_path / "s", {}, NOW, True, NOWHERE)
    none, beside = examine(subject, [doctor_backups.backups])
    assert none.what == f"there is none in {tmp_path}/backups"
    assert "is on the disk of the database" in beside.what
    assert beside.command == "sudoedit /etc/pulsarack/pulsarack.toml"
