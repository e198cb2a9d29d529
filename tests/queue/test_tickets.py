"""Deposit tickets: amounts of one's own, and the table of their states."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import IntegrityError

from pulsarack.queue.deposits import bank_rows, tickets
from pulsarack.queue.deposits.bank_rows import StatementRow, Taken
from pulsarack.queue.deposits.tickets import LEGAL, Given, Ticket, TicketState, TicketTerms
from pulsarack.queue.errors import IllegalMove
from pulsarack.queue.validation import Refusal, RefusalCode
from tests.queue.world import HOUR, START, World

DAY_MS = 24 * HOUR


def day_of(at_ms: int) -> str:
    """Days of this calendar begin where the world does."""
    return f"2027-01-{15 + (at_ms - START) // DAY_MS:02}"


def terms(**changes: Any) -> TicketTerms:
    """The shipped ones, but for the changes."""
    shipped: dict[str, Any] = {
        "valid_ms": 12 * HOUR,
        "tail_digits": 3,
        "most_open": 5,
        "banks": ("bca", "bri"),
        "day_of": day_of,
    }
    return TicketTerms(**(shipped | changes))


def ask(
    world: World,
    amount: int = 500_000,
    *,
    agent: str = "A1",
    bank: str | None = None,
    seed: int = 1,
    **changes: Any,
) -> Given | Refusal:
    """What an agent is answered."""
    return world.run(
        lambda db: tickets.ask(
            db,
            agent,
            amount,
            bank=bank,
            rng=Random(seed),
            now_ms=world.now,
            terms=terms(**changes),
        )
    )


def given_to(world: World, amount: int = 500_000, **how: Any) -> Ticket:
    """A new ticket."""
    found = ask(world, amount, **how)
    assert isinstance(found, Given) and not found.repeated
    return found.ticket


def refused(world: World, amount: int = 500_000, **how: Any) -> RefusalCode:
    """Why there is none."""
    found = ask(world, amount, **how)
    assert isinstance(found, Refusal)
    return found.code


def pay(world: World, amount: int, day: str = "2027-01-15", bank: str = "bca") -> Taken:
    """A row of a statement."""
    row = StatementRow(day, amount, "payment")
    found = world.run(
        lambda db: bank_rows.take(
            db, bank, [row], source="t", latest_day="2027-02-01", now_ms=world.now
        )
    )
    assert isinstance(found, Taken)
    return found


def state(world: World, ticket: Ticket) -> str:
    """Where a ticket stands."""
    return world.run(lambda db: tickets.get(db, ticket.id)).state


def test_a_ticket_is_a_little_more_than_was_asked(world: World) -> None:
    world.agent(deposit=0)
    ticket = given_to(world)
    assert 500_000 < ticket.amount <= 500_999
    assert (ticket.state, ticket.bank, ticket.asked) == ("OPEN", "", 500_000)
    assert (ticket.first_day, ticket.last_day) == ("2027-01-15", "2027-01-15")
    assert given_to(world, 1, agent="A1").amount <= 1_000, "there is no least amount"


def test_the_same_again_is_the_same_ticket(world: World) -> None:
    world.agent(deposit=0)
    first = given_to(world, bank="BCA")
    again = ask(world, bank="bca ", seed=2)
    assert again == Given(first, repeated=True)
    assert given_to(world, bank="bri", seed=3).id != first.id
    world.wait(12 * 3600)
    assert given_to(world, bank="bca", seed=4).id != first.id, "the first is over"
    assert state(world, first) == "EXPIRED"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"amount": 0}, "BAD_AMOUNT"),
        ({"amount": -5}, "BAD_AMOUNT"),
        ({"amount": 10**12 + 1}, "BAD_AMOUNT"),
        ({"bank": "mandiri"}, "UNKNOWN_BANK"),
        ({"agent": "NOBODY"}, "UNKNOWN_AGENT"),
    ],
)
def test_what_cannot_be_asked(world: World, how: dict[str, Any], code: str) -> None:
    world.agent(deposit=0)
    assert refused(world, **how) == code
    assert world.sql("SELECT count(*) FROM ticket") == [(0,)]


def test_an_agent_has_only_so_many_open(world: World) -> None:
    world.agent(deposit=0)
    for amount in range(1, 6):
        given_to(world, amount * 10_000)
    assert refused(world, 70_000) == "TOO_MANY_TICKETS"


def test_a_full_space_is_refused_by_name(world: World) -> None:
    agents = [world.agent(f"A{number}", deposit=0) for number in range(11)]
    amounts = {given_to(world, agent=one, tail_digits=1).amount for one in agents[:9]}
    assert amounts == set(range(500_001, 500_010))
    assert refused(world, agent=agents[9], tail_digits=1) == "TICKETS_FULL"
    # A bank's own tickets are told apart from another bank's, not from those of any bank.
    assert refused(world, agent=agents[9], tail_digits=1, bank="bca") == "TICKETS_FULL"
    world.wait(24 * 3600)
    given_to(world, agent=agents[9], tail_digits=1)


def test_two_banks_may_have_one_amount(world: World) -> None:
    world.agent(deposit=0)
    world.agent("A2", deposit=0)
    one = given_to(world, bank="bca", seed=7)
    other = given_to(world, bank="bri", seed=7, agent="A2")
    assert one.amount == other.amount
    (paid,) = pay(world, one.amount, bank="bri").paid
    assert (paid.ticket.id, paid.row.agent) == (other.id, "A2")
    assert state(world, one) == "OPEN"
    assert given_to(world, seed=7, agent="A2").amount != one.amount, "it could be either"


def test_an_amount_rests_until_its_days_are_over(world: World) -> None:
    """Whoever was given it may still pay it: also who cancelled, and who paid already."""
    world.agent(deposit=0)
    world.agent("A2", deposit=0)
    first = given_to(world)
    world.run(lambda db: tickets.cancel(db, first.id, why="x", now_ms=world.now))
    assert given_to(world, agent="A2").amount != first.amount
    (lost,) = pay(world, first.amount).unmatched
    assert lost.note == f"ticket {first.id} of A1 is CANCELLED"
    with pytest.raises(IntegrityError, match="another ticket has this amount"):
        world.sql(
            "INSERT INTO ticket (agent, bank, asked, amount, state, created_at, expires_at,"
            " first_day, last_day) VALUES ('A2', 'bca', 1, ?, 'OPEN', 1, 2, ?, ?)",
            first.amount,
            *("2027-01-15", "2027-01-16"),
        )


def test_a_statement_may_come_when_the_ticket_has_expired(world: World) -> None:
    world.agent(deposit=0)
    ticket = given_to(world)
    world.wait(3 * 24 * 3600)
    (late,) = pay(world, ticket.amount, "2027-01-16").unmatched
    assert late.note == "no ticket has this amount on that day"
    assert [one.ticket.id for one in pay(world, ticket.amount).paid] == [ticket.id]
    assert world.deposit().available == ticket.amount
    (again,) = pay(world, ticket.amount, "2027-01-14").unmatched
    assert again.agent is None
    world.clean()


def test_every_move_is_in_the_table(world: World) -> None:
    world.agent(deposit=0)
    for old in TicketState:
        for new in TicketState:
            number = world.sql("SELECT count(*) FROM ticket")[0][0]
            ticket = given_to(world, (number + 1) * 10_000, most_open=99)
            if old is not TicketState.OPEN:
                world.run(lambda db, t=ticket, s=old: tickets.move(db, t.id, s, why="", now_ms=1))
            if new in LEGAL[old]:
                world.run(lambda db, t=ticket, s=new: tickets.move(db, t.id, s, why="", now_ms=2))
                assert state(world, ticket) == new
            elif new is not TicketState.OPEN:
                with pytest.raises(IllegalMove):
                    world.run(
                        lambda db, t=ticket, s=new: tickets.move(db, t.id, s, why="", now_ms=2)
                    )
                assert state(world, ticket) == old


def test_what_cannot_be_cancelled(world: World) -> None:
    world.agent(deposit=0)
    ticket = given_to(world)

    def cancel(ticket_id: int) -> Ticket | Refusal:
        return world.run(lambda db: tickets.cancel(db, ticket_id, why="x", now_ms=world.now))

    found = cancel(ticket.id)
    assert isinstance(found, Ticket) and (found.state, found.why) == ("CANCELLED", "x")
    for ticket_id, code in ((ticket.id, "NOT_OPEN"), (99, "NOT_FOUND")):
        found = cancel(ticket_id)
        assert isinstance(found, Refusal) and found.code == code


ASKED = st.lists(
    st.tuples(
        st.sampled_from(["A1", "A2", "A3"]),
        st.integers(500_000, 500_012),
        st.sampled_from([None, "bca", "bri"]),
        st.integers(0, 30),
    ),
    max_size=30,
)


@given(ASKED)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_row_is_about_one_ticket_at_most(
    new_world: Callable[[], World], asked: list[tuple[str, int, str | None, int]]
) -> None:
    world = new_world()
    for code in ("A1", "A2", "A3"):
        world.agent(code, deposit=0)
    for agent, amount, bank, hours in asked:
        ask(world, amount, agent=agent, bank=bank, tail_digits=1)
        world.wait(hours * 3600)
    for bank in ("bca", "bri"):
        shared = world.sql(
            "SELECT a.id, b.id FROM ticket a JOIN ticket b ON a.id < b.id AND a.amount = b.amount"
            " AND a.first_day <= b.last_day AND b.first_day <= a.last_day"
            f" WHERE a.bank IN ('', '{bank}') AND b.bank IN ('', '{bank}')"
        )
        assert shared == []
    world.close()
