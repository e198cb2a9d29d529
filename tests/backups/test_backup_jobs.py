"""The backups' work in the schedule: made when due, verified by a process of its own."""

import asyncio
import tomllib
from pathlib import Path

import pytest

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.archive_file import Archives, folder_of
from pulsarack.daemon.backups import shelf
from pulsarack.daemon.backups.jobs import jobs
from pulsarack.daemon.backups.maker import BackupMaker
from pulsarack.daemon.context import Context
from pulsarack.daemon.events import Events
from pulsarack.daemon.schedules.job import Daily, Every, Job, JobFailed
from pulsarack.daemon.secrets import Secrets
from tests.backups.yard import Yard
from tests.daemon.archive_world import WorldClock
from tests.daemon.world import SHELF
from tests.queue.world import World


def work(shop: World, settings: str = "") -> tuple[dict[str, Job], BackupMaker]:
    """The jobs of a daemon on the shop's files, as they are scheduled."""
    path = Path(shop.store._db.database)
    file = path.parent / "pulsarack.toml"
    file.write_text(f'[daemon]\nstate_dir = "."\n{settings}')
    context = Context(
        config.parse(tomllib.loads(file.read_text()), file),
        WorldClock(shop),
        shop.store,
        SHELF,
        Secrets({}),
        Events(),
        logging.get(),
        lambda: "id",
    )
    maker = BackupMaker(context, Archives(folder_of(path)))
    return {job.name: job for job in jobs(context, maker, file)}, maker


def run(job: Job) -> str:
    async def once() -> str:
        return await job.run()

    return asyncio.run(once())


def test_a_backup_is_made_when_it_is_due_and_the_newest_is_verified(shop: World) -> None:
    found, maker = work(shop)
    assert found["backup"].when == Every(900) and found["backup-verify"].when == Daily("04:40")
    assert run(found["backup-verify"]) == "there is no backup yet"
    assert run(found["backup"]).startswith("backup of ")
    assert run(found["backup"]) == "none is due"
    assert "every promise holds" in run(found["backup-verify"])
    newest = maker.newest()
    assert newest is not None and newest.proved
    (newest.path / "pulsarack.db").write_bytes(b"")
    shop.now += 900_000
    assert run(found["backup"]).startswith("backup of ")


def test_what_cannot_be_verified_fails_the_job(shop: World) -> None:
    found, _ = work(shop, "[backup]\nevery_minutes = 0\n")
    assert list(found) == ["backup-verify"]
    yard = Yard(shop)
    yard.make()
    with (yard.newest().path / "pulsarack.db").open("r+b") as file:
        file.write(b"no database")
    with pytest.raises(JobFailed, match="SHA-256"):
        run(found["backup-verify"])


def test_a_daemon_that_stops_leaves_nothing_half_made(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, maker = work(shop)
    monkeypatch.setattr("pulsarack.daemon.backups.copying.SLICE_PAGES", 1)
    monkeypatch.setattr("pulsarack.daemon.backups.copying.PAUSE_SECONDS", 60.0)

    async def story() -> None:
        making = asyncio.create_task(maker.make("test"))
        while not list(maker.folder.glob(".making-*/pulsarack.db")):
            await asyncio.sleep(0)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making

    asyncio.run(story())
    assert shelf.every(maker.folder) == []
    assert list(maker.folder.glob(".making-*")) == []
