"""The operator's SMS texts: kept once, matched to one attempt, used as evidence once.

A text is stored and what follows from it is done in one transaction, so that a crash
between reading a SIM and acting on it loses nothing; only then may the caller delete
it from the SIM. A text proves something only if it can belong to one attempt:

- a serial number that an order carries already is a repeat of that order's text;
- candidates are the chip's attempts with the same destination and amount that were open
  within the time in which texts may still come;
- a closed candidate whose own answer is accounted for (it has a serial number, and
  another one; or the operator itself refused it) is out;
- if attempts of more than one order are left the text is ambiguous and proves nothing:
  stock decides.

A failure that names no number is believed only while its order is being sent (later the
chip asks for its stock, and the failure may be the answer to that) and no earlier attempt
on the chip is still without an answer. A failure in the words of an earlier one may be
that one delivered twice, and proves nothing either: stock decides.
"""

from dataclasses import dataclass
from enum import StrEnum

from peewee import Database

from pulsarack.queue import (
    attempts,
    chips,
    clock_steps,
    contradiction,
    evidence,
    messages,
    orders,
    outcome,
    stock,
)
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.outcome import Decision
from pulsarack.queue.routing import MS
from pulsarack.queue.rows import columns, execute, insert_new, scalar, select, select_one
from pulsarack.queue.state import OrderState
from pulsarack.ussd.outcome import Reason

DAY_MS = 24 * 3600 * MS
# More than come to a chip in a day, as a rule.
_TEXTS_OF_A_DAY = 1000


class TextKind(StrEnum):
    """What the recipe read in a text."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    STOCK_IN = "STOCK_IN"
    OTHER = "OTHER"
    UNPARSED = "UNPARSED"


class Meaning(StrEnum):
    """What a text was taken for; stored with it."""

    SEEN_BEFORE = "SEEN_BEFORE"  # the same message read again: nothing was done
    PROOF = "PROOF"  # it decided the open attempt
    REPEAT = "REPEAT"  # it says again what is known
    DETAIL = "DETAIL"  # it gave a settled order its serial number
    AMBIGUOUS = "AMBIGUOUS"  # it could belong to more than one attempt
    CONTRADICTION = "CONTRADICTION"  # it says done of what was proved not done
    FOREIGN = "FOREIGN"  # it belongs to no attempt of ours
    STOCK_IN = "STOCK_IN"
    UNPARSED = "UNPARSED"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class IncomingText:
    """A whole text from a chip's SIM; the fingerprint identifies the message itself."""

    chip: str
    fingerprint: str
    sender: str
    text: str
    sent_at: int | None = None  # by the service centre's clock


