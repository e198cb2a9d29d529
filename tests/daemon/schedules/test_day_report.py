"""The figures of a day against the ledger's own rows, over random days, archived or not."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon.archive_file import open_to_read, path_of
from pulsarack.ledger import accounts
from pulsarack.queue import clock_steps, stock
from pulsarack.queue.discrepancies import ClearingKind
from pulsarack.queue.reports import day, window
from pulsarack.queue.reports.day import Day, DayLine
from pulsarack.ussd.outcome import Reason
from tests.daemon.archive_world import OldShop
from tests.daemon.store_inline import InlineStore
from tests.queue.test_reports import commission
from tests.queue.world import HOUR, START, World, stock_in

BEGIN = START - 8 * HOUR
DAYS = 4


def bounds(number: int) -> tuple[int, int]:
    """The begin and the end of a day of the world, milliseconds."""
    return BEGIN + number * 24 * HOUR, BEGIN + (number + 1) * 24 * HOUR


class Life:
    """What happens at random to one shop, a few things a day."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world = World(path / "pulsarack.db")
        self.numbers = iter(range(1, 1000))
        self.undecided: list[tuple[str, int]] = []
        self.sold: list[int] = []
        self.reversed: Counter[int] = Counter()
        self.world.agent("A1", deposit=5_000_000)
        self.world.agent("A2", deposit=5_000_000)
        self.cards = [self.world.chip(1), self.world.chip(2, 900_000), self.world.chip(3)]

    def live(self) -> None:
        """Some days, and then a long time."""
        commission(self.world, self.cards[2], 50)
        for number in range(DAYS):
            for _ in range(14):
                self.rng.choice([self.order, self.order, self.decide, self.reverse, self.differ])()
                self.world.now += self.rng.randrange(2 * HOUR)
            self.world.now = max(self.world.now, bounds(number)[1] + 1)
        for _ in list(self.undecided):
            self.decide()

    def _free(self) -> list[str]:
        busy = {card for card, _ in self.undecided}
        return [card for card in self.cards[:2] if card not in busy]

    def order(self) -> None:
        """An order is sold, or fails, or nobody knows."""
        if not (free := self._free()):
            return
        world, card = self.world, self.rng.choice(free)
        posted = world.stock(card).posted
        world.run(lambda db: stock.compare(db, card, posted, now_ms=world.now))
        text = f"S{self.rng.choice([5, 10])}.0812000{next(self.numbers):05}"
        claimed = world.sent(card, text, agent=self.rng.choice(["A1", "A2"]))
        what = self.rng.choice(["sold", "failed", "undecided"])
        if what == "undecided":
            world.suspend(claimed.attempt_id)
            self.undecided.append((card, claimed.attempt_id))
        else:
            self._end(claimed.attempt_id, done=what == "sold")

    def _end(self, attempt_id: int, *, done: bool) -> None:
        reason = None if done else self.rng.choice([Reason.WRONG_NUMBER, Reason.NUMBER_INACTIVE])
        number = f"SN{attempt_id}" if done else None
        order = self.world.decide(attempt_id, done=done, reason=reason, number=number)
        if done:
            self.sold.append(order.id)

    def decide(self) -> None:
        """What hung is decided, perhaps on a later day."""
        if self.undecided:
            _, attempt_id = self.undecided.pop(0)
            self._end(attempt_id, done=self.rng.random() < 0.5)

    def reverse(self) -> None:
        """A sale is taken back, with its stock or without."""
        if self.sold and not self.undecided:
            order_id = self.sold.pop(self.rng.randrange(len(self.sold)))
            self.world.reverse(order_id, stock_returned=self.rng.random() < 0.5)

    def differ(self) -> None:
        """Stock comes, is missing or too much, and somebody says why."""
        if not (free := self._free()):
            return
        world, card = self.world, self.rng.choice(free)
        if self.rng.random() < 0.5:
            world.text(card, stock_in(50_000))
            return
        difference = self.rng.choice([-5_125, 3_000])
        found = world.differ(card, world.stock(card).posted + difference)
        kinds = [ClearingKind.DELIVERY, ClearingKind.LOSS] if difference < 0 else [None]
        world.clear(found.id, self.rng.choice(kinds))


def never(name: str) -> AbstractContextManager[Database]:
    """There are no archives."""
    raise AssertionError(name)


def report(world: World, number: int, open_archive: day.OpenArchive = never) -> Day:
    """The figures of one day."""
    return world.run(lambda db: day.read(db, str(number), *bounds(number), open_archive))


