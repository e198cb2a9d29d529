"""PINs as they are tried: counted before they are compared, one after another, never for free."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio

from pulsarack.daemon.identity.hash_pool import HashPool, PoolFull
from pulsarack.daemon.identity.pepper import MasterKey, Masters
from pulsarack.daemon.identity.pin_check import OF_ONE_AGENT_MOST, PinVerdict
from pulsarack.daemon.identity.pin_hash import Cost, PinHash
from pulsarack.queue.identity import events, pins
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.validation import Refusal, RefusalCode
from tests.daemon.identity_house import House
from tests.daemon.identity_world import CHEAP, KEY, OTHER_KEY, credentials

T = TypeVar("T")
RIGHT = "7351"


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = await House(tmp_path).open()
    made.agent()
    await made.has_pin(RIGHT)
    yield made
    made.leave()


async def test_right_wrong_missing_and_none(house: House) -> None:
    house.agent("A2")
    assert await house.try_pin(RIGHT) == "RIGHT"
    assert await house.try_pin("7352", "a") == "WRONG"
    assert await house.identity.pins.verify("A1", None, "b") is PinVerdict.MISSING
    assert await house.try_pin(RIGHT, "c", "A2") == "NONE_SET"
    assert await house.try_pin(RIGHT, "c", "NOBODY") == "NONE_SET"
    assert house.tries() == 1
    assert house.refused() == {"PIN_NONE_SET": 2, "PIN_WRONG": 1}


async def test_the_third_wrong_one_in_a_row_locks_over_restarts(house: House) -> None:
    assert [await house.try_pin("0001", s) for s in "abcd"] == ["WRONG", "WRONG", *["LOCKED"] * 2]
    house.leave()
    await house.open()
    assert await house.try_pin(RIGHT) == "LOCKED"
    house.store.run_inline(lambda db: pins.unlock(db, "A1", by="admin", now_ms=1))
    assert await house.try_pin(RIGHT) == "RIGHT"
    told = house.store.read_inline(lambda db: events.of_agent(db, "A1", 9))
    assert [one.what for one in told] == ["PIN_UNLOCKED", "PIN_LOCKED", "PIN_SET"]


async def test_a_right_one_in_between_begins_anew(house: House) -> None:
    for _ in range(3):
        for number in range(2):
            assert await house.try_pin("0001", f"{house.clock.monotonic()} {number}") == "WRONG"
            house.wait(1.0)
        assert await house.try_pin(RIGHT) == "RIGHT"
    assert house.tries() == 0


async def test_five_orders_at_once_with_the_right_pin_lock_nobody(house: House) -> None:
    found = await asyncio.gather(*(house.try_pin(RIGHT, "sms:1") for _ in range(5)))
    assert found == ["RIGHT"] * 5
    assert house.tries() == 0


async def test_many_wrong_ones_at_once_are_three_tries_and_no_more(tmp_path: Path) -> None:
    house = await House(tmp_path).open(threads=True)
    house.agent()
    await house.has_pin("70149")
    found = await asyncio.gather(*(house.try_pin(f"{n:04}", f"s{n}") for n in range(20)))
    assert sorted(found) == ["LOCKED"] * 18 + ["WRONG"] * 2
    assert house.tries() == pins.TRIES_MOST
    house.leave()


async def test_many_agents_are_looked_at_at_once(tmp_path: Path) -> None:
    house = await House(tmp_path).open(threads=True)
    codes = [house.agent(f"A{number}") for number in range(30)]
    for code in codes:
        await house.has_pin(RIGHT, code)
    found = await asyncio.gather(*(house.try_pin(RIGHT, code, code) for code in codes))
    assert found == ["RIGHT"] * 30
    assert not house.identity.pins._turns
    house.leave()


# --- a daemon that is killed ----------------------------------------------------------------


class _Killed(Exception):
    """The daemon is gone at this point."""


def kill_at_the_comparison(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first comparison to come is never made."""

    async def run(self: HashPool, job: Callable[[], T]) -> T:
        raise _Killed

    monkeypatch.setattr(HashPool, "run", run)


