"""Rows of statements: whatever is imported how often, each is stored and credited once."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import IntegrityError

from pulsarack.queue.deposits import bank_rows
from pulsarack.queue.deposits.bank_rows import BankRow, StatementRow, Taken
from pulsarack.queue.validation import Refusal
from tests.queue.test_tickets import given_to, pay
from tests.queue.world import World

LATEST = "2027-02-01"
ROW = StatementRow("2027-01-15", 50_123, "transfer from A1", 900_000)


def take(world: World, *rows: StatementRow, bank: str = "bca") -> Taken | Refusal:
    """What becomes of rows."""
    return world.run(
        lambda db: bank_rows.take(
            db, bank, rows, source="s.csv", latest_day=LATEST, now_ms=world.now
        )
    )


def taken(world: World, *rows: StatementRow, bank: str = "bca") -> Taken:
    """The same where nothing is wrong."""
    found = take(world, *rows, bank=bank)
    assert isinstance(found, Taken)
    return found


def assign(world: World, row_id: int, agent: str = "A1", because: str = "known") -> Any:
    """An admin's word."""
    return world.run(
        lambda db: bank_rows.assign(
            db, row_id, agent, who="boss", uid=7, because=because, now_ms=world.now
        )
    )


def test_a_payment_of_a_ticket_is_credited_with_it(world: World) -> None:
    world.agent(deposit=0)
    ticket = given_to(world)
    found = pay(world, ticket.amount)
    (paid,) = found.paid
    assert (found.added, found.known, found.unmatched) == (1, 0, ())
    assert (paid.row.state, paid.row.ticket_id, paid.row.agent) == ("PAID", ticket.id, "A1")
    assert paid.ticket.state == "PAID" and paid.ticket.why == f"row {paid.row.id} of bca"
    assert world.deposit().available == ticket.amount
    moved = "SELECT debit, credit, amount FROM transfer WHERE id = ?"
    assert world.sql(moved, f"bank_row:{paid.row.id}") == [
        ("asset:bank:bca", "liability:agent:A1", ticket.amount)
    ]
    again = pay(world, ticket.amount)
    assert (again.added, again.known, again.paid) == (0, 1, ())
    assert world.deposit().available == ticket.amount
    world.clean()


def test_the_amount_decides_to_the_last_rupiah(world: World) -> None:
    world.agent(deposit=0)
    ticket = given_to(world, bank="bca")
    for amount in (ticket.asked, ticket.amount - 1, ticket.amount + 1):
        assert len(pay(world, amount).unmatched) == 1
    assert len(pay(world, ticket.amount, bank="bri").unmatched) == 1
    assert len(pay(world, ticket.amount, "2027-01-14").unmatched) == 1
    assert world.deposit().available == 0
    world.clean()


def test_money_that_left_credits_nobody(world: World) -> None:
    world.agent(deposit=0)
    ticket = given_to(world)
    found = pay(world, -ticket.amount)
    assert (found.added, found.debits, found.paid, found.unmatched) == (1, 1, (), ())
    refusal = assign(world, 1)
    assert isinstance(refusal, Refusal) and refusal.code == "NOT_OPEN"
    assert world.deposit().available == 0
    world.clean()


def test_equal_rows_of_a_day_are_two_rows(world: World) -> None:
    assert taken(world, ROW, ROW).added == 2
    assert taken(world, ROW).known == 1
    assert taken(world, ROW, ROW, ROW).added == 1
    assert taken(world, ROW, bank="bri").added == 1
    other = StatementRow(ROW.day, ROW.amount, " transfer  from A1 ", ROW.balance)
    assert taken(world, other).known == 1, "spaces say nothing"


def test_an_unmatched_row_is_credited_on_an_admins_word(world: World) -> None:
    world.agent(deposit=0)
    (row,) = taken(world, ROW).unmatched
    found = assign(world, row.id)
    assert isinstance(found, BankRow)
    assert (found.state, found.agent, found.who, found.uid, found.note) == (
        "ASSIGNED", "A1", "boss", 7, "known",
    )  # fmt: skip
    assert world.deposit().available == ROW.amount
    for agent in ("A1", "A2"):
        again = assign(world, row.id, agent)
        assert isinstance(again, Refusal) and again.code == "NOT_OPEN"
    assert taken(world, ROW).known == 1
    assert world.deposit().available == ROW.amount
    world.clean()


