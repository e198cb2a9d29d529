"""The calls about who agents are, on a real database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pulsarack.daemon.calls.identity_calls import IdentityCalls
from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.control_identity import ARGUMENTS
from pulsarack.daemon.control_protocol import CallError, Calls, check_arguments
from pulsarack.daemon.secrets import Secret
from pulsarack.queue.rows import tuples
from tests.daemon.identity_house import House
from tests.daemon.world import PEER

WHO = {"who": "boss"}


class Desk:
    """The calls of one house."""

    def __init__(self, house: House, *, identity: bool = True) -> None:
        self.house = house
        self._calls = Calls()
        nothing: Any = None
        office = Office(
            house.context, nothing, nothing, nothing, nothing, house.pressure,
            house.identity if identity else None,
        )  # fmt: skip
        IdentityCalls(office).register(self._calls)

    async def call(self, name: str, /, **arguments: Any) -> Any:
        found = self._calls.find(name)
        assert found.answer is not None
        return await found.answer(check_arguments(found, arguments), PEER)

    async def refusal(self, name: str, /, **arguments: Any) -> str:
        with pytest.raises(CallError) as caught:
            await self.call(name, **arguments)
        assert caught.value.remedy
        return caught.value.code


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    house = await House(tmp_path).open()
    house.agent()
    house.agent("A2")
    yield Desk(house)
    house.leave()


def stored(house: House) -> str:
    """Everything that the database holds."""
    tables = ("agent_pin", "sender", "api_account", "identity_event")
    return repr(
        [house.store.read_inline(lambda db, t=t: tuples(db, f"SELECT * FROM {t}")) for t in tables]
    )


async def test_a_pin_is_set_locked_unlocked_and_reset(desk: Desk) -> None:
    house = desk.house
    await desk.call("pin.set", agent="A1", pin="73519", **WHO)
    assert await house.try_pin("73519") == "RIGHT"
    for sender in "abc":
        await house.try_pin("0001", sender)
    shown = await desk.call("agent.access", agent="A1")
    assert (shown["pin"], shown["locked"], shown["wrong_tries"]) == ("set", True, 3)
    assert await desk.call("pin.unlock", agent="A1", **WHO) == {"unlocked": True}
    assert await desk.call("pin.unlock", agent="A1", **WHO) == {"unlocked": False}
    new = (await desk.call("pin.reset", agent="A1", **WHO))["pin"]
    assert await house.try_pin(new, "d") == "RIGHT"
    events = (await desk.call("agent.access", agent="A1"))["events"]
    assert [one["what"] for one in events] == ["PIN_SET", "PIN_UNLOCKED", "PIN_LOCKED", "PIN_SET"]
    assert "73519" not in stored(house)
    assert new not in stored(house)


async def test_pins_that_are_refused(desk: Desk) -> None:
    assert await desk.refusal("pin.set", agent="A1", pin="1234", **WHO) == "WEAK_PIN"
    await desk.call("pin.set", agent="A1", pin="1234", brought_along=True, **WHO)
    for name, more in (("pin.set", {"pin": "73519"}), ("pin.reset", {})):
        assert await desk.refusal(name, agent="NO", **more, **WHO) == "UNKNOWN_AGENT"
    assert await desk.refusal("pin.unlock", agent="NO", **WHO) == "NOT_FOUND"
    assert await desk.refusal("agent.access", agent="NO") == "NOT_FOUND"
    assert (await desk.call("agent.access", agent="A2"))["pin"] == "none"


async def test_senders_are_bound_listed_and_taken_away(desk: Desk) -> None:
    address = {"channel": "sms", "address": "081200000012"}
    added = await desk.call("sender.add", agent="A1", **address, **WHO)
    assert (added["address"], added["bound_by"]) == ("6281200000012", "boss")
    assert await desk.refusal("sender.add", agent="A2", **address, **WHO) == "SENDER_TAKEN"
    assert (await desk.call("sender.list"))["senders"] == [added]
    assert (await desk.call("sender.list", agent="A2"))["senders"] == []
    await desk.call("sender.remove", **address, **WHO)
    assert await desk.refusal("sender.remove", **address, **WHO) == "NOT_FOUND"
    wrong = {"channel": "xmpp", "address": "nobody"}
    assert await desk.refusal("sender.remove", **wrong, **WHO) == "BAD_SENDER"


async def test_a_native_account_gets_a_key_that_is_told_once(desk: Desk) -> None:
    house = desk.house
    made = await desk.call("account.new", member="M1", agent="A1", kind="native", **WHO)
    opened = await house.identity.doorkeeper.account("M1")
    assert opened
    assert opened.key == Secret(made["made_key"])
    assert len(made["made_key"]) == 64
    shown = await desk.call("account.show", member="m1")
    assert shown["secrets"] == ["key"]
    assert made["made_key"] not in repr(shown) + stored(house)
    renewed = await desk.call("account.secret", member="M1", which="key", **WHO)
    assert renewed["made_secret"] != made["made_key"]
    opened = await house.identity.doorkeeper.account("M1")
    assert opened
    assert opened.key == Secret(renewed["made_secret"])


async def test_a_trade_account_keeps_what_it_brought_along(desk: Desk) -> None:
    house = desk.house
    given = {"pin": "1144", "password": "abcd!", "report_secret": "hush"}
    wish = {"member": "YUSUF", "agent": "A1", "kind": "trade", **given}
    more = {"networks": ["192.0.2.7"], "may_be_unsigned": True, "report_dialect": "otomax"}
    made = await desk.call("account.new", **wish, **more, report_url="http://10.0.0.5/r", **WHO)
    assert "made_key" not in made
    assert made["secrets"] == ["pin", "password", "report_secret"]
    assert (made["networks"], made["report_url"]) == (["192.0.2.7/32"], "http://10.0.0.5/r")
    opened = await house.identity.doorkeeper.account("YUSUF")
    assert opened
    assert {name: getattr(opened, name) for name in given} == {
        name: Secret(text) for name, text in given.items()
    }
    for text in given.values():
        assert f"'{text}'" not in stored(house)


async def test_accounts_that_are_refused_leave_nothing(desk: Desk) -> None:
    def wish(**other: Any) -> dict[str, Any]:
        return {"member": "M1", "agent": "A1", "kind": "trade", "pin": "1144"} | other | WHO

    for wrong, code in (
        (wish(agent="NO"), "UNKNOWN_AGENT"),
        (wish(member="a b"), "BAD_ACCOUNT"),
        (wish(may_be_unsigned=True), "BAD_ACCOUNT"),
        (wish(networks=["x"]), "BAD_NETWORK"),
        (wish(report_url="x"), "BAD_URL"),
        (wish(report_dialect="X Y"), "BAD_ACCOUNT"),
    ):
        assert await desk.refusal("account.new", **wrong) == code
    assert (await desk.call("account.list"))["accounts"] == []
    await desk.call("account.new", **wish())
    assert await desk.refusal("account.new", **wish(member="m1")) == "BAD_ACCOUNT"


async def test_an_account_is_changed(desk: Desk) -> None:
    member = {"member": "M1"}
    await desk.call(
        "account.new", agent="A1", kind="trade", pin="1144", key="abcd", **member, **WHO
    )
    assert not (await desk.call("account.active", active=False, **member, **WHO))["active"]
    assert (await desk.call("account.active", active=True, **member, **WHO))["active"]
    changed = await desk.call("account.networks", networks=["192.0.2.7"], **member, **WHO)
    assert changed["networks"] == ["192.0.2.7/32"]
    changed = await desk.call("account.report", url="http://a.b/", dialect="irs", **member, **WHO)
    assert (changed["report_url"], changed["report_dialect"]) == ("http://a.b/", "irs")
    changed = await desk.call("account.report", url="", **member, **WHO)
    assert (changed["report_url"], changed["report_dialect"]) == ("", "irs")
    changed = await desk.call("account.secret", which="pin", remove=True, **member, **WHO)
    assert changed["secrets"] == ["key"]
    refused = await desk.refusal("account.secret", which="key", remove=True, **member, **WHO)
    assert refused == "BAD_ACCOUNT"
    given = await desk.call("account.secret", which="pin", value="2255", **member, **WHO)
    assert "made_secret" not in given
    assert await desk.refusal("account.networks", networks=["x"], **member, **WHO) == "BAD_NETWORK"
    assert (await desk.call("account.list", agent="A1"))["accounts"] == [given]
    for name, more in (
        ("account.show", {}),
        ("account.active", {"active": True, **WHO}),
        ("account.secret", {"which": "key", **WHO}),
    ):
        assert await desk.refusal(name, member="NO", **more) == "NOT_FOUND"


async def test_every_call_is_answered(desk: Desk) -> None:
    assert set(ARGUMENTS) == set(desk._calls.names())
    bare = Desk(desk.house, identity=False)
    assert await bare.refusal("pin.set", agent="A1", pin="73519", **WHO) == "NOT_READY"
