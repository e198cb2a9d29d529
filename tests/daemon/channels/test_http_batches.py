"""Many orders in one request: each is answered as it would be alone, and harms no other."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import Database

from pulsarack.daemon.channels.http import batches, json_body, signing, wire
from pulsarack.daemon.channels.http.limits import Buckets, Places
from pulsarack.daemon.channels.http.refusals import HttpRefusal
from pulsarack.daemon.channels.http.routes import Call
from pulsarack.daemon.control_arguments import ORDERS_A_REQUEST
from pulsarack.daemon.errors import Busy
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.store_errors import StoreClosed
from pulsarack.queue import intake, intake_many, orders, rows
from pulsarack.queue.archive import PastOrder
from tests.daemon.channels.hand_clock import settle
from tests.daemon.channels.http_world import Answer, HttpWorld, TestAccount, hang_up
from tests.daemon.test_many_orders import ARCHIVED, COUNTED

TARGET = "/v1/order-batches"
FAST = "requests_per_second = 10000\nburst = 10000\nin_flight_per_account = 100\n"
RICH = 10_000_000


def order(number: int = 12, reference: str | None = None, **more: Any) -> dict[str, Any]:
    found = {"product": "S10", "destination": f"0812000001{number:02}"}
    return {"client_reference": reference or f"r{number}"} | found | more


async def send(world: HttpWorld, *wanted: Any, **wrong: Any) -> Answer:
    return await world.ask("POST", TARGET, {"orders": list(wanted)}, **wrong)


async def many(world: HttpWorld, *wanted: Any, **wrong: Any) -> list[dict[str, Any]]:
    answer = await send(world, *wanted, **wrong)
    assert answer.status == 200, answer.body
    assert list(answer.json) == ["orders"]
    found: list[dict[str, Any]] = answer.json["orders"]
    assert len(found) == len(wanted) and all(len(one) == 1 for one in found)
    return found


def code(answer: dict[str, Any]) -> str:
    """What became of an order, in a word."""
    if "error" in answer:
        assert answer["error"]["message"] and answer["error"]["remedy"]
        return str(answer["error"]["code"])
    return "again" if answer["order"]["repeated"] else "new"


def codes(answers: list[dict[str, Any]]) -> list[str]:
    return [code(one) for one in answers]


def stored(world: HttpWorld) -> list[str | None]:
    """The references of all orders, in the order in which they were accepted."""
    found = world.store.read_inline(lambda db: orders.listed(db, limit=1000))
    return [one.client_reference for one in reversed(found)]


# --- one answer an order ------------------------------------------------------------------

TABLE: list[tuple[str, list[Any], list[str]]] = [
    ("one", [order()], ["new"]),
    ("a bad one in the middle", [order(1), {}, order(2)], ["new", "BAD_FIELD", "new"]),
    (
        "what is no order",
        [5, None, "x", [], [[order(1)]], {}, {"orders": [order(2)]}, True, 1.5, order(3)],
        ["BAD_FIELD"] * 9 + ["new"],
    ),
    (
        "wrong types, unknown fields, out of bounds",
        [
            *(order(1, destination=81200000012), order(1, repeat_index="2"), order(1, product=[])),
            *(order(1, agent="A2"), order(1, pin="1234"), order(1, repeat_index=100)),
            *(order(1, "r" * 65), order(1, "r\n1"), order(1, max_price=0), order(1, max_price={})),
            {"client_reference": "r1", "product": "S10"},
        ],
        ["BAD_FIELD"] * 11,
    ),
    (
        "what the queue refuses",
        [
            *(order(1, product="X10"), order(1, product="S20"), order(1, destination="0812")),
            *(order(1, destination="085700000012"), order(1, reply_number="12")),
            *(order(1, max_price=10_499), order(1, destination="+639171234567"), order(2)),
        ],
        [
            *("UNKNOWN_PRODUCT", "UNKNOWN_PRODUCT", "BAD_NUMBER", "WRONG_OPERATOR", "BAD_NUMBER"),
            *("TOO_DEAR", "FOREIGN_NUMBER", "new"),
        ],
    ),
    ("the same twice", [order(1), order(1)], ["new", "again"]),
    ("a reference twice", [order(1, "r"), order(2, "r")], ["new", "REFERENCE_REUSED"]),
    ("a number twice", [order(1, "r1"), order(1, "r2")], ["new", "REPEATED"]),
    ("on purpose", [order(1, "r1"), order(1, "r2", repeat_index=2)], ["new", "new"]),
    (
        "beyond the deposit, and what still fits behind",
        [*(order(n) for n in range(9)), order(9), order(10, product="S5")],
        ["new"] * 9 + ["INSUFFICIENT_DEPOSIT", "new"],
    ),
]


@pytest.mark.parametrize(("name", "wanted", "expected"), TABLE, ids=[row[0] for row in TABLE])
async def test_each_order_has_an_answer_in_its_place(
    tmp_path: Path, name: str, wanted: list[Any], expected: list[str]
) -> None:
    async with HttpWorld(tmp_path, FAST) as world:
        assert codes(await many(world, *wanted)) == expected, name
        assert len(stored(world)) == expected.count("new")
        assert world.woken == ["telkomsel"] * min(1, expected.count("new"))
        counted = {"HTTP_BAD_FIELD": expected.count("BAD_FIELD")}
        assert world.refused() == {key: count for key, count in counted.items() if count}


async def test_the_answers_are_those_of_single_orders(tmp_path: Path) -> None:
    """Word for word, beside what is numbered."""
    wanted = [
        *(order(1), order(2, repeat_index=3, reply_number="081200000099", max_price=10_500)),
        *(order(1), order(3, "r1"), order(1, "r4"), order(4, product="X10"), order(5, pin="1")),
        *({"client_reference": "r6"}, order(7, max_price=1), order(8, destination="0812")),
        *(order(9, reply_number="12"), order(10, "r1"), order(11)),
    ]
    async with HttpWorld(tmp_path, FAST, deposit=31_500) as world:
        world.doors.accounts["K2"] = TestAccount(agent="A2", member="K2")
        singly = [await world.ask("POST", "/v1/orders", one, member="K2") for one in wanted]
        together = await many(world, *wanted)
        for alone, one in zip(singly, together, strict=True):
            if alone.status in (200, 201):
                assert one["order"] == alone.json | {"id": one["order"]["id"]}
                assert one["order"]["repeated"] == (alone.status == 200)
            else:
                words = {
                    key: text.replace(": order 1 ", ": order 4 ").replace("order 1:", "order 4:")
                    for key, text in alone.json.items()
                }
                assert one["error"] == words
        kept = "SELECT address, reply_number, dialect, receiver FROM order_origin WHERE address = ?"
        of_each = [
            world.store.read_inline(lambda db, who=who: rows.tuples(db, kept, (who,)))
            for who in ("K1", "K2")
        ]
        assert [row[1:] for row in of_each[0]] == [row[1:] for row in of_each[1]]
        assert len(of_each[0]) == 3
        texts = "SELECT text, channel, client_reference FROM orders WHERE agent = ?"
        first, second = (
            world.store.read_inline(lambda db, who=who: rows.tuples(db, texts, (who,)))
            for who in ("A1", "A2")
        )
        assert first == second


async def test_as_many_as_may_be_come_again_as_they_were(tmp_path: Path) -> None:
    wanted = [order(number) for number in range(ORDERS_A_REQUEST)]
    async with HttpWorld(tmp_path, FAST, deposit=RICH) as world:
        first = await many(world, *wanted)
        assert codes(first) == ["new"] * ORDERS_A_REQUEST
        again = await many(world, *wanted[::-1])
        assert codes(again) == ["again"] * ORDERS_A_REQUEST
        assert [one["order"] | {"repeated": False} for one in again[::-1]] == [
            one["order"] for one in first
        ]
        # One that was sent in many is the same one alone, and the other way round.
        alone = await world.ask("POST", "/v1/orders", wanted[5])
        assert (alone.status, alone.json) == (200, again[::-1][5]["order"])
        await world.order("alone")
        found = await many(world, order(0, "alone", destination="081200000012"), order(70))
        assert codes(found) == ["again", "new"]


async def test_an_agent_orders_for_nobody_else(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, FAST) as world:
        world.doors.accounts["K2"] = TestAccount(agent="A2", member="K2")
        assert codes(await many(world, order(1), member="K2")) == ["new"]
        assert codes(await many(world, order(1), order(2, agent="A2"))) == ["new", "BAD_FIELD"]
        found = world.store.read_inline(lambda db: orders.listed(db))
        assert [one.agent for one in found] == ["A1", "A2"]
        answer = await world.ask("POST", TARGET, {"agent": "A2", "orders": [order(3)]})
        assert (answer.status, answer.code) == (400, "BAD_FIELD")


async def test_one_that_cannot_be_shown_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an archived one may fail to be, when the others are on disk already."""

    async def fail(_rows: PastOrders, _past: PastOrder) -> Any:
        raise RuntimeError("planted")

    async with HttpWorld(tmp_path, FAST) as world:
        world.store.run_inline(lambda db: rows.execute(db, ARCHIVED))
        world.store.run_inline(lambda db: rows.execute(db, COUNTED))
        wanted = [order(number) for number in (12, 13, 14)]
        with monkeypatch.context() as patch:
            patch.setattr(PastOrders, "row", fail)
            assert codes(await many(world, *wanted)) == ["new", "INTERNAL", "new"]
        assert world.refused() == {"HTTP_INTERNAL": 1}
        (line,) = world.lines("http.failed")
        assert line["path"] == TARGET and "planted" in line["exception"]
        again = await many(world, *wanted)
        assert codes(again) == ["again"] * 3 and again[1]["order"]["id"] == 900


