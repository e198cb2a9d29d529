"""order.new_many: each order is answered as order.new would answer it, and harms no other."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon.admins.gate import NOT_ALLOWED
from pulsarack.daemon.control_arguments import ORDERS_A_REQUEST
from pulsarack.daemon.control_protocol import CallError, Peer, decode_request, encode_result
from pulsarack.daemon.errors import Busy
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.store_errors import NotStored
from pulsarack.queue import intake, intake_many, rows
from pulsarack.queue.archive import PastOrder
from tests.daemon.scripted import Followed
from tests.daemon.test_orders_and_chips import in_world
from tests.daemon.world import World

ARCHIVED = (
    "INSERT INTO past_order (id, archive, agent, client_reference, product, destination,"
    " repeat_index, local_day, operator, denomination, state, finished_at, said_done)"
    " VALUES (900, '2026-01', 'A1', 'r13', 'S10', '6281200000113', 1, '2026-01-02', 'telkomsel',"
    " 10, 'SUCCEEDED', 5, 0)"
)
COUNTED = "UPDATE finished_orders SET number = number + 1 WHERE state = 'SUCCEEDED'"
"""An order that left for an archive whose file is not there."""
SITI = Peer(3, 2000, 2000)  # in the group, and given no role


def order(number: int, reference: str | None = None, agent: str = "A1") -> dict[str, Any]:
    found = {"agent": agent, "text": f"S10.0812000001{number:02}"}
    return found if reference is None else found | {"client_reference": reference}


async def many(world: World, *orders: Any) -> list[dict[str, Any]]:
    answer = await world.call("order.new_many", orders=list(orders))
    found: list[dict[str, Any]] = answer["orders"]
    assert all(len(one) == 1 for one in found)
    return found


def code(answer: dict[str, Any]) -> str:
    """What became of an order, in a word."""
    if "error" in answer:
        assert answer["error"]["message"] and answer["error"]["remedy"]
        return str(answer["error"]["code"])
    return "again" if answer["order"]["repeated"] else "new"


TABLE: list[tuple[str, list[Any], list[str]]] = [
    ("one", [order(12)], ["new"]),
    ("as fields", [{"agent": "A1", "product": "S10", "destination": "081200000012"}], ["new"]),
    (
        "a bad one in the middle",
        [order(12, "r1"), {"agent": "A1", "text": "hello"}, order(13, "r2")],
        ["new", "BAD_FORMAT", "new"],
    ),
    (
        "what is no order",
        [5, None, [], {}, {"agent": "A1"}, {"agent": 5, "text": "x"}, order(12) | {"colour": 1}],
        ["BAD_ARGUMENT"] * 7,
    ),
    ("too long", [{"agent": "x" * 101, "text": "S10.081200000012"}], ["BAD_ARGUMENT"]),
    ("equal twice", [order(12, "r1"), order(12, "r1")], ["new", "again"]),
    ("equal twice, no reference", [order(12), order(12)], ["new", "REPEATED"]),
    ("a reference twice", [order(12, "r1"), order(13, "r1")], ["new", "REFERENCE_REUSED"]),
    (
        "of several agents",
        [order(12), order(12, agent="A2"), order(13), order(12, agent="NO"), order(13, agent="A2")],
        ["new", "new", "new", "UNKNOWN_AGENT", "INSUFFICIENT_DEPOSIT"],
    ),
    (
        "as many as may be",
        [order(number, f"r{number}") for number in range(ORDERS_A_REQUEST)],
        ["new"] * ORDERS_A_REQUEST,
    ),
]


@pytest.mark.parametrize(("name", "orders", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_each_order_has_an_answer_in_its_place(
    tmp_path: Path, name: str, orders: list[Any], expected: list[str]
) -> None:
    async def place(world: World) -> None:
        await world.call("agent.new", code="A2", name="Dua")
        await world.pay_in("A2", 10_500)
        assert [code(one) for one in await many(world, *orders)] == expected, name

    in_world(tmp_path, place)


def test_the_answers_are_those_of_single_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows, the same events, the same counts, beside what is numbered."""

    async def place(world: World) -> None:
        orders = [order(12, "r1"), order(13), {"agent": "A1", "text": "XX.0812"}, order(14, "r3")]
        singly: list[Any] = []
        for one in orders:
            try:
                singly.append({"order": await world.call("order.new", **one)})
            except CallError as error:
                shown = {"code": error.code, "message": error.message, "remedy": error.remedy}
                singly.append({"error": shown})
        await world.call("agent.new", code="A2", name="Dua")
        await world.pay_in("A2", 100_000)
        world.daemon.context.measures.accepted.clear()
        told = Followed(world, monkeypatch).seen
        together = await many(world, *(one | {"agent": "A2"} for one in orders))
        for alone, one in zip(singly, together, strict=True):
            if "order" in alone:
                own = {"id": one["order"]["id"], "agent": "A2"}
                assert one["order"] == alone["order"] | own
            else:
                assert one == alone
        accepted = [one["order"]["id"] for one in together if "order" in one]
        assert [event["id"] for event in told if event["kind"] == "order"] == accepted
        assert world.daemon.context.measures.accepted == {("telkomsel", "socket"): 3}
        (first, *_) = (await world.show(accepted[0]))["history"]
        assert first["why"] == "accepted, price held; placed by root (uid 0)"

    in_world(tmp_path, place)


