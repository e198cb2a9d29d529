"""Reading: signs, statements, references, the trial balance."""

from peewee import Database

from pulsarack.ledger import accounts, books, journal
from pulsarack.ledger.journal import Transfer

AGENT = accounts.agent("A1")


def fill(db: Database) -> None:
    for code in (AGENT, accounts.SALES, accounts.OPENING):
        journal.open_account(db, code, now_ms=0)
    journal.transfer(db, Transfer("in", accounts.OPENING, AGENT, 1_000, memo="deposit"), now_ms=1)
    for number, price in enumerate((100, 200, 300), start=1):
        wanted = Transfer(f"o{number}", AGENT, accounts.SALES, price, reference=f"order:{number}")
        journal.hold(db, wanted, now_ms=number + 1)
    journal.post(db, "o1", now_ms=5)
    journal.void(db, "o2", now_ms=6)


def statement(db: Database, code: str, limit: int = 50) -> list[books.Line]:
    now = books.balance(db, code)
    assert now is not None
    return books.lines(now, books.entries(db, code, limit))


def test_a_statement_runs_backwards_from_the_balance(db: Database) -> None:
    fill(db)
    lines = [
        (line.entry.id, line.entry.phase, line.debit, line.credit, line.balance)
        for line in statement(db, AGENT)
    ]
    assert lines == [
        ("o2:void", "void", 0, 0, 900),
        ("o1:post", "post", 100, 0, 900),
        ("o3", "held", 0, 0, 1_000),
        ("o2", "held", 0, 0, 1_000),
        ("o1", "held", 0, 0, 1_000),
        ("in", "posted", 0, 1_000, 1_000),
    ]
    sales = statement(db, accounts.SALES)
    assert [line.balance for line in sales] == [100, 100, 0, 0, 0]
    assert {line.other for line in sales} == {AGENT}


def test_a_short_statement_is_the_beginning_of_the_long_one(db: Database) -> None:
    fill(db)
    whole = statement(db, AGENT)
    for limit in range(8):
        assert statement(db, AGENT, limit) == whole[:limit]


def test_nothing_is_known_of_no_account(db: Database) -> None:
    assert books.entries(db, AGENT, 50) == []
    assert books.balance(db, AGENT) is None


def test_rows_of_one_cause(db: Database) -> None:
    fill(db)
    entries = books.by_reference(db, "order:1")
    assert [(entry.id, entry.phase, entry.moves) for entry in entries] == [
        ("o1", "held", False),
        ("o1:post", "post", True),
    ]
    assert books.by_reference(db, "") == []
    assert books.find(db, "o1") == entries[0]
    assert books.find(db, "o9") is None


def test_the_trial_balance_is_zero_per_asset(db: Database) -> None:
    fill(db)
    journal.open_account(db, accounts.trading("S10"), asset="S10", now_ms=0)
    trial = books.trial_balance(db)
    assert [(each.asset, each.debits, each.credits, each.difference) for each in trial] == [
        ("IDR", 1_100, 1_100, 0),
        ("S10", 0, 0, 0),
    ]
    assert [account.code for account in trial[0].accounts] == [
        accounts.OPENING,
        accounts.SALES,
        AGENT,
    ]
    assert books.accounts(db)[1].posted == 100