async def test_a_fault_of_ours_with_one_order_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, really_one = intake_many.accept_many, intake.accept

    def fail(db: Database, wanted: Any, common: Any) -> Any:
        really(db, wanted, common)
        raise ZeroDivisionError

    def fail_with_one(db: Database, request: Any, origin: Any) -> Any:
        found = really_one(db, request, origin)
        if origin.client_reference == "r1":
            raise ZeroDivisionError
        return found

    async with HttpWorld(tmp_path, FAST) as world:
        monkeypatch.setattr(intake_many, "accept_many", fail)
        monkeypatch.setattr(intake, "accept", fail_with_one)
        found = await many(world, order(0), order(1), order(2, reply_number="081200000099"))
        assert codes(found) == ["new", "INTERNAL", "new"]
        assert found[1]["error"]["remedy"] == "repeat the request with the same client_reference"
        assert "ZeroDivision" not in json.dumps(found)
        assert stored(world) == ["r0", "r2"]
        kept = world.store.read_inline(
            lambda db: rows.tuples(db, "SELECT reply_number FROM order_origin")
        )
        assert kept == [(None,), ("6281200000099",)]


async def test_a_fault_that_orders_share_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the disk is full: each of their jobs fails for all of its orders."""
    async with HttpWorld(tmp_path, FAST) as world:
        really = world.store.write_for

        async def fail(source: str, job: Any, turns: int = 1) -> Any:
            if turns > 1:
                raise StoreClosed
            return await really(source, job, turns)

        monkeypatch.setattr(world.store, "write_for", fail)
        assert codes(await many(world, *(order(n) for n in range(64)))) == ["INTERNAL"] * 64
        assert world.refused() == {"HTTP_INTERNAL": 64}
        assert len(world.lines("http.failed")) == 2


# --- what is no list of orders ------------------------------------------------------------

ONE = json.dumps(order()).encode()
WHOLE: list[tuple[str, bytes, int, str]] = [
    ("a list", b"[%s]" % ONE, 400, "BAD_FIELD"),
    ("an order", ONE, 400, "BAD_FIELD"),
    ("nothing", b"", 415, "BAD_CONTENT_TYPE"),
    ("null", b"null", 400, "BAD_FIELD"),
    ("no orders", b"{}", 400, "BAD_FIELD"),
    ("orders that are null", b'{"orders":null}', 400, "BAD_FIELD"),
    ("orders that are one", b'{"orders":%s}' % ONE, 400, "BAD_FIELD"),
    ("orders that are a text", b'{"orders":"[]"}', 400, "BAD_FIELD"),
    ("none", b'{"orders":[]}', 400, "BAD_FIELD"),
    ("too many", b'{"orders":[%s]}' % b",".join([ONE] * 65), 400, "BAD_FIELD"),
    ("too many of nothing", b'{"orders":[%s]}' % b",".join([b"{}"] * 9_000), 400, "BAD_FIELD"),
    ("something beside them", b'{"orders":[%s],"agent":"A2"}' % ONE, 400, "BAD_FIELD"),
    ("orders twice", b'{"orders":[%s],"orders":[]}' % ONE, 400, "BAD_FIELD"),
    ("orders twice, both good", b'{"orders":[%s],"orders":[%s]}' % (ONE, ONE), 400, "BAD_JSON"),
    ("a key twice in one", b'{"orders":[%s,{"product":"S5",%s]}' % (ONE, ONE[1:]), 400, "BAD_JSON"),
    ("a key twice, deeper", b'{"orders":[%s,{"x":{"y":1,"y":2}}]}' % ONE, 400, "BAD_JSON"),
    ("half of it", b'{"orders":[%s' % ONE, 400, "BAD_JSON"),
    ("two of it", b'{"orders":[%s]}' % ONE * 2, 400, "BAD_JSON"),
    ("no number", b'{"orders":[%s,NaN]}' % ONE, 400, "BAD_JSON"),
    ("no UTF-8", b'{"orders":[%s,"\xff"]}' % ONE, 400, "BAD_JSON"),
    ("half a character", b'{"orders":[%s,"\\ud800"]}' % ONE, 400, "BAD_JSON"),
    ("its other half", b'{"orders":[%s,"\\udc00"]}' % ONE, 400, "BAD_JSON"),
    ("deep", b'{"orders":[%s,%s]}' % (ONE, b"[" * 5000 + b"]" * 5000), 400, "BAD_JSON"),
    ("huge", b'{"orders":[%s,"%s"]}' % (ONE, b"x" * 65_536), 413, "BODY_TOO_LARGE"),
]  # fmt: skip


async def test_what_is_no_list_of_orders_is_refused_as_a_whole(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, FAST) as world:
        for name, body, status, why in WHOLE:
            found = await world.send("POST", TARGET, body, world.signed("POST", TARGET, body))
            assert (found.status, found.code) == (status, why), (name, found.body)
            assert stored(world) == [], name
            assert world.used_nonces() == 0, name
        assert codes(await many(world, order())) == ["new"]


async def test_what_is_odd_in_one_order_is_that_orders_own(tmp_path: Path) -> None:
    """Numbers that are no numbers of ours, and lists in lists."""
    odd = (b"9" * 1500, b"1e400", b"-0.0", b"[" * 500 + b"]" * 500)
    async with HttpWorld(tmp_path, FAST) as world:
        for number, octets in enumerate(odd):
            good = json.dumps(order(number)).encode()
            bad = ONE[:-1] + b',"repeat_index":%s}' % octets
            body = b'{"orders":[%s,%s]}' % (bad, good)
            found = await world.send("POST", TARGET, body, world.signed("POST", TARGET, body))
            assert codes(found.json["orders"]) == ["BAD_FIELD", "new"], octets[:20]


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["orders", "product", "client_reference"]), inner)
    ),
    max_leaves=10,
)


def read(body: bytes) -> Any:
    asked = SimpleNamespace(
        headers={"Content-Type": "application/json"}, content_type="application/json", charset=None
    )
    return batches._orders(Call(asked, "", body))  # type: ignore[arg-type]


@given(st.lists(JSONS | st.just(order()), max_size=4).map(lambda found: {"orders": found}) | JSONS)
def test_no_json_breaks_the_reader(given_: Any) -> None:
    body = json.dumps(given_).encode()
    try:
        found = read(body)
    except HttpRefusal as refusal:
        assert refusal.code in ("BAD_JSON", "BAD_FIELD")
        return
    assert len(found) == len(given_["orders"])
    for one, asked in zip(found, given_["orders"], strict=True):
        # Each is read as it would be alone.
        try:
            assert json_body.decode(json.dumps(asked).encode(), wire.NewOrder) == one
        except HttpRefusal as refusal:
            assert (one.code, one.message) == (refusal.code, refusal.message)


@given(st.binary(max_size=200))
def test_no_octets_break_the_reader(octets: bytes) -> None:
    for body in (octets, b'{"orders":[' + octets + b"]}"):
        try:
            assert len(read(body)) <= ORDERS_A_REQUEST
        except HttpRefusal as refusal:
            assert refusal.code in ("BAD_JSON", "BAD_FIELD")


# --- who may ------------------------------------------------------------------------------


async def test_all_of_the_body_is_signed(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, FAST) as world:
        body = json.dumps({"orders": [order(1), order(2)]}).encode()
        sent = world.signed("POST", TARGET, body)
        for other in (
            body.replace(b"081200000102", b"081200000103"),
            body.replace(b"r2", b"r3"),
            body[:-2] + b"," + ONE + b"]}",
            body + b" ",
        ):
            found = await world.send("POST", TARGET, other, sent)
            assert (found.status, found.code) == (401, "BAD_SIGNATURE")
        elsewhere = world.signed("POST", "/v1/orders", body)
        assert (await world.send("POST", TARGET, body, elsewhere)).code == "BAD_SIGNATURE"
        unsigned = {"Content-Type": "application/json"}
        assert (await world.send("POST", TARGET, body, unsigned)).code == "UNSIGNED"
        assert stored(world) == []
        world.doors.wrongs.clear()
        assert (await world.send("POST", TARGET, body, sent)).status == 200
        again = await world.send("POST", TARGET, body, sent)
        assert (again.status, again.code) == (401, "NONCE_REUSED")
        other = ONE
        single = world.signed("POST", "/v1/orders", other, nonce=sent[signing.NONCE])
        assert (await world.send("POST", "/v1/orders", other, single)).code == "NONCE_REUSED"
        assert stored(world) == ["r1", "r2"]


async def test_an_account_of_the_trade_is_for_its_dialect(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, FAST) as world:
        world.doors.accounts["T1"] = TestAccount(member="T1", kind="trade")
        found = await send(world, order(), member="T1")
        assert (found.status, found.code) == (403, "NOT_FOR_THIS_ACCOUNT")
        assert stored(world) == []


# --- how much -----------------------------------------------------------------------------


async def test_orders_count_one_by_one_in_the_rate(tmp_path: Path) -> None:
    settings = "requests_per_second = 2\nburst = 10\n"
    async with HttpWorld(tmp_path, settings, deposit=RICH) as world:
        assert (await send(world, *(order(n) for n in range(8)))).status == 200
        found = await send(world, order(10), order(11), order(12))
        assert (found.status, found.code) == (429, "TOO_MANY_REQUESTS")
        assert found.headers["Retry-After"] == "1"  # two were left, of which this one took one
        assert len(stored(world)) == 8
        await world.clock.pass_by(1.0)
        found = await send(world, order(10), order(11), order(12))
        assert found.status == 200
        assert (await world.ask("GET", "/v1/balance")).status == 429
        assert world.refused() == {"HTTP_TOO_MANY_REQUESTS": 2}


async def test_what_is_no_batch_or_a_copy_of_one_counts_as_one(tmp_path: Path) -> None:
    settings = "requests_per_second = 1\nburst = 10\n"
    async with HttpWorld(tmp_path, settings) as world:
        body = json.dumps({"orders": [order(1), order(2), order(3)]}).encode()
        sent = world.signed("POST", TARGET, body)
        for expected in (200, 401, 401, 401, 401):
            assert (await world.send("POST", TARGET, body, sent)).status == expected
        for expected in (400, 400, 400, 429):
            found = await world.ask("POST", TARGET, {"orders": [order()] * 65})
            assert found.status == expected


async def test_more_than_may_come_at_once_is_owed(tmp_path: Path) -> None:
    settings = "requests_per_second = 2\nburst = 4\nin_flight_per_account = 100\n"
    async with HttpWorld(tmp_path, settings, deposit=RICH) as world:
        assert (await world.ask("GET", "/v1/balance")).status == 200
        found = await send(world, *(order(n) for n in range(10)))
        assert (found.status, found.headers["Retry-After"]) == (429, "1")
        await world.clock.pass_by(1.0)
        assert (await send(world, *(order(n) for n in range(10)))).status == 200
        # It had four: six are owed, and one more is wanted.
        found = await world.ask("GET", "/v1/balance")
        assert (found.status, found.headers["Retry-After"]) == (429, "4")
        await world.clock.pass_by(3.4)
        assert (await world.ask("GET", "/v1/balance")).status == 429
        await world.clock.pass_by(0.1)
        assert (await world.ask("GET", "/v1/balance")).status == 200


def test_a_bucket_is_as_poor_as_if_all_had_come_alone() -> None:
    for count in range(1, 200):
        together, alone = Buckets(20, 100), Buckets(20, 100)
        assert together.take("K1", 0.0) == 0
        if count <= 100:
            assert together.take_more("K1", 0.0, count - 1) == 0
            assert all(alone.take("K1", 0.0) == 0 for _ in range(count))
            assert together.left("K1", 0.0) == alone.left("K1", 0.0)
            continue
        assert together.take_more("K1", 0.0, count - 1) == 0
        assert together.left("K1", 0.0) == 100 - count
        # Nothing more until what was owed has come in.
        assert together.take("K1", 0.0) == pytest.approx((count - 99) / 20)


def test_who_waits_as_long_as_he_is_told_is_let_in() -> None:
    for burst in (1, 2, 30, 64, 100):
        for count in (2, 30, 64):
            bucket, now, let_in = Buckets(3, burst), 0.0, 0
            while let_in < 5:
                wait = bucket.take("K1", now) or bucket.take_more("K1", now, count - 1)
                let_in += not wait
                now += wait + 0.001
            # Four were paid for and the fifth was there; a try that was refused took one.
            least = max(0.0, (4 * count + min(count, burst) - burst) / 3)
            assert least <= now <= least + 5 * (2 / 3 + 0.01), (burst, count)


def test_places_are_as_many_as_the_orders() -> None:
    places = Places(100, 32)
    assert places.enter("K1") and places.enter_more("K1", 9)
    assert places.enter("K1") and places.enter_more("K1", 21)
    assert not places.enter("K1")
    places.leave("K1", 10)
    assert places.enter("K1") and not places.enter_more("K1", 10) and places.enter_more("K1", 9)
    places.leave("K1", 10)
    places.leave("K1", 22)
    # More than there are has all of them.
    assert places.enter("K1") and places.enter_more("K1", 63) and not places.enter("K1")
    assert places.enter("K2") and places.taken == 2
    places.leave("K1", 64)
    assert places.enter("K1") and places.enter("K1") and not places.enter_more("K1", 63)
    for member in ("K1", "K1", "K2"):
        places.leave(member)
    assert places.taken == 0 and not places._taken


class Held:
    """Writing that stands still until it is let go on, before or behind what is written."""

    def __init__(self, world: HttpWorld, monkeypatch: pytest.MonkeyPatch, *, written: bool) -> None:
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self.jobs: list[tuple[str, int]] = []
        really = world.store.write_for

        async def hold(source: str, job: Callable[[Database], Any], turns: int = 1) -> Any:
            self.jobs.append((source, turns))
            if turns == 1:  # a nonce
                return await really(source, job, turns)
            found = await really(source, job, turns) if written else None
            self.reached.set()
            await self.go_on.wait()
            return found if written else await really(source, job, turns)

        monkeypatch.setattr(world.store, "write_for", hold)


async def test_orders_count_one_by_one_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = "in_flight_per_account = 5\n"
    async with HttpWorld(tmp_path, settings, deposit=RICH) as world:
        world.doors.accounts["K2"] = TestAccount(agent="A2", member="K2")
        held = Held(world, monkeypatch, written=False)
        first = asyncio.create_task(many(world, *(order(n) for n in range(3))))
        await held.reached.wait()
        found = await send(world, *(order(n) for n in range(3, 6)))
        assert (found.status, found.code) == (429, "TOO_MANY_REQUESTS")
        assert found.headers["Retry-After"] == "1"
        second = asyncio.create_task(many(world, *(order(n) for n in range(3, 5))))
        while len(held.jobs) < 5:
            await asyncio.sleep(0)
        assert held.jobs == [("A1", 1), ("A1", 3), ("A1", 1), ("A1", 1), ("A1", 2)]
        assert (await world.ask("GET", "/v1/balance")).status == 429
        assert (await world.ask("GET", "/v1/balance", member="K2")).status == 200
        held.go_on.set()
        assert codes(await first) == ["new"] * 3 and codes(await second) == ["new"] * 2
        # All are given back; and more than there are at all is let in if it is alone.
        assert codes(await many(world, *(order(n) for n in range(10, 20)))) == ["new"] * 10
        assert (await world.ask("GET", "/v1/balance")).status == 200


async def test_a_batch_is_a_few_jobs_of_the_agents_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with HttpWorld(tmp_path, FAST, deposit=RICH) as world:
        held = Held(world, monkeypatch, written=True)
        held.go_on.set()
        await many(world, *(order(number) for number in range(64)))
        assert held.jobs == [("A1", 1), ("A1", 32), ("A1", 32)]


async def test_where_too_many_wait_nothing_of_it_was_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with HttpWorld(tmp_path, FAST) as world:
        really, least = world.store.write_for, 1

        async def refuse(source: str, job: Any, turns: int = 1) -> Any:
            if turns > least:
                raise Busy(1024, "of A1 ")
            return await really(source, job, turns)

        monkeypatch.setattr(world.store, "write_for", refuse)
        wanted = [order(number) for number in range(3)]
        found = await many(world, *wanted)
        assert codes(found) == ["BUSY"] * 3
        assert found[0]["error"]["message"].startswith("the server has 1024 requests of A1 waiting")
        assert world.refused() == {"HTTP_BUSY": 3}
        least = 0
        whole = await send(world, *wanted)
        assert (whole.status, whole.code, whole.headers["Retry-After"]) == (503, "BUSY", "1")
        assert stored(world) == []
        least = 64
        assert codes(await many(world, *wanted)) == ["new"] * 3


# --- answers that are lost ----------------------------------------------------------------


async def test_a_batch_whose_answer_was_lost_finds_its_orders_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon ends between the commit and the answer, and begins anew on the same file."""
    wanted = [order(number) for number in range(40)]
    async with HttpWorld(tmp_path, FAST, deposit=RICH) as world:
        held = Held(world, monkeypatch, written=True)
        asked = asyncio.create_task(many(world, *wanted[:32]))
        await held.reached.wait()
        assert not asked.done()
        world.store.close()  # nothing more is written, and the file is given free
        async with HttpWorld(tmp_path, FAST) as risen:
            assert stored(risen) == [f"r{number}" for number in range(32)]
            found = await many(risen, *wanted)
            assert codes(found) == ["again"] * 32 + ["new"] * 8
            assert [one["order"]["id"] for one in found] == list(range(1, 41))
        held.go_on.set()
        await asked


