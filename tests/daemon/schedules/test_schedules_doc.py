"""docs/schedules.md and the configuration against the jobs that there are."""

import re
from pathlib import Path
from typing import get_args

from pulsarack.daemon.archive_file import Archives
from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.config_schedules import JobName
from pulsarack.daemon.schedules import moments
from pulsarack.daemon.schedules.day_reports import DayReports
from pulsarack.daemon.schedules.jobs import jobs, schedule_of
from pulsarack.daemon.side_reader import SideReader
from tests.daemon.schedules.small_daemon import SmallDaemon
from tests.daemon.virtual_loop import run

DOC = Path(__file__).parents[3] / "docs" / "schedules.md"
OF_OTHER_PARTS = {"backup", "backup-verify"}
SHOWN = re.compile(r"^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \| `([^|`]+)` \|$", re.M)


def test_the_table_of_jobs_is_what_the_daemon_does(tmp_path: Path) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        context = daemon.open()
        reader = SideReader(daemon.path, threads=False)
        archivist = Archivist(context, Archives(tmp_path / "archive", threads=False))
        reports = DayReports(context, reader)
        made = jobs(context, archivist, reader, reports)
        table = [row[:3] for row in SHOWN.findall(DOC.read_text())]
        assert [row for row in table if row[0] not in OF_OTHER_PARTS] == [
            (one.name, one.what, moments.in_words(one.when)) for one in made
        ]
        known = set(get_args(JobName))
        assert {one.name for one in made} | OF_OTHER_PARTS == known
        await daemon.stop()
        daemon = SmallDaemon(tmp_path, '[schedules]\noff = ["audit", "low-stock"]\n')
        schedule = schedule_of(daemon.open(), archivist, reader, reports, rng=daemon.rng)
        by_hand = [one.name for one in schedule.standings() if one.when == "by hand"]
        assert by_hand == ["audit", "low-stock"]
        await daemon.stop()

    run(life())
