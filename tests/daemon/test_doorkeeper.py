"""Who may come in over HTTP, who waits, and what strangers hear."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.config_agents import AgentsSection
from pulsarack.daemon.identity import pin_rule, slowness
from pulsarack.daemon.identity.account_desk import NewAccount
from pulsarack.daemon.identity.slowness import Slowness
from pulsarack.daemon.secrets import Secret
from pulsarack.queue.identity import accounts
from pulsarack.queue.order_text import commands
from pulsarack.queue.order_text.commands import Command, HiddenPin
from pulsarack.queue.rows import execute
from pulsarack.queue.validation import Refusal
from tests.daemon.identity_house import House

HERE = "192.0.2.7"


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = await House(tmp_path, settings="[agents]\nstrangers_per_hour = 3\n").open()
    made.agent()
    yield made
    made.leave()


async def trade(house: House, member: str = "YUSUF", **wish: object) -> None:
    secrets = {"pin": Secret("1144"), "password": Secret("abcd")}
    wished = NewAccount(member, "A1", "trade", secrets, **wish)  # type: ignore[arg-type]
    assert await house.identity.accounts.make(wished, by="x") is None


async def test_an_account_is_opened_in_memory_and_shows_nothing(house: House) -> None:
    await trade(house, may_be_unsigned=True, networks=["192.0.2.0/24"], report_dialect="otomax")
    found = await house.identity.doorkeeper.account("yusuf")
    assert found
    assert (found.member, found.agent, found.may_be_unsigned) == ("YUSUF", "A1", True)
    assert (found.pin, found.password, found.key) == (Secret("1144"), Secret("abcd"), None)
    assert "1144" not in repr(found)
    assert "abcd" not in repr(house.store.read_inline(accounts.every))


@pytest.mark.parametrize("member", ["", "M9", "x" * 65, "\ud800", "a\x00", "é", "' OR 1=1 --"])
async def test_every_kind_of_stranger_is_none(house: House, member: str) -> None:
    assert await house.identity.doorkeeper.account(member) is None


async def test_an_account_that_is_off_and_an_agent_who_is_off_are_none(house: House) -> None:
    await trade(house)
    for sql in ("UPDATE api_account SET active = ?", "UPDATE agent SET active = ?"):
        for active in (0, 1):
            house.store.run_inline(lambda db, sql=sql, active=active: execute(db, sql, (active,)))
            found = await house.identity.doorkeeper.account("YUSUF")
            assert (found is not None) is bool(active)


async def test_who_is_wrong_slows_down_himself_and_not_the_agent(house: House) -> None:
    door = house.identity.doorkeeper
    door.wrong("YUSUF", HERE)
    assert not door.may_try("yusuf", HERE)
    assert not door.may_try("YUSUF", f"::ffff:{HERE}")
    assert door.may_try("YUSUF", "192.0.2.8")
    assert door.may_try("M2", HERE)
    door.wrong("YUSUF", "2001:db8::1")
    assert not door.may_try("YUSUF", "2001:db8::2")
    house.wait(2.0)
    assert door.may_try("YUSUF", HERE)
    assert house.refused() == {"API_SLOW_DOWN": 3, "API_WRONG": 2}


async def test_an_agent_changes_the_password_of_his_programs_if_he_knows_it(house: House) -> None:
    desk = house.identity.accounts
    await trade(house)
    await trade(house, "M2")
    for old, new in (("wrong", "better"), ("abcd", "x"), ("abcd", "a b c d"), ("abcd", "\ud800")):
        assert isinstance(await desk.new_passwords("A1", HiddenPin(old), HiddenPin(new)), Refusal)
    swaps = await desk.new_passwords("A1", HiddenPin("abcd"), HiddenPin("better"))
    assert not isinstance(swaps, Refusal)

    def swap(agent: str) -> int:
        return house.store.run_inline(
            lambda db: accounts.swap_passwords(db, agent, swaps, now_ms=1)
        )

    assert [swap("A2"), swap("A1"), swap("A1")] == [0, 2, 0]
    found = await house.identity.doorkeeper.account("M2")
    assert found
    assert found.password == Secret("better")


# --- slowness -------------------------------------------------------------------------------


def test_delays_double_to_a_limit_and_are_forgotten() -> None:
    now = [0.0]
    slow = Slowness(lambda: now[0])
    assert [slow.was_wrong("a") for _ in range(12)][:4] == [2.0, 4.0, 8.0, 16.0]
    assert slow.was_wrong("a") == slowness.LONGEST_SECONDS
    now[0] += slowness.LONGEST_SECONDS
    assert slow.may_try("a")
    now[0] += slowness.FORGET_SECONDS
    assert slow.was_wrong("a") == 2.0


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 2000)), max_size=80))
def test_the_table_is_bounded_and_a_wrong_one_just_now_waits(
    tries: list[tuple[int, float]],
) -> None:
    now = [0.0]
    slow = Slowness(lambda: now[0], most=8)
    for number, seconds in tries:
        now[0] += seconds
        waits = slow.was_wrong(str(number))
        assert 2.0 <= waits <= slowness.LONGEST_SECONDS
        assert not slow.may_try(str(number))
        assert len(slow) <= 8


def test_the_one_that_may_try_again_the_soonest_is_forgotten_first() -> None:
    slow = Slowness(lambda: 0.0, most=2)
    for name in ("often", "often", "once", "new"):
        slow.was_wrong(name)
    assert [slow.may_try(name) for name in ("often", "once", "new")] == [False, True, False]


# --- strangers ------------------------------------------------------------------------------


async def test_a_stranger_hears_one_answer_a_day_and_all_of_them_so_many_an_hour(
    house: House,
) -> None:
    strangers = house.identity.strangers
    assert [strangers.may_answer("sms", "1") for _ in range(3)] == [True, False, False]
    assert strangers.may_answer("xmpp", "1")
    assert [strangers.may_answer("sms", str(n)) for n in range(2, 5)] == [True, False, False]
    house.wait(3600.0)
    assert [strangers.may_answer("sms", n) for n in ("1", "3", "4")] == [False, True, True]
    house.wait(86_400.0)
    assert strangers.may_answer("sms", "1")
    assert house.refused()["STRANGERS_TOO_MANY"] == 2


async def test_of_strangers_only_so_many_are_remembered(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulsarack.daemon.identity.strangers.KEPT_MOST", 2)
    strangers = house.identity.strangers
    for number in range(20):
        strangers.may_answer("sms", str(number))
        house.wait(1800.0)
    assert len(strangers._answered) <= 2
    assert len(strangers._hour) <= 3


# --- where the PIN is asked -----------------------------------------------------------------

ORDER = commands.PlaceOrder("S10", None, "081200000012")
LOOK = commands.ShowBalance()
NEW_PIN = commands.ChangePin(HiddenPin("1"))
ALL, NO_LOOKS, NONE = (
    AgentsSection(),
    AgentsSection(pin_for_queries=False),
    AgentsSection(ask_pin=("sms",)),
)
RULES: list[tuple[AgentsSection, str, Command | None, bool]] = [
    (ALL, "sms", ORDER, True), (ALL, "whatsapp", ORDER, True), (ALL, "xmpp", ORDER, True),
    (ALL, "http", ORDER, False), (ALL, "sms", LOOK, True), (ALL, "sms", commands.Help(), False),
    (ALL, "sms", None, True), (NO_LOOKS, "sms", LOOK, False), (NO_LOOKS, "sms", ORDER, True),
    (NO_LOOKS, "sms", None, True), (NONE, "xmpp", ORDER, False), (NONE, "xmpp", NEW_PIN, True),
    (NONE, "xmpp", None, False), (NONE, "sms", ORDER, True),
    (NONE, "xmpp", commands.AddSender("sms", "1"), True),
]  # fmt: skip


@pytest.mark.parametrize(("agents", "channel", "command", "needed"), RULES)
def test_the_pin_is_asked_where_the_sender_can_be_forged(
    agents: AgentsSection, channel: str, command: Command | None, needed: bool
) -> None:
    assert pin_rule.pin_needed(agents, channel, command) is needed