@dataclass(frozen=True, slots=True)
class ReadText:
    """What the recipe made of it. Amount and stock in rupiah."""

    kind: TextKind
    destination: str | None = None
    amount: int | None = None
    serial_number: str | None = None
    stock: int | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The times that matching needs: how late texts come, and when the day ends."""

    late_ms: int
    now_ms: int
    day_ends_at: int
    awaited: bool = False  # a report is being waited for, and no other answer is owed


@dataclass(frozen=True, slots=True)
class Received:
    """What was done with a text; `attempt_id` is the attempt it decided, if it did."""

    meaning: Meaning
    attempt_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    id: int
    order_id: int
    outcome: str | None
    answered: int
    serial_number: str | None


def receive(
    db: Database, incoming: IncomingText, read: ReadText, operator: str, window: Window
) -> Received:
    """Store a text and do what follows from it. One transaction."""
    if read.kind is TextKind.STOCK_IN and not read.amount:
        read = ReadText(TextKind.UNPARSED)  # stock came, but how much is not said: a person looks
    # A stock-in text that names the new stock cannot come twice in a day but by the network.
    unique = read.kind is TextKind.STOCK_IN and read.stock is not None
    repeat = unique and (
        _said_before(db, incoming, since_ms=_since(db, window, DAY_MS))
        or _stamped_before(db, incoming)
    )
    sms_id = insert_new(
        db,
        "INSERT INTO sms (chip, fingerprint, sender, text, received_at, sent_at, meaning)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, '' WHERE NOT EXISTS"
        " (SELECT 1 FROM past_sms WHERE chip = ?1 AND fingerprint = ?2)"
        " ON CONFLICT (chip, fingerprint) DO NOTHING",
        (
            incoming.chip,
            incoming.fingerprint,
            incoming.sender,
            incoming.text,
            window.now_ms,
            incoming.sent_at,
        ),
    )
    if sms_id is None:
        return Received(Meaning.SEEN_BEFORE)
    if repeat:
        chips.doubt_stock(db, incoming.chip)
        received = Received(Meaning.REPEAT)
    else:
        received = _act(db, incoming, read, operator, window, int(sms_id))
    execute(
        db,
        "UPDATE sms SET meaning = ?, attempt_id = ? WHERE id = ?",
        (received.meaning.value, received.attempt_id, sms_id),
    )
    return received


def _act(
    db: Database,
    incoming: IncomingText,
    read: ReadText,
    operator: str,
    window: Window,
    sms_id: int,
) -> Received:
    if read.kind is TextKind.STOCK_IN:
        stock.book_stock_in(
            db, incoming.chip, operator, read.amount or 0, sms_id, now_ms=window.now_ms
        )
        return Received(Meaning.STOCK_IN)
    if read.kind is TextKind.UNPARSED:
        keep_unparsed(
            db, incoming.chip, "sms", incoming.sender, incoming.text, now_ms=window.now_ms
        )
        return Received(Meaning.UNPARSED)
    if read.kind is TextKind.SUCCESS:
        return _success(db, incoming, read, operator, window, sms_id)
    if read.kind is TextKind.FAILURE:
        return _failure(db, incoming, read, window, sms_id)
    return Received(Meaning.OTHER)


def _success(
    db: Database,
    incoming: IncomingText,
    read: ReadText,
    operator: str,
    window: Window,
    sms_id: int,
) -> Received:
    number = read.serial_number
    if number is not None and evidence.serial_number_known(db, operator, number) is not None:
        return Received(Meaning.REPEAT)
    owners = [
        candidate
        for candidate in _candidates(db, incoming, read, window)
        if not _accounted_for(candidate, number)
    ]
    if not owners:
        return Received(Meaning.FOREIGN)
    if len({candidate.order_id for candidate in owners}) > 1:
        return Received(Meaning.AMBIGUOUS)
    # Several attempts of one order: whichever it was, the order was delivered.
    owner = next((candidate for candidate in owners if candidate.outcome is None), owners[-1])
    kind = _kind_of_proof(db, owner.order_id)
    decision = Decision(
        done=True,
        reason=None,
        why="the operator's text says done",
        evidence=_proof(kind, VerdictKind.DONE, incoming, read, sms_id),
        serial_number=number,
        stock_after=read.stock,
        answered=True,
    )
    if owner.outcome is None:
        return _decide(db, owner.id, decision, window)
    if owner.outcome == "NOT_DONE":
        doubtful = attempts.get(db, owner.id)
        settled = contradiction.settle(db, doubtful, decision, now_ms=window.now_ms)
        if settled is not None:
            return Received(Meaning.PROOF, settled)
    late = _proof(EvidenceKind.LATE_SMS, VerdictKind.DONE, incoming, read, sms_id)
    return _note_late(db, owner, late, number, window)


def _note_late(
    db: Database, owner: _Candidate, late: Evidence, number: str | None, window: Window
) -> Received:
    """Keep a proof that comes too late to decide, and its number: a copy of it is no other's."""
    evidence.record(db, owner.id, late, now_ms=window.now_ms)
    execute(
        db,
        "UPDATE orders SET serial_number = coalesce(serial_number, ?) WHERE id = ?",
        (number, owner.order_id),
    )
    if owner.outcome == "NOT_DONE":
        chip = attempts.get(db, owner.id).chip
        chips.doubt_stock(db, chip)
        attempts.forget_stock_before(db, chip)
        contradiction.note(db, owner.order_id)
        return Received(Meaning.CONTRADICTION, owner.id)
    execute(db, "UPDATE attempt SET answered = 1 WHERE id = ?", (owner.id,))
    if number is not None:
        messages.name_serial_number(db, orders.get(db, owner.order_id))
    return Received(Meaning.DETAIL, owner.id)


