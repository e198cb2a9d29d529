"""However a card wanders between modems that tell much or little, it is tried twice at most."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import Database
from playhouse.apsw_ext import APSWDatabase

from pulsarack.queue import sim_pins

SCHEMA = """CREATE TABLE sim_pin_try (key TEXT PRIMARY KEY, card INTEGER NOT NULL,
refused INTEGER NOT NULL, at INTEGER NOT NULL) STRICT"""


@pytest.fixture(scope="module")
def empty() -> Database:
    db: Database = APSWDatabase(":memory:", autoconnect=False)
    db.connect()
    db.execute_sql(SCHEMA)
    return db


class Card:
    """A card whose PIN on file is wrong."""

    def __init__(self, number: int) -> None:
        self.iccid = f"896210000000000{number:04}"
        self.tries_left = 3


def enter(db: Database, card: Card, modem: int, tells: tuple[bool, bool], seen: bool) -> None:
    """What a slot does with a locked card; `tells` its number, and its tries."""
    number, tries = tells
    if tries and card.tries_left < 2:
        return
    key = card.iccid if number else f"imei{modem}"
    if not sim_pins.begin(db, key, card=number, tries_told=tries, now_ms=1):
        return
    card.tries_left -= 1
    if seen:
        sim_pins.refused(db, key)
    else:
        sim_pins.none_is_on_its_way(db)  # the daemon died there


MODEMS = st.tuples(st.booleans(), st.booleans())
MOVES = st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans())


@settings(max_examples=400)
@given(st.lists(MODEMS, min_size=6, max_size=6), st.lists(MOVES, max_size=30))
def test_no_card_is_ever_tried_a_third_time(
    empty: Database, modems: list[tuple[bool, bool]], moves: list[tuple[int, int, bool]]
) -> None:
    empty.execute_sql("DELETE FROM sim_pin_try")
    cards = [Card(number) for number in range(3)]
    for card, modem, seen in moves:
        enter(empty, cards[card], modem, modems[modem], seen)
        assert all(one.tries_left >= 1 for one in cards)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans()), max_size=30))
def test_nor_where_modems_tell_no_number_and_the_same_count_for_ever(
    empty: Database, moves: list[tuple[int, int, bool]]
) -> None:
    """And another IMEI each time: so every try comes under a name of its own."""
    empty.execute_sql("DELETE FROM sim_pin_try")
    cards = [Card(number) for number in range(3)]
    for turn, (card, modem, seen) in enumerate(moves):
        liar = 1000 * turn + modem
        left, cards[card].tries_left = cards[card].tries_left, 3
        enter(empty, cards[card], liar, (False, True), seen)
        cards[card].tries_left = left - (3 - cards[card].tries_left)
        assert all(one.tries_left >= 1 for one in cards)


def noted(db: Database) -> list[Any]:
    return [(one.key, one.refused) for one in sim_pins.every(db)]


def test_notes_come_and_go(empty: Database) -> None:
    empty.execute_sql("DELETE FROM sim_pin_try")
    assert sim_pins.begin(empty, "a", card=False, tries_told=False, now_ms=1)
    assert not sim_pins.begin(empty, "a", card=False, tries_told=True, now_ms=2)
    for key in ("b", "c", "d"):
        assert sim_pins.begin(empty, key, card=False, tries_told=False, now_ms=3)
    assert noted(empty) == [("a", 0), ("b", 0), ("c", 0), ("d", 0)]
    for key in ("c", "d"):
        sim_pins.opened(empty, key)
    sim_pins.refused(empty, "a")
    sim_pins.none_is_on_its_way(empty)
    assert noted(empty) == [("a", 1), ("b", 1)]
    assert not sim_pins.begin(empty, "e", card=False, tries_told=False, now_ms=4)
    assert not sim_pins.begin(empty, "e", card=True, tries_told=False, now_ms=4)
    assert not sim_pins.begin(empty, "e", card=False, tries_told=True, now_ms=4)
    assert sim_pins.begin(empty, "e", card=True, tries_told=True, now_ms=4)
    assert sim_pins.allow(empty, "a")
    assert not sim_pins.allow(empty, "a")
    assert sim_pins.begin(empty, "f", card=False, tries_told=False, now_ms=5)


def test_a_try_whose_end_could_not_be_noted_counts(empty: Database) -> None:
    """The store was full just then, and the daemon lives on: the card is moved meanwhile."""
    empty.execute_sql("DELETE FROM sim_pin_try")
    late = sim_pins.TRY_MS_MOST + 2
    assert sim_pins.begin(empty, "a", card=False, tries_told=False, now_ms=1)
    assert sim_pins.begin(empty, "b", card=False, tries_told=False, now_ms=1)
    assert not sim_pins.begin(empty, "c", card=False, tries_told=False, now_ms=late)
    assert not sim_pins.begin(empty, "c", card=True, tries_told=False, now_ms=late)
