"""Whose order goes next: agents in turn, and of each the oldest first."""

import itertools
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from pulsarack.queue import orders
from pulsarack.queue.orders import Order
from pulsarack.ussd.outcome import Reason
from tests.queue.world import World

PLENTY = 10**9
AGENTS = ("A1", "A2", "B1", "kios1")


def fair(
    world: World,
    after: str = "",
    *,
    limit: int = 8,
    affordable: int = PLENTY,
) -> list[Order]:
    waiting = world.run(
        lambda db: orders.fair(
            db,
            "telkomsel",
            after=after,
            affordable=affordable,
            now_ms=world.now,
            limit=limit,
        )
    )
    return [one.order for one in waiting]


def send(world: World, agent: str, count: int, text: str = "S5") -> list[int]:
    """Orders of an agent to numbers that nobody else has."""
    first = len(world.sql("SELECT id FROM orders"))
    return [
        world.order(f"{text}.08120{number:07}", agent=agent).id
        for number in range(first, first + count)
    ]


def done(world: World, order_id: int) -> None:
    world.sql("UPDATE orders SET state = 'CANCELLED', finished_at = 1 WHERE id = ?", order_id)


def take(world: World, after: str) -> Order | None:
    """As the claim for one idle chip does it."""
    for order in fair(world, after, limit=1):
        done(world, order.id)
        return order
    return None


def turns(waiting: dict[str, list[int]], after: str, limit: int) -> list[int]:
    """What `fair` must give, in other words: deal the lines out, one each."""
    codes = sorted(code for code in waiting if waiting[code])
    codes = [code for code in codes if code > after] + [code for code in codes if code <= after]
    rounds = itertools.zip_longest(*(waiting[code] for code in codes))
    return [one for row in rounds for one in row if one is not None][:limit]


@settings(max_examples=60, deadline=None)
@given(
    sent=st.lists(st.sampled_from(AGENTS), max_size=24),
    after=st.sampled_from(("", *AGENTS, "zz")),
    limit=st.integers(1, 30),
)
def test_agents_are_dealt_to_in_turn(
    new_world: Callable[[], World], sent: list[str], after: str, limit: int
) -> None:
    world = new_world()
    waiting: dict[str, list[int]] = {world.agent(code): [] for code in AGENTS}
    for agent in sent:
        waiting[agent] += send(world, agent, 1)
    assert [one.id for one in fair(world, after, limit=limit)] == turns(waiting, after, limit)
    world.close()


def test_one_chip_serves_all_who_wait_in_turn(world: World) -> None:
    for code in AGENTS:
        world.agent(code)
    many = send(world, "B1", 12)
    few = {code: send(world, code, 3) for code in ("A1", "kios1")}
    after, served = "", []
    while (order := take(world, after)) is not None:
        served.append(order)
        after = order.agent
        if len(served) == 4:
            few["A2"] = send(world, "A2", 2)  # comes later, and waits for one round at most
    agents = [one.agent for one in served]
    assert agents[:9] == ["A1", "B1", "kios1", "A1", "A2", "B1", "kios1", "A1", "A2"]
    assert agents[9:] == ["B1", "kios1"] + ["B1"] * 9
    for code, ids in {**few, "B1": many}.items():
        assert [one.id for one in served if one.agent == code] == ids, "the oldest first"


def test_who_may_not_route_is_passed_by(world: World) -> None:
    for code in ("A1", "A2", "B1"):
        world.agent(code)
    (dear,) = send(world, "A1", 1, "S100")
    (late,) = send(world, "A2", 1)
    world.sql("UPDATE orders SET not_before = ? WHERE id = ?", world.now + 1, late)
    (mine,) = send(world, "B1", 1)
    assert [one.id for one in fair(world, affordable=50_000)] == [mine]
    assert [one.id for one in fair(world)] == [dear, mine]
    world.now += 1
    assert [one.id for one in fair(world)] == [dear, late, mine]
    assert [one.id for one in fair(world, limit=2)] == [dear, late]


def test_second_rounds_only_if_the_first_is_not_enough(world: World) -> None:
    for code in ("A1", "B1"):
        world.agent(code)
    first, second = send(world, "A1", 2)
    (other,) = send(world, "B1", 1)
    assert [one.id for one in fair(world, limit=2)] == [first, other]
    assert [one.id for one in fair(world, limit=3)] == [first, other, second]


def test_ten_thousand_of_one_agent_are_not_looked_at(world: World) -> None:
    """The cost hangs on how many are wanted: counted in steps of the database's machine."""
    world.agent("A1")
    world.agent("B1")
    send(world, "A1", 1)
    (mine,) = send(world, "B1", 1)

    def steps() -> int:
        connection = world.store._db.connection()  # type: ignore[no-untyped-call]
        counted = 0

        def count() -> bool:
            nonlocal counted
            counted += 1
            return False

        connection.set_progress_handler(count, 10)
        try:
            assert mine in [one.id for one in fair(world, limit=2)]
            assert world.run(lambda db: orders.any_queued(db, "telkomsel"))
        finally:
            connection.set_progress_handler(None)
        return counted

    with_one = steps()
    copied = ", ".join(
        column
        for column in orders.columns(Order).split(", ")
        if column not in ("id", "destination", "client_reference")
    )
    world.sql(
        f"INSERT INTO orders ({copied}, destination) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL"
        f" SELECT i + 1 FROM n WHERE i < 9998) SELECT {copied}, '6281300' || (100000 + i)"
        " FROM orders, n WHERE agent = 'A1'"
    )
    assert steps() < with_one + 10


def test_who_was_tried_before_is_known(world: World) -> None:
    world.agent("A1")
    card = world.chip()
    (tried,) = send(world, "A1", 1)
    (claimed,) = world.claim(card)
    assert claimed.order.id == tried
    world.decide(claimed.attempt_id, done=False, reason=Reason.OPERATOR_BUSY)
    world.wait(60)
    send(world, "A1", 1)  # behind it, and so found otherwise
    waiting = world.run(
        lambda db: orders.fair(
            db, "telkomsel", after="", affordable=PLENTY, now_ms=world.now, limit=8
        )
    )
    assert [(one.order.id == tried, bool(one.tried)) for one in waiting] == [
        (True, True),
        (False, False),
    ]
