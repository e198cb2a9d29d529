"""Parts that left, whose report is whose, and how many a chip may send in a day."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import Database

from pulsarack.queue import chips
from pulsarack.queue.post import outgoing, sent_sms
from pulsarack.queue.post.outgoing import Kind, Outgoing, State, Text
from tests.queue.world import World, iccid

CARD, OTHER = iccid(1), iccid(2)
TO = "6281200000071"


@pytest.fixture
def shop(tmp_path: Path) -> World:
    found = World(tmp_path / "pulsarack.db")
    found.agent()
    for number in (1, 2):
        found.chip(number)
    return found


def put(shop: World, to: str = TO) -> int:
    text = Text("sms", to, Kind.ANSWER, "hello", "A1")
    found = shop.run(lambda db: outgoing.put(db, text, now_ms=shop.now))
    assert found is not None
    return found


def send(
    shop: World, number: int, references: tuple[int, ...], card: str = CARD, to: str = TO
) -> str:
    """As the carrier and the postman write it down."""

    def job(db: Database) -> str:
        rows = sent_sms.begin(
            db, card, number, to, len(references), day_started_at=0, per_day=1000, now_ms=shop.now
        )
        assert rows is not None
        provider_id = f"{card}:{references}:{rows[0]}"
        sent_sms.left(db, rows, references, provider_id)
        outgoing.arrived(db, number, State.SENT, provider_id, now_ms=shop.now)
        return provider_id

    return shop.run(job)


def report(
    shop: World, reference: int, to: str = TO, *, card: str = CARD, delivered: bool = True
) -> int | None:
    return shop.run(
        lambda db: sent_sms.report(
            db, card, reference, to, delivered=delivered, why="no", now_ms=shop.now
        )
    )


def row(shop: World, number: int) -> Outgoing:
    found = shop.run(lambda db: outgoing.find(db, number))
    assert found is not None
    return found


def test_a_text_is_there_when_all_of_its_parts_are(shop: World) -> None:
    number = put(shop)
    send(shop, number, (254, 255, 0))
    for reference in (255, 0):
        assert report(shop, reference) == number
        assert row(shop, number).state == "SENT"
    assert report(shop, 254) == number and row(shop, number).state == "DELIVERED"
    assert report(shop, 254) is None  # said twice


@pytest.mark.parametrize("form", ["6281200000071", "081200000071", "+6281200000071"])
def test_a_report_names_the_number_as_the_centre_likes(shop: World, form: str) -> None:
    number = put(shop)
    send(shop, number, (5,))
    assert report(shop, 5, form) == number


def test_a_report_of_something_else_is_no_report_of_it(shop: World) -> None:
    number = put(shop)
    send(shop, number, (5,))
    assert report(shop, 6) is None
    assert report(shop, 5, "6281200000072") is None
    assert report(shop, 5, "168") is None
    assert report(shop, 5, card=OTHER) is None
    assert row(shop, number).state == "SENT"


def test_a_reference_that_comes_again_is_the_newest_ones(shop: World) -> None:
    old, new = put(shop), put(shop)
    send(shop, old, (5,))
    send(shop, new, (5,))
    assert report(shop, 5) == new
    assert (row(shop, old).state, row(shop, new).state) == ("SENT", "DELIVERED")


def test_what_did_not_arrive_waits_again_and_has_another_name_then(shop: World) -> None:
    number = put(shop)
    first = send(shop, number, (5, 6))
    assert report(shop, 5, delivered=False) == number
    assert (row(shop, number).state, row(shop, number).provider_id) == ("WAITING", None)
    second = send(shop, number, (5, 6))
    assert first != second
    for reference in (5, 6):
        report(shop, reference)
    assert row(shop, number).state == "DELIVERED"


def test_a_report_of_a_try_that_was_not_written_down_ends_it(shop: World) -> None:
    """The daemon died behind the network's word; the text must not go once more."""
    number = put(shop)

    def job(db: Database) -> None:
        rows = sent_sms.begin(db, CARD, number, TO, 1, day_started_at=0, per_day=9, now_ms=shop.now)
        assert rows is not None
        sent_sms.left(db, rows, (5,), "p")

    shop.run(job)
    assert report(shop, 5) == number and row(shop, number).state == "DELIVERED"


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=12), st.integers(1, 9))
@settings(deadline=None, max_examples=12)
def test_no_day_holds_more_than_it_may(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[int, bool]], per_day: int
) -> None:
    """What stayed is taken back, what may have left is counted, the day before is not."""
    shop = World(tmp_path_factory.mktemp("shop") / "pulsarack.db")
    shop.agent()
    shop.chip()
    began, counted = shop.now, 0

    def begin(db: Database, parts: int) -> tuple[int, ...] | None:
        return sent_sms.begin(
            db, CARD, 1, TO, parts, day_started_at=began, per_day=per_day, now_ms=shop.now
        )

    def yesterday(db: Database) -> None:
        assert sent_sms.begin(db, CARD, 1, TO, 1, day_started_at=0, per_day=99, now_ms=began - 1)

    shop.run(yesterday)
    for parts, left in texts:
        rows = shop.run(lambda db, n=parts: begin(db, n))  # type: ignore[misc]
        assert (rows is not None) == (counted + parts <= per_day)
        if rows is not None and left:
            counted += parts
        elif rows is not None:
            shop.run(lambda db, some=rows: sent_sms.stayed(db, some))  # type: ignore[misc]
    assert shop.run(lambda db: sent_sms.count_since(db, CARD, began)) == counted
    shop.close()


def test_what_is_old_is_forgotten_bit_by_bit(shop: World) -> None:
    number = put(shop)
    send(shop, number, (1, 2, 3))
    assert not shop.run(lambda db: sent_sms.any_before(db, shop.now))
    assert shop.run(lambda db: sent_sms.any_before(db, shop.now + 1))
    shop.run(lambda db: sent_sms.forget(db, shop.now + 1, 2))
    assert shop.run(lambda db: sent_sms.count_since(db, CARD, 0)) == 1


def test_a_chip_that_nobody_adopted_is_told_nothing(shop: World) -> None:
    new = iccid(9)
    shop.run(lambda db: chips.seen(db, new, "modem9", "", now_ms=shop.now))

    def tell(db: Database) -> tuple[bool, bool]:
        return (
            chips.set_channel(db, new, receives=True, answers=True),
            chips.set_channel(db, CARD, receives=True, answers=None),
        )

    assert shop.run(tell) == (False, True)
    assert (shop.the_chip(CARD).receives, shop.the_chip(CARD).answers) == (1, None)
