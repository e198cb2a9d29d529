"""What left the chips for people's telephones, part by part, and what became of it.

A row is written before its part can leave, so that a chip's limit of a day holds over every
crash; what provably stayed is taken back. A delivery report names only the network's reference,
which comes again after 256 parts, and the recipient: it is about the newest part of that chip,
reference and recipient that has no report yet. A text has arrived when all of its parts have;
it has not when one of them has not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import State
from pulsarack.queue.rows import columns, execute, insert, scalar, select_one


@dataclass(frozen=True, slots=True)
class _Part:
    id: int
    outgoing_id: int
    address: str
    provider_id: str


def begin(
    db: Database,
    chip: str,
    outgoing_id: int,
    address: str,
    parts: int,
    *,
    day_started_at: int,
    per_day: int,
    now_ms: int,
) -> tuple[int, ...] | None:
    """Count the parts of a text before they leave; their ids, None if the chip's day is full."""
    if count_since(db, chip, day_started_at) + parts > per_day:
        return None
    return tuple(
        insert(
            db,
            "INSERT INTO sent_sms (chip, outgoing_id, address, at) VALUES (?, ?, ?, ?)",
            (chip, outgoing_id, address, now_ms),
        )
        for _ in range(parts)
    )


def count_since(db: Database, chip: str, since_ms: int) -> int:
    """How many parts may have left a chip since a time."""
    return int(
        scalar(db, "SELECT count(*) FROM sent_sms WHERE chip = ? AND at >= ?", (chip, since_ms))
    )


def left(db: Database, parts: Sequence[int], references: Sequence[int], provider_id: str) -> None:
    """The network took them, under these references."""
    for part, reference in zip(parts, references, strict=True):
        execute(
            db,
            "UPDATE sent_sms SET provider_id = ?, reference = ? WHERE id = ?",
            (provider_id, reference & 0xFF, part),
        )


def stayed(db: Database, parts: Sequence[int]) -> None:
    """None of them left: they are not counted."""
    for part in parts:
        execute(db, "DELETE FROM sent_sms WHERE id = ?", (part,))


def report(
    db: Database,
    chip: str,
    reference: int,
    recipient: str,
    *,
    delivered: bool,
    why: str,
    now_ms: int,
) -> int | None:
    """A delivery report; the id of the outgoing text it is about, None if it is about none."""
    part = _awaited(db, chip, reference, recipient)
    if part is None:
        return None
    execute(
        db,
        "UPDATE sent_sms SET reported_at = ?, delivered = ? WHERE id = ?",
        (now_ms, int(delivered), part.id),
    )
    if not delivered:
        outgoing.reported(
            db, outgoing.SMS, part.provider_id, delivered=False, why=why, now_ms=now_ms
        )
    elif not _any_undelivered(db, part.provider_id):
        # Also while its row still waits: the try was not written down, but it has arrived.
        outgoing.arrived(db, part.outgoing_id, State.DELIVERED, part.provider_id, now_ms=now_ms)
    return part.outgoing_id


def any_before(db: Database, before_ms: int) -> bool:
    """Whether anything left before a time."""
    return scalar(db, "SELECT 1 FROM sent_sms WHERE at < ? LIMIT 1", (before_ms,)) is not None


def forget(db: Database, before_ms: int, limit: int) -> None:
    """Let go what left before a time, so many rows at most."""
    execute(
        db,
        "DELETE FROM sent_sms WHERE id IN"
        " (SELECT id FROM sent_sms WHERE at < ? ORDER BY at LIMIT ?)",
        (before_ms, limit),
    )


def _awaited(db: Database, chip: str, reference: int, recipient: str) -> _Part | None:
    part = select_one(
        db,
        _Part,
        f"SELECT {columns(_Part)} FROM sent_sms WHERE chip = ? AND reference = ?"
        " AND provider_id IS NOT NULL AND reported_at IS NULL ORDER BY id DESC LIMIT 1",
        (chip, reference),
    )
    same = part is not None and _national(part.address) == _national(recipient)
    return part if same else None


def _any_undelivered(db: Database, provider_id: str) -> bool:
    return (
        scalar(
            db,
            "SELECT 1 FROM sent_sms WHERE provider_id = ? AND delivered IS NOT 1 LIMIT 1",
            (provider_id,),
        )
        is not None
    )


def _national(number: str) -> str:
    """A number without what differs between its forms: centres report +62812, 62812 and 0812."""
    digits = number.removeprefix("+")
    return digits.removeprefix("62") if digits.startswith("62") else digits.removeprefix("0")
