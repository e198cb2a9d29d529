"""Rows of banks' statements: each stored once, and each credits one agent once.

A row is known by everything that the bank says of it: bank, day, amount, description, balance,
and which of several equal ones it is. So statements may overlap and be imported again. Of rows
that are equal in everything the statement with most of them counts: let a statement hold whole
days, or a day from its beginning.

A credit that is the amount of a ticket, on a day of it, pays that ticket and raises its agent's
deposit, in the transaction that stores the row. All others wait for an admin, who says whose
they are; the row is the proof. Money that left the bank is kept and raises nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from peewee import Database

from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.queue import agents
from pulsarack.queue.deposits import tickets
from pulsarack.queue.deposits.tickets import LEGAL, Ticket, TicketState
from pulsarack.queue.errors import LedgerRefused
from pulsarack.queue.rows import columns, execute, insert_new, scalar, select, select_one
from pulsarack.queue.validation import Refusal, RefusalCode

FIRST_DAY: Final = "2000-01-01"
MOST_RUPIAH: Final = 10**12
MOST_BALANCE: Final = 10**15
LONGEST_DESCRIPTION: Final = 300
MOST_EQUAL: Final = 10_000
_MOST_PROBLEMS = 20
_PAYABLE = [old for old, news in LEGAL.items() if TicketState.PAID in news]


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One row as a bank tells it: rupiah, below zero if they left.

    `occurrence` is which of equal rows it is, from 1; None: counted within what comes together.
    """

    day: str
    amount: int
    description: str
    balance: int | None = None
    occurrence: int | None = None


@dataclass(frozen=True, slots=True)
class BankRow:
    """One row as it is stored, and whom it was credited to."""

    id: int
    bank: str
    day: str
    amount: int
    description: str
    balance: int | None
    occurrence: int
    source: str
    imported_at: int
    state: str
    note: str
    ticket_id: int | None
    agent: str | None
    who: str
    uid: int | None
    settled_at: int | None


@dataclass(frozen=True, slots=True)
class Paid:
    """A row and the ticket that it paid."""

    row: BankRow
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some rows; `known` is how many had been stored before."""

    added: int
    known: int
    debits: int
    paid: tuple[Paid, ...]
    unmatched: tuple[BankRow, ...]


_SELECT = f"SELECT {columns(BankRow)} FROM bank_row"


def transfer_id(row_id: int) -> str:
    """The id of the transfer that a row caused."""
    return f"bank_row:{row_id}"


def take(
    db: Database,
    bank: str,
    rows: Sequence[StatementRow],
    *,
    source: str,
    latest_day: str,
    now_ms: int,
) -> Taken | Refusal:
    """Store rows and credit what pays a ticket; nothing at all if one of them is bad.

    `bank` is the name of one of ours, `latest_day` the last local day that a row can have.
    """
    refusal = refusal_of(rows, latest_day)
    if refusal is not None:
        return refusal
    tickets.expire(db, now_ms=now_ms)
    paid: list[Paid] = []
    unmatched: list[BankRow] = []
    known = debits = 0
    for one in _numbered(rows):
        row = _store(db, bank, one, source, now_ms)
        if row is None:
            known += 1
        elif row.amount < 0:
            debits += 1
        elif isinstance(settled := _match(db, row, now_ms), Paid):
            paid.append(settled)
        else:
            unmatched.append(settled)
    return Taken(len(rows) - known, known, debits, tuple(paid), tuple(unmatched))


def assign(
    db: Database, row_id: int, agent: str, *, who: str, uid: int, because: str, now_ms: int
) -> BankRow | Refusal:
    """Credit an agent with a row that matched nothing, on an admin's word whose it is."""
    row = find(db, row_id)
    if row is None:
        remedy = "see: pulsarack bank rows --unmatched"
        return Refusal(RefusalCode.NOT_FOUND, f"there is no row {row_id}", remedy)
    if row.state != "UNMATCHED":
        whose = f" {row.agent}" if row.agent else ""
        return Refusal(
            RefusalCode.NOT_OPEN, f"row {row_id} is {row.state}{whose}", "leave it as it is"
        )
    if not because.strip():
        return Refusal(RefusalCode.NO_REASON, "a decision needs a reason", "give --because TEXT")
    if agents.find(db, agent) is None:
        return agents.unknown(agent)
    execute(
        db,
        "UPDATE bank_row SET state = 'ASSIGNED', agent = ?, note = ?, who = ?, uid = ?,"
        " settled_at = ? WHERE id = ?",
        (agent, because, who, uid, now_ms, row_id),
    )
    _credit(db, row, agent, f"deposit over {row.bank}, by {who}: {because}", now_ms)
    return get(db, row_id)


def find(db: Database, row_id: int) -> BankRow | None:
    """One row."""
    return select_one(db, BankRow, f"{_SELECT} WHERE id = ?", (row_id,))


def get(db: Database, row_id: int) -> BankRow:
    """A row that is there."""
    found = find(db, row_id)
    assert found is not None, f"row {row_id} is not there"
    return found


