"""Texts in parts: any order, doubled, crossed, and never complete."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ussd.parts import JoinedText, Joiner
from pulsarack.ussd.shelf import load_shelf

MARK = load_shelf().get("xl-sms").parts
FIRST, SECOND = "1/2 loaded.", "2/2 Ref:1"


@pytest.fixture
def joiner() -> Joiner[int]:
    return Joiner(MARK)


def test_a_whole_text_passes(joiner: Joiner[int]) -> None:
    assert joiner.add("whole", "168", 0.0, 7) == [JoinedText("168", "whole", True, (7,))]


def test_without_marks_nothing_is_joined() -> None:
    plain: Joiner[int] = Joiner(None)
    assert plain.add(FIRST, "168", 0.0) == [JoinedText("168", FIRST, True)]


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_parts_are_joined_in_any_order(joiner: Joiner[int], order: tuple[str, str]) -> None:
    assert joiner.add(order[0], "168", 0.0) == []
    assert joiner.add(order[1], "168", 1.0) == [JoinedText("168", "loaded. Ref:1", True)]


def test_a_line_break_after_the_mark(joiner: Joiner[int]) -> None:
    assert joiner.add("1/2\r\nloaded.", "168", 0.0) == []
    assert joiner.add("2/2  Ref:1", "168", 0.0)[0].text == "loaded. Ref:1"


def test_a_part_that_comes_twice_counts_once(joiner: Joiner[int]) -> None:
    assert joiner.add(FIRST, "168", 0.0, 1) == []
    assert joiner.add(FIRST, "168", 0.5, 2) == []
    assert joiner.holds(1)
    assert not joiner.holds(2)
    joined = joiner.add(SECOND, "168", 1.0, 3)
    assert joined == [JoinedText("168", "loaded. Ref:1", True, (1, 3))]
    assert not joiner.holds(1)
    assert joiner.add(SECOND, "168", 2.0, 4) == []
    assert joiner.add(FIRST, "168", 2.0, 5) == []
    assert joiner.overdue(1000.0) == []


def test_whoever_waits_too_long_gets_what_is_there(joiner: Joiner[int]) -> None:
    joiner.add(FIRST, "168", 10.0)
    assert joiner.overdue(39.9) == []
    assert joiner.overdue(40.0) == [JoinedText("168", "loaded.", False)]
    assert joiner.overdue(40.0) == []


def test_senders_are_kept_apart(joiner: Joiner[int]) -> None:
    joiner.add(FIRST, "168", 0.0)
    assert joiner.add(SECOND, "169", 0.0) == []


def test_crossed_messages_are_not_joined(joiner: Joiner[int]) -> None:
    joiner.add("1/2 order A.", "168", 0.0)
    apart = joiner.add("1/2 order B.", "168", 1.0)
    assert [(one.text, one.complete) for one in apart] == [
        ("order A.", False),
        ("order B.", False),
    ]
    assert [one.complete for one in joiner.add("2/2 Ref:A", "168", 2.0)] == [False]
    assert [one.complete for one in joiner.add("2/2 Ref:B", "168", 2.0)] == [False]
    # Afterwards it joins again.
    assert joiner.add("1/2 order C.", "168", 60.0) == []
    assert joiner.add("2/2 Ref:C", "168", 61.0) == [JoinedText("168", "order C. Ref:C", True)]


@pytest.mark.parametrize("text", ["3/2 odd", "1/2", "12/2 odd", "0/2 odd", "1/1 odd", "1/2/2026 x"])
def test_what_is_no_mark_is_a_whole_text(joiner: Joiner[int], text: str) -> None:
    assert joiner.add(text, "168", 0.0) == [JoinedText("168", text, True)]


@given(
    st.permutations([f"{number}/4 word{number}" for number in range(1, 5)]),
    st.lists(st.integers(0, 3), max_size=4),
)
def test_any_order_with_doubles_gives_one_whole(order: list[str], doubles: list[int]) -> None:
    joiner: Joiner[int] = Joiner(MARK)
    whole = []
    for index, part in enumerate(order):
        whole += joiner.add(part, "168", float(index))
        if index in doubles:
            whole += joiner.add(part, "168", float(index))
    assert [one.text for one in whole] == ["word1 word2 word3 word4"]