async def test_a_kill_between_count_and_comparison_gives_no_free_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(pins.TRIES_MOST):
        with monkeypatch.context() as patched:
            kill_at_the_comparison(house, patched)
            with pytest.raises(_Killed):
                await house.try_pin(f"{number:04}", f"{number}")
        house.leave()
        await house.open()
        assert house.tries() == number + 1
    assert await house.try_pin(RIGHT) == "LOCKED"


async def test_a_kill_before_the_right_one_is_forgiven_costs_one_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill_at_the_comparison(house, patched)
        with pytest.raises(_Killed):
            await house.try_pin(RIGHT)
    house.leave()
    await house.open()
    assert house.tries() == 1
    assert await house.try_pin(RIGHT) == "RIGHT"
    assert house.tries() == 0


async def test_who_leaves_while_he_waits_leaves_nothing_behind(house: House) -> None:
    waiting = asyncio.ensure_future(house.try_pin(RIGHT))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not house.identity.pins._turns
    assert house.identity._pool.inside == 0
    assert await house.try_pin(RIGHT) == "RIGHT"


# --- slow down ------------------------------------------------------------------------------


async def test_who_was_wrong_waits_longer_each_time_and_is_not_counted_meanwhile(
    house: House,
) -> None:
    assert await house.try_pin("0001", "s") == "WRONG"
    assert await house.try_pin(RIGHT, "s") == "SLOW_DOWN"
    assert house.tries() == 1
    house.wait(2.0)
    assert await house.try_pin("0002", "s") == "WRONG"
    house.wait(2.0)
    assert await house.try_pin(RIGHT, "s") == "SLOW_DOWN"
    house.wait(2.0)
    assert await house.try_pin(RIGHT, "s") == "RIGHT"
    assert house.refused()["PIN_SLOW_DOWN"] == 2


async def test_tries_that_waited_behind_a_wrong_one_of_their_sender_wait_on(house: House) -> None:
    house.agent("A2")
    await house.has_pin(RIGHT, "A2")
    tried = (house.try_pin("0001", "s", agent) for agent in ("A1", "A1", "A1"))
    assert await asyncio.gather(*tried) == ["WRONG", "SLOW_DOWN", "SLOW_DOWN"]
    assert await house.try_pin("0001", "s", "A2") == "SLOW_DOWN"


async def test_too_many_at_once_are_told_so_before_anything_is_counted(
    tmp_path: Path,
) -> None:
    house = await House(tmp_path).open(threads=True)
    house.agent()
    await house.has_pin(RIGHT)
    found = await asyncio.gather(*(house.try_pin(RIGHT, "s") for _ in range(OF_ONE_AGENT_MOST + 5)))
    assert sorted(found) == ["RIGHT"] * OF_ONE_AGENT_MOST + ["SLOW_DOWN"] * 5
    assert house.refused()["PIN_POOL_FULL"] == 5
    house.leave()


async def test_the_queue_of_the_pool_is_bounded() -> None:
    pool = HashPool(waiting_most=2)
    begun, goes_on = threading.Event(), threading.Event()

    def hash_slowly() -> bool:
        begun.set()
        return goes_on.wait(30)

    async def work() -> bool:
        async with pool.place():
            return await pool.run(hash_slowly)

    at_work = [asyncio.ensure_future(work()) for _ in range(2)]
    await asyncio.get_running_loop().run_in_executor(None, begun.wait)
    with pytest.raises(PoolFull):
        await work()
    goes_on.set()
    assert await asyncio.gather(*at_work) == [True, True]
    assert await work()
    pool.close()


# --- new PINs -------------------------------------------------------------------------------


async def test_a_new_pin_counts_at_once_and_the_old_one_no_more(house: House) -> None:
    await house.has_pin("9064")
    assert await house.try_pin(RIGHT, "a") == "WRONG"
    assert await house.try_pin("9064", "b") == "RIGHT"


async def test_the_old_pin_and_a_weak_one_are_refused(house: House) -> None:
    for digits, words in ((RIGHT, "the old one"), ("1234", "thief"), ("12", "4 to 8 digits")):
        refused = await house.identity.pins.put_new("A1", HiddenPin(digits), by="x")
        assert isinstance(refused, Refusal)
        assert words in refused.message
    refused = await house.identity.pins.put_new("NOBODY", HiddenPin("9064"), by="x")
    assert refused and refused.code is RefusalCode.UNKNOWN_AGENT


