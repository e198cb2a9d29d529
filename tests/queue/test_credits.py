"""Credits without a bank: two admins, told apart by what the kernel says and nothing else."""

from typing import Any

import pytest
from peewee import IntegrityError

from pulsarack.ledger.journal import Transfer, transfer
from pulsarack.queue import agents
from pulsarack.queue.deposits import credits
from pulsarack.queue.deposits.credits import CreditRequest, Proposed
from pulsarack.queue.validation import Refusal
from tests.queue.world import World


def propose(world: World, amount: int = 50_000, **changes: Any) -> Any:
    """What an admin wants."""
    given: dict[str, Any] = {
        "agent": "A1",
        "key": f"k{amount}",
        "because": "cash",
        "who": "boss",
        "uid": 1000,
    }
    given |= changes
    agent = given.pop("agent")
    return world.run(lambda db: credits.propose(db, agent, amount, now_ms=world.now, **given))


def proposed(world: World, amount: int = 50_000, **changes: Any) -> CreditRequest:
    """A new proposal."""
    found = propose(world, amount, **changes)
    assert isinstance(found, Proposed) and not found.repeated
    return found.request


def confirm(world: World, request_id: int, uid: int, who: str = "other") -> Any:
    """What another says of it."""
    return world.run(lambda db: credits.confirm(db, request_id, who=who, uid=uid, now_ms=world.now))


def refuse(world: World, request_id: int, uid: int = 1000, because: str = "no") -> Any:
    """Or that."""
    return world.run(
        lambda db: credits.refuse(
            db, request_id, who="x", uid=uid, because=because, now_ms=world.now
        )
    )


def code(found: Any) -> str:
    """Why something was refused."""
    assert isinstance(found, Refusal), found
    return found.code


def test_one_admin_moves_nothing(world: World) -> None:
    world.agent(deposit=0)
    request = proposed(world)
    assert (request.state, request.amount, request.uid) == ("OPEN", 50_000, 1000)
    assert world.deposit().available == 0
    # Under another name he is still the same.
    assert code(confirm(world, request.id, 1000, who="somebody else")) == "SAME_ADMIN"
    assert world.deposit().available == 0
    world.clean()


def test_two_admins_raise_a_deposit_once(world: World) -> None:
    world.agent(deposit=0)
    request = proposed(world)
    done = confirm(world, request.id, 1001, who="boss")
    assert (done.state, done.decided_uid, done.decided_who) == ("CONFIRMED", 1001, "boss")
    assert world.deposit().available == 50_000
    for uid in (1000, 1001, 1002):
        assert code(confirm(world, request.id, uid)) == "NOT_OPEN"
    assert code(refuse(world, request.id)) == "NOT_OPEN"
    assert world.deposit().available == 50_000
    assert world.money(agents.CASH).posted == 50_000
    world.clean()


def test_what_is_refused_never_moves(world: World) -> None:
    world.agent(deposit=0)
    request = proposed(world)
    assert code(refuse(world, request.id, because=" ")) == "NO_REASON"
    assert refuse(world, request.id).state == "REFUSED", "his own, too"
    assert code(confirm(world, request.id, 1001)) == "NOT_OPEN"
    assert world.deposit().available == 0
    world.clean()


def test_taking_back_takes_two_as_well_and_no_more_than_there_is(shop: World) -> None:
    request = proposed(shop, -400_000)
    assert code(confirm(shop, request.id, 1000)) == "SAME_ADMIN"
    assert confirm(shop, request.id, 1001).state == "CONFIRMED"
    shop.order()  # holds 10.500
    assert shop.deposit().available == 589_500
    greedy = proposed(shop, -589_501)
    assert code(confirm(shop, greedy.id, 1001)) == "INSUFFICIENT_DEPOSIT"
    exact = proposed(shop, -589_500)
    confirm(shop, exact.id, 1001)
    assert (shop.deposit().available, shop.deposit().held) == (0, 10_500)
    shop.clean()


def test_the_same_key_proposes_once(world: World) -> None:
    world.agent(deposit=0)
    world.agent("A2", deposit=0)
    first = proposed(world, key="k")
    again = propose(world, key="k", uid=1001)
    assert again == Proposed(first, repeated=True)
    assert code(propose(world, 50_001, key="k")) == "REFERENCE_REUSED"
    assert code(propose(world, -50_000, key="k")) == "REFERENCE_REUSED"
    assert proposed(world, key="k", agent="A2").id != first.id
    assert confirm(world, first.id, 1001).state == "CONFIRMED", "the first one's user proposed it"


def test_a_key_of_before_there_were_two_is_used(world: World) -> None:
    world.agent(deposit=0)
    early = Transfer("credit:A1:k", agents.CASH, "liability:agent:A1", 5)
    world.run(lambda db: transfer(db, early, now_ms=world.now))
    assert code(propose(world, 5, key="k")) == "REFERENCE_REUSED"


@pytest.mark.parametrize(
    ("amount", "changes", "why"),
    [
        (0, {}, "BAD_AMOUNT"),
        (10**12 + 1, {}, "BAD_AMOUNT"),
        (1, {"agent": "NOBODY"}, "UNKNOWN_AGENT"),
        (1, {"because": "  "}, "NO_REASON"),
    ],
)
def test_what_cannot_be_proposed(
    world: World, amount: int, changes: dict[str, Any], why: str
) -> None:
    world.agent(deposit=0)
    assert code(propose(world, amount, **changes)) == why
    assert world.run(lambda db: credits.listed(db, open_only=False, limit=9)) == []


def test_what_is_not_there(world: World) -> None:
    assert code(confirm(world, 1, 1001)) == "NOT_FOUND"
    assert code(refuse(world, 1)) == "NOT_FOUND"


def test_the_database_knows_the_rule(world: World) -> None:
    world.agent(deposit=0)
    request = proposed(world)
    decided = "UPDATE credit_request SET state = 'CONFIRMED', decided_at = 1, decided_uid = ?"
    with pytest.raises(IntegrityError, match="confirmed_by_another"):
        world.sql(decided, 1000)
    with pytest.raises(IntegrityError, match="never rewritten"):
        world.sql("UPDATE credit_request SET uid = 1002")
    refuse(world, request.id)
    with pytest.raises(IntegrityError, match="decided once"):
        world.sql(decided, 1001)