def test_what_cannot_be_assigned(world: World) -> None:
    world.agent(deposit=0)
    (row,) = taken(world, ROW).unmatched
    for found, code in (
        (assign(world, 99), "NOT_FOUND"),
        (assign(world, row.id, "NOBODY"), "UNKNOWN_AGENT"),
        (assign(world, row.id, because="  "), "NO_REASON"),
    ):
        assert isinstance(found, Refusal) and found.code == code
    assert world.sql("SELECT state FROM bank_row") == [("UNMATCHED",)]


BAD = [
    StatementRow("2027-01-32", 1, ""),
    StatementRow("20270115", 1, ""),
    StatementRow("1999-12-31", 1, ""),
    StatementRow("2027-02-02", 1, ""),
    StatementRow("2027-01-15", 0, ""),
    StatementRow("2027-01-15", 10**12 + 1, ""),
    StatementRow("2027-01-15", 1, "x" * 301),
    StatementRow("2027-01-15", 1, "", 10**16),
    StatementRow("2027-01-15", 1, "", None, 0),
]


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_row_keeps_all_out(world: World, bad: StatementRow) -> None:
    found = take(world, ROW, bad)
    assert isinstance(found, Refusal) and found.code == "BAD_ROWS"
    assert found.message.startswith("row 2: ") and found.remedy == "nothing was imported"
    assert world.sql("SELECT count(*) FROM bank_row") == [(0,)]


def test_the_bank_is_never_rewritten(world: World) -> None:
    world.agent(deposit=0)
    (row,) = taken(world, ROW).unmatched
    for column, value in (("amount", 1), ("day", "2027-01-01"), ("description", "x")):
        with pytest.raises(IntegrityError, match="never rewritten"):
            world.sql(f"UPDATE bank_row SET {column} = ?", value)
    assign(world, row.id)
    with pytest.raises(IntegrityError, match="settled once"):
        world.sql("UPDATE bank_row SET note = 'x'")
    with pytest.raises(IntegrityError, match="never deleted"):
        world.sql("DELETE FROM bank_row")


# --- any statements -----------------------------------------------------------------------

# Few values, so that many rows are equal, and some pay a ticket.
DAYS = ("2027-01-15", "2027-01-16", "2027-01-17")
TICKETS = 3
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-1, TICKETS + 1), st.sampled_from(["x", "y"])),
    min_size=1,
    max_size=12,
)
# From which row of a day on, to which day, and how far into that day: an export of a time.
CUTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 12), st.booleans()),
    max_size=8,
)


@given(ROWS, CUTS)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_overlap_and_repeat_of_statements_credits_each_row_once(
    new_world: Callable[[], World],
    drawn: list[tuple[int, int, str]],
    cuts: list[tuple[int, int, int, bool]],
) -> None:
    """Statements of whole days, the last one as far as it had got; in any order, also backwards."""
    world = new_world()
    amounts = []
    for number in range(TICKETS):
        world.agent(f"A{number}", deposit=0)
        amounts.append(given_to(world, 50_000 + 1_000 * number, agent=f"A{number}").amount)
    all_rows = sorted(
        (
            StatementRow(DAYS[day], -7 if which < 0 else (*amounts, 1, 2)[which], words)
            for day, which, words in drawn
        ),
        key=lambda row: row.day,
    )
    for first, last, length, backwards in [*cuts, (0, 2, 12, False)]:
        whole = [row for row in all_rows if DAYS[first] <= row.day < DAYS[max(first, last)]]
        begun = [row for row in all_rows if row.day == DAYS[max(first, last)]][:length]
        part = [*whole, *begun]
        taken(world, *(reversed(part) if backwards else part))
    stored = Counter(
        StatementRow(*row) for row in world.sql("SELECT day, amount, description FROM bank_row")
    )
    assert stored == Counter(all_rows)
    for number, amount in enumerate(amounts):
        paid = any(row.day == DAYS[0] and row.amount == amount for row in all_rows)
        assert world.deposit(f"A{number}").posted == (amount if paid else 0)
    world.clean()
    world.close()


@given(ROWS, st.lists(st.integers(1, 4), max_size=6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_file_that_is_sent_in_parts_is_the_same_file(
    new_world: Callable[[], World], drawn: list[tuple[int, int, str]], sizes: list[int]
) -> None:
    world = new_world()
    rows = bank_rows.numbered(
        [StatementRow(DAYS[day], which or 5, words) for day, which, words in drawn]
    )
    for _ in range(2):
        rest = list(rows)
        for size in [*sizes, len(rows)]:
            part, rest = rest[:size], rest[size:]
            if part:
                taken(world, *part)
    assert world.sql("SELECT count(*) FROM bank_row") == [(len(rows),)]
    world.close()
