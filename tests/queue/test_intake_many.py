"""Many orders in one transaction: the same answers and the same rows as one after the other."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import Database, IntegrityError

from pulsarack.ledger import journal
from pulsarack.queue import agents, intake, intake_many, prefixes, products, request, rows
from pulsarack.queue.intake import Accepted, Origin, Repeated
from pulsarack.queue.intake_many import Wanted
from pulsarack.queue.network import markups
from pulsarack.queue.products import Product
from pulsarack.queue.request import Request
from pulsarack.queue.validation import Refusal, RefusalCode
from tests.queue.world import START, World, paid_in


def common(world: World, agent: str = "A1", **more: Any) -> Origin:
    return Origin(agent, "socket", "", None, world.now, world.day, 600, **more)


def wanted(
    text: str,
    reference: str | None = None,
    reply_number: str | None = None,
    most_price: int | None = None,
) -> Wanted:
    asked = request.parse(text)
    assert isinstance(asked, Request), asked
    return Wanted(asked, text, reference, reply_number, most_price)


def many(world: World, *orders: Wanted, **more: Any) -> list[Any]:
    return world.run(lambda db: intake_many.accept_many(db, orders, common(world, **more)))


def codes(answers: Sequence[Any]) -> list[str]:
    """What became of each: its code, or whether it was there before."""
    return [
        one.code.value if isinstance(one, Refusal) else "again" if one.repeated else "new"
        for one in answers
    ]


def test_orders_of_one_request_are_rows_like_all_others(shop: World) -> None:
    answers = many(
        shop, *(wanted(f"S10.08120000001{n}", f"r{n}") for n in range(5)), placed_by="root (uid 0)"
    )
    assert codes(answers) == ["new"] * 5
    for number, one in enumerate(answers, start=1):
        assert one.order == shop.get(number)
        assert shop.phase(f"order:{number}:price") == "open"
    why = "accepted, price held; placed by root (uid 0)"
    assert shop.sql("SELECT order_id, state, why FROM transition") == [
        (number, "QUEUED", why) for number in range(1, 6)
    ]
    assert shop.deposit().held == 5 * 10_500
    shop.clean()


TABLE: list[tuple[str, list[Wanted], list[str]]] = [
    ("nothing", [], []),
    ("one", [wanted("S10.081200000012")], ["new"]),
    (
        "a bad one in the middle",
        [wanted("S10.081200000012"), wanted("S11.081200000013"), wanted("S10.081200000014")],
        ["new", "UNKNOWN_PRODUCT", "new"],
    ),
    (
        "all bad",
        [wanted("S10.081400000012"), wanted("S10.0812abc"), wanted("S10.080000000012")],
        ["WRONG_OPERATOR", "BAD_NUMBER", "UNKNOWN_PREFIX"],
    ),
    (
        "equal twice, with one reference",
        [wanted("S10.081200000012", "r1"), wanted("S10.+6281200000012", "r1")],
        ["new", "again"],
    ),
    (
        "equal twice, with two references",
        [wanted("S10.081200000012", "r1"), wanted("S10.081200000012", "r2")],
        ["new", "REPEATED"],
    ),
    (
        "equal twice, without a reference",
        [wanted("S10.081200000012"), wanted("S10.081200000012"), wanted("S10.2.081200000012")],
        ["new", "REPEATED", "new"],
    ),
    (
        "one reference for two",
        [wanted("S10.081200000012", "r1"), wanted("S5.081200000012", "r1")],
        ["new", "REFERENCE_REUSED"],
    ),
    (
        "beyond the deposit: the earlier ones are held first, and what still fits behind them",
        [*(wanted(f"S100.08120000001{n}") for n in range(3)), wanted("S10.081200000014")],
        ["new", "new", "INSUFFICIENT_DEPOSIT", "new"],
    ),
    (
        "a repeat costs nothing, so the one behind it has the deposit",
        [
            *(wanted("S100.081200000011", "r1"), wanted("S100.081200000011", "r1")),
            *(wanted("S100.081200000012", "r2"), wanted("S10.081200000013", "r3")),
        ],
        ["new", "again", "new", "new"],
    ),
    (
        "too dear, and not too dear",
        [
            wanted("S10.081200000011", most_price=10_500),
            wanted("S10.081200000012", most_price=10_499),
            wanted("S10.081200000013"),
        ],
        ["new", "TOO_DEAR", "new"],
    ),
    (
        "what was accepted has its price",
        [wanted("S10.081200000011", "r1"), wanted("S10.081200000011", "r1", most_price=1)],
        ["new", "again"],
    ),
    (
        "a bad reference",
        [Wanted(Request("S10", "081200000012", 1), "S10.081200000012", "x" * 65)],
        ["BAD_FORMAT"],
    ),
]


@pytest.mark.parametrize(("name", "orders", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_each_has_its_own_answer(
    world: World, name: str, orders: list[Wanted], expected: list[str]
) -> None:
    world.agent(deposit=2 * 99_500 + 10_500)
    assert codes(many(world, *orders)) == expected, name
    world.clean()


def test_a_request_that_comes_again_finds_its_orders(shop: World) -> None:
    orders = [wanted(f"S10.08120000001{n}", f"r{n}") for n in range(4)]
    first = many(shop, *orders[:3])
    before = shop.contents()
    again = many(shop, *orders[:3])
    assert [one.order for one in again] == [one.order for one in first]
    assert codes(again) == ["again"] * 3
    assert shop.contents() == before
    assert codes(many(shop, *orders)) == ["again"] * 3 + ["new"]
    shop.clean()


def test_an_agent_that_there_is_not_and_one_that_is_off(shop: World) -> None:
    shop.agent("OFF")
    shop.run(lambda db: agents.put_active(db, "OFF", False))
    for agent in ("NOBODY", "OFF"):
        assert codes(many(shop, wanted("S10.081200000012"), agent=agent)) == ["UNKNOWN_AGENT"]


def test_an_order_that_left_for_an_archive_is_known(shop: World) -> None:
    shop.sql(
        "INSERT INTO past_order (id, archive, agent, client_reference, product, destination,"
        " repeat_index, local_day, operator, denomination, state, finished_at, said_done)"
        " VALUES (900, '2027-01', 'A1', 'old', 'S10', '6281200000012', 1, ?, 'telkomsel', 10,"
        " 'SUCCEEDED', 5, 0)",
        shop.day,
    )
    found = many(
        shop,
        wanted("S10.081200000012"),
        wanted("S10.081200000013", "old"),
        wanted("S10.081200000012", "old"),
        wanted("S10.081200000014"),
    )
    assert isinstance(found[2], Repeated) and found[2].past.id == 900
    assert [one.code for one in found[:2] if isinstance(one, Refusal)] == [
        RefusalCode.REPEATED,
        RefusalCode.REFERENCE_REUSED,
    ]
    assert isinstance(found[3], Accepted) and not found[3].repeated


def test_what_a_channel_notes_is_noted_of_each(shop: World) -> None:
    buyer = "6281200000099"
    orders = (
        wanted("S10.081200000012"),
        wanted("S10.081200000013", reply_number=buyer),
        wanted("S10.081200000012", "r3"),  # refused, alone
        wanted("S10.2.081200000012", "r4", buyer),
        wanted("S10.2.081200000012", "r4"),  # the same again, alone: it changes nothing
    )
    answers = many(shop, *orders, address="http:kios", dialect="native")
    assert codes(answers) == ["new", "new", "REPEATED", "new", "again"]
    assert shop.sql("SELECT order_id, address, reply_number, dialect FROM order_origin") == [
        (1, "http:kios", None, "native"),
        (2, "http:kios", buyer, "native"),
        (3, "http:kios", buyer, "native"),
    ]


def test_a_hold_that_is_refused_ends_the_transaction(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was looked at before: who is wrong here is the program, and nothing may be left."""
    before = shop.contents()

    def refuse(*_: object, **__: object) -> None:
        raise IntegrityError

    monkeypatch.setattr(journal, "hold_all", refuse)
    with pytest.raises(IntegrityError):
        many(shop, wanted("S10.081200000012"))
    assert shop.contents() == before