def octets_of(world: HttpWorld, *wanted: Any) -> bytes:
    """A whole request as it stands on the line."""
    body = json.dumps({"orders": list(wanted)}).encode()
    lines = [f"POST {TARGET} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {text}" for name, text in world.signed("POST", TARGET, body).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_who_leaves_before_the_answer_may_repeat_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [order(number) for number in range(3)]
    async with HttpWorld(tmp_path, FAST) as world:
        with monkeypatch.context() as patch:
            held = Held(world, patch, written=False)
            _, writer = await asyncio.open_connection("127.0.0.1", world.channel.server.port)
            writer.write(octets_of(world, *wanted))
            await held.reached.wait()
            await hang_up(writer)
            again = asyncio.create_task(many(world, *wanted))  # while the first one is under way
            while len(held.jobs) < 4:
                await asyncio.sleep(0)
            held.go_on.set()
            assert codes(await again) == ["again"] * 3
        assert stored(world) == ["r0", "r1", "r2"]
        assert codes(await many(world, *wanted)) == ["again"] * 3


async def test_what_came_in_part_is_not_begun(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, FAST) as world:
        octets = octets_of(world, order(1), order(2))
        for length in range(0, len(octets), 40):
            _, writer = await asyncio.open_connection("127.0.0.1", world.channel.server.port)
            writer.write(octets[:length])
            await writer.drain()
            await hang_up(writer)
        await settle()
        assert stored(world) == [] and world.used_nonces() == 0
        reader, writer = await asyncio.open_connection("127.0.0.1", world.channel.server.port)
        for place in range(0, len(octets), 40):
            writer.write(octets[place : place + 40])
            await writer.drain()
            await settle()
        assert b" 200 OK" in await reader.readuntil(b"\r\n\r\n")
        await hang_up(writer)
        assert stored(world) == ["r1", "r2"]


async def test_the_document_has_the_same_bounds(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        found = (await world.send("GET", "/v1/openapi.json")).json
        operation = found["paths"][TARGET]["post"]
        assert operation["operationId"] == "placeOrders"
        assert set(operation["responses"]) >= {"200", "400", "401", "413", "415", "429", "503"}
        asked = found["components"]["schemas"]["NewOrders"]
        assert asked["additionalProperties"] is False
        bounds = asked["properties"]["orders"]
        assert (bounds["minItems"], bounds["maxItems"]) == (1, ORDERS_A_REQUEST)
        assert bounds["items"] == {"$ref": "#/components/schemas/NewOrder"}
        told = found["components"]["schemas"]["OrderAnswer"]["properties"]
        assert told["order"] == {"$ref": "#/components/schemas/Placed"}
        assert told["error"] == {"$ref": "#/components/schemas/Error"}
