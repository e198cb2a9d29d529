"""Evidence: what was found out about an attempt, kept for ever, each text used once."""

from dataclasses import dataclass
from enum import StrEnum

from peewee import Database

from pulsarack.queue.rows import columns, execute, scalar, select, tuples


class EvidenceKind(StrEnum):
    """Where it comes from."""

    REPLY = "reply"
    LATE_SMS = "late_sms"
    STOCK = "stock"
    HISTORY = "history"
    ADMIN = "admin"
    RECOVERY = "recovery"


class VerdictKind(StrEnum):
    """What it proves; NONE: looked at, and it proved nothing."""

    DONE = "DONE"
    NOT_DONE = "NOT_DONE"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding about an attempt."""

    kind: EvidenceKind
    verdict: VerdictKind
    detail: str
    decided_by: str = ""
    sms_id: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A stored piece of evidence."""

    at: int
    kind: str
    verdict: str
    detail: str
    decided_by: str


def contradicted(order_id: str) -> str:
    """SQL: whether something says "done" of an order that was proved not done and is to go again.

    Such an order goes nowhere, neither to a chip nor to its refund, until a person has
    looked: whichever of the two proofs is wrong, acting on it would move money twice.
    """
    return (
        "EXISTS (SELECT 1 FROM attempt AS earlier"
        " JOIN evidence ON evidence.attempt_id = earlier.id"
        f" WHERE earlier.order_id = {order_id} AND earlier.outcome = 'NOT_DONE'"
        " AND evidence.verdict = 'DONE')"
    )


def record(db: Database, attempt_id: int, found: Evidence, *, now_ms: int) -> None:
    """Keep a finding."""
    execute(
        db,
        "INSERT INTO evidence (attempt_id, at, kind, verdict, detail, decided_by, sms_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            attempt_id,
            now_ms,
            found.kind.value,
            found.verdict.value,
            found.detail,
            found.decided_by,
            found.sms_id,
        ),
    )


def of_attempt(db: Database, attempt_id: int) -> list[Finding]:
    """What was found about an attempt, in order."""
    return select(
        db,
        Finding,
        f"SELECT {columns(Finding)} FROM evidence WHERE attempt_id = ? ORDER BY id",
        (attempt_id,),
    )


def serial_number_known(db: Database, operator: str, serial_number: str) -> int | None:
    """The order that carries this serial number already."""
    found = scalar(
        db,
        "SELECT id FROM orders WHERE operator = ? AND serial_number = ? LIMIT 1",
        (operator, serial_number),
    )
    return None if found is None else int(found)


def unnamed_success(db: Database, operator: str, destination: str, denomination: int) -> bool:
    """Whether an equal order succeeded whose serial number nobody knows.

    Then a serial number that no order carries may be that order's, and proves nothing new.
    """
    found = scalar(
        db,
        "SELECT 1 FROM orders WHERE operator = ? AND destination = ? AND denomination = ?"
        " AND state = 'SUCCEEDED' AND serial_number IS NULL LIMIT 1",
        (operator, destination, denomination),
    )
    return found is not None


def serial_numbers(db: Database, operator: str, destination: str) -> frozenset[str]:
    """The serial numbers that orders to this destination carry: they prove nothing new."""
    rows = tuples(
        db,
        "SELECT serial_number FROM orders WHERE operator = ? AND destination = ?"
        " AND serial_number IS NOT NULL",
        (operator, destination),
    )
    return frozenset(number for (number,) in rows)