@pytest.mark.usefixtures("each_job_runs_once")
def test_usual_orders_cost_a_few_statements_together(shop: World) -> None:
    """Counted, for one order and for thirty: what is read does not grow, nor what is written."""

    def statements(orders: Sequence[Wanted], **more: Any) -> int:
        count = 0

        def job(db: Database) -> None:
            def note(statement: str) -> None:
                nonlocal count
                count += statement.split()[0] in ("SELECT", "INSERT", "UPDATE", "WITH")

            connection = db.connection()  # type: ignore[no-untyped-call]
            connection.exec_trace = lambda _cursor, statement, _values: note(statement) or True
            try:
                intake_many.accept_many(db, orders, common(shop, **more))
            finally:
                connection.exec_trace = None

        shop.run(job)
        return count

    # Read: agent with its deposit, prefixes, product, equal orders in the archives; written: order,
    # hold, history.
    assert statements([wanted("S10.081200000012", "r")]) == 7
    assert statements([wanted(f"S10.0812000001{n}", f"r{n}") for n in range(10, 40)]) == 7
    # Over a channel: where they came from, too; without a reference: whether their day came again.
    assert statements([wanted("S5.081200000012")], address="kios") == 9
    assert statements([wanted(f"S5.0812000001{n}") for n in range(10, 40)], address="kios") == 9


