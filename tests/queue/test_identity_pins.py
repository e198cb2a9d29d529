"""Agents' PINs: which are taken, and tries that count before they are compared."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.queue.identity import events, pins
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.validation import Refusal, RefusalCode
from tests.queue.world import World

HASH = "0123456789abcdef" + "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"
FRESHER = HASH.replace("0123", "4567")

WEAK = [
    "", "1", "123", "123456789", "12a4", "12 4", "١٢٣٤", "1234\n", "0000", "9999", "1234", "4321",
    "0123", "9876", "8901", "2468", "1357", "1212", "2525", "1221", "1122", "9988", "1987", "2026",
    "123123", "121212", "112233", "123321", "111111", "01234567", "12341234",
]  # fmt: skip
GOOD = ["7351", "0471", "25803", "739182", "4071926", "58203914"]


@pytest.mark.parametrize("digits", WEAK)
def test_a_weak_pin_is_refused(digits: str) -> None:
    refused = pins.check_new(HiddenPin(digits))
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.WEAK_PIN
    assert len(digits) < 2 or digits not in refused.message + refused.remedy


@pytest.mark.parametrize("digits", GOOD)
def test_a_good_pin_is_taken_unless_it_is_the_old_one(digits: str) -> None:
    assert pins.check_new(HiddenPin(digits)) is None
    assert pins.check_new(HiddenPin(digits), HiddenPin("9073")) is None
    assert pins.check_new(HiddenPin(digits), HiddenPin(digits)) is not None


def test_what_an_agent_brings_along_may_be_simple_but_is_a_pin() -> None:
    assert pins.check_new(HiddenPin("1234"), brought_along=True) is None
    assert pins.check_new(HiddenPin("12345678a"), brought_along=True) is not None


@given(st.integers())
def test_a_random_pin_is_never_a_weak_one(seed: int) -> None:
    pin = pins.random_pin(random.Random(seed))
    assert len(pin.reveal()) == pins.RANDOM_DIGITS
    assert pins.check_new(pin) is None


def begin(world: World, agent: str = "A1") -> pins.Begun | None:
    return world.run(lambda db: pins.begin(db, agent))


def put(world: World, hashed: str = HASH) -> None:
    assert world.run(lambda db: pins.put(db, "A1", hashed, by="admin", now_ms=world.now))


def row(world: World) -> pins.PinRow:
    found = world.run(lambda db: pins.state(db, "A1"))
    assert found is not None
    return found


def test_three_tries_lock_and_no_more_are_compared(shop: World) -> None:
    put(shop)
    assert [begin(shop) for _ in range(4)] == [
        pins.Begun(HASH, last=False),
        pins.Begun(HASH, last=False),
        pins.Begun(HASH, last=True),
        None,
    ]
    assert row(shop).locked
    assert row(shop).tries == pins.TRIES_MOST


def test_the_right_pin_forgives_all_tries(shop: World) -> None:
    put(shop)
    begin(shop)
    begin(shop)
    assert shop.run(lambda db: pins.was_right(db, "A1", HASH, FRESHER))
    assert (row(shop).tries, row(shop).hash) == (0, FRESHER)


def test_a_right_try_of_a_pin_that_was_changed_meanwhile_forgives_nothing(shop: World) -> None:
    put(shop)
    begin(shop)
    put(shop, FRESHER)
    begin(shop)
    assert not shop.run(lambda db: pins.was_right(db, "A1", HASH))
    assert row(shop).tries == 1


def test_unlocking_and_a_new_pin_forgive_and_are_written_down(shop: World) -> None:
    put(shop)
    for _ in range(3):
        begun = begin(shop)
        assert begun is not None
        shop.run(lambda db, begun=begun: pins.was_wrong(db, "A1", begun, now_ms=shop.now))
    assert shop.run(lambda db: pins.unlock(db, "A1", by="admin", now_ms=shop.now))
    assert not shop.run(lambda db: pins.unlock(db, "A1", by="admin", now_ms=shop.now))
    assert begin(shop) is not None
    put(shop)
    assert row(shop).tries == 0
    told = shop.run(lambda db: events.of_agent(db, "A1", 10))
    assert [one.what for one in told] == ["PIN_SET", "PIN_UNLOCKED", "PIN_LOCKED", "PIN_SET"]


def test_an_agent_without_a_pin_is_counted_and_never_locked(shop: World) -> None:
    assert [begin(shop) for _ in range(5)] == [pins.Begun(None, last=False)] * 5
    assert not row(shop).locked
    put(shop)
    assert row(shop).tries == 0


def test_of_nobody_nothing_is_kept(shop: World) -> None:
    assert begin(shop, "NOBODY") == pins.Begun(None, last=False)
    assert not shop.run(lambda db: pins.put(db, "NOBODY", HASH, by="x", now_ms=1))
    assert shop.sql("SELECT count(*) FROM agent_pin") == [(0,)]


def test_the_keys_in_use_are_counted(shop: World) -> None:
    shop.agent("A2")
    begin(shop, "A2")
    put(shop)
    assert shop.run(pins.masters) == {"0123456789abcdef": 1}
