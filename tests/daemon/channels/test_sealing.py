"""New secrets in agents' texts: stored as hashes and seals only, refused without a trace."""

from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.identity.account_desk import NewAccount
from pulsarack.daemon.identity.hash_pool import PoolFull
from pulsarack.daemon.identity.pin_check import PinCheck, PinVerdict
from pulsarack.daemon.secrets import Secret
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.rows import execute
from tests.daemon.channels.desk_world import AGENT, PIN, DeskWorld

UPLINES = "[agents]\nupline_resets_pin = true\n"
NEW = "90643"


async def opened(tmp_path: Path, settings: str = UPLINES) -> DeskWorld:
    """A2 stands below A1; a program of A1's has a password."""
    world = await DeskWorld.open(tmp_path, settings)
    world.store.run_inline(
        lambda db: execute(db, "UPDATE agent SET upline = ? WHERE code = 'A2'", (AGENT,))
    )
    secrets = {"pin": Secret("1144"), "password": Secret("oldword")}
    wish = NewAccount("YUSUF", AGENT, "trade", secrets)
    assert await world.identity.accounts.make(wish, by="test") is None
    return world


def written(world: DeskWorld) -> str:
    """Everything that the database and the log hold."""
    tables = [row[0] for row in world.sql("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return repr([world.sql(f"SELECT * FROM {name}") for name in tables]) + world.log.getvalue()


async def verdict(world: DeskWorld, agent: str, pin: str) -> PinVerdict:
    return await world.identity.pins.verify(agent, HiddenPin(pin), f"{agent} {pin}")


async def test_an_upline_gives_his_downline_a_pin(tmp_path: Path) -> None:
    world = await opened(tmp_path)
    received = await world.say(f"RESETPIN.A2.{NEW}.{PIN}")
    assert received.outcome == "downline_pin_set"
    assert await verdict(world, "A2", NEW) is PinVerdict.RIGHT
    assert await verdict(world, AGENT, PIN) is PinVerdict.RIGHT
    assert f"'{NEW}" not in written(world)
    assert f".{NEW}" not in written(world)
    (answer,) = world.answers()
    assert "A2" in answer
    world.close()


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (f"RESETPIN.A2.1234.{PIN}", "weak_pin"),
        (f"RESETPIN.A2.word.{PIN}", "weak_pin"),
        (f"RESETPIN.A1.{NEW}.{PIN}", "not_a_downline"),
        (f"RESETPIN.NOBODY.{NEW}.{PIN}", "not_a_downline"),
        (f"RESETPIN.A2.{NEW}.0001", "wrong_pin"),
        (f"PASSIP*wrongword*newword*{PIN}", "network_password_refused"),
        (f"PASSIP*oldword*abc*{PIN}", "network_password_refused"),
        (f"GP.{PIN}.1234", "weak_pin"),
        (f"GP.{PIN}.{PIN}", "weak_pin"),
    ],
)
async def test_what_is_refused_changes_nothing(tmp_path: Path, text: str, outcome: str) -> None:
    world = await opened(tmp_path)
    before = world.sql("SELECT agent, hash FROM agent_pin"), world.sql("SELECT * FROM api_account")
    assert (await world.say(text)).outcome == outcome
    after = world.sql("SELECT agent, hash FROM agent_pin"), world.sql("SELECT * FROM api_account")
    assert after == before
    assert NEW not in world.log.getvalue()
    assert f".{NEW}" not in written(world)
    assert "oldword" not in written(world)
    world.close()


async def test_unless_the_shop_allows_it_no_upline_sets_a_pin(tmp_path: Path) -> None:
    world = await opened(tmp_path, "")
    assert (await world.say(f"RESETPIN.A2.{NEW}.{PIN}")).outcome == "not_here"
    assert await verdict(world, "A2", NEW) is PinVerdict.NONE_SET
    world.close()


async def test_the_password_of_programs_is_changed_by_a_text(tmp_path: Path) -> None:
    world = await opened(tmp_path)
    received = await world.say(f"PASSIP*oldword*newword*{PIN}")
    assert received.outcome == "network_password_set"
    account = await world.identity.doorkeeper.account("YUSUF")
    assert account
    assert account.password == Secret("newword")
    assert "newword" not in written(world)
    assert "oldword" not in written(world)
    world.close()


async def test_when_too_many_hashes_wait_the_agent_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(self: PinCheck, pin: Any) -> str:
        raise PoolFull(128)

    world = await opened(tmp_path)
    monkeypatch.setattr(PinCheck, "hash", full)
    assert (await world.say(f"GP.{PIN}.{NEW}")).outcome == "slow_down"
    assert await verdict(world, AGENT, PIN) is PinVerdict.RIGHT
    world.close()