# --- the same as one after the other ------------------------------------------------------------

TEXTS = st.builds(
    "{}.{}{}".format,
    st.sampled_from(["S5", "S10", "S100", "G10", "OFF", "LOSS", "T5", "XX", "PLN20"]),
    st.sampled_from(["", "", "", "2."]),
    st.sampled_from(
        [
            *("081200000012", "+62 812 0000 0012", "081200000013", "081200000014", "0812119000"),
            *("089500000015", "080000000016", "0812abc", "12345678901"),
        ]
    ),
)
ORDERS = st.lists(
    st.builds(
        wanted,
        TEXTS,
        st.one_of(st.none(), st.sampled_from(["r1", "r2", "r3"])),
        st.sampled_from([None, "6281200000099"]),
        st.sampled_from([None, None, 5_300, 10_500]),
    ),
    max_size=12,
)


def furnish(world: World, deposit: int, level: str) -> None:
    """Agents below each other, and one product of every kind."""
    world.agent("TOP")

    def job(db: Database) -> None:
        agents.add(db, "LOW", "Kios", now_ms=START, upline="TOP", level=level)
        top = agents.find(db, "TOP")
        assert top is not None
        markups.put(db, top, 75)
        rows.execute(db, "INSERT INTO level_price (level, product, price) VALUES ('g', 'S5', 5200)")
        for row in (
            Product("OFF", "telkomsel", "x", 10, 10_500, 10_150, None, 0),
            Product("LOSS", "telkomsel", "x", 10, 9_000, 10_150, None, 1),
            Product("G10", "telkomsel", "x", 10, 10_000, 10_150, 60, 1, 1),
            Product("T5", "tri", "x", 5, 5_500, 5_125, None, 1),
            Product("PLN20", "pln", "x", 20, 20_500, 20_100, None, 1, 0, "meter"),
        ):
            products.put(db, row)
        prefixes.put(db, "62812119", "tri")

    world.run(job)
    if deposit:
        world.run(lambda db: paid_in(db, "LOW", deposit, now_ms=world.now))


@given(
    ORDERS,
    ORDERS,
    st.integers(0, 260_000),
    st.sampled_from(["", "g"]),
    st.sampled_from([0, 0, 1, 2]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_many_at_once_are_the_same_as_one_after_the_other(
    new_world: Callable[[], World],
    before: list[Wanted],
    orders: list[Wanted],
    deposit: int,
    level: str,
    days_back: int,
) -> None:
    together, alone = new_world(), new_world()
    for world in (together, alone):
        furnish(world, deposit, level)

    def one_by_one(db: Database, one: Wanted, origin: Origin) -> Any:
        return intake.accept(db, one.request, one.origin(origin))

    for request_ in (before, orders):
        origin = common(together, "LOW", address="kios")
        found = together.run(lambda db, r=request_, o=origin: intake_many.accept_many(db, r, o))
        assert found == [alone.run(partial(one_by_one, one=one, origin=origin)) for one in request_]
        for world in (together, alone):
            world.set_back(days_back)
    assert together.contents() == alone.contents()
    assert together.findings() == []
    together.close()
    alone.close()


def test_the_table_of_prefixes_is_read_as_the_database_reads_it(shop: World) -> None:
    shop.run(lambda db: prefixes.put(db, "6281211", "tri"))
    shop.run(lambda db: prefixes.put(db, "6281211234", "xl"))

    def job(db: Database) -> None:
        known = prefixes.Table(db)
        for number in ("6281211234567", "6281211999999", "6281219999999", "6280000000000", "62"):
            assert known.operator_of(number) == prefixes.operator_of(db, number), number

    shop.run(job)
