"""Transfers leave the journal only whole, only copied, and every balance stays explained."""

import pytest
from peewee import Database, IntegrityError

from pulsarack.ledger import accounts, books, closing, journal, sql
from pulsarack.ledger.audit import audit
from pulsarack.ledger.errors import NotClosed
from pulsarack.ledger.journal import Transfer

AGENT = accounts.agent("A1")
ARCHIVE = "2026-08"


@pytest.fixture
def old(db: Database) -> Database:
    """A deposit; order 1 posted and reversed, order 2 voided, order 3 posted, order 4 open."""
    for code in (AGENT, accounts.SALES, accounts.OPENING):
        journal.open_account(db, code, limited=code == AGENT, now_ms=0)
    journal.transfer(db, Transfer("in", accounts.OPENING, AGENT, 10_000), now_ms=1)
    for number in range(1, 5):
        wanted = Transfer(f"h{number}", AGENT, accounts.SALES, 100, reference=f"order:{number}")
        journal.hold(db, wanted, now_ms=2)
    for number in (1, 3):
        journal.post(db, f"h{number}", now_ms=3)
    journal.void(db, "h2", now_ms=4)
    journal.reverse(db, "h1", id="back", memo="", now_ms=5)
    return db


def copies(db: Database, where: str) -> list[sql.Row]:
    return sql.run(
        db, f"SELECT {closing.COLUMNS} FROM transfer WHERE {where} ORDER BY sequence"
    ).fetchall()


def close(db: Database, *orders: int) -> None:
    """Move whole orders."""
    names = ", ".join(f"'order:{number}'" for number in orders)
    with db.atomic():
        closing.move(db, ARCHIVE, copies(db, f"reference IN ({names})"))


def rows(db: Database) -> dict[str, list[sql.Row]]:
    tables = ("transfer", "account", "brought_forward", "closed_rows", "transfer_copy")
    return {name: sql.run(db, f"SELECT * FROM {name}").fetchall() for name in tables}


def test_what_leaves_is_brought_forward_and_the_books_stay_sound(old: Database) -> None:
    before = books.accounts(old)
    close(old, 1, 2)
    assert books.accounts(old) == before
    assert [one.id for one in books.entries(old, AGENT, 50)] == ["h3:post", "h4", "h3", "in"]
    assert closing.brought_forward(old, AGENT) == [
        closing.Forward(AGENT, ARCHIVE, 100, 0, 100, 0, 2, 9)
    ]
    assert closing.closed_rows(old) == [closing.ClosedRows(ARCHIVE, 5, 2 + 3 + 6 + 8 + 9)]
    assert audit(old) == []
    close(old, 3)
    assert {one.account for one in closing.brought_forward(old)} == {AGENT, accounts.SALES}
    assert audit(old) == []


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("id = 'h3'", "what is held leaves together with its end"),
        ("id = 'h3:post'", "leaves together with what it ends"),
        ("id = 'back'", "leaves together with what it ends or reverses"),
        ("reference = 'order:4'", "what is held leaves together with its end"),
        ("id IN ('h3:post', 'h3', 'h4')", "what is held leaves together with its end"),
    ],
)
def test_a_part_of_a_matter_does_not_leave(old: Database, where: str, why: str) -> None:
    before = rows(old)
    with pytest.raises(IntegrityError, match=why), old.atomic():
        closing.move(old, ARCHIVE, copies(old, where))
    assert rows(old) == before


@pytest.mark.parametrize("column", range(1, len(closing.COLUMNS.split(","))))
def test_a_copy_that_differs_in_any_column_lets_nothing_go(old: Database, column: int) -> None:
    changed = [list(row) for row in copies(old, "reference = 'order:1'")]
    changed[0][column] = 77 if isinstance(changed[0][column], int) else "other"
    before = rows(old)
    with pytest.raises(IntegrityError, match="transfers are never deleted"), old.atomic():
        closing.move(old, ARCHIVE, [tuple(row) for row in changed])
    assert rows(old) == before


def test_a_row_that_is_not_there_cannot_leave(old: Database) -> None:
    before = rows(old)
    (row, *_) = copies(old, "id = 'in'")
    with pytest.raises(NotClosed), old.atomic():
        closing.move(old, ARCHIVE, [(99, "gone", *row[2:])])
    assert rows(old) == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM transfer WHERE reference = 'order:3'",
        "INSERT INTO brought_forward VALUES ('income:sales', '2026-08', 1, 0, 0, 0, 1, 1)",
        "UPDATE brought_forward SET debits_posted = 0",
        "DELETE FROM brought_forward",
        "INSERT INTO closed_rows VALUES ('2026-07', 1, 1)",
        "UPDATE closed_rows SET rows = 9",
        "DELETE FROM closed_rows",
        "INSERT INTO never VALUES (1)",
    ],
)
def test_stray_statements_are_refused(old: Database, statement: str) -> None:
    close(old, 1)
    before = rows(old)
    with pytest.raises(IntegrityError):
        sql.run(old, statement)
    assert rows(old) == before


def test_a_closing_that_stands_open_cannot_be_committed(old: Database) -> None:
    before = rows(old)
    with pytest.raises(IntegrityError, match="FOREIGN KEY"), old.atomic():
        sql.run(
            old,
            f"INSERT INTO transfer_copy (archive, {closing.COLUMNS})"
            f" SELECT '2026-08', {closing.COLUMNS} FROM transfer WHERE reference = 'order:3'",
        )
    assert rows(old) == before
    with pytest.raises(IntegrityError, match="a copy goes with its transfer"), old.atomic():
        sql.run(
            old,
            f"INSERT INTO transfer_copy (archive, {closing.COLUMNS})"
            f" SELECT '2026-08', {closing.COLUMNS} FROM transfer WHERE reference = 'order:3'",
        )
        sql.run(old, "DELETE FROM transfer_copy")
    assert rows(old) == before


def test_what_an_archive_adds_up_to_is_what_was_brought_forward(old: Database) -> None:
    adding = closing.Adding(ARCHIVE)
    for entry in [*books.by_reference(old, "order:1"), *books.by_reference(old, "order:2")]:
        adding.add(entry)
    close(old, 1, 2)
    there = {one.account: one for one in closing.brought_forward(old)}
    assert adding.brought_forward() == there
    assert [adding.closed_rows()] == closing.closed_rows(old)
