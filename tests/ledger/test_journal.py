"""Each answer the journal can give, and that an answer other than OK changed nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from peewee import Database, IntegrityError

from pulsarack.ledger import accounts, journal, sql
from pulsarack.ledger.amounts import AMOUNT_MAX
from pulsarack.ledger.audit import audit
from pulsarack.ledger.errors import AccountCodeError, TransferIdError
from pulsarack.ledger.journal import Result, Transfer

AGENT = accounts.agent("A1")
CHIP = accounts.chip("8962100000000000012")
NOW = 1_795_000_000_000
PRICE = Transfer("order:1:price", AGENT, accounts.SALES, 10_500, reference="order:1", memo="S10")
COST = Transfer("order:1:cost", accounts.AIRTIME, CHIP, 10_150, reference="order:1")


@pytest.fixture
def books(db: Database) -> Database:
    """An agent with 50 000, a chip with 40 000, an account of units, one never filled."""
    for code, limited in (
        (AGENT, True),
        (CHIP, True),
        (accounts.SALES, False),
        (accounts.AIRTIME, False),
        (accounts.OPENING, False),
    ):
        assert journal.open_account(db, code, limited=limited, now_ms=NOW) is Result.OK
    assert journal.open_account(db, accounts.trading("S10"), asset="S10", now_ms=NOW) is Result.OK
    for transfer in (
        Transfer("opening:agent", accounts.OPENING, AGENT, 50_000),
        Transfer("opening:chip", CHIP, accounts.OPENING, 40_000),
    ):
        assert journal.transfer(db, transfer, now_ms=NOW) is Result.OK
    return db


def picture(db: Database) -> object:
    """All there is to see of the books."""
    return (
        sql.run(db, "SELECT * FROM account ORDER BY code").fetchall(),
        sql.run(db, "SELECT * FROM transfer ORDER BY sequence").fetchall(),
    )


def figures(db: Database, code: str) -> tuple[int, int, int]:
    found = journal.balance(db, code)
    assert found is not None
    return found.posted, found.held, found.available


def test_opening_an_account_twice(books: Database) -> None:
    before = picture(books)
    assert journal.open_account(books, AGENT, limited=True, now_ms=NOW + 1) is Result.EXISTS
    assert journal.open_account(books, AGENT, now_ms=NOW) is Result.EXISTS_DIFFERENT
    assert (
        journal.open_account(books, AGENT, asset="S10", limited=True, now_ms=NOW)
        is Result.EXISTS_DIFFERENT
    )
    assert picture(books) == before


def test_only_what_can_be_overdrawn_has_a_limit(db: Database) -> None:
    with pytest.raises(AccountCodeError, match="limited"):
        journal.open_account(db, accounts.SALES, limited=True, now_ms=NOW)


def test_an_order_that_succeeds(books: Database) -> None:
    assert journal.hold(books, PRICE, now_ms=NOW) is Result.OK
    assert figures(books, AGENT) == (50_000, 10_500, 39_500)
    assert figures(books, accounts.SALES) == (0, 0, 0)
    assert journal.hold(books, COST, now_ms=NOW) is Result.OK
    assert figures(books, CHIP) == (40_000, 10_150, 29_850)
    assert journal.post(books, PRICE.id, now_ms=NOW) is Result.OK
    assert journal.post(books, COST.id, now_ms=NOW) is Result.OK
    assert figures(books, AGENT) == (39_500, 0, 39_500)
    assert figures(books, accounts.SALES) == (10_500, 0, 10_500)
    assert figures(books, CHIP) == (29_850, 0, 29_850)
    assert figures(books, accounts.AIRTIME) == (10_150, 0, 10_150)
    assert audit(books) == []


def test_an_order_that_fails(books: Database) -> None:
    assert journal.hold(books, PRICE, now_ms=NOW) is Result.OK
    assert journal.void(books, PRICE.id, now_ms=NOW) is Result.OK
    assert figures(books, AGENT) == (50_000, 0, 50_000)
    assert figures(books, accounts.SALES) == (0, 0, 0)
    assert audit(books) == []


@pytest.mark.parametrize("book", [journal.transfer, journal.hold])
@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"debit": AGENT, "credit": AGENT}, Result.SAME_ACCOUNT),
        ({"debit": accounts.agent("nobody")}, Result.ACCOUNT_NOT_FOUND),
        ({"credit": accounts.agent("nobody")}, Result.ACCOUNT_NOT_FOUND),
        ({"asset": "S10"}, Result.ASSET_MISMATCH),
        ({"credit": accounts.trading("S10")}, Result.ASSET_MISMATCH),
        ({"amount": 50_001}, Result.EXCEEDS_BALANCE),
        ({"debit": accounts.AIRTIME, "credit": CHIP, "amount": 40_001}, Result.EXCEEDS_BALANCE),
        ({"debit": accounts.AIRTIME, "credit": AGENT, "amount": AMOUNT_MAX}, Result.OVERFLOWS),
        ({"debit": CHIP, "credit": accounts.SALES, "amount": AMOUNT_MAX}, Result.OVERFLOWS),
        ({"amount": 50_000}, Result.OK),
    ],
)
def test_what_cannot_be_booked(
    books: Database, book: Callable[..., Result], change: dict[str, str], answer: Result
) -> None:
    before = picture(books)
    assert book(books, replace(PRICE, **change), now_ms=NOW) is answer  # type: ignore[arg-type]
    assert (picture(books) == before) is (answer is not Result.OK)
    assert audit(books) == []


def test_what_is_held_cannot_be_spent_again(books: Database) -> None:
    assert journal.hold(books, replace(PRICE, amount=30_000), now_ms=NOW) is Result.OK
    again = replace(PRICE, id="order:2:price", amount=20_001)
    assert journal.hold(books, again, now_ms=NOW) is Result.EXCEEDS_BALANCE
    assert journal.transfer(books, again, now_ms=NOW) is Result.EXCEEDS_BALANCE
    assert journal.hold(books, replace(again, amount=20_000), now_ms=NOW) is Result.OK


def test_what_is_held_for_an_account_is_not_available_to_it(books: Database) -> None:
    arriving = Transfer("deposit", accounts.OPENING, AGENT, 5_000)
    assert journal.hold(books, arriving, now_ms=NOW) is Result.OK
    found = journal.balance(books, AGENT)
    assert found is not None
    assert (found.available, found.arriving) == (50_000, 5_000)


@pytest.mark.parametrize("book", [journal.transfer, journal.hold])
def test_a_repeat_is_harmless(books: Database, book: Callable[..., Result]) -> None:
    assert book(books, PRICE, now_ms=NOW) is Result.OK
    before = picture(books)
    assert book(books, PRICE, now_ms=NOW + 99) is Result.EXISTS
    for change in (
        {"amount": 1},
        {"memo": "other"},
        {"reference": "order:2"},
        {"credit": accounts.OPENING},
    ):
        other = replace(PRICE, **change)
        assert book(books, other, now_ms=NOW) is Result.EXISTS_DIFFERENT
    other_way = journal.hold if book is journal.transfer else journal.transfer
    assert other_way(books, PRICE, now_ms=NOW) is Result.EXISTS_DIFFERENT
    assert picture(books) == before


def test_a_repeat_of_a_resolved_hold_is_harmless(books: Database) -> None:
    journal.hold(books, PRICE, now_ms=NOW)
    journal.post(books, PRICE.id, now_ms=NOW)
    before = picture(books)
    assert journal.hold(books, PRICE, now_ms=NOW) is Result.EXISTS
    assert picture(books) == before


@pytest.mark.parametrize(
    ("first", "then", "answer"),
    [
        (journal.post, journal.post, Result.ALREADY_POSTED),
        (journal.post, journal.void, Result.ALREADY_POSTED),
        (journal.void, journal.void, Result.ALREADY_VOIDED),
        (journal.void, journal.post, Result.ALREADY_VOIDED),
    ],
)
def test_a_hold_ends_once(
    books: Database,
    first: Callable[..., Result],
    then: Callable[..., Result],
    answer: Result,
) -> None:
    journal.hold(books, PRICE, now_ms=NOW)
    assert first(books, PRICE.id, now_ms=NOW) is Result.OK
    before = picture(books)
    assert then(books, PRICE.id, now_ms=NOW) is answer
    assert picture(books) == before


@pytest.mark.parametrize("resolve", [journal.post, journal.void])
def test_only_a_hold_can_be_resolved(books: Database, resolve: Callable[..., Result]) -> None:
    before = picture(books)
    assert resolve(books, "nothing", now_ms=NOW) is Result.HOLD_NOT_FOUND
    assert resolve(books, "opening:agent", now_ms=NOW) is Result.NOT_A_HOLD
    assert picture(books) == before


@pytest.mark.parametrize(("resolve", "phase"), [(journal.post, "post"), (journal.void, "void")])
def test_several_holds_end_together(
    books: Database, resolve: Callable[..., Result], phase: str
) -> None:
    journal.hold(books, PRICE, now_ms=NOW)
    journal.hold(books, COST, now_ms=NOW)
    assert resolve(books, COST.id, PRICE.id, now_ms=NOW) is Result.OK
    ends = [entry for entry in journal.by_reference(books, "order:1") if entry.phase == phase]
    # Each repeats its own hold, in the order that was asked for.
    assert [(one.id, one.hold_id, one.debit, one.credit, one.amount, one.memo) for one in ends] == [
        (f"{held.id}:{phase}", held.id, held.debit, held.credit, held.amount, held.memo)
        for held in (COST, PRICE)
    ]
    assert audit(books) == []


@pytest.mark.parametrize(
    ("ended", "other", "answer"),
    [
        (journal.post, PRICE.id, Result.ALREADY_POSTED),
        (journal.void, PRICE.id, Result.ALREADY_VOIDED),
        (journal.post, "nothing", Result.HOLD_NOT_FOUND),
        (journal.post, "opening:agent", Result.NOT_A_HOLD),
        (journal.post, f"{PRICE.id}:post", Result.NOT_A_HOLD),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_of_several_holds_all_end_or_none(
    books: Database, ended: Callable[..., Result], other: str, answer: Result, *, first: bool
) -> None:
    journal.hold(books, PRICE, now_ms=NOW)
    journal.hold(books, COST, now_ms=NOW)
    ended(books, PRICE.id, now_ms=NOW)
    before = picture(books)
    both = (other, COST.id) if first else (COST.id, other)
    assert journal.post(books, *both, now_ms=NOW) is answer
    assert journal.void(books, *both, now_ms=NOW) is answer
    assert picture(books) == before


def test_one_hold_named_twice_is_a_fault(books: Database) -> None:
    journal.hold(books, PRICE, now_ms=NOW)
    before = picture(books)
    with pytest.raises(IntegrityError):
        journal.post(books, PRICE.id, PRICE.id, now_ms=NOW)
    assert picture(books) == before


def test_a_reversal_undoes_once(books: Database) -> None:
    journal.transfer(books, PRICE, now_ms=NOW)
    args = {"id": "undo:1", "memo": "complaint 7", "now_ms": NOW}
    assert journal.reverse(books, PRICE.id, **args) is Result.OK  # type: ignore[arg-type]
    assert figures(books, AGENT) == (50_000, 0, 50_000)
    before = picture(books)
    assert journal.reverse(books, PRICE.id, **args) is Result.EXISTS  # type: ignore[arg-type]
    again = journal.reverse(books, PRICE.id, id="undo:2", memo="", now_ms=NOW)
    assert again is Result.ALREADY_REVERSED
    assert picture(books) == before
    assert audit(books) == []
    assert [entry.reverses for entry in journal.by_reference(books, "order:1")] == [None, PRICE.id]


def test_a_posted_hold_is_reversed_by_either_of_its_ids(books: Database) -> None:
    journal.hold(books, PRICE, now_ms=NOW)
    early = journal.reverse(books, PRICE.id, id="undo:0", memo="", now_ms=NOW)
    assert early is Result.NOT_POSTED
    journal.post(books, PRICE.id, now_ms=NOW)
    assert journal.reverse(books, PRICE.id, id="undo:1", memo="", now_ms=NOW) is Result.OK
    by_post = journal.reverse(books, f"{PRICE.id}:post", id="undo:2", memo="", now_ms=NOW)
    assert by_post is Result.ALREADY_REVERSED


def test_what_cannot_be_reversed(books: Database) -> None:
    journal.hold(books, PRICE, now_ms=NOW)
    journal.void(books, PRICE.id, now_ms=NOW)
    for transfer_id, answer in (
        ("nothing", Result.TRANSFER_NOT_FOUND),
        (PRICE.id, Result.NOT_POSTED),
        (f"{PRICE.id}:void", Result.NOT_POSTED),
    ):
        assert journal.reverse(books, transfer_id, id="undo", memo="", now_ms=NOW) is answer
    journal.transfer(books, replace(PRICE, id="spent", amount=50_000), now_ms=NOW)
    broke = journal.reverse(books, "opening:agent", id="undo", memo="", now_ms=NOW)
    assert broke is Result.EXCEEDS_BALANCE
    with pytest.raises(TransferIdError):
        journal.reverse(books, "spent", id="x:post", memo="", now_ms=NOW)


def test_a_refusal_that_no_rule_explains_is_raised(books: Database) -> None:
    sql.run(
        books,
        "CREATE TRIGGER closed BEFORE INSERT ON transfer BEGIN SELECT RAISE(ABORT, 'closed'); END",
    )
    with pytest.raises(IntegrityError, match="closed"):
        journal.transfer(books, PRICE, now_ms=NOW)


def test_a_refusal_leaves_the_callers_transaction_usable(books: Database) -> None:
    with books.atomic("IMMEDIATE"):
        assert journal.hold(books, PRICE, now_ms=NOW) is Result.OK
        too_much = replace(PRICE, id="order:2:price", amount=49_000)
        assert journal.hold(books, too_much, now_ms=NOW) is Result.EXCEEDS_BALANCE
        assert journal.hold(books, COST, now_ms=NOW) is Result.OK
    assert figures(books, AGENT) == (50_000, 10_500, 39_500)
    assert audit(books) == []  # above all: the refused row left no gap in the numbers