async def test_who_comes_from_another_server_keeps_his_pin(house: House) -> None:
    pin = HiddenPin("1234")
    refused = await house.identity.pins.put_new("A1", pin, by="x", brought_along=True)
    assert refused is None
    assert await house.try_pin("1234") == "RIGHT"


async def test_a_reset_gives_a_random_pin_and_unlocks(house: House) -> None:
    for sender in "abc":
        await house.try_pin("0001", sender)
    new = await house.identity.pins.reset("A1", by="admin")
    assert isinstance(new, HiddenPin)
    assert pins.check_new(new) is None
    assert await house.try_pin(new.reveal()) == "RIGHT"
    other = await house.identity.pins.reset("A1", by="admin")
    assert isinstance(other, HiddenPin)
    assert other != new
    assert isinstance(await house.identity.pins.reset("NOBODY", by="admin"), Refusal)


async def test_a_pin_follows_to_a_new_master_key_and_cost_when_it_is_right(house: House) -> None:
    house.leave()
    house.environ = credentials(house.directory, OTHER_KEY, KEY)
    await house.open(cost=Cost(2, 16, 1))
    newest, older = (MasterKey(bytes.fromhex(key)).name for key in (OTHER_KEY, KEY))
    assert house.store.read_inline(pins.masters) == {older: 1}
    assert await house.try_pin(RIGHT) == "RIGHT"
    assert house.store.read_inline(pins.masters) == {newest: 1}
    stored = house.store.read_inline(lambda db: pins.state(db, "A1"))
    assert stored and "m=16,t=2,p=1" in str(stored.hash)
    assert await house.try_pin(RIGHT) == "RIGHT"


# --- hashes ---------------------------------------------------------------------------------


def hashes(cost: Cost = CHEAP, key: str = KEY) -> PinHash:
    made = PinHash(Masters([MasterKey(bytes.fromhex(key))]), cost)
    made.warm_up()
    return made


def test_a_hash_needs_the_pepper_and_shows_no_pin() -> None:
    stored = hashes().make(HiddenPin(RIGHT))
    assert RIGHT not in stored.partition("$")[2].rpartition("p=")[0]
    assert hashes().is_right(HiddenPin(RIGHT), stored)
    assert not hashes(key=OTHER_KEY).is_right(HiddenPin(RIGHT), stored)
    # The name of the right key in front does not help: the octets behind it are others.
    other = MasterKey(bytes.fromhex(OTHER_KEY)).name + stored[16:]
    assert not hashes(key=OTHER_KEY).is_right(HiddenPin(RIGHT), other)


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$", "0" * 16 + "$argon2id$v=19$m=8$x$y"])
def test_a_damaged_hash_is_nobody_s(stored: str) -> None:
    assert not hashes().is_right(HiddenPin(RIGHT), stored)


@pytest.mark.parametrize("typed", ["", "\ud800", "é", "1" * 10_000, "\x00", "7351\x00", "?"])
def test_what_strangers_type_is_compared_like_anything(typed: str) -> None:
    stored = hashes().make(HiddenPin(RIGHT))
    assert not hashes().is_right(HiddenPin(typed), stored)


def test_the_real_cost_and_that_no_pin_costs_the_same_as_a_wrong_one() -> None:
    real = hashes(Cost())
    stored = real.make(HiddenPin(RIGHT))
    cost = "$argon2id$v=19$m=19456,t=2,p=1$"
    assert stored[16:].startswith(cost)
    assert real.is_right(HiddenPin(RIGHT), stored)
    assert not real.is_right(HiddenPin("0001"), stored)
    # What stands in for a hash that is not there is compared with at the same cost.
    master, decoy = real._split(None)
    assert master == stored[:16]
    assert decoy.startswith(cost)
    assert not real.is_right(HiddenPin("0001"), None)
    assert not real.is_right(HiddenPin("none"), None)