def _failure(
    db: Database, incoming: IncomingText, read: ReadText, window: Window, sms_id: int
) -> Received:
    attempt = attempts.open_on_chip(db, incoming.chip)
    if attempt is None or attempt.committed_at is None:
        return Received(Meaning.FOREIGN)
    since = _since(db, window, window.late_ms)
    if _said_before(db, incoming, since_ms=since):
        return Received(Meaning.AMBIGUOUS)
    if read.destination is None:
        sending = orders.get(db, attempt.order_id).state == OrderState.SENDING
        if not (sending and window.awaited) or attempts.silent_since(
            db, incoming.chip, since, but=attempt.id
        ):
            return Received(Meaning.AMBIGUOUS)
    else:
        owners = [
            candidate
            for candidate in _candidates(db, incoming, read, window)
            if not candidate.answered
        ]
        if [candidate.id for candidate in owners] != [attempt.id]:
            return Received(Meaning.AMBIGUOUS if owners else Meaning.FOREIGN)
    reason = read.reason or Reason.PROVED_NOT_DONE
    kind = _kind_of_proof(db, attempt.order_id)
    proof = _proof(kind, VerdictKind.NOT_DONE, incoming, read, sms_id)
    return _decide(
        db,
        attempt.id,
        Decision(
            done=False,
            reason=reason,
            why=f"the operator's text says {reason.value}",
            evidence=proof,
            answered=True,
        ),
        window,
    )


def _proof(
    kind: EvidenceKind, verdict: VerdictKind, incoming: IncomingText, read: ReadText, sms_id: int
) -> Evidence:
    """A text as evidence, with the fields by which it was matched."""
    named = ("destination", "amount", "serial_number")
    matched = tuple(name for name in named if getattr(read, name) is not None)
    rule = Rule.TEXT_AWAITED if read.destination is None else Rule.TEXT_NAMES_ORDER
    return Evidence(kind, verdict, incoming.text, sms_id=sms_id, rule=rule, matched=matched)


def _kind_of_proof(db: Database, order_id: int) -> EvidenceKind:
    """A text is the reply while the order is being sent, and late once it is undecided."""
    sending = orders.get(db, order_id).state == OrderState.SENDING
    return EvidenceKind.REPLY if sending else EvidenceKind.LATE_SMS


def _decide(db: Database, attempt_id: int, decision: Decision, window: Window) -> Received:
    chip = attempts.get(db, attempt_id).chip
    outcome.decide(db, attempt_id, decision, now_ms=window.now_ms, day_ends_at=window.day_ends_at)
    if decision.done:
        stock.after_sale(db, chip, decision.stock_after, now_ms=window.now_ms)
    return Received(Meaning.PROOF, attempt_id)


def _candidates(
    db: Database, incoming: IncomingText, read: ReadText, window: Window
) -> list[_Candidate]:
    """The chip's committed attempts that the text could be about.

    An open attempt is a candidate however old it is: the chip did nothing since. One that
    was proved done without a word of the operator, or without the number that this text has,
    waits for its text for days: networks deliver what was delayed, and it must not be taken
    for the text of an equal order. A text
    that the service centre had before an attempt was committed is not about it, unless the
    clocks disagree: then nobody knows what was before.
    """
    sent_at = incoming.sent_at if clock_steps.service_centre_agrees(db, incoming.chip) else None
    return select(
        db,
        _Candidate,
        _CANDIDATES,
        (
            read.destination,
            incoming.chip,
            read.amount,
            _since(db, window, window.late_ms),
            _since(db, window, attempts.UNNAMED_MS),
            read.serial_number,
            sent_at,
            (sent_at or 0) + clock_steps.CLOCKS_DIFFER_MS,
        ),
    )


