"""The schedule on virtual time: what runs when, what a stop, a set clock and a failure change."""

import asyncio
import itertools
from pathlib import Path

import pytest

from pulsarack.daemon.schedules.job import Daily, Every, JobFailed, When
from tests.daemon.schedules.small_daemon import DAY, HOUR, SmallDaemon
from tests.daemon.virtual_loop import run

# The worlds begin at 14:05 in Jakarta.
TO_MIDNIGHT = 9 + 55 / 60


def test_a_time_of_the_day_comes_once_a_day_and_not_at_the_first_start(tmp_path: Path) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        daemon.start([daemon.job("report", Daily("00:00"))])
        await daemon.clock.sleep(3 * DAY)
        assert daemon.times("report") == [
            pytest.approx(TO_MIDNIGHT + 24 * n, 0.01) for n in range(3)
        ]
        await daemon.stop()

    run(life())


def test_what_runs_every_so_often_keeps_its_pace_and_is_spread(tmp_path: Path) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        daemon.start([daemon.job("poll", Every(HOUR)), daemon.job("spread", Every(HOUR, 900))])
        await daemon.clock.sleep(50 * HOUR)
        assert daemon.times("poll") == [pytest.approx(n, abs=0.02) for n in range(50)]
        spread = daemon.times("spread")
        steps = {round(b - a, 2) for a, b in itertools.pairwise(spread)}
        assert len(steps) > 10 and min(steps) >= 0.74 and max(steps) <= 1.26
        await daemon.stop()

    run(life())


def test_what_was_missed_over_a_night_runs_once_and_what_ran_not_again(tmp_path: Path) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        jobs = [daemon.job("report", Daily("00:00")), daemon.job("poll", Every(HOUR))]
        daemon.start(jobs)
        await daemon.clock.sleep(10.5 * HOUR)
        assert len(daemon.times("report")) == 1
        await daemon.stop()
        daemon.start(jobs)  # a restart: neither runs again
        await daemon.clock.sleep(0.4 * HOUR)
        assert (len(daemon.times("report")), len(daemon.times("poll"))) == (1, 11)
        await daemon.stop()
        await daemon.clock.sleep(3 * DAY)
        daemon.start(jobs)
        await daemon.clock.sleep(0.5 * HOUR)
        assert (len(daemon.times("report")), len(daemon.times("poll"))) == (2, 12)
        (late,) = daemon.events("schedule.late")
        assert late["job"] == "report" and 3500 < late["seconds"] < 3700
        await daemon.stop()

    run(life())


@pytest.mark.parametrize("step", [-HOUR, -0.5 * HOUR, -40 * DAY, 3 * HOUR, 400 * DAY])
def test_a_clock_that_is_set_neither_floods_nor_starves(tmp_path: Path, step: float) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        daemon.start([daemon.job("report", Daily("00:00")), daemon.job("poll", Every(HOUR))])
        await daemon.clock.sleep(10.5 * HOUR)
        daemon.clock.step(step)
        await daemon.clock.sleep(48 * HOUR)
        assert 1 <= len(daemon.times("report")) - 1 <= 3
        assert len(daemon.times("poll")) == 59
        daemon.clock.step(-step)
        await daemon.clock.sleep(72 * HOUR)
        assert 4 <= len(daemon.times("report")) - 1 <= 7
        await daemon.stop()

    run(life())


def test_a_job_that_fails_is_tried_again_more_seldom_and_hurts_no_other(tmp_path: Path) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        broken = True

        async def work() -> None:
            if broken:
                raise JobFailed("the disk is full", "make room on it")

        async def fault() -> None:
            raise KeyError("x")

        schedule = daemon.start(
            [
                daemon.job("backup", Daily("14:10"), work),
                daemon.job("faulty", Every(2 * HOUR), fault),
                daemon.job("poll", Every(HOUR)),
            ]
        )
        await daemon.clock.sleep(5.9 * HOUR)
        # 14:10, then after 1, 5 and 15 minutes and each hour; 0.08 hours after the beginning.
        tries = [5, 6, 11, 26, 86, 146, 206, 266, 326]
        assert daemon.times("backup") == [pytest.approx(n / 60, abs=0.03) for n in tries]
        assert len(daemon.times("poll")) == 6
        failed = [one for one in daemon.events("schedule.failed") if one["job"] == "backup"]
        assert [one["times"] for one in failed] == list(range(1, 10))
        assert failed[0]["why"] == "the disk is full" and failed[0]["remedy"] == "make room on it"
        assert failed[0]["again_in_seconds"] == 60
        assert len(daemon.events("schedule.fault")) == len(daemon.times("faulty")) > 3
        backup, faulty, _ = schedule.standings()
        assert (backup.outcome, backup.failures, backup.done_at) == ("failed", 9, None)
        assert faulty.said == "a fault of the program: KeyError; report what the log shows"
        await daemon.stop()  # and the next daemon goes on with it, since it was never done
        broken = False
        schedule = daemon.start([daemon.job("backup", Daily("14:10"), work)])
        await daemon.clock.sleep(40)
        (backup,) = schedule.standings()
        assert (backup.outcome, backup.failures) == ("ok", 0)
        await daemon.stop()

    run(life())


