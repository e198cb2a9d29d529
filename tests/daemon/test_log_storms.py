"""Storms of one event: the first are written, the others counted, money always."""

import io
import json
import logging as standard
from typing import Any

from pulsarack.daemon import log
from pulsarack.daemon.logs import storms
from pulsarack.daemon.logs.storms import ALWAYS, FIRST, KEYS_MOST, SOURCES, WINDOW_MS
from tests.daemon.test_log import as_it_was  # noqa: F401 - a fixture

AT = 1_795_350_000_123


class Day:
    """A log with a clock in the test's hand."""

    def __init__(self) -> None:
        self.now = AT
        self.stream = io.StringIO()
        log.configure("info", "json", self.stream, now_ms=lambda: self.now, environ={})
        self.log = log.get()

    def take(self) -> list[dict[str, Any]]:
        """What was written since the last time, without what every line has."""
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return [{k: v for k, v in line.items() if k not in ("at", "level")} for line in lines]


def test_the_first_are_written_and_the_others_counted() -> None:
    day = Day()
    for _ in range(10_000):
        day.log.warning("sms.unreadable", slot="a", reason="x")
    assert day.take() == [{"event": "sms.unreadable", "slot": "a", "reason": "x"}] * FIRST
    log.look_at_storms()
    assert day.take() == [], "the time is not over"
    day.now += WINDOW_MS
    log.look_at_storms()
    told = {"what": "sms.unreadable", "count": 10_000 - FIRST, "seconds": 30, "sources": 1}
    assert day.take() == [{"event": "log.suppressed", "slot": "a", **told}]
    log.look_at_storms()
    assert day.take() == [], "nothing happened, nothing is said"
    assert log.figures()["suppressed"] == 10_000 - FIRST


def test_another_level_forgets_nothing_that_is_untold() -> None:
    day = Day()

    def now_ms() -> int:
        return day.now

    for level in ("info", "warning"):
        log.configure(level, "json", day.stream, now_ms=now_ms, environ={})
        for _ in range(FIRST + 5):
            day.log.warning("sms.unreadable", slot="a")
    assert log.figures()["suppressed"] == FIRST + 10
    day.take()
    day.now += WINDOW_MS
    log.look_at_storms()
    assert [line["count"] for line in day.take()] == [FIRST + 10]


def test_a_new_line_tells_it_too() -> None:
    day = Day()
    for _ in range(FIRST + 5):
        day.log.warning("sms.unreadable", slot="a")
    day.take()
    day.now += WINDOW_MS
    day.log.warning("sms.unreadable", slot="a")
    assert [(line["event"], line.get("count")) for line in day.take()] == [
        ("log.suppressed", 5),
        ("sms.unreadable", None),
    ]


def test_sources_do_not_hide_each_other() -> None:
    day = Day()
    with log.bound(chip="1"):
        for _ in range(FIRST + 1):
            day.log.warning("sms.not_used", agent=["no", "key"])
    day.log.warning("sms.not_used", chip="2")
    day.log.warning("sms.not_deleted", chip="1")
    assert len(day.take()) == FIRST + 2


def test_many_sources_of_one_event_are_one_line() -> None:
    day = Day()
    for slot in range(50):
        for _ in range(FIRST + 2):
            day.log.warning("sms.unreadable", slot=f"s{slot}")
    day.take()
    day.now += WINDOW_MS
    log.look_at_storms()
    told = {"what": "sms.unreadable", "count": 100, "seconds": 30, "sources": 50}
    assert day.take() == [{"event": "log.suppressed", **told}]


def test_money_is_always_written() -> None:
    day = Day()
    for name in ALWAYS - {"order.accepted", "log.suppressed"}:
        for _ in range(FIRST + 1):
            day.log.info(name)
    assert len(day.take()) == (len(ALWAYS) - 2) * (FIRST + 1)
    assert {"order.finished", "ticket.paid", "agent.credited", "stock.discrepancy"} < ALWAYS


def test_a_flood_of_sources_is_bounded() -> None:
    day = Day()
    assert log._storms is not None
    for number in range(3 * KEYS_MOST):
        day.log.warning("pressure.refused", kind="STRANGER", agent=f"a{number}")
        assert len(log._storms._windows) <= KEYS_MOST + 1
    assert KEYS_MOST <= len(day.take()) <= KEYS_MOST + 1
    day.now += WINDOW_MS
    log.look_at_storms()
    assert [line["count"] for line in day.take()] == [2 * KEYS_MOST - 1]
    assert log._storms._windows == {}


def test_a_clock_that_is_put_back_keeps_nothing_quiet() -> None:
    day = Day()
    for _ in range(FIRST + 1):
        day.log.warning("sms.unreadable")
    day.take()
    day.now -= 3_600_000
    day.log.warning("sms.unreadable")
    assert [line["event"] for line in day.take()] == ["log.suppressed", "sms.unreadable"]


def test_what_a_library_says_is_known_by_its_name() -> None:
    day = Day()
    for number in range(FIRST + 5):
        standard.getLogger("asyncio").error("task %d failed", number)
    assert len(day.take()) == FIRST
    day.now += WINDOW_MS
    log.look_at_storms()
    assert [(line["what"], line["count"]) for line in day.take()] == [("asyncio", 5)]


def test_what_is_left_out_is_not_rendered() -> None:
    day = Day()
    shown = 0

    class Counted:
        def __str__(self) -> str:
            nonlocal shown
            shown += 1
            return "x"

    for _ in range(FIRST + 100):
        day.log.warning("sms.unreadable", reason=Counted())
    assert shown == FIRST


def test_the_sources_are_fields() -> None:
    assert "kind" in SOURCES and "slot" in SOURCES
    assert storms.FIRST_OF["pressure.refused"] == 1