# From the orders to that number, which are few; a chip's attempts of a week are not.
_CANDIDATES = (
    "SELECT a.id, a.order_id, a.outcome, a.answered, o.serial_number"
    f" FROM {evidence.to_destination('(?3 IS NULL OR denomination * 1000 = ?3)')} AS o"
    " CROSS JOIN attempt AS a ON a.order_id = o.id"
    " WHERE a.chip = ?2 AND a.committed_at IS NOT NULL"
    " AND (a.closed_at IS NULL OR a.closed_at >= ?4 OR (a.closed_at >= ?5 AND a.outcome = 'DONE'"
    " AND (a.answered = 0 OR ?6 IS NOT NULL) AND o.serial_number IS NULL))"
    " AND (?7 IS NULL OR a.committed_at <= ?8) ORDER BY a.id"
)


def _since(db: Database, window: Window, length_ms: int) -> int:
    # A clock that was set ahead must not make what is still owed look long past.
    return clock_steps.stored_since(db, now_ms=window.now_ms, length_ms=length_ms)


def _accounted_for(candidate: _Candidate, serial_number: str | None) -> bool:
    """Whether a closed attempt's own answer is known, so that this text is another's."""
    if candidate.outcome is None:
        return False
    if candidate.outcome == "NOT_DONE" and candidate.answered:
        return True
    return candidate.serial_number is not None and serial_number is not None


def _said_before(db: Database, incoming: IncomingText, *, since_ms: int) -> bool:
    return (
        scalar(
            db,
            "SELECT 1 FROM sms WHERE chip = ? AND sender = ? AND text = ? AND received_at > ?"
            " AND fingerprint != ? LIMIT 1",
            (
                incoming.chip,
                incoming.sender,
                incoming.text,
                since_ms,
                incoming.fingerprint,
            ),
        )
        is not None
    )


def _stamped_before(db: Database, incoming: IncomingText) -> bool:
    """The same of the same day by the service centre's clock, as far as it can be seen.

    Ours may have been set ahead while the daemon was down, and nobody knows.
    """
    if incoming.sent_at is None:
        return False
    values = (
        incoming.chip,
        _TEXTS_OF_A_DAY,
        incoming.sender,
        incoming.text,
        incoming.fingerprint,
        incoming.sent_at,
        DAY_MS,
    )
    return scalar(db, _STAMPED_BEFORE, values) is not None


# A chip's newest texts only: those of years are not read for one.
_STAMPED_BEFORE = (
    "SELECT 1 FROM (SELECT sender, text, fingerprint, sent_at FROM sms WHERE chip = ?"
    " ORDER BY received_at DESC LIMIT ?) WHERE sender = ? AND text = ? AND fingerprint != ?"
    " AND abs(sent_at - ?) < ? LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Sms:
    """A text as it is kept, and what it was taken for."""

    id: int
    sender: str
    text: str
    received_at: int
    meaning: str


def sms(db: Database, sms_id: int) -> Sms | None:
    """The text of that id."""
    return select_one(db, Sms, f"SELECT {columns(Sms)} FROM sms WHERE id = ?", (sms_id,))


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A reply that no pattern of its recipe knew, or that two patterns read differently."""

    id: int
    at: int
    chip: str
    channel: str
    sender: str
    text: str
    attempt_id: int | None


def keep_unparsed(
    db: Database,
    chip: str,
    channel: str,
    sender: str,
    text: str,
    *,
    attempt_id: int | None = None,
    now_ms: int,
) -> None:
    """Put a reply into the inbox of what nobody understood."""
    execute(
        db,
        "INSERT INTO unparsed (at, chip, channel, sender, text, attempt_id)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (now_ms, chip, channel, sender, text, attempt_id),
    )


def unparsed(db: Database, limit: int) -> list[Unparsed]:
    """The newest replies that nobody understood."""
    return select(
        db,
        Unparsed,
        f"SELECT {columns(Unparsed)} FROM unparsed ORDER BY id DESC LIMIT ?",
        (limit,),
    )
