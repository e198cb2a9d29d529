"""Balance that moves between agents: from an upline down its tree, and back to it.

An upline sends to those below it, at any depth, and to everybody only where the configuration
allows it; it pulls back only from those below it, and only what is not held for orders. One
text moves once: sender, receiver, amount, local day and repeat index are the key, and the same
again is answered with the first one. When the clock is set back a day comes again, and with it
what was moved within a day before.

Who is below whom is asked of a function that the caller hands in.
"""

from collections.abc import Callable
from dataclasses import dataclass

from peewee import Database

from pulsarack.ledger import accounts, books, journal
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.queue import agents, clock_steps
from pulsarack.queue.errors import LedgerRefused
from pulsarack.queue.rows import columns, insert, select_one
from pulsarack.queue.validation import Refusal, RefusalCode

IsBelow = Callable[[Database, str, str], bool]
"""Whether an agent (the first code) is below another one (the second), at any depth."""

MOST_RUPIAH = 10**12
SEND = "SEND"
PULL = "PULL"


@dataclass(frozen=True, slots=True)
class BalanceTransfer:
    """One movement: rupiah left the deposit of `sender` for that of `receiver`.

    `kind` is SEND (the sender asked for it) or PULL (the receiver did).
    """

    id: int
    kind: str
    sender: str
    receiver: str
    amount: int
    local_day: str
    repeat_index: int
    moved_at: int


@dataclass(frozen=True, slots=True)
class Moved:
    """The movement; `repeated`: it is the one of before, at the time that it says."""

    transfer: BalanceTransfer
    repeated: bool


def transfer_id(balance_transfer_id: int) -> str:
    """The id of the ledger's transfer."""
    return f"balance_transfer:{balance_transfer_id}"


def send(
    db: Database,
    by: str,
    to: str,
    amount: int,
    *,
    repeat_index: int,
    local_day: str,
    across: bool,
    is_below: IsBelow,
    now_ms: int,
) -> Moved | Refusal:
    """Move balance of `by` to `to`; `across`: to agents that are not below it, too."""
    receiver = agents.find(db, to)
    reachable = receiver is not None and (across or is_below(db, to, by))
    return _move(
        db,
        BalanceTransfer(0, SEND, by, to, amount, local_day, repeat_index, now_ms),
        other=to,
        reachable=reachable and receiver is not None and bool(receiver.active),
    )


def pull_back(
    db: Database,
    by: str,
    downline: str,
    amount: int,
    *,
    repeat_index: int,
    local_day: str,
    is_below: IsBelow,
    now_ms: int,
) -> Moved | Refusal:
    """Move balance of a downline back to `by`, as far as it is available."""
    reachable = agents.find(db, downline) is not None and is_below(db, downline, by)
    wanted = BalanceTransfer(0, PULL, downline, by, amount, local_day, repeat_index, now_ms)
    return _move(db, wanted, other=downline, reachable=reachable)


def find(db: Database, balance_transfer_id: int) -> BalanceTransfer | None:
    """One movement."""
    sql = f"SELECT {columns(BalanceTransfer)} FROM balance_transfer WHERE id = ?"
    return select_one(db, BalanceTransfer, sql, (balance_transfer_id,))


def _move(db: Database, wanted: BalanceTransfer, *, other: str, reachable: bool) -> Moved | Refusal:
    if wanted.sender == wanted.receiver:
        return Refusal(
            RefusalCode.SAME_AGENT, "both are the same agent", "name the agent on the other side"
        )
    if not reachable:
        # The same words whether there is such an agent or not.
        return Refusal(
            RefusalCode.NOT_A_DOWNLINE,
            f"'{other[:32]}' is not an agent of yours",
            "check the agent's code",
        )
    if not 1 <= wanted.amount <= MOST_RUPIAH or not 1 <= wanted.repeat_index <= 99:
        return Refusal(
            RefusalCode.BAD_AMOUNT, f"{wanted.amount} cannot be moved", "move 1 rupiah or more"
        )
    first = _by_natural_key(db, wanted) or _before_the_clock_was_set_back(db, wanted)
    if first is not None:
        return Moved(first, repeated=True)
    balance = books.balance(db, accounts.agent(wanted.sender))
    available = 0 if balance is None else balance.available
    if available < wanted.amount:
        return Refusal(
            RefusalCode.INSUFFICIENT_DEPOSIT,
            f"{wanted.amount} should move, {available} is available",
            "move less",
        )
    return Moved(_book(db, wanted), repeated=False)


def _by_natural_key(db: Database, one: BalanceTransfer) -> BalanceTransfer | None:
    return select_one(
        db,
        BalanceTransfer,
        f"SELECT {columns(BalanceTransfer)} FROM balance_transfer WHERE sender = ?"
        " AND receiver = ? AND amount = ? AND local_day = ? AND repeat_index = ? AND kind = ?",
        (one.sender, one.receiver, one.amount, one.local_day, one.repeat_index, one.kind),
    )


def _before_the_clock_was_set_back(db: Database, one: BalanceTransfer) -> BalanceTransfer | None:
    """The same of a day that is still to come, if it was moved a short time ago."""
    for after_ms, until_ms in clock_steps.before_set_back(db, now_ms=one.moved_at):
        found = select_one(
            db,
            BalanceTransfer,
            f"SELECT {columns(BalanceTransfer)} FROM balance_transfer WHERE sender = ?"
            " AND receiver = ? AND amount = ? AND local_day > ? AND repeat_index = ? AND kind = ?"
            " AND moved_at > ? AND moved_at <= ? ORDER BY local_day LIMIT 1",
            (one.sender, one.receiver, one.amount, one.local_day, one.repeat_index, one.kind,
             after_ms, until_ms),
        )  # fmt: skip
        if found is not None:
            return found
    return None


def _book(db: Database, one: BalanceTransfer) -> BalanceTransfer:
    row_id = insert(
        db,
        "INSERT INTO balance_transfer (kind, sender, receiver, amount, local_day, repeat_index,"
        " moved_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (one.kind, one.sender, one.receiver, one.amount, one.local_day, one.repeat_index,
         one.moved_at),
    )  # fmt: skip
    words = "to" if one.kind == SEND else "pulled back by"
    wanted = Transfer(
        id=transfer_id(row_id),
        debit=accounts.agent(one.sender),
        credit=accounts.agent(one.receiver),
        amount=one.amount,
        reference=transfer_id(row_id),
        memo=f"{one.sender} {words} {one.receiver}",
    )
    result = journal.transfer(db, wanted, now_ms=one.moved_at)
    if result is not Result.OK:
        raise LedgerRefused(f"balance transfer {row_id} could not be booked: {result}")
    stored = find(db, row_id)
    assert stored is not None, "it was just stored"
    return stored