def test_one_that_cannot_be_shown_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an archived one may fail to be, when the others are on disk already."""

    async def fail(_rows: PastOrders, _past: PastOrder) -> Any:
        raise RuntimeError("planted")

    async def place(world: World) -> None:
        world.daemon.store.run_inline(lambda db: rows.execute(db, ARCHIVED))
        world.daemon.store.run_inline(lambda db: rows.execute(db, COUNTED))
        orders = [order(number, f"r{number}") for number in (12, 13, 14)]
        with monkeypatch.context() as patch:
            patch.setattr(PastOrders, "row", fail)
            assert [code(one) for one in await many(world, *orders)] == ["new", "INTERNAL", "new"]
        again = await many(world, *orders)
        assert [code(one) for one in again] == ["again"] * 3
        assert again[1]["order"]["id"] == 900

    in_world(tmp_path, place)


def test_they_are_sold_and_told(tmp_path: Path) -> None:
    async def place(world: World) -> None:
        await many(world, *(order(number, f"r{number}") for number in range(2, 7)))
        await world.settle()
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        assert len(world.delivered()) == 5

    in_world(tmp_path, place)


def test_what_is_no_list_of_orders_is_refused_as_a_whole(tmp_path: Path) -> None:
    async def place(world: World) -> None:
        for bad in ([], [order(12)] * (ORDERS_A_REQUEST + 1), order(12), "x", None, 5):
            error = await world.refusal("order.new_many", orders=bad)
            assert error.code == "BAD_ARGUMENT" and "orders" in error.message
        assert (await world.refusal("order.new_many")).code == "BAD_ARGUMENT"
        assert await world.states() == {}

    in_world(tmp_path, place)


def test_only_who_may_sell_may_do_it(tmp_path: Path) -> None:
    async def place(world: World) -> None:
        with pytest.raises(CallError) as caught:
            await world.call_as(SITI, "order.new_many", orders=[order(12)])
        assert caught.value.code == NOT_ALLOWED
        assert await world.states() == {}

    in_world(tmp_path, place)


def test_a_request_whose_answer_was_lost_finds_its_orders_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the commit of the first ones and the answer."""

    async def place(world: World) -> None:
        orders = [order(number, f"r{number}") for number in range(2, 42)]
        before, written = world.daemon.store.write_for, asyncio.Event()

        async def never_answer(source: str, job: Any, turns: int = 1) -> Any:
            await before(source, job, turns)
            written.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(world.daemon.store, "write_for", never_answer)
        asked = asyncio.create_task(many(world, *orders[:32]))
        await written.wait()
        asked.cancel()
        await world.crash()
        await world.start()
        assert len(await world.states()) == 32
        again = await many(world, *orders)
        assert [code(one) for one in again] == ["again"] * 32 + ["new"] * 8
        assert [one["order"]["id"] for one in again] == list(range(1, 41))
        await world.settle()
        assert len(world.delivered()) == 40

    in_world(tmp_path, place)


def test_where_too_many_wait_nothing_of_it_was_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def place(world: World) -> None:
        orders = [order(number, f"r{number}") for number in range(3)]
        store = world.daemon.store
        for error, expected in ((Busy(1024, "of A1 "), "BUSY"), (NotStored(OSError()), "REFUSED")):

            async def refuse(*_: object, failure: Exception = error) -> None:
                raise failure

            with monkeypatch.context() as patch:
                patch.setattr(store, "write_for", refuse)
                assert [code(one) for one in await many(world, *orders)] == [expected] * 3
        assert world.pressure is not None
        assert world.pressure.figures()["refused"] == {"BUSY": 3}
        assert await world.states() == {}
        assert [code(one) for one in await many(world, *orders)] == ["new"] * 3

    in_world(tmp_path, place)


def test_a_fault_of_ours_with_one_order_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had written with the others is undone with it, and they are placed again."""
    really, really_one = intake_many.accept_many, intake.accept

    def fail(db: Database, wanted: Any, common: Any) -> Any:
        really(db, wanted, common)
        raise ZeroDivisionError

    def fail_with_one(db: Database, request: Any, origin: Any) -> Any:
        found = really_one(db, request, origin)
        if origin.client_reference == "r1":
            raise ZeroDivisionError
        return found

    async def place(world: World) -> None:
        monkeypatch.setattr(intake_many, "accept_many", fail)
        monkeypatch.setattr(intake, "accept", fail_with_one)
        found = await many(world, *(order(number, f"r{number}") for number in range(3)))
        assert [code(one) for one in found] == ["new", "INTERNAL", "new"]
        assert len(await world.states()) == 2
        found = await many(world, order(1, "r1"))
        assert [code(one) for one in found] == ["INTERNAL"]

    in_world(tmp_path, place)


def test_a_request_is_a_few_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def place(world: World) -> None:
        store, before = world.daemon.store, world.daemon.store.write_for
        jobs: list[tuple[str, int]] = []

        async def count(source: str, job: Any, turns: int = 1) -> Any:
            jobs.append((source, turns))
            return await before(source, job, turns)

        monkeypatch.setattr(store, "write_for", count)
        await many(world, *(order(number, f"r{number}") for number in range(64)))
        assert jobs == [("A1", 32), ("A1", 32)]
        written = store.read_inline(lambda db: rows.tuples(db, "SELECT count(*) FROM orders"))
        assert written == [(64,)]

    in_world(tmp_path, place)


def test_a_full_request_and_its_answer_fit_on_their_lines() -> None:
    longest = {"agent": "x" * 32, "text": "S10.99.0812345678901234", "client_reference": "x" * 64}
    line = encode_result(1, {"orders": [longest] * ORDERS_A_REQUEST})
    assert len(line) < 16 * 1024
    asked = b'{"id": 1, "call": "order.new_many", "args": {"orders": [{"agent": 1, "agent": 2}]}}'
    with pytest.raises(Exception, match="more than once"):
        decode_request(asked)
