"""Whose job is next: the daemon's own first, those from outside in turn, nobody starved."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import Database

from pulsarack.daemon import store_lanes
from pulsarack.daemon.errors import Busy
from pulsarack.daemon.outside import CALLER, Outside
from pulsarack.daemon.store import Store
from pulsarack.daemon.store_lanes import Lanes, Shares, VisitorLane

NOW = 1_795_000_000_000
SHARES = Shares(batch=8, visitors_alone=4, visitors_beside=2)


def test_own_jobs_go_first_and_visitors_beside_them() -> None:
    lanes: Lanes[str] = Lanes()
    for number in range(9):
        lanes.add_visitor("a", f"a{number}")
    lanes.add("own")
    assert lanes.batch(SHARES) == ["own", "a0", "a1"]
    assert lanes.batch(SHARES) == ["a2", "a3", "a4", "a5"], (
        "more, but not all, when nobody is before"
    )
    for number in range(20):
        lanes.add(f"own{number}")
    assert lanes.batch(SHARES) == [*(f"own{number}" for number in range(6)), "a6", "a7"]
    assert len(lanes) == 15
    assert lanes.visitors == 1
    assert lanes.clear() == [*(f"own{number}" for number in range(6, 20)), "a8"]
    assert lanes.batch(SHARES) == []


def test_what_a_chip_waits_for_goes_before_all_others() -> None:
    lanes: Lanes[str] = Lanes()
    lanes.add_visitor("a", "a0")
    for number in range(4):
        lanes.add(f"own{number}")
    lanes.add_first("commit1")
    lanes.add_first("commit2")
    assert lanes.batch(Shares(batch=8, own=3, visitors_beside=2)) == [
        "commit1",
        "commit2",
        "own0",
        "a0",
    ]
    lanes.add_first("commit3")
    assert len(lanes) == 4
    assert lanes.clear() == ["commit3", "own1", "own2", "own3"]


def test_where_one_job_is_a_batch_own_jobs_are_not_held_up() -> None:
    lanes: Lanes[str] = Lanes()
    one = Shares(batch=1)
    lanes.add_visitor("a", "visitor")
    lanes.add("own")
    assert [lanes.batch(one), lanes.batch(one), lanes.batch(one)] == [["own"], ["visitor"], []]


def test_one_order_does_not_wait_for_a_thousand() -> None:
    lane: VisitorLane[str] = VisitorLane()
    for number in range(1000):
        lane.add("kios1", f"kios1-{number}")
    lane.add("kios2", "kios2-0")
    assert lane.take(3) == ["kios1-0", "kios2-0", "kios1-1"]


def test_one_order_does_not_wait_for_many_in_one_request_either() -> None:
    lane: VisitorLane[str] = VisitorLane()
    for number in range(4):
        lane.add("kios1", f"kios1-{number}", 32)
        lane.add("kios2", f"kios2-{number}", 32)
    for number in range(3):
        lane.add("kios3", f"kios3-{number}")
    assert len(lane) == 8 * 32 + 3
    assert lane.take(8) == ["kios3-0", "kios3-1", "kios3-2"], "the next has too many to go along"
    assert lane.take(8) == ["kios1-0"], "but goes alone"
    lane.add("kios3", "kios3-3")
    assert lane.take(64) == ["kios2-0", "kios3-3"], "and so do two of them not go with another"
    assert lane.take(64) == ["kios1-1", "kios2-1"]
    assert lane.take(len(lane)) == ["kios1-2", "kios2-2", "kios1-3", "kios2-3"]
    assert len(lane) == 0


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("abc"), st.sampled_from([1, 1, 2, 5])), st.integers(1, 9)
        ),
        max_size=60,
    )
)
def test_turns_are_shared_out_evenly(events: list[tuple[str, int] | int]) -> None:
    """While two sources wait, neither is ahead of the other by more than one job of each."""
    lane: VisitorLane[tuple[str, int]] = VisitorLane()
    waiting: Counter[str] = Counter()
    since: dict[str, Counter[str]] = {}  # what each had since a source began to wait
    for event in [*events, 10_000]:
        if isinstance(event, tuple):
            source, turns = event
            lane.add(source, event, turns)
            if not waiting[source]:
                since[source] = Counter()
            waiting[source] += turns
            continue
        taken = lane.take(event)
        assert len(taken) == 1 or sum(turns for _, turns in taken) <= event
        for source, turns in taken:
            waiting[source] -= turns
            for began, counts in since.items():
                if waiting[began] or began == source:
                    counts[source] += turns
            for other in waiting:
                if waiting[other] and other != source:
                    assert since[other][source] - since[other][other] <= 2 * 5
        assert len(lane) == waiting.total()
    assert not lane._waiting and not lane._due


@given(st.lists(st.one_of(st.sampled_from("abc"), st.integers(1, 5)), max_size=60))
def test_nothing_is_lost_and_each_source_keeps_its_order(events: list[str | int]) -> None:
    lane: VisitorLane[tuple[str, int]] = VisitorLane()
    given_: Counter[str] = Counter()
    taken: list[tuple[str, int]] = []
    for event in events:
        if isinstance(event, str):
            lane.add(event, (event, given_[event]))
            given_[event] += 1
        else:
            waiting = {source for source in "abc" if given_[source] > _of(taken, source)}
            batch = lane.take(event)
            # Whoever waits is served before anybody is served twice.
            assert len({source for source, _ in batch}) == min(event, len(waiting), len(batch))
            taken += batch
    taken += lane.take(len(lane))
    assert len(lane) == 0
    assert not lane._waiting, "nothing is kept of a source that waits for nothing"
    for source, count in given_.items():
        assert [number for one, number in taken if one == source] == list(range(count))


def _of(taken: list[tuple[str, int]], source: str) -> int:
    return sum(one == source for one, _ in taken)


def test_a_source_has_its_bound_and_all_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_lanes, "MOST_OF_A_SOURCE", 3)
    monkeypatch.setattr(store_lanes, "MOST_WAITING", 5)
    lane: VisitorLane[int] = VisitorLane()
    for number in range(3):
        lane.add("kios1", number)
    with pytest.raises(Busy, match=r"the server has 3 requests of kios1 waiting.*in a moment"):
        lane.add("kios1", 3)
    lane.add("kios2", 0)  # another's orders are taken as before
    lane.add("kios3", 0)
    with pytest.raises(Busy, match=r"the server has 5 requests waiting.*client_reference"):
        lane.add("kios4", 0)
    assert list(lane._waiting) == ["kios1", "kios2", "kios3"], "who was refused left nothing"
    lane.take(1)
    with pytest.raises(Busy):
        lane.add("kios4", 0, turns=2)  # orders of one request count one by one
    lane.add("kios4", 0)


# --- the threads of the store -----------------------------------------------------------------


class Held:
    """A job that keeps a thread of the store busy until it is let go."""

    def __init__(self) -> None:
        self.began, self._go = threading.Event(), threading.Event()
        self.waiter: asyncio.Future[None] | None = None

    def __call__(self, _db: Database) -> None:
        self.began.set()
        assert self._go.wait(30)

    def let_go(self) -> None:
        self._go.set()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "pulsarack.db", now_ms=NOW)
    yield opened
    opened.close()


@pytest.fixture
async def held(store: Store) -> Held:
    """The writing thread, busy."""
    job = Held()
    job.waiter = asyncio.ensure_future(store.write(job))
    await asyncio.to_thread(job.began.wait, 30)
    return job


async def handed_over(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_point_of_no_return_does_not_wait_for_the_orders(store: Store, held: Held) -> None:
    ran: list[str] = []

    def job(name: str) -> Callable[[Database], None]:
        return lambda _db: ran.append(name)

    orders = [asyncio.ensure_future(store.write_for("kios1", job("order"))) for _ in range(1000)]
    await handed_over()
    other = asyncio.ensure_future(store.write_for("kios2", job("of another")))
    own = asyncio.ensure_future(store.write(job("own")))
    await handed_over()
    assert store.waiting() == {"writing": 1001, "reading": 0}
    held.let_go()
    await own
    assert ran[0] == "own"
    await asyncio.gather(other, *orders)
    assert ran.index("of another") <= 2
    assert store.waiting() == {"writing": 0, "reading": 0}


async def test_what_is_refused_was_not_begun(
    store: Store, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_lanes, "MOST_OF_A_SOURCE", 10)
    ran: list[int] = []
    outside = Outside(store)
    answers = [
        asyncio.ensure_future(outside.write_for("kios1", lambda _db, n=n: ran.append(n)))
        for n in range(15)
    ]
    await handed_over()
    own = [asyncio.ensure_future(store.write(lambda _db: ran.append(99))) for _ in range(20)]
    await handed_over()
    held.let_go()
    results = await asyncio.gather(*answers, *own, return_exceptions=True)
    assert [type(one) for one in results] == [type(None)] * 10 + [Busy] * 5 + [type(None)] * 20
    assert sorted(ran) == [*range(10), *[99] * 20]


async def test_a_long_list_holds_up_nobody_of_our_own(store: Store) -> None:
    long = Held()
    asked = asyncio.ensure_future(Outside(store).read(long))
    await asyncio.to_thread(long.began.wait, 30)
    assert await store.read(lambda _db: 1) == 1
    long.let_go()
    await asked


async def test_callers_read_in_turn_by_their_connection(store: Store) -> None:
    long, ran = Held(), []
    outside = Outside(store)

    async def ask(name: str) -> None:
        CALLER.set(name)
        await outside.read(lambda _db: ran.append(name))

    first = asyncio.ensure_future(outside.read(long))
    await asyncio.to_thread(long.began.wait, 30)
    tasks = [asyncio.ensure_future(ask("one")) for _ in range(5)]
    tasks += [asyncio.ensure_future(ask("two")) for _ in range(2)]
    await handed_over()
    long.let_go()
    await asyncio.gather(first, *tasks)
    assert ran == ["one", "two", "one", "two", "one", "one", "one"]
