"""How large a group is, by what work and commits took: tables, and what holds of any times."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pulsarack.daemon.store_groups import FEWEST, FIRST, MOST, GroupSize
from pulsarack.daemon.store_lanes import Lanes

SECONDS = st.floats(0.0, 10.0)


def after(groups: int, *, job: float, commit: float) -> GroupSize:
    """What was learnt of so many groups that all took as long."""
    size = GroupSize()
    for _ in range(groups):
        jobs = size.shares.own
        size.note(jobs, jobs * job, commit)
    return size


@pytest.mark.parametrize(
    ("job", "commit", "own"),
    [
        (0.0004, 0.0004, 2),  # a disk that answers at once
        (0.0002, 0.0004, 4),
        (0.0004, 0.002, 10),  # a good SSD that really writes
        (0.0004, 0.010, 50),  # a turning disk
        (0.0004, 0.100, MOST),  # a memory card
        (0.100, 0.0001, FEWEST),  # jobs that are long themselves
        (0.0, 0.1, FIRST),  # a clock too coarse to tell
    ],
)
def test_work_takes_twice_the_time_of_the_commit(job: float, commit: float, own: int) -> None:
    size = after(50, job=job, commit=commit)
    assert size.shares.own == own
    assert size.shares.visitors_beside == own // 2, "strangers keep their share"
    assert size.shares.batch == MOST


def test_a_checkpoint_now_and_then_changes_little() -> None:
    size = after(50, job=0.0004, commit=0.0006)
    assert size.shares.own == 3
    for number in range(40):
        size.note(3, 3 * 0.0004, 0.050 if number % 10 == 0 else 0.0006)
        assert 3 <= size.shares.own <= 4


def test_a_disk_that_became_slow_is_followed() -> None:
    size = after(50, job=0.0004, commit=0.0004)
    groups = 0
    while size.shares.own < 40:
        size.note(size.shares.own, size.shares.own * 0.0004, 0.010)
        groups += 1
    assert groups < 60, "a second of work"


def test_a_first_commit_of_no_time_is_forgotten() -> None:
    size = GroupSize()
    size.note(1, 0.0004, 0.0)
    for _ in range(50):
        size.note(size.shares.own, size.shares.own * 0.0004, 0.010)
    assert size.shares.own == 50


def test_requests_of_many_orders_leave_our_own_jobs_their_place() -> None:
    """In a flood of them each group carries one, and of our own as many as without."""
    size = GroupSize()
    for _ in range(200):
        own = size.shares.own
        size.note(own + 32, own * 0.0004 + 32 * 0.0001, 0.001)
    assert size.shares.own >= 10


@example([(1, 2.2e-313, 1.0)])  # so little that its share of a commit is without end
@given(st.lists(st.tuples(st.integers(1, MOST), SECONDS, SECONDS), max_size=40))
def test_whatever_is_seen_a_group_has_a_size(seen: list[tuple[int, float, float]]) -> None:
    size = GroupSize()
    for jobs, work, commit in seen:
        size.note(jobs, work, commit)
    assert FEWEST <= size.shares.own <= MOST
    lanes: Lanes[str] = Lanes()
    for number in range(200):
        lanes.add(f"own{number}")
        lanes.add_visitor("a", f"a{number}")
    assert len(lanes.batch(size.shares)) <= MOST
    assert sum(job.startswith("a") for job in lanes.batch(size.shares)) >= 1, "nobody is starved"
