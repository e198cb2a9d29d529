"""The audit finds each kind of damage, and names the row.

The damage is done with the guards taken off: triggers dropped, checks and foreign keys
off, as after a repair by hand that went wrong.
"""

import pytest
from peewee import Database

from pulsarack.ledger import accounts, journal, sql
from pulsarack.ledger.audit import RULES, Finding, audit
from pulsarack.ledger.journal import Transfer

AGENT = accounts.agent("A1")
ROW = (
    "INSERT INTO transfer (id, phase, hold_id, reverses, debit, credit, asset, amount, "
    "reference, memo, at) VALUES "
)


@pytest.fixture
def books(db: Database) -> Database:
    for code in (AGENT, accounts.SALES, accounts.OPENING):
        journal.open_account(db, code, limited=code == AGENT, now_ms=0)
    journal.transfer(db, Transfer("in", accounts.OPENING, AGENT, 1_000), now_ms=1)
    journal.hold(db, Transfer("h", AGENT, accounts.SALES, 100), now_ms=2)
    journal.post(db, "h", now_ms=3)
    journal.hold(db, Transfer("open", AGENT, accounts.SALES, 50), now_ms=4)
    journal.reverse(db, "h", id="undo", memo="", now_ms=5)
    return db


def take_guards_off(db: Database) -> None:
    for (trigger,) in sql.run(
        db, "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
    ).fetchall():
        if trigger != "transfer_moves_balances":
            sql.run(db, f"DROP TRIGGER {trigger}")
    for index in ("transfer_resolves_hold_once", "transfer_reversed_once"):
        sql.run(db, f"DROP INDEX {index}")
    sql.run(db, "PRAGMA ignore_check_constraints = ON")
    sql.run(db, "PRAGMA foreign_keys = OFF")


DAMAGE = [
    (
        "UPDATE account SET credits_posted = 1001 WHERE code = 'liability:agent:A1'",
        Finding(
            "balances_follow_from_the_journal",
            AGENT,
            "credits_posted is 1001, the journal says 1100",
        ),
    ),
    (
        "UPDATE account SET debits_posted = 7 WHERE code = 'income:sales'",
        Finding("assets_sum_to_zero", "IDR", "posted debits 1107, credits 1200"),
    ),
    (
        "UPDATE account SET debits_held = 49 WHERE code = 'liability:agent:A1'",
        Finding("assets_sum_to_zero", "IDR", "held debits 49, credits 50"),
    ),
    (
        ROW + "('t', 'posted', NULL, NULL, 'liability:agent:A1', 'income:sales', 'IDR', "
        "5000, '', '', 9)",
        Finding(
            "limited_accounts_are_within_limits",
            AGENT,
            "5150 went or is held to go out, 1100 came in",
        ),
    ),
    (
        "UPDATE account SET limited = 0 WHERE code = 'liability:agent:A1'",
        Finding(
            "deposits_and_stocks_are_limited", AGENT, "is not limited, so that it can be overdrawn"
        ),
    ),
    (
        "INSERT INTO account (code, asset, type, opened_at)"
        " VALUES ('asset:chip:8962', 'IDR', 'asset', 0)",
        Finding(
            "deposits_and_stocks_are_limited",
            "asset:chip:8962",
            "is not limited, so that it can be overdrawn",
        ),
    ),
    (
        ROW + "('open:post', 'post', 'open', NULL, 'liability:agent:A1', 'income:sales', 'IDR', "
        "40, '', '', 9)",
        Finding(
            "resolutions_match_their_holds", "open:post", "this post does not match a hold open"
        ),
    ),
    (
        ROW + "('h:void', 'void', 'h', NULL, 'liability:agent:A1', 'income:sales', 'IDR', "
        "100, '', '', 9)",
        Finding("holds_end_once", "h", "resolved 2 times: h:post, h:void"),
    ),
    (
        ROW + "('u2', 'posted', NULL, 'in', 'liability:agent:A1', 'equity:opening', 'IDR', "
        "1, '', '', 9)",
        Finding("reversals_match_and_happen_once", "u2", "does not mirror a booked transfer in"),
    ),
    (
        ROW + "('u2', 'posted', NULL, 'h:post', 'income:sales', 'liability:agent:A1', 'IDR', "
        "100, '', '', 9)",
        Finding("reversals_match_and_happen_once", "h:post", "reversed by several: undo, u2"),
    ),
    (
        ROW + "('t', 'posted', NULL, NULL, 'income:sales', 'liability:agent:A1', 'S10', "
        "1, '', '', 9)",
        Finding("assets_agree", "t", f"moves S10 but account {AGENT} is in IDR"),
    ),
    (
        ROW + "('t', 'posted', NULL, NULL, 'income:gone', 'liability:agent:A1', 'IDR', "
        "1, '', '', 9)",
        Finding("assets_agree", "t", "moves IDR but account income:gone does not exist"),
    ),
    (
        "UPDATE transfer SET amount = -5 WHERE id = 'in'",
        Finding("rows_are_well_formed", "in", f"posted of -5 from {AGENT} to equity:opening"),
    ),
    (
        "DELETE FROM transfer WHERE id = 'open'",
        Finding("no_row_is_missing", "transfer number 5", "the row before it has number 3"),
    ),
    (
        "DELETE FROM transfer WHERE id = 'undo'",
        Finding(
            "no_row_is_missing", "transfer number 5", "was issued, but the last row has number 4"
        ),
    ),
    (
        "INSERT INTO brought_forward VALUES ('liability:agent:A1', '2026-08', 0, 5, 0, 0, 9, 9)",
        Finding(
            "nothing_held_was_brought_forward",
            AGENT,
            "brought forward from 2026-08 with debits held 5, credits held 0",
        ),
    ),
    (
        "INSERT INTO brought_forward VALUES ('liability:agent:A1', '2026-08', 0, 0, 7, 0, 9, 9)",
        Finding(
            "balances_follow_from_the_journal",
            AGENT,
            "credits_posted is 1100, the journal says 1107",
        ),
    ),
    (
        "INSERT INTO transfer_copy (sequence, archive, id, phase, debit, credit, asset, amount,"
        " reference, memo, at) VALUES (3, '2026-08', 'x', 'posted', 'a', 'b', 'IDR', 1, '', '', 1)",
        Finding(
            "nothing_held_was_brought_forward",
            "transfer number 3",
            "is being archived, for ever",
        ),
    ),
    (
        "INSERT INTO closed_rows VALUES ('2026-08', 1, 3)",
        Finding(
            "no_row_is_missing", "the journal", "5 rows were issued, 5 are here, 1 are archived"
        ),
    ),
    (
        "DELETE FROM transfer WHERE id = 'undo'; INSERT INTO closed_rows VALUES ('2026-08', 1, 4)",
        Finding(
            "no_row_is_missing",
            "the journal",
            "the rows that are missing are not those that were archived",
        ),
    ),
]


def test_sound_books_have_no_findings(books: Database) -> None:
    assert audit(books) == []


def test_empty_books_have_no_findings(db: Database) -> None:
    assert audit(db) == []


@pytest.mark.parametrize(("damage", "finding"), DAMAGE)
def test_damage_is_found(books: Database, damage: str, finding: Finding) -> None:
    take_guards_off(books)
    sql.run(books, damage)
    assert finding in audit(books)


def test_every_rule_has_a_damage_that_proves_it() -> None:
    assert {finding.rule for _, finding in DAMAGE} == {rule.__name__ for rule in RULES}
