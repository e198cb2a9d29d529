"""The jobs of the daemon at work in a small rack, and what is told of them."""

import asyncio
import csv
import io
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon import log as logging
from pulsarack.daemon.csv_text import as_csv
from pulsarack.daemon.schedules.auditing import REMEDY, audit
from pulsarack.daemon.schedules.day_reports import MOST_DAYS, DayReports
from pulsarack.daemon.schedules.job import BadNews, JobFailed
from pulsarack.daemon.schedules.reconciliation import reconcile
from pulsarack.daemon.schedules.warnings import StockWatch, look_for_expiry
from pulsarack.daemon.side_reader import SideReader
from pulsarack.queue import agents, expiry, job_runs, stock
from pulsarack.queue.job_runs import JobRun
from pulsarack.queue.rows import execute, scalar
from tests.daemon.archive_world import OldShop
from tests.daemon.virtual_loop import run
from tests.daemon.world import START_DAY, World, rack_plan
from tests.queue.test_tickets import pay
from tests.queue.world import World as Shop

HOUR = 3600.0
RAISED = "UPDATE account SET debits_posted = debits_posted + 7 WHERE code = 'income:sales'"
DAILY = ("day-report", "expiry", "reconciliation", "audit", "retention")
PLAN = rack_plan(("simcom-sim800", "telkomsel"), stock=100_000)


def test_a_night_of_a_small_rack_is_reported_audited_and_archived(tmp_path: Path) -> None:
    async def life() -> None:
        world = World(tmp_path, PLAN, settings="[schedules]\nlow_stock_chip = 50000\n")
        await world.set_up()
        for number in (12, 13, 1):  # the last is of a number that the operator does not know
            await world.order(f"S10.0812000000{number:02}")
        await world.settle()
        today = await world.call("report.day")
        assert (today["day"], today["complete"]) == (START_DAY, False)
        total = today["total"]
        assert (total["sold"], total["failed"], total["face_value"]) == (2, 1, 20_000)
        assert (total["revenue"], total["cost"], total["profit"]) == (21_000, 20_300, 700)
        assert total["end"] == 79_700 == total["begin"] + total["came"] - total["cost"]
        assert (await world.call("schedule.run", name="low-stock"))["said"] == "stock is enough"
        assert (await world.refusal("schedule.run", name="x")).code == "JOB_FAILED"
        for name in DAILY:
            await world.schedule.run_now(name)
        await world.stop()  # at 14 o'clock; what the night would have done is done in the morning
        await world.clock.sleep(18 * HOUR)
        await world.start()
        await world.clock.sleep(60.0)
        jobs = {one["name"]: one for one in (await world.call("schedule.list"))["jobs"]}
        began = world.clock.now_ms() - 60_000
        assert all(jobs[name]["began_at"] > began for name in DAILY)
        assert {one["outcome"] for one in jobs.values()} == {"ok"}
        said = [jobs[name]["said"] for name in DAILY]
        assert said == [
            f"{START_DAY} is written to {tmp_path / 'reports'}",
            "no chip expires by 2026-12-07",
            "0 chips not read for 24 h, 0 read otherwise than booked, 0 discrepancies open,"
            " 0 payments unclaimed",
            "every promise holds",
            "0 orders moved, 0 rows of other kinds",
        ]
        folder = tmp_path / "reports"
        names = [f"{START_DAY}-{kind}.csv" for kind in ("agents", "chips", "failures", "operators")]
        assert sorted(one.name for one in folder.iterdir() if START_DAY in one.name) == names
        assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o640}
        (line,) = csv.DictReader(io.StringIO((folder / names[3]).read_text()))
        assert (line["operator"], line["profit"]) == ("telkomsel", "700")
        (agent,) = csv.DictReader(io.StringIO((folder / names[0]).read_text()))
        assert (agent["agent"], agent["name"], agent["end"]) == ("A1", "Satu", "9979000")
        failures = (folder / names[2]).read_text().splitlines()
        assert failures[:2] == ["by,of,reason,failed", "operator,telkomsel,NUMBER_INACTIVE,1"]
        past = await world.call("report.day", day=START_DAY, by="chip")
        assert past["complete"] and past["lines"][0]["profit"] == 700
        assert (await world.refusal("report.day", day="2026-13-01")).code == "BAD_DAY"
        assert (await world.refusal("report.day", day="2036-12-01")).code == "NO_SUCH_DAY"
        assert (await world.refusal("chip.expiry", iccid="1", expires_on=None, who="me")).code == (
            "NOT_FOUND"
        )
        await world.stop()

    run(life())