def test_no_job_runs_twice_at_once_and_the_end_cuts_it_off(tmp_path: Path) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        ended: list[str] = []

        async def work() -> None:
            try:
                await daemon.clock.sleep(3 * HOUR)
            finally:
                ended.append("cut off")

        schedule = daemon.start([daemon.job("audit", Every(HOUR), work)])
        await daemon.clock.sleep(2.5 * HOUR)
        assert len(daemon.times("audit")) == 1
        (audit,) = schedule.standings()
        assert (audit.outcome, audit.due_at, audit.ended_at) == ("running", None, None)
        with pytest.raises(JobFailed, match="audit is running already"):
            await schedule.run_now("audit")
        with pytest.raises(JobFailed, match="there is no job 'nothing'"):
            await schedule.run_now("nothing")
        await daemon.stop()
        assert ended == ["cut off"]
        schedule = daemon.start([daemon.job("audit", Every(HOUR))])
        await daemon.clock.sleep(60)  # what was cut off was not done
        assert len(daemon.times("audit")) == 2
        await daemon.stop()

    run(life())


def test_by_hand_it_runs_at_once_and_counts_as_done(tmp_path: Path) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)

        async def work() -> None:
            await daemon.clock.sleep(60)

        schedule = daemon.start(
            [daemon.job("report", Daily("00:00")), daemon.job("rare", None, work)]
        )
        assert await schedule.run_now("report") == "report was done"
        caller = asyncio.create_task(schedule.run_now("rare"))
        await daemon.clock.sleep(1)
        caller.cancel()  # who asked leaves: it goes on
        await daemon.clock.sleep(100)
        rare, report = schedule.standings()
        assert (rare.outcome, rare.when, rare.due_at) == ("ok", "by hand", None)
        assert (report.when, report.said) == ("daily at 00:00", "report was done")
        # That of the coming midnight is still to come.
        await daemon.clock.sleep(12 * HOUR)
        assert len(daemon.times("report")) == 2
        await daemon.stop()

    run(life())


def test_a_new_server_that_is_off_at_night_does_in_the_morning_what_it_missed(
    tmp_path: Path,
) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        for days in range(3):
            daemon.start([daemon.job("report", Daily("00:10"))])
            await daemon.clock.sleep(5 * HOUR)
            assert len(daemon.times("report")) == days
            await daemon.stop()
            await daemon.clock.sleep(19 * HOUR)

    run(life())


def test_a_new_configuration_is_followed(tmp_path: Path) -> None:
    async def life() -> None:
        daemon = SmallDaemon(tmp_path)
        when: dict[str, When] = {"report": Daily("23:00"), "poll": Every(6 * HOUR), "off": None}
        jobs = [daemon.job(name, None) for name in when]
        schedule = daemon.start(jobs, when=lambda job: when[job.name])
        await daemon.clock.sleep(HOUR)
        when.update(report=Daily("16:00"), poll=Every(HOUR), off=Every(HOUR))
        await daemon.clock.sleep(1.9 * HOUR)
        assert daemon.times("report") == [pytest.approx(1.92, abs=0.02)]
        assert (len(daemon.times("poll")), len(daemon.times("off"))) == (2, 2)
        when.update(report=None, poll=None, off=None)
        assert {one.when for one in schedule.standings()} == {"by hand"}
        await daemon.clock.sleep(30 * HOUR)
        assert len(daemon.ran) == 5
        await daemon.stop()

    run(life())
