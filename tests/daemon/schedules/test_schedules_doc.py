"""docs/schedules.md and the configuration against the jobs that there are."""

import re
from pathlib import Path
from typing import get_args

from pulsarack.daemon.archive_file import Archives
from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.backups import jobs as backup_jobs
from pulsarack.daemon.backups.maker import BackupMaker
from pulsarack.daemon.config_schedules import JobName
from pulsarack.daemon.schedules import moments
from pulsarack.daemon.schedules.day_reports import DayReports
from pulsarack.daemon.schedules.jobs import jobs, schedule_of
from pulsarack.daemon.side_reader import SideReader
from tests.daemon.schedules.small_daemon import SmallDaemon
from tests.daemon.virtual_loop import run

DOC = Path(__file__).parents[3] / "docs" / "schedules.md"
SHOWN = re.compile(r"^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \| `([^|`]+)` \|$", re.M)


def test_the_table_of_jobs_is_what_the_daemon_does(tmp_path: Path) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        context = daemon.open()
        reader = SideReader(daemon.path, threads=False)
        archives = Archives(tmp_path / "archive", threads=False)
        archivist = Archivist(context, archives)
        reports = DayReports(context, reader)
        maker = BackupMaker(context, archives)
        of_backups = backup_jobs.jobs(context, maker, tmp_path / "pulsarack.toml")
        made = [*jobs(context, archivist, reader, reports), *of_backups]
        assert [row[:3] for row in SHOWN.findall(DOC.read_text())] == [
            (one.name, one.what, moments.in_words(one.when)) for one in made
        ]
        assert {one.name for one in made} == set(get_args(JobName))
        await daemon.stop()
        daemon = SmallDaemon(tmp_path, '[schedules]\noff = ["audit", "low-stock"]\n')
        schedule = schedule_of(daemon.open(), archivist, reader, reports, rng=daemon.rng)
        by_hand = [one.name for one in schedule.standings() if one.when == "by hand"]
        assert by_hand == ["audit", "low-stock"]
        await daemon.stop()

    run(life())
