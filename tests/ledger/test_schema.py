"""What the database itself refuses, whoever writes to it."""

import pytest
from peewee import Database, IntegrityError

from pulsarack.ledger import accounts, journal, sql
from pulsarack.ledger.journal import Transfer

AGENT = accounts.agent("A1")
INSERT = (
    "INSERT INTO transfer (id, phase, hold_id, reverses, debit, credit, asset, amount, "
    "reference, memo, at) VALUES (?, ?, ?, ?, ?, ?, 'IDR', ?, '', '', 1)"
)


@pytest.fixture
def books(db: Database) -> Database:
    for code in (AGENT, accounts.SALES, accounts.OPENING):
        journal.open_account(db, code, limited=code == AGENT, now_ms=0)
    journal.transfer(db, Transfer("in", accounts.OPENING, AGENT, 1_000), now_ms=1)
    journal.hold(db, Transfer("h", AGENT, accounts.SALES, 100), now_ms=2)
    return db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfer SET memo = 'x'",
        "UPDATE transfer SET amount = 1 WHERE id = 'in'",
        "DELETE FROM transfer",
        "REPLACE INTO transfer SELECT * FROM transfer WHERE id = 'in'",
        "DELETE FROM account",
        "UPDATE account SET code = 'asset:x'",
        "UPDATE account SET asset = 'S10'",
        "UPDATE account SET type = 'asset'",
        "UPDATE account SET debits_held = -1",
        "UPDATE account SET debits_posted = 1.5",
        "UPDATE account SET debits_posted = 'many'",
        f"UPDATE account SET debits_held = 1001 WHERE code = '{AGENT}'",
        "UPDATE account SET debits_held = 9223372036854775807 WHERE code = 'equity:opening'",
        "UPDATE account SET limited = 2",
        "UPDATE account SET limited = 1 WHERE code = 'income:sales'",
        "INSERT INTO account (code, asset, type, opened_at) VALUES ('asset:x', 'IDR', 'income', 0)",
        "INSERT INTO account (code, asset, type, opened_at) VALUES ('cash:x', 'IDR', 'cash', 0)",
    ],
)
def test_statements_that_are_refused(books: Database, statement: str) -> None:
    before = sql.run(books, "SELECT * FROM transfer").fetchall()
    with pytest.raises(IntegrityError):
        sql.run(books, statement)
    assert sql.run(books, "SELECT * FROM transfer").fetchall() == before


@pytest.mark.parametrize(
    "row",
    [
        ("t", "posted", None, None, AGENT, accounts.SALES, 0),
        ("t", "posted", None, None, AGENT, accounts.SALES, -5),
        ("t", "posted", None, None, AGENT, accounts.SALES, 1.5),
        ("t", "posted", None, None, AGENT, accounts.SALES, "ten"),
        ("t", "posted", None, None, AGENT, accounts.SALES, None),
        ("t", "posted", None, None, AGENT, AGENT, 5),
        ("t", "posted", None, None, AGENT, "income:other", 5),
        ("t", "posted", None, None, AGENT, accounts.SALES, 901),
        ("t", "later", None, None, AGENT, accounts.SALES, 5),
        ("", "posted", None, None, AGENT, accounts.SALES, 5),
        ("in", "posted", None, None, AGENT, accounts.SALES, 5),
        ("h:post", "post", None, None, AGENT, accounts.SALES, 100),
        ("h:post", "post", "h", None, AGENT, accounts.SALES, 99),
        ("h:post", "post", "h", None, AGENT, accounts.OPENING, 100),
        ("h:post", "posted", "h", None, AGENT, accounts.SALES, 100),
        ("other", "post", "h", None, AGENT, accounts.SALES, 100),
        ("in:post", "post", "in", None, accounts.OPENING, AGENT, 1_000),
        ("no:void", "void", "no", None, AGENT, accounts.SALES, 100),
        ("r", "posted", None, "in", AGENT, accounts.OPENING, 999),
        ("r", "posted", None, "h", accounts.SALES, AGENT, 100),
        ("r", "held", None, "in", AGENT, accounts.OPENING, 900),
    ],
)
def test_rows_that_are_refused(books: Database, row: tuple[object, ...]) -> None:
    with pytest.raises(IntegrityError):
        sql.run(books, INSERT, *row)


def test_a_hold_cannot_be_resolved_twice(books: Database) -> None:
    sql.run(books, INSERT, "h:post", "post", "h", None, AGENT, accounts.SALES, 100)
    for phase in ("post", "void"):
        with pytest.raises(IntegrityError):
            sql.run(books, INSERT, f"h:{phase}", phase, "h", None, AGENT, accounts.SALES, 100)
