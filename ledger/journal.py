"""The journal: every way in which the books change.

A transfer moves one amount of one asset from the account it credits to the account it
debits. It is posted at once, or held and later posted or voided. Rows are only ever
added.

Each call first tries the one INSERT that it is about; a trigger keeps the balances and
the database refuses whatever is wrong. Only when it did refuse is the reason looked up.
So the usual case costs one statement, and a rule that is forgotten here still holds.
Ids come from the caller: a repeat with the same content answers EXISTS and changes
nothing. A refusal that no rule here explains is a fault and raises on.

All calls run inside the caller's transaction and commit nothing themselves. The reading
side is in books.py; its commonest names can be had from here too.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from peewee import Database, IntegrityError

from pulsarack.ledger import sql
from pulsarack.ledger.accounts import AccountType, account_type
from pulsarack.ledger.amounts import AMOUNT_MAX, check_amount, check_time
from pulsarack.ledger.books import Balance, Entry, balance, by_reference, trial_balance
from pulsarack.ledger.errors import AccountCodeError, TransferIdError
from pulsarack.ledger.result import Result

__all__ = [
    "Balance",
    "Entry",
    "Result",
    "Transfer",
    "balance",
    "by_reference",
    "hold",
    "hold_all",
    "open_account",
    "post",
    "reverse",
    "transfer",
    "trial_balance",
    "void",
]

_ID_MAX: Final = 200
_INSERT: Final = (
    "INSERT INTO transfer (id, phase, reverses, debit, credit, asset, amount, reference, memo, at)"
)
_INSERT_ONE: Final = f"{_INSERT} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One movement that a caller wants booked. Raises if id or amount is malformed.

    `amount` is in the minor unit of `asset` (rupiah have none smaller). `reference` ties
    all transfers of one cause together, e.g. "order:17"; "" is no reference.
    """

    id: str
    debit: str
    credit: str
    amount: int
    asset: str = "IDR"
    reference: str = ""
    memo: str = ""

    def __post_init__(self) -> None:
        check_amount(self.amount)
        _check_id(self.id)


def open_account(
    db: Database, code: str, *, asset: str = "IDR", limited: bool = False, now_ms: int
) -> Result:
    """Open an account; its type is the first segment of its code.

    A limited account refuses what would overdraw it; only assets and liabilities have
    a limit. Answers OK, EXISTS, or EXISTS_DIFFERENT (same code, other asset or limit).
    """
    kind = account_type(code)
    if limited and kind not in (AccountType.ASSET, AccountType.LIABILITY):
        raise AccountCodeError(code, "only an asset or a liability can be limited")
    added = sql.changed(
        db,
        "INSERT INTO account (code, asset, type, limited, opened_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (code) DO NOTHING",
        code,
        asset,
        kind.value,
        int(limited),
        check_time(now_ms),
    )
    if added:
        return Result.OK
    known = sql.one(db, "SELECT asset, limited FROM account WHERE code = ?", code)
    return Result.EXISTS if known == (asset, int(limited)) else Result.EXISTS_DIFFERENT


def transfer(db: Database, wanted: Transfer, *, now_ms: int) -> Result:
    """Book a transfer at once.

    Answers OK, EXISTS, EXISTS_DIFFERENT, SAME_ACCOUNT, ACCOUNT_NOT_FOUND,
    ASSET_MISMATCH, EXCEEDS_BALANCE or OVERFLOWS.
    """
    return _book(db, wanted, "posted", None, now_ms)


def hold(db: Database, wanted: Transfer, *, now_ms: int) -> Result:
    """Set an amount aside until it is posted or voided. Answers as `transfer` does."""
    return _book(db, wanted, "held", None, now_ms)


def hold_all(
    db: Database,
    wanted: Sequence[tuple[str, int, str]],
    *,
    debit: str,
    credit: str,
    asset: str = "IDR",
    memo: str = "",
    now_ms: int,
) -> None:
    """Hold transfers between the same accounts, each by its id, amount and reference.

    One statement does it. Raises IntegrityError if one of them cannot be held: nothing is held
    then, and nobody is told which one it was; this is for whoever has looked before.
    """
    at = check_time(now_ms)
    rows = []
    for transfer_id, amount, reference in wanted:
        check_amount(amount)
        _check_id(transfer_id)
        rows.append((transfer_id, "held", None, debit, credit, asset, amount, reference, memo, at))
    sql.add_all(db, _INSERT, rows)


def post(db: Database, hold_id: str, *others: str, now_ms: int) -> Result:
    """Turn a hold into a booked transfer (its row has the id "<hold_id>:post").

    With others, all of them or none. Answers OK, or of the first that cannot be posted:
    HOLD_NOT_FOUND, NOT_A_HOLD, ALREADY_POSTED or ALREADY_VOIDED.
    """
    return _resolve(db, (hold_id, *others), "post", now_ms)


def void(db: Database, hold_id: str, *others: str, now_ms: int) -> Result:
    """Give a hold up (its row has the id "<hold_id>:void"), or several. Answers as `post` does."""
    return _resolve(db, (hold_id, *others), "void", now_ms)


def reverse(db: Database, transfer_id: str, *, id: str, memo: str, now_ms: int) -> Result:
    """Undo a booked transfer by its mirror image, under the caller's new id.

    `transfer_id` is a transfer, or a hold that was posted. Answers as `transfer` does,
    and TRANSFER_NOT_FOUND, NOT_POSTED or ALREADY_REVERSED.
    """
    _check_id(id)
    row = _movement(db, transfer_id)
    if isinstance(row, Result):
        return row
    mistake_id, debit, credit, amount, asset, reference = row
    mirror = Transfer(id, credit, debit, amount, asset, reference, memo)
    return _book(db, mirror, "posted", mistake_id, now_ms)