def listed(db: Database, *, unmatched: bool, limit: int) -> list[BankRow]:
    """The newest rows, or those that nobody was credited for."""
    where = "WHERE state = 'UNMATCHED' " if unmatched else ""
    return select(db, BankRow, f"{_SELECT} {where}ORDER BY id DESC LIMIT ?", (limit,))


def unmatched(db: Database) -> int:
    """How many payments nobody was credited for."""
    return int(scalar(db, "SELECT count(*) FROM bank_row WHERE state = 'UNMATCHED'"))


def of_ticket(db: Database, ticket_id: int) -> BankRow | None:
    """The row that paid a ticket."""
    # The second condition lets the partial index serve the query.
    return select_one(
        db, BankRow, f"{_SELECT} WHERE ticket_id = ? AND ticket_id IS NOT NULL", (ticket_id,)
    )


def refusal_of(rows: Sequence[StatementRow], latest_day: str) -> Refusal | None:
    """Why these rows cannot be taken, by their places from 1; None: they can."""
    found = ((place, problem_of(row, latest_day)) for place, row in enumerate(rows, start=1))
    problems = [f"row {place}: {problem}" for place, problem in found if problem is not None]
    if not problems:
        return None
    hidden = len(problems) - _MOST_PROBLEMS
    more = f" (and {hidden} more)" if hidden > 0 else ""
    shown = "; ".join(problems[:_MOST_PROBLEMS])
    return Refusal(RefusalCode.BAD_ROWS, shown + more, "nothing was imported")


def problem_of(row: StatementRow, latest_day: str) -> str | None:
    """What a row of a statement cannot say."""
    if not _is_day(row.day) or row.day < FIRST_DAY:
        return f"{row.day[:20]!r} is not a day such as 2026-11-30"
    if row.day > latest_day:
        return f"{row.day} has not come yet"
    if row.amount == 0 or abs(row.amount) > MOST_RUPIAH:
        return f"{row.amount} rupiah is no payment"
    if len(row.description) > LONGEST_DESCRIPTION:
        return f"the description has more than {LONGEST_DESCRIPTION} characters"
    if row.balance is not None and abs(row.balance) > MOST_BALANCE:
        return f"{row.balance} rupiah is no balance"
    if row.occurrence is not None and not 1 <= row.occurrence <= MOST_EQUAL:
        return f"the occurrence is not 1 to {MOST_EQUAL}"
    return None


def numbered(rows: Sequence[StatementRow]) -> list[StatementRow]:
    """The same rows, each knowing which of equal ones it is; so they may be sent in parts."""
    return list(_numbered(rows))


def _numbered(rows: Sequence[StatementRow]) -> Iterator[StatementRow]:
    seen: Counter[StatementRow] = Counter()
    for row in rows:
        plain = replace(row, description=" ".join(row.description.split()))
        if plain.occurrence is None:
            seen[plain] += 1
            plain = replace(plain, occurrence=seen[plain])
        yield plain


def _store(db: Database, bank: str, row: StatementRow, source: str, now_ms: int) -> BankRow | None:
    """The row as it is stored now; None if it had been before."""
    state = "UNMATCHED" if row.amount > 0 else "DEBIT"
    row_id = insert_new(
        db,
        "INSERT INTO bank_row (bank, day, amount, description, balance, occurrence, source,"
        " imported_at, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (bank, row.day, row.amount, row.description, row.balance, row.occurrence, source, now_ms,
         state),
    )  # fmt: skip
    return None if row_id is None else get(db, row_id)


def _match(db: Database, row: BankRow, now_ms: int) -> Paid | BankRow:
    ticket = tickets.of_payment(db, row.bank, row.amount, row.day)
    if ticket is None or ticket.state not in _PAYABLE:
        note = "no ticket has this amount on that day"
        if ticket is not None:
            note = f"ticket {ticket.id} of {ticket.agent} is {ticket.state}"
        execute(db, "UPDATE bank_row SET note = ? WHERE id = ?", (note, row.id))
        return get(db, row.id)
    tickets.move(db, ticket.id, TicketState.PAID, why=f"row {row.id} of {row.bank}", now_ms=now_ms)
    execute(
        db,
        "UPDATE bank_row SET state = 'PAID', ticket_id = ?, agent = ?, settled_at = ? WHERE id = ?",
        (ticket.id, ticket.agent, now_ms, row.id),
    )
    _credit(db, row, ticket.agent, f"ticket {ticket.id} paid over {row.bank}", now_ms)
    return Paid(get(db, row.id), tickets.get(db, ticket.id))


def _credit(db: Database, row: BankRow, agent: str, memo: str, now_ms: int) -> None:
    account = accounts.bank(row.bank)
    journal.open_account(db, account, now_ms=now_ms)
    wanted = Transfer(
        id=transfer_id(row.id),
        debit=account,
        credit=accounts.agent(agent),
        amount=row.amount,
        reference=transfer_id(row.id),
        memo=memo,
    )
    result = journal.transfer(db, wanted, now_ms=now_ms)
    if result is not Result.OK:
        raise LedgerRefused(f"row {row.id} of {row.bank} could not be credited: {result}")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
