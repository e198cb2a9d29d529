"""What two admins say together: a deposit raised, or taken back, without a row of a bank.

One proposes, another confirms or refuses, and only then money moves. They are told apart by the
user of the machine that calls, as the kernel names it, and not by any name that is typed; the
database knows that rule as well. Who proposed may refuse his own proposal, never confirm it.

    OPEN ----> CONFIRMED
      +------> REFUSED

The agent's key makes a repeat harmless: the same proposal again is answered as it stands.
"""

from dataclasses import dataclass
from enum import StrEnum

from peewee import Database

from pulsarack.ledger import accounts, books, journal
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.queue import agents
from pulsarack.queue.errors import IllegalMove, LedgerRefused
from pulsarack.queue.rows import columns, insert, scalar, select, select_one, touched
from pulsarack.queue.validation import Refusal, RefusalCode

MOST_RUPIAH = 10**12


class CreditState(StrEnum):
    """Where a proposal stands."""

    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"


LEGAL: dict[CreditState, frozenset[CreditState]] = {
    CreditState.OPEN: frozenset({CreditState.CONFIRMED, CreditState.REFUSED}),
    CreditState.CONFIRMED: frozenset(),
    CreditState.REFUSED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """One proposal. `amount` rupiah, below zero to take back; `uid` as the kernel says."""

    id: int
    agent: str
    amount: int
    key: str
    because: str
    who: str
    uid: int
    asked_at: int
    state: str
    decided_who: str
    decided_uid: int | None
    decided_because: str
    decided_at: int | None


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal, and whether it had been made before under its key."""

    request: CreditRequest
    repeated: bool


_SELECT = f"SELECT {columns(CreditRequest)} FROM credit_request"


def transfer_id(request_id: int) -> str:
    """The id of the transfer that a confirmed proposal caused."""
    return f"credit_request:{request_id}"


def propose(
    db: Database,
    agent: str,
    amount: int,
    *,
    key: str,
    because: str,
    who: str,
    uid: int,
    now_ms: int,
) -> Proposed | Refusal:
    """Note what an admin wants; nothing moves until another one confirms it."""
    if agents.find(db, agent) is None:
        return agents.unknown(agent)
    if amount == 0 or abs(amount) > MOST_RUPIAH:
        return Refusal(RefusalCode.BAD_AMOUNT, f"{amount} is no amount", "give whole rupiah")
    if not because.strip():
        return Refusal(RefusalCode.NO_REASON, "a credit needs a reason", "give --because TEXT")
    sql = f"{_SELECT} WHERE agent = ? AND key = ?"
    first = select_one(db, CreditRequest, sql, (agent, key))
    if first is not None:
        if first.amount != amount:
            return _key_used(key, f"{first.amount} rupiah, proposal {first.id}")
        return Proposed(first, repeated=True)
    # Before there were proposals, the key named a transfer.
    early = books.find(db, f"credit:{agent}:{key}")
    if early is not None:
        return _key_used(key, f"{early.amount} rupiah, credited already")
    request_id = insert(
        db,
        "INSERT INTO credit_request (agent, amount, key, because, who, uid, asked_at, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'OPEN')",
        (agent, amount, key, because, who, uid, now_ms),
    )
    return Proposed(get(db, request_id), repeated=False)


def confirm(
    db: Database, request_id: int, *, who: str, uid: int, now_ms: int
) -> CreditRequest | Refusal:
    """Move the money, on the word of a second admin."""
    request = _open(db, request_id)
    if isinstance(request, Refusal):
        return request
    if request.uid == uid:
        return Refusal(
            RefusalCode.SAME_ADMIN,
            f"user {uid} of this machine proposed {request_id} and cannot confirm it",
            "another admin confirms it, under a login of their own",
        )
    available = _available(db, request.agent)
    if available < -request.amount:
        return Refusal(
            RefusalCode.INSUFFICIENT_DEPOSIT,
            f"{-request.amount} should be taken back, the deposit has {available} left",
            "refuse it, and propose what is there",
        )
    _decide(db, request_id, CreditState.CONFIRMED, who=who, uid=uid, because="", now_ms=now_ms)
    _book(db, request, f"{request.who}, confirmed by {who}: {request.because}", now_ms)
    return get(db, request_id)


def refuse(
    db: Database, request_id: int, *, who: str, uid: int, because: str, now_ms: int
) -> CreditRequest | Refusal:
    """End a proposal: nothing moves."""
    request = _open(db, request_id)
    if isinstance(request, Refusal):
        return request
    if not because.strip():
        return Refusal(RefusalCode.NO_REASON, "a decision needs a reason", "give --because TEXT")
    _decide(db, request_id, CreditState.REFUSED, who=who, uid=uid, because=because, now_ms=now_ms)
    return get(db, request_id)


def find(db: Database, request_id: int) -> CreditRequest | None:
    """One proposal."""
    return select_one(db, CreditRequest, f"{_SELECT} WHERE id = ?", (request_id,))


def get(db: Database, request_id: int) -> CreditRequest:
    """A proposal that is there."""
    found = find(db, request_id)
    assert found is not None, f"proposal {request_id} is not there"
    return found


def listed(db: Database, *, open_only: bool, limit: int) -> list[CreditRequest]:
    """The newest proposals, or those that wait."""
    where = "WHERE state = 'OPEN' " if open_only else ""
    return select(db, CreditRequest, f"{_SELECT} {where}ORDER BY id DESC LIMIT ?", (limit,))


def waiting(db: Database) -> int:
    """How many proposals wait for another admin."""
    return int(scalar(db, "SELECT count(*) FROM credit_request WHERE state = 'OPEN'"))


def _open(db: Database, request_id: int) -> CreditRequest | Refusal:
    request = find(db, request_id)
    if request is None:
        remedy = "see: pulsarack credit list"
        return Refusal(RefusalCode.NOT_FOUND, f"there is no proposal {request_id}", remedy)
    if request.state != CreditState.OPEN:
        by = f" by {request.decided_who}" if request.decided_who else ""
        return Refusal(
            RefusalCode.NOT_OPEN,
            f"proposal {request_id} was {request.state}{by}",
            "leave it as it is, or make another one",
        )
    return request


def _decide(
    db: Database,
    request_id: int,
    new: CreditState,
    *,
    who: str,
    uid: int,
    because: str,
    now_ms: int,
) -> None:
    allowed = ", ".join(f"'{old}'" for old, news in LEGAL.items() if new in news)
    if not touched(
        db,
        "UPDATE credit_request SET state = ?, decided_who = ?, decided_uid = ?,"
        f" decided_because = ?, decided_at = ? WHERE id = ? AND state IN ({allowed})",
        (new.value, who, uid, because, now_ms, request_id),
    ):
        raise IllegalMove(f"proposal {request_id} cannot become {new.value}")


def _book(db: Database, request: CreditRequest, memo: str, now_ms: int) -> None:
    deposit = accounts.agent(request.agent)
    raised = request.amount > 0
    wanted = Transfer(
        id=transfer_id(request.id),
        debit=agents.CASH if raised else deposit,
        credit=deposit if raised else agents.CASH,
        amount=abs(request.amount),
        reference=transfer_id(request.id),
        memo=f"{'deposit' if raised else 'taken back'} by {memo}",
    )
    result = journal.transfer(db, wanted, now_ms=now_ms)
    if result is not Result.OK:
        raise LedgerRefused(f"proposal {request.id} could not be booked: {result}")


def _available(db: Database, agent: str) -> int:
    balance = books.balance(db, accounts.agent(agent))
    return 0 if balance is None else balance.available


def _key_used(key: str, what: str) -> Refusal:
    return Refusal(
        RefusalCode.REFERENCE_REUSED, f"the id '{key}' belongs to {what}", "give another --id"
    )
