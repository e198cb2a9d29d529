"""Complaints: one live one an order, answered once."""

from typing import Any

import pytest
from peewee import IntegrityError

from pulsarack.queue import complaints
from pulsarack.queue.complaints import LEGAL, Complaint, ComplaintState, Opened
from pulsarack.queue.errors import IllegalMove
from pulsarack.queue.validation import Refusal
from tests.queue.world import World


def complain(world: World, order_id: int = 1, agent: str = "A1", words: str = "not there") -> Any:
    """What an agent writes."""
    return world.run(
        lambda db: complaints.open(db, agent, order_id, words, channel="sms", now_ms=world.now)
    )


def answer(world: World, complaint_id: int, *, close: bool = False, words: str = "done") -> Any:
    """What an admin answers."""
    return world.run(
        lambda db: complaints.answer(
            db, complaint_id, words=words, who="boss", close=close, now_ms=world.now
        )
    )


def test_an_order_has_one_live_complaint(shop: World) -> None:
    shop.agent("A2")
    order = shop.order()
    first = complain(shop, order.id)
    assert isinstance(first, Opened) and not first.repeated
    assert complain(shop, order.id, words="again") == Opened(first.complaint, repeated=True)
    told = answer(shop, first.complaint.id)
    assert isinstance(told, Complaint)
    assert (told.state, told.agent, told.channel, told.order_id, told.answer, told.answered_by) == (
        "ANSWERED", "A1", "sms", order.id, "done", "boss",
    )  # fmt: skip
    second = complain(shop, order.id, words="still not")
    assert not second.repeated and second.complaint.id != told.id
    before = shop.run(lambda db: complaints.get(db, told.id))
    assert (before.state, before.answer) == ("CLOSED", "done")
    closed = answer(shop, second.complaint.id, close=True)
    assert (closed.state, closed.closed_at) == ("CLOSED", shop.now)
    assert shop.run(lambda db: complaints.listed(db, open_only=True, limit=9)) == []
    assert len(shop.run(lambda db: complaints.listed(db, open_only=False, limit=9))) == 2


def test_what_is_no_complaint(shop: World) -> None:
    shop.agent("A2")
    order = shop.order()
    nowhere, others = complain(shop, 99), complain(shop, order.id, agent="A2")
    for found in (nowhere, others):
        assert isinstance(found, Refusal) and found.code == "NOT_FOUND"
    assert nowhere.message.replace("99", str(order.id)) == others.message
    made = complain(shop, order.id, words="x" * 2000).complaint
    assert len(made.words) == complaints.LONGEST_WORDS
    for found, code in (
        (answer(shop, 99), "NOT_FOUND"),
        (answer(shop, made.id, words=" "), "NO_REASON"),
    ):
        assert isinstance(found, Refusal) and found.code == code
    answer(shop, made.id)
    again = answer(shop, made.id)
    assert isinstance(again, Refusal) and again.code == "NOT_OPEN"


def test_every_move_is_in_the_table(shop: World) -> None:
    for number, old in enumerate(ComplaintState):
        for new in ComplaintState:
            order = shop.order(f"S5.0812000{number}{len(new):02}12")
            made = complain(shop, order.id).complaint
            if old is not ComplaintState.OPEN:
                answer(shop, made.id, close=old is ComplaintState.CLOSED)

            def move(complaint_id: int = made.id, to: ComplaintState = new) -> None:
                shop.run(lambda db: complaints._move(db, complaint_id, to, now_ms=1, words="w"))

            if new in LEGAL[old]:
                move()
            else:
                with pytest.raises(IllegalMove):
                    move()


def test_a_complaint_is_kept(shop: World) -> None:
    made = complain(shop, shop.order().id).complaint
    answer(shop, made.id, close=True)
    with pytest.raises(IntegrityError, match="stays closed"):
        shop.sql("UPDATE complaint SET state = 'OPEN', closed_at = NULL")
    with pytest.raises(IntegrityError, match="never deleted"):
        shop.sql("DELETE FROM complaint")
