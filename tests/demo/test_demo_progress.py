"""How a run stands: news may come twice, late and in the wrong order."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from pulsarack.daemon.demo.display import counted, line
from pulsarack.daemon.demo.progress import Progress


def news(number: int, state: str) -> dict[str, Any]:
    return {"kind": "order", "id": number, "state": state, "operator": "xl", "reason": None}


def test_counts() -> None:
    progress = Progress(10)
    for number, state in enumerate(["QUEUED", "SENDING", "UNKNOWN", "SUCCEEDED", "FAILED"]):
        progress.event(news(number, state))
    assert (progress.accepted, progress.finished, progress.undecided) == (5, 2, 1)
    assert progress.open_orders() == [0, 1, 2]
    assert progress.untold() == [3, 4]
    progress.message(3, 70)
    progress.message(3, 70)
    assert progress.untold() == [4]
    assert progress.told == {3: {70}}


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_an_ended_order_never_opens_again(order: tuple[int, ...]) -> None:
    """The last word wins in every order of arrival, the answer to the order included."""
    progress = Progress(1)
    steps: list[Callable[[], object]] = [
        lambda: progress.acknowledged(1, "QUEUED"),
        lambda: progress.order(1, "SENDING"),
        lambda: progress.event(news(1, "SUCCEEDED")),
        lambda: progress.order(1, "UNKNOWN"),
    ]
    for step in order:
        steps[step]()
    assert progress.states == {1: "SUCCEEDED"}


def test_an_answer_does_not_undo_the_event_that_overtook_it() -> None:
    progress = Progress(1)
    progress.event(news(1, "SENDING"))
    progress.acknowledged(1, "QUEUED")
    assert progress.states == {1: "SENDING"}


def test_only_news_count_as_change() -> None:
    progress = Progress(1)
    progress.event(news(1, "QUEUED"))
    changes = progress.changes
    progress.event(news(1, "QUEUED"))
    progress.event({"kind": "chip", "iccid": "a", "doing": "idle"})
    progress.event({"kind": "something new"})
    assert progress.changes == changes


def test_chips_are_put_together_from_lists_and_events() -> None:
    progress = Progress(1)
    progress.chip_rows([{"iccid": "a", "name": "xl-1", "doing": "idle", "stock_posted": 5}])
    assert progress.event({"kind": "chip", "iccid": "a", "doing": "selling order 1"})
    assert progress.event({"kind": "stock", "iccid": "b", "stock": 7})
    assert not progress.event({"kind": "lost", "count": 3})
    assert progress.chips["a"]["doing"] == "selling order 1"
    assert progress.chips["a"]["stock_posted"] == 5
    assert progress.chips["b"] == {"stock_read": 7}


def test_the_line() -> None:
    progress = Progress(10)
    progress.order(1, "SENDING")
    progress.order(2, "FAILED")
    progress.refused["BAD_FORMAT"] += 1
    assert line(progress, 0.0) == (
        "  0.0 s  1/10 finished, 1 on their way, 0 undecided, 1 texts refused, 0.0 orders/s"
    )
    progress.kills = 2
    assert line(progress, 2.0).endswith("0.5 orders/s, killed 2 times")


def test_counted() -> None:
    assert counted({}) == "none"
    assert counted({"b": 1, "a": 1, "c": 4}) == "c 4, a 1, b 1"
