"""Products that are sold to electricity meters: own digits, no prefix, never a telephone."""

from collections.abc import Iterator

import pytest

from pulsarack.queue import intake, messages, products
from pulsarack.queue.products import Product
from pulsarack.queue.validation import (
    METER,
    Refusal,
    RefusalCode,
    any_destination,
    normalise_destination,
    show_destination,
)
from tests.queue.world import World

TOKEN = Product("PLN20", "pln", "Token 20", 20, 20_500, 20_100, None, 1, 0, METER)


@pytest.fixture
def plant(world: World) -> Iterator[World]:
    world.agent()
    world.run(lambda db: products.put(db, TOKEN))
    yield world


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("14012345678", "m14012345678"),
        ("514012345678", "m514012345678"),
        ("1401-2345 678", "m14012345678"),
        ("62812345678", "m62812345678"),
    ],
)
def test_a_meter_is_stored_behind_a_mark(typed: str, stored: str) -> None:
    assert normalise_destination(typed, METER) == stored
    assert show_destination(stored) == stored[1:]


@pytest.mark.parametrize(
    "typed", ["", "1401234567", "5140123456789", "m14012345678", "+1401234567"]
)
def test_what_is_no_meter(typed: str) -> None:
    found = normalise_destination(typed, METER)
    assert isinstance(found, Refusal)
    assert (found.code, found.remedy) == (RefusalCode.BAD_NUMBER, "write its 11 or 12 digits")


def test_where_nobody_says_of_which_kind_a_telephone_comes_first() -> None:
    assert any_destination("081200000012") == "6281200000012"
    assert any_destination("14012345678") == "m14012345678"
    assert isinstance(any_destination("12"), Refusal)


def test_a_token_is_ordered_for_a_meter(plant: World) -> None:
    order = plant.order("PLN20.14012345678")
    assert (order.destination, order.operator) == ("m14012345678", "pln")
    again = plant.accept("PLN20.1401-2345678")
    assert isinstance(again, Refusal) and again.code is RefusalCode.REPEATED
    assert "PLN20.2.14012345678" in again.remedy
    card = plant.chip(operator="pln")
    (claim,) = plant.claim(card)
    plant.commit(claim.attempt_id)
    plant.decide(claim.attempt_id, done=True, number="1234-5678", figure=479_900)
    (told,) = plant.run(lambda db: messages.of_order(db, order.id))
    assert " 14012345678 " in told.text and "1234-5678" in told.text
    plant.clean()


def test_a_meter_is_no_telephone_and_the_other_way_round(plant: World) -> None:
    for text in ("PLN20.081200000012345", "S10.14012345678", "PLN20.0812"):
        answer = plant.accept(text)
        assert isinstance(answer, Refusal)
        assert answer.code in (RefusalCode.BAD_NUMBER, RefusalCode.FOREIGN_NUMBER)
    assert plant.run(lambda db: intake.sellable(db, "PLN20", "14012345678")) == (
        TOKEN,
        "m14012345678",
    )


def test_the_kind_of_a_product_never_changes(plant: World) -> None:
    other = TOKEN._replace(kind="airtime")
    plant.run(lambda db: products.put(db, other))
    assert plant.run(lambda db: products.find(db, "PLN20")) == TOKEN
