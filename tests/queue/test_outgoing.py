"""Texts that wait to be sent: which of them may be tried now."""

from pathlib import Path

import pytest

from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, State, Text
from tests.queue.world import World


@pytest.fixture
def shop(tmp_path: Path) -> World:
    return World(tmp_path / "pulsarack.db")


def put(shop: World, text: Text) -> int:
    found = shop.run(lambda db: outgoing.put(db, text, now_ms=shop.now))
    assert found is not None
    return found


def begin(shop: World, number: int, later_ms: int = 0) -> bool:
    """As if that one had been seen to be due a moment ago; a try counts or nothing is changed."""
    before = shop.sql("SELECT tries FROM outgoing WHERE id = ?", number)[0][0]
    found = shop.run(lambda db: outgoing.begin(db, number, now_ms=shop.now + later_ms))
    after = shop.sql("SELECT tries FROM outgoing WHERE id = ?", number)[0][0]
    assert after - before == (found is not None)
    assert found is None or found.tries == after
    return found is not None


def test_what_was_put_off_is_not_begun_before_its_time(shop: World) -> None:
    number = put(shop, Text("sms", "6281200000071", Kind.ANSWER, "hello", None))
    assert begin(shop, number)
    shop.run(lambda db: outgoing.try_again(db, number, "busy", pause_ms=5_000, now_ms=shop.now))
    assert not begin(shop, number, later_ms=4_999)
    assert begin(shop, number, later_ms=5_000)


def test_what_has_left_is_not_begun(shop: World) -> None:
    number = put(shop, Text("sms", "6281200000071", Kind.ANSWER, "hello", None))
    shop.run(lambda db: outgoing.arrived(db, number, State.SENT, "1", now_ms=shop.now))
    assert not begin(shop, number)


def test_a_reversal_is_not_begun_before_the_success_that_it_takes_back(shop: World) -> None:
    first, second = (
        put(shop, Text("sms", "1", Kind.RESULT, "x", None, order_id=7, message_id=message))
        for message in (1, 2)
    )
    assert not begin(shop, second)
    shop.run(lambda db: outgoing.arrived(db, first, State.SENT, "1", now_ms=shop.now))
    assert begin(shop, second)