class Office:
    """A shop with the parts of the daemon that its jobs need, and what they log."""

    def __init__(self, directory: Path, settings: str = "") -> None:
        self.written = io.StringIO()
        logging.configure("debug", "json", self.written)
        self.shop = Shop(directory / "pulsarack.db")
        self.shop.agent(deposit=5_000_000)
        self.context = OldShop(self.shop, settings).context
        self.reader = SideReader(directory / "pulsarack.db", threads=False)
        self.reports = DayReports(self.context, self.reader)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log of one event."""
        lines = (json.loads(line) for line in self.written.getvalue().splitlines())
        return [line for line in lines if line["event"] == name]

    def sell(self, card: str, count: int) -> None:
        """Some orders of 10.150 each."""
        for _ in range(count):
            number = len(self.shop.sql("SELECT 1 FROM orders"))
            figure = self.shop.stock(card).posted
            self.shop.run(lambda db, f=figure: stock.compare(db, card, f, now_ms=self.shop.now))
            claimed = self.shop.sent(card, f"S10.0812000000{number + 10}")
            self.shop.decide(claimed.attempt_id, done=True, number=f"SN{number}")


def test_stock_that_runs_out_is_warned_of_once_a_day(tmp_path: Path) -> None:
    office = Office(
        tmp_path,
        "[schedules]\nlow_stock_chip = 60000\nlow_stock_operator = 100000\nlow_stock_hours = 20\n",
    )
    first, second = office.shop.chip(1, 100_000), office.shop.chip(2, 200_000)
    watch = StockWatch(office.context, office.reports)
    assert run(watch.look()) == "stock is enough"
    office.sell(first, 5)  # 50.750 in the 15 hours of the day: 249.250 last 73 hours more
    assert run(watch.look()) == f"stock is low: chip {first}"
    office.sell(second, 12)  # 127.450 last 11 hours
    for _ in range(3):
        assert run(watch.look()) == f"stock is low: operator telkomsel, chip {first}"
    (of_chip,), (of_operator,) = office.events("stock.low"), office.events("stock.operator_low")
    assert (of_chip["chip"], of_chip["stock"]) == (first, 49_250)
    assert (of_operator["operator"], of_operator["hours_left"]) == ("telkomsel", 11.1)
    office.shop.wait(24 * 3600)
    run(watch.look())
    assert len(office.events("stock.low")) == 2
    assert len(office.events("stock.operator_low")) == 1  # nothing was sold on this day
    office.sell(second, 3)
    run(watch.look())
    assert office.events("stock.operator_low")[-1]["stock"] == 97_000
    office.shop.close()


def test_a_card_that_expires_is_named_with_what_to_do(tmp_path: Path) -> None:
    office = Office(tmp_path)
    cards = [office.shop.chip(number) for number in (1, 2, 3)]
    for card, day in zip(cards, ("2027-01-29", "2027-01-30", "2027-01-10"), strict=True):
        office.shop.run(lambda db, c=card, d=day: expiry.put(db, c, d, who="me", now_ms=1))
    said = run(look_for_expiry(office.context))
    assert said == f"2 chips expire by 2027-01-29, the first is {cards[2]}"
    told = [(one["chip"], one["days_left"]) for one in office.events("chip.expires")]
    assert told == [(cards[2], -5), (cards[0], 14)]
    office.shop.run(lambda db: expiry.put(db, cards[2], None, who="me", now_ms=2))
    office.shop.run(lambda db: expiry.put(db, cards[0], "2028-01-01", who="me", now_ms=2))
    assert run(look_for_expiry(office.context)) == "no chip expires by 2027-01-29"
    office.shop.close()


def test_what_is_open_of_stock_and_payments_is_named_each_morning(tmp_path: Path) -> None:
    office = Office(tmp_path)
    shop = office.shop
    first, unread = shop.chip(1), shop.chip(2, None)
    shop.run(lambda db: stock.compare(db, first, 499_000, now_ms=shop.now))
    assert run(reconcile(office.context, office.reader)) == (
        "1 chips not read for 24 h, 1 read otherwise than booked, 0 discrepancies open,"
        " 0 payments unclaimed"
    )
    assert office.events("reconciliation.unread")[0]["named"] == [unread]
    assert office.events("reconciliation.differs")[0]["named"] == [first]
    shop.differ(first, 499_000)
    pay(shop, 33_000)
    assert run(reconcile(office.context, office.reader)).endswith(
        "0 read otherwise than booked, 1 discrepancies open, 1 payments unclaimed"
    )
    shop.close()


def test_a_broken_promise_is_an_error_and_not_tried_again(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert run(audit(office.context, office.reader)) == "every promise holds"
    office.shop.run(lambda db: execute(db, RAISED))
    with pytest.raises(BadNews, match=r"findings, the first: P3 .*; look at all of it"):
        run(audit(office.context, office.reader))
    found = office.events("audit.finding")
    assert found and all(one["rule"] == "P3" and one["remedy"] == REMEDY for one in found)
    office.shop.close()


def test_the_nights_of_an_outage_are_reported_and_a_name_is_no_formula(tmp_path: Path) -> None:
    office = Office(tmp_path)
    shop = office.shop
    shop.run(lambda db: agents.rename(db, "A1", "=HYPERLINK(1)"))
    office.sell(shop.chip(), 1)
    begun = JobRun("day-report", shop.now, shop.now, "ok", "", shop.now, 0)
    shop.run(lambda db: job_runs.note(db, begun))
    shop.wait(3 * 24 * 3600)
    before = os.umask(0o077)
    assert run(office.reports.write_due()).startswith("2027-01-15 to 2027-01-17 is written to ")
    os.umask(before)
    files = sorted(one.name for one in (tmp_path / "reports").iterdir())
    assert len(files) == 12 and files[0] == "2027-01-15-agents.csv"
    text = (tmp_path / "reports" / files[0]).read_text()
    assert "\nA1,'=HYPERLINK(1),1,10000,10500," in text
    assert stat.S_IMODE((tmp_path / "reports").stat().st_mode) == 0o750
    # A database that was put back knows less of that day than the file that is there.
    (tmp_path / "reports" / files[0]).write_text("what was sold in truth")
    run(office.reports.write_due())
    assert (tmp_path / "reports" / files[0]).read_text() == text
    (kept,) = (tmp_path / "reports").glob("*.old-*")
    assert kept.name == "2027-01-15-agents.old-1.csv"
    assert kept.read_text() == "what was sold in truth"
    shop.wait(60 * 24 * 3600)  # after long, the last month
    days = run(office.reports.due())
    assert (str(days[0]), len(days)) == ("2027-02-16", MOST_DAYS)
    shop.close()


def test_a_folder_that_cannot_be_written_fails_with_its_remedy(tmp_path: Path) -> None:
    office = Office(tmp_path)
    (tmp_path / "reports").write_text("no folder")
    with pytest.raises(JobFailed, match=r"cannot be written: .*pulsarack schedule run day-report"):
        run(office.reports.write_due())
    office.shop.close()


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_text_is_a_formula_and_numbers_stay_numbers(cell: str) -> None:
    text = as_csv(["a", "b"], [[cell, -5]])
    assert list(csv.reader(io.StringIO(text)))[1] == [f"'{cell}", "-5"]


def test_a_long_read_ends_when_nobody_waits_for_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "pulsarack.db")
    ended: list[BaseException] = []

    def endless(db: Database) -> int:
        try:
            counted = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) "
            return int(scalar(db, f"{counted} SELECT count(*) FROM n"))
        except BaseException as error:
            ended.append(error)
            raise

    async def life() -> list[threading.Thread]:
        reader = SideReader(tmp_path / "pulsarack.db")
        assert await reader.run(lambda db: scalar(db, "SELECT count(*) FROM agent")) == 0
        reading = asyncio.create_task(reader.run(endless))
        await asyncio.sleep(0.05)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        return [one for one in threading.enumerate() if one.name.startswith("side-reader")]

    for thread in asyncio.run(life()):
        thread.join(10)
    assert len(ended) == 1
    shop.close()