def ties(found: Day, rows: list[tuple[Any, ...]]) -> None:
    """The figures of a day are the movements of that day: (debit, credit, amount) as booked."""
    moved: dict[str, int] = defaultdict(int)
    for debit, credit, amount in rows:
        moved[debit] += amount
        moved[credit] -= amount
    for lines in (found.operators, found.agents, found.chips):
        whole = day.total(list(lines.values()))
        assert whole.revenue - whole.given_back == -moved[accounts.SALES]
        assert whole.cost == moved[accounts.AIRTIME]
        assert whole.commission == moved[accounts.COMMISSION_EXPENSE]
        assert whole.profit == sum(line.profit for line in lines.values())
    for key, line in found.chips.items():
        assert line.end - line.begin == moved[f"asset:chip:{key}"], line
        assert line.end == line.begin + line.came - line.went - line.cost + line.discrepancy
        assert line.came >= 0 and line.went >= 0
    for key, line in found.agents.items():
        assert line.end - line.begin == -moved[f"liability:agent:{key}"], line
        left = line.begin + line.came - line.went - line.revenue + line.given_back
        assert line.end == (left if key != day.NOBODY else 0)


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_ties_to_the_ledger_also_of_days_that_are_archived(
    tmp_path: Path, seed: int
) -> None:
    life = Life(tmp_path, seed)
    world = life.world
    life.live()
    before = []
    for number in range(DAYS + 1):
        found = report(world, number)
        ties(
            found,
            world.sql(
                "SELECT debit, credit, amount FROM transfer WHERE phase IN ('posted', 'post')"
                " AND at >= ? AND at < ?",
                *bounds(number),
            ),
        )
        if before:
            for name in ("chips", "agents"):
                now: dict[str, DayLine] = getattr(found, name)
                for key, line in getattr(before[-1], name).items():
                    assert line.end == (now[key].begin if key in now else 0)
        before.append(found)
    orders = Counter(state for (state,) in world.sql("SELECT state FROM orders"))
    whole = [day.total(one.lines("operator")) for one in before]
    assert sum(one.sold for one in whole) == orders["SUCCEEDED"] + orders["REVERSED"]
    assert sum(one.reversed for one in whole) == orders["REVERSED"] > 0
    assert sum(one.failed for one in whole) == orders["FAILED"] > 0
    assert sum(sum(one.reasons.values()) for one in whole) == orders["FAILED"]
    doubts = world.sql("SELECT count(DISTINCT order_id) FROM transition WHERE state = 'UNKNOWN'")
    assert sum(one.undecided for one in whole) == doubts[0][0] > 0
    old = OldShop(world)
    old.age(88)
    assert old.archive().moved
    old.age()
    earlier = old.path.with_name("earlier.db")
    world.store._db.execute_sql("VACUUM INTO ?", (str(earlier),))
    left = old.archive()
    assert left.moved > 5 and not left.failed

    def there(name: str) -> AbstractContextManager[Database]:
        return open_to_read(path_of(old.folder, name))

    for number, found in enumerate(before):
        assert report(world, number, there) == found
    world.close()
    old.path.write_bytes(earlier.read_bytes())  # the archive is newer now than the database
    world.store = InlineStore.open(old.path, now_ms=world.now, synchronous="OFF")
    for number, found in enumerate(before):
        assert report(world, number, there) == found
    world.close()


def test_a_late_decision_and_a_reversal_belong_to_the_day_that_booked_them(tmp_path: Path) -> None:
    life = Life(tmp_path, 1)
    world, card = life.world, life.cards[0]
    first = world.sent(card, "S10.081200000012")
    world.suspend(first.attempt_id)
    world.now = bounds(1)[0] + 5
    life._end(first.attempt_id, done=True)
    world.now = bounds(2)[0] + 5
    world.reverse(first.order.id, stock_returned=True)
    days = [report(world, number).operators["telkomsel"] for number in range(3)]
    figures = [(one.sold, one.undecided, one.reversed, one.profit) for one in days]
    assert figures == [(0, 1, 0, 0), (1, 0, 0, 350), (0, 0, 1, -350)]
    assert [one.face_value for one in days] == [0, 10_000, 0]
    world.close()


@pytest.fixture
def stepped(tmp_path: Path) -> Iterator[World]:
    """A world whose clock was set back by two days and later ahead again."""
    life = Life(tmp_path, 2)
    world = life.world
    world.now = bounds(2)[0] + HOUR
    for step in (0, -48 * HOUR, 48 * HOUR):
        if step:
            world.now += step
            world.run(lambda db, by=step: clock_steps.follow(db, by, now_ms=world.now))
        for _ in range(3):
            life.order()
            life.decide()
            world.now += 60_000
    yield world
    world.close()


def test_rows_are_found_by_the_time_they_bear_though_the_clock_was_set(stepped: World) -> None:
    for number in range(3):
        begins_at, ends_at = bounds(number)
        rows = stepped.sql(
            "SELECT debit, credit, amount FROM transfer WHERE phase IN ('posted', 'post')"
            " AND at >= ? AND at < ?",
            begins_at,
            ends_at,
        )
        assert len(rows) > 2 or number == 1
        ties(report(stepped, number), rows)
        found = stepped.run(lambda db: window.of(db, window.TRANSFERS, begins_at, ends_at))  # noqa: B023
        inside = stepped.sql(
            "SELECT sequence FROM transfer WHERE at >= ? AND at < ?", begins_at, ends_at
        )
        assert all(found.first <= sequence < found.end for (sequence,) in inside)