# --- one INSERT -------------------------------------------------------------------------


def _book(db: Database, wanted: Transfer, phase: str, reverses: str | None, now_ms: int) -> Result:
    row = (
        wanted.id,
        phase,
        reverses,
        wanted.debit,
        wanted.credit,
        wanted.asset,
        wanted.amount,
        wanted.reference,
        wanted.memo,
    )
    try:
        sql.run(db, _INSERT_ONE, *row, check_time(now_ms))
    except IntegrityError:
        why = _why_refused(db, wanted, row, reverses)
        if why is None:
            raise
        return why
    return Result.OK


@functools.cache
def _resolution_of(number: int) -> str:
    """Ends so many holds. One that there is not makes a row that the database refuses."""
    ids = ", ".join(["(?)"] * number)
    return (
        "INSERT INTO transfer (id, phase, hold_id, debit, credit, asset, amount, reference, memo,"
        " at) SELECT ended.column1 || ':' || ?1, ?1, ended.column1, hold.debit, hold.credit,"
        f" hold.asset, hold.amount, hold.reference, hold.memo, ?2 FROM (VALUES {ids}) AS ended"
        " LEFT JOIN transfer AS hold ON hold.id = ended.column1 AND hold.phase = 'held'"
    )


def _resolve(db: Database, hold_ids: Sequence[str], phase: str, now_ms: int) -> Result:
    try:
        sql.run(db, _resolution_of(len(hold_ids)), phase, check_time(now_ms), *hold_ids)
    except IntegrityError:
        whys = (_why_unresolved(db, hold_id) for hold_id in hold_ids)
        why = next((why for why in whys if why is not None), None)
        if why is None:
            raise
        return why
    return Result.OK


# --- why the database said no -----------------------------------------------------------


def _why_refused(
    db: Database, wanted: Transfer, row: Sequence[object], reverses: str | None
) -> Result | None:
    """The rule that a refused INSERT broke, first the rules that need no balance."""
    known = sql.one(
        db,
        "SELECT id, phase, reverses, debit, credit, asset, amount, reference, memo "
        "FROM transfer WHERE id = ?",
        wanted.id,
    )
    if known is not None:
        return Result.EXISTS if known == row else Result.EXISTS_DIFFERENT
    if reverses is not None and _is_reversed(db, reverses):
        return Result.ALREADY_REVERSED
    if wanted.debit == wanted.credit:
        return Result.SAME_ACCOUNT
    sides = {
        code: _Side(*rest)
        for code, *rest in sql.run(
            db,
            "SELECT code, asset, type, limited, debits_posted, debits_held, credits_posted, "
            "credits_held FROM account WHERE code IN (?, ?)",
            wanted.debit,
            wanted.credit,
        )
    }
    if len(sides) < 2:
        return Result.ACCOUNT_NOT_FOUND
    if any(side.asset != wanted.asset for side in sides.values()):
        return Result.ASSET_MISMATCH
    return _why_too_much(wanted.amount, sides[wanted.debit], sides[wanted.credit])


class _Side(NamedTuple):
    """An account as a refused transfer met it."""

    asset: str
    type: str
    limited: int
    debits_posted: int
    debits_held: int
    credits_posted: int
    credits_held: int


def _why_too_much(amount: int, debited: _Side, credited: _Side) -> Result | None:
    debits = debited.debits_posted + debited.debits_held + amount
    credits_ = credited.credits_posted + credited.credits_held + amount
    if debited.limited and debited.type == "liability" and debits > debited.credits_posted:
        return Result.EXCEEDS_BALANCE
    if credited.limited and credited.type == "asset" and credits_ > credited.debits_posted:
        return Result.EXCEEDS_BALANCE
    if debits > AMOUNT_MAX or credits_ > AMOUNT_MAX:
        return Result.OVERFLOWS
    return None


def _why_unresolved(db: Database, hold_id: str) -> Result | None:
    """What keeps a hold from being ended; None if nothing that is known here does."""
    known = sql.one(db, "SELECT phase FROM transfer WHERE id = ?", hold_id)
    if known is None:
        return Result.HOLD_NOT_FOUND
    if known[0] != "held":
        return Result.NOT_A_HOLD
    row = sql.one(db, "SELECT phase FROM transfer WHERE hold_id = ?", hold_id)
    if row is None:
        return None
    return Result.ALREADY_POSTED if row[0] == "post" else Result.ALREADY_VOIDED


def _is_reversed(db: Database, transfer_id: str) -> bool:
    row = sql.one(db, "SELECT 1 FROM transfer WHERE reverses = ?", transfer_id)
    return row is not None


def _movement(db: Database, transfer_id: str) -> tuple[str, str, str, int, str, str] | Result:
    """The row that really moved the money of a transfer or of a posted hold."""
    rows = sql.run(
        db,
        "SELECT phase, id, debit, credit, amount, asset, reference FROM transfer "
        "WHERE id = ? OR hold_id = ?",
        transfer_id,
        transfer_id,
    ).fetchall()
    if not rows:
        return Result.TRANSFER_NOT_FOUND
    for phase, mistake_id, debit, credit, amount, asset, reference in rows:
        if phase in ("posted", "post"):
            return mistake_id, debit, credit, amount, asset, reference
    return Result.NOT_POSTED


def _check_id(transfer_id: str) -> None:
    # The ids of a hold's two possible ends are derived from the hold's: nobody takes them.
    if not 0 < len(transfer_id) <= _ID_MAX or transfer_id.endswith((":post", ":void")):
        raise TransferIdError(transfer_id)
