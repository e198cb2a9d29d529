"""What a program must never be told: that an order failed of which nobody knows that it did.

A client that hears "failed" sells elsewhere. So whatever refuses a request without a look at its
order says that it is in process, in every dialect, and a status check that finds nothing has
waited for the orders that were under way.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.channels.http.dialects import every_dialect, vocabulary
from pulsarack.daemon.channels.http.dialects.vocabulary import BadDialect
from pulsarack.daemon.channels.http.refusals import IN_DOUBT, HttpRefusal
from pulsarack.daemon.errors import Busy
from tests.daemon.channels.test_dialects import (
    FORMS,
    KEY,
    TO,
    Form,
    World,
    digiflazz,
    fm,
    md5,
    of_data,
    of_text,
    otomax,
    seller,
)

NAMES = [name for name in FORMS if name not in ("st24", "payuni")]


def says_failed(name: str, form: Form, answer: Any) -> bool:
    """As a program reads it, the status of HTTP aside."""
    said = form.read(answer)
    if name == "digiflazz":
        return answer.json["data"]["status"] == "Gagal" or said.code not in ("03", "99")
    if name == "digiflazz seller":
        return answer.json["data"]["status"] == "2" or said.code != form.in_process
    if "success" in (answer.json if answer.body.startswith(b"{") else {}):
        return answer.json["success"] == "false" or said.code != form.in_process
    return said.code != form.in_process


@pytest.mark.parametrize("name", NAMES)
async def test_what_says_nothing_of_an_order_never_says_failed(tmp_path: Path, name: str) -> None:
    """Refused before the order was looked at, or it was written and its answer could not be."""
    form = FORMS[name]
    async with World(tmp_path) as world:
        account, balance = world.doors.account, world.channel.desk.balance

        def refusing(error: Exception) -> Any:
            async def refuse(_whom: object) -> None:
                raise error

            return refuse

        for error in (Busy(5), RuntimeError("a fault")):
            world.channel.desk.balance = refusing(error)  # type: ignore[method-assign]
            answer = await form.ask(world, "r-1")
            assert len(world.orders()) == 1
            assert not says_failed(name, form, answer), answer.body
        world.channel.desk.balance = balance  # type: ignore[method-assign]
        for why in sorted(IN_DOUBT):
            world.doors.account = refusing(HttpRefusal(why, "x"))  # type: ignore[method-assign]
            answer = await form.ask(world, "r-1")
            assert answer.status >= 400
            assert not says_failed(name, form, answer), (why, answer.body)
        world.doors.account = account  # type: ignore[method-assign]
        assert form.read(await form.ask(world, "r-1")).status == 200


@pytest.mark.parametrize("name", NAMES)
async def test_a_number_written_otherwise_is_the_same_order(tmp_path: Path, name: str) -> None:
    form = FORMS[name]
    async with World(tmp_path) as world:
        for to in ("0812-0000-0012", "0812-0000-0012", "+62 812 0000 0012", "(0812) 00000012", TO):
            assert form.read(await form.ask(world, "r-1", to=to)).code == form.in_process, to
        assert len(world.orders()) == 1


async def test_a_reference_is_the_same_order_in_every_dialect(tmp_path: Path) -> None:
    """One agent's programs speak several; the second order of the day had its counter given out."""
    async with World(tmp_path) as world:
        await digiflazz(world, "r-1")
        await digiflazz(world, "r-2")
        for name in NAMES:
            form = FORMS[name]
            assert form.read(await form.ask(world, "r-2")).code == form.in_process, name
            other = form.read(await form.ask(world, "r-2", to="081200000013"))
            assert other.code != form.in_process, name
        assert [row[3] for row in world.orders()] == [1, 2]


async def test_a_signature_of_the_balance_orders_nothing(tmp_path: Path) -> None:
    """Who has seen the request of a balance has `md5(username + key + "depo")`."""
    async with World(tmp_path) as world:
        for word in ("depo", "pricelist", "deposit"):
            for ask in (digiflazz, seller):
                answer = await ask(world, "x", ref_id=word, sign=md5("M1", KEY, word))
                assert of_data(answer).code not in ("03", "39")
        assert world.orders() == []


LIMITS = {"irs": "hargamax", "tiger": "hargamax", "serpul": "hargamax", "sipas": "hargamax"}


@pytest.mark.parametrize("name", sorted(LIMITS))
async def test_a_highest_price_holds_in_every_dialect(tmp_path: Path, name: str) -> None:
    form = FORMS[name]
    async with World(tmp_path) as world:
        dear = form.read(await form.ask(world, "r-1", **{LIMITS[name]: "10000"}))
        assert dear.code == form.failed and world.orders() == []
        for most in ("10500", "1"):  # of an order that there is the price is no matter any more
            said = form.read(await form.ask(world, "r-1", **{LIMITS[name]: most}))
            assert said.code == form.in_process
        assert len(world.orders()) == 1


async def test_what_was_not_meant_as_that_order_makes_none(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        for most in (10_000.0, 10_000.5, "10.000", [10_000], True):
            assert of_data(await digiflazz(world, "r-1", max_price=most)).code in ("69", "40")
            assert of_data(await seller(world, "r-2", price=most)).code in ("106", "07")
        more: dict[str, Any]
        for more in ({"testing": 1}, {"testing": "1"}, {"commands": ["status-pasca"]}):
            assert of_data(await digiflazz(world, "r-1", **more)).code == "40"
        for check in ("01", "true", "2", "yes"):
            assert of_text(await otomax(world, "r-1", check=check)).code == "40"
        assert world.orders() == []
        assert of_text(await otomax(world, "r-1", check="0")).code == "1"


@pytest.mark.parametrize("name", ["otomax", "fm", "digiflazz"])
async def test_a_check_waits_for_the_order_that_is_under_way(tmp_path: Path, name: str) -> None:
    """Its caller has hung up and asks; it is written a moment later."""
    checks = {
        "otomax": lambda world: otomax(world, "r-1", check="1"),
        "fm": lambda world: fm(world, "r-1", command="TOPUPSTATUS"),
        "digiflazz": lambda world: digiflazz(world, "r-1", commands="status-pasca"),
    }
    form = FORMS[name]
    async with World(tmp_path) as world:
        store, write = world.store, world.store.write_for

        async def behind_it(source: str, job: Any, turns: int = 1) -> Any:
            store.write_for = write  # type: ignore[method-assign]
            await form.ask(world, "r-1")  # what stood before it in the agent's turn
            return await write(source, job)

        store.write_for = behind_it  # type: ignore[method-assign]
        said = form.read(await checks[name](world))
        assert said.code == form.in_process


@pytest.mark.parametrize("text", ["{price:d}", "{id:d}", "{reason!x}", "{price:{id}}"])
def test_a_text_that_cannot_be_filled_in_is_found_at_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "otomax.toml").write_text(f"[texts]\nQUEUED = {json.dumps(text)}\n")
    with pytest.raises(BadDialect, match="otomax"):
        every_dialect.formatters(tmp_path)


@pytest.mark.parametrize("name", sorted(every_dialect.formatters(None)))
def test_doubts_have_the_code_of_what_is_in_process(name: str) -> None:
    words = vocabulary.load(name, None)
    for why in IN_DOUBT:
        wanted = "99" if name == "digiflazz" else words.states["QUEUED"]
        assert words.refusal(why) == wanted
