"""Money over the control socket: tickets and statements, two admins, statements, complaints."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.control_protocol import CallError, Peer
from pulsarack.daemon.demo.deposit import pay_in
from pulsarack.queue import complaints
from pulsarack.queue.identity import senders
from pulsarack.queue.rows import tuples
from tests.daemon.virtual_loop import run
from tests.daemon.world import OTHER_ADMIN, START_DAY, World, rack_plan

BANKS = '[deposits]\ntail_digits = 1\n[[bank]]\nname = "bca"\naccount = "0001"\nholder = "PT X"\n'
BANKS += '[[bank]]\nname = "bri"\n'
WORD: dict[str, Any] = {"because": "seen", "who": "admin1"}


def in_world(directory: Path, test: Callable[[World], Awaitable[None]], settings: str = "") -> None:
    """A small rack, an agent with a deposit, and what the test does."""

    async def work() -> None:
        world = World(directory, rack_plan(("wavecom", "telkomsel")), settings=settings)
        await world.set_up()
        await test(world)
        assert world.findings() == []
        await world.stop()

    run(work(), within_days=40)


async def balance(world: World, code: str = "A1") -> int:
    """What an agent has."""
    agents = (await world.call("agent.list"))["agents"]
    return next(int(agent["balance"]) for agent in agents if agent["code"] == code)


async def refusal(world: World, peer: Peer, name: str, **arguments: Any) -> str:
    """Why that user of the machine is refused."""
    with pytest.raises(CallError) as caught:
        await world.call_as(peer, name, **arguments)
    return caught.value.code


def test_a_ticket_and_the_banks_row_raise_a_deposit(tmp_path: Path) -> None:
    async def pay(world: World) -> None:
        ticket = await world.call("ticket.new", agent="A1", amount=50_000, bank="BCA")
        assert ticket["accounts"] == [{"bank": "bca", "account": "0001", "holder": "PT X"}]
        assert (await world.call("ticket.new", agent="A1", amount=50_000, bank="bca"))["repeated"]
        before = await balance(world)
        world.daemon.store.run_inline(
            lambda db: senders.bind(db, "sms", "081200000090", "A1", by="boss", now_ms=1)
        )
        row = {"day": START_DAY, "amount": ticket["amount"], "description": "x"}
        assert (await world.refusal("bank.import", bank="bni", rows=[row])).code == "UNKNOWN_BANK"
        for paid, known in ((1, 0), (0, 1)):
            taken = await world.call("bank.import", bank="bca", rows=[row, {**row, "amount": -1}])
            assert (len(taken["paid"]), taken["known"] // 2) == (paid, known)
        assert await balance(world) == before + ticket["amount"]
        shown = await world.call("ticket.show", id=ticket["id"])
        assert (shown["state"], shown["row"]["source"]) == ("PAID", "rows by user 0")
        told = world.daemon.store.read_inline(
            lambda db: tuples(db, "SELECT channel, address, text FROM outgoing")
        )
        assert [one[:2] for one in told] == [("sms", "6281200000090")], "once, as it was paid"
        assert f"{ticket['amount']:,}".replace(",", ".") in told[0][2]

    in_world(tmp_path, pay, settings=BANKS)


def test_a_bad_row_is_named_and_nothing_is_stored(tmp_path: Path) -> None:
    async def pay(world: World) -> None:
        good = {"day": START_DAY, "amount": 5, "description": "x"}
        rows = [good, {**good, "amount": 0}, {**good, "day": "2026-11-27"}]
        for check in (True, False):
            error = await world.refusal("bank.import", bank="bank", rows=rows, check=check)
            assert error.code == "BAD_ROWS"
            assert "row 2: 0 rupiah is no payment; row 3: 2026-11-27 has not" in error.message
        assert world.pressure is not None
        assert world.pressure.figures()["refused"] == {"BAD_ROWS": 2}
        await world.call("bank.import", bank="bank", rows=[good], check=True)
        assert len((await world.call("bank.rows"))["rows"]) == 1, "the one of the set-up"
        await world.call("bank.import", bank="bank", rows=[good])
        assert (await world.call("status"))["needs_you"]["payments"] == 1

    in_world(tmp_path, pay)


def test_one_admin_alone_raises_no_deposit(tmp_path: Path) -> None:
    """Whatever he calls himself: the kernel says who he is."""

    async def pay(world: World) -> None:
        before = await balance(world)
        asked = await world.call("agent.credit", code="A1", amount=5_000, **WORD)
        assert (await world.call("status"))["needs_you"]["credits"] == 1
        assert (asked["state"], asked["uid"]) == ("OPEN", 0)
        same = Peer(99, 0, 1000)  # another process, another group, the same user
        confirm = {"id": asked["id"], "who": "admin2"}
        assert await refusal(world, same, "credit.confirm", **confirm) == "SAME_ADMIN"
        assert await balance(world) == before
        assert world.pressure is not None
        assert world.pressure.figures()["refused"] == {"SAME_ADMIN": 1}
        done = await world.call_as(OTHER_ADMIN, "credit.confirm", id=asked["id"], who="admin1")
        assert done["decided_uid"] == OTHER_ADMIN.uid
        assert await balance(world) == before + 5_000
        back = await world.call("agent.credit", code="A1", amount=7, take_back=True, **WORD)
        assert back["amount"] == -7
        await world.call_as(OTHER_ADMIN, "credit.confirm", id=back["id"], who="admin2")
        assert await balance(world) == before + 4_993
        other = await world.call("agent.credit", code="A1", amount=7, **WORD)
        await world.call("credit.refuse", id=other["id"], **WORD)
        assert (await world.call("credit.list"))["requests"] == []
        assert len((await world.call("credit.list", all=True))["requests"]) == 3

    in_world(tmp_path, pay)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("agent.credit", {"code": "NOBODY", "amount": 5, **WORD}, "UNKNOWN_AGENT"),
    ("agent.credit", {"code": "A1", "amount": 5, "who": "x", "because": " "}, "NO_REASON"),
    ("agent.credit", {"code": "A1", "amount": 5, "id": "", **WORD}, "NO_ID"),
    ("credit.confirm", {"id": 9, "who": "x"}, "NOT_FOUND"),
    ("credit.refuse", {"id": 9, **WORD}, "NOT_FOUND"),
    ("ticket.new", {"agent": "NOBODY", "amount": 5}, "UNKNOWN_AGENT"),
    ("ticket.new", {"agent": "A1", "amount": 5, "bank": "x"}, "UNKNOWN_BANK"),
    ("ticket.show", {"id": 9}, "NOT_FOUND"),
    ("ticket.cancel", {"id": 9, **WORD}, "NOT_FOUND"),
    ("ticket.cancel", {"id": 9, "who": "x", "because": ""}, "NO_REASON"),
    ("bank.assign", {"id": 9, "agent": "A1", **WORD}, "NOT_FOUND"),
    ("bank.assign", {"id": 1, "agent": "A1", **WORD}, "NOT_OPEN"),
    ("agent.statement", {"agent": "NOBODY"}, "NOT_FOUND"),
    ("agent.statement", {"agent": "A1", "day": "2026-13-01"}, "BAD_DAY"),
    ("agent.recap", {"agent": "A1", "day": "0000-00-00"}, "BAD_DAY"),
    ("agent.recap", {"agent": "A1", "day": "9999-12-31"}, "BAD_DAY"),
    ("complaint.answer", {"id": 9, "answer": "x", "who": "x"}, "NOT_FOUND"),
]


def test_what_is_refused(tmp_path: Path) -> None:
    async def ask(world: World) -> None:
        for name, arguments, code in REFUSED:
            assert (await world.refusal(name, **arguments)).code == code, (name, arguments)

    in_world(tmp_path, ask)


def test_a_statement_goes_on_in_the_archives(tmp_path: Path) -> None:
    async def live(world: World) -> None:
        for number in range(3):
            await world.order(f"S10.08120000001{number}")
        await world.settle()
        for order_id in await world.states():
            for message in (await world.show(order_id))["messages"]:
                await world.call("messages.ack", id=message["id"])
        before = await world.call("agent.statement", agent="A1")
        kinds = [line["kind"] for line in before["lines"]]
        assert kinds == ["order", "order", "order", "deposit"]
        assert (await world.call("agent.statement", agent="A1", day=START_DAY)) == before
        recap = await world.call("agent.recap", agent="A1")
        assert (recap["orders"], recap["spent"]) == (3, 31_500)
        await world.stop()
        await world.clock.sleep(31 * 86_400.0)
        await world.start()
        await pay_in(world, "A1", 5_000)
        assert (await world.call("archive.now"))["moved"] == 2, "the chip's newest stays"
        after = await world.call("agent.statement", agent="A1")
        assert after["lines"][1:] == before["lines"]
        of_day = await world.call("agent.statement", agent="A1", day=START_DAY)
        assert of_day["lines"] == before["lines"] and not of_day["cut"]
        assert (await world.call("agent.statement", agent="A1", day="2026-11-21"))["lines"] == []

    in_world(tmp_path, live, settings="[retention]\ndays = 30\n")


def test_a_complaint_is_answered(tmp_path: Path) -> None:
    async def live(world: World) -> None:
        order_id = await world.order("S10.081200000012")
        now_ms = world.clock.now_ms()
        world.daemon.store.run_inline(
            lambda db: complaints.open(
                db, "A1", order_id, "not there", channel="sms", now_ms=now_ms
            )
        )
        (found,) = (await world.call("complaint.list"))["complaints"]
        assert (await world.call("status"))["needs_you"]["complaints"] == 1
        told = await world.call("complaint.answer", id=found["id"], answer="sold", who="admin1")
        assert (told["state"], told["agent"], told["answer"]) == ("ANSWERED", "A1", "sold")
        assert (await world.call("complaint.list"))["complaints"] == []
        again = await world.refusal("complaint.answer", id=found["id"], answer="x", who="y")
        assert again.code == "NOT_OPEN"

    in_world(tmp_path, live)
