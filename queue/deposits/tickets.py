"""Deposit tickets: an amount that is the agent's own for some days, so that the bank's row says
who paid.

    OPEN ----> PAID
      |         ^
      +----> EXPIRED
      +----> CANCELLED

The amount is what was asked and a tail: 500.000 becomes 500.925. Statements of banks tell days
and no hours, so a ticket is paid by a row of any day on which it could be paid, also if the
statement comes when the ticket has expired; and no two tickets with a day in common have one
amount, whatever became of the first. The database refuses a second one, too.

Tickets are told apart by bank; one that names none may be paid at each of ours. There is no
least amount.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from peewee import Database

from pulsarack.queue import agents
from pulsarack.queue.errors import IllegalMove
from pulsarack.queue.rows import columns, execute, insert, select, select_one, touched, tuples
from pulsarack.queue.validation import Refusal, RefusalCode

MOST_ASKED: Final = 10**12


class TicketState(StrEnum):
    """Where a ticket stands."""

    OPEN = "OPEN"
    PAID = "PAID"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


LEGAL: dict[TicketState, frozenset[TicketState]] = {
    TicketState.OPEN: frozenset({TicketState.PAID, TicketState.EXPIRED, TicketState.CANCELLED}),
    # It was paid in time, and the statement came late.
    TicketState.EXPIRED: frozenset({TicketState.PAID}),
    TicketState.PAID: frozenset(),
    TicketState.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket; `amount` rupiah are to be paid, from `first_day` to `last_day`."""

    id: int
    agent: str
    bank: str
    """"" is any of ours."""
    asked: int
    amount: int
    state: str
    created_at: int
    expires_at: int
    first_day: str
    last_day: str
    finished_at: int | None
    why: str


@dataclass(frozen=True, slots=True)
class TicketTerms:
    """What the configuration says of tickets, and how a moment becomes a local day.

    `banks` are the names of ours, in small letters; `most_open` tickets has an agent at once.
    """

    valid_ms: int
    tail_digits: int
    most_open: int
    banks: Sequence[str]
    day_of: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Given:
    """The ticket that an agent has now; `repeated`: since it asked for the same before."""

    ticket: Ticket
    repeated: bool


_SELECT = f"SELECT {columns(Ticket)} FROM ticket"


def ask(
    db: Database,
    agent: str,
    amount: int,
    *,
    bank: str | None,
    rng: Random,
    now_ms: int,
    terms: TicketTerms,
) -> Given | Refusal:
    """Give an agent a ticket for so many rupiah, or the open one that it has for them."""
    name = (bank or "").strip().lower()
    refusal = _unaskable(db, agent, amount, name, terms)
    if refusal is not None:
        return refusal
    expire(db, now_ms=now_ms)
    have = _open_of(db, agent)
    for ticket in have:
        if (ticket.asked, ticket.bank) == (amount, name):
            return Given(ticket, repeated=True)
    if len(have) >= terms.most_open:
        return Refusal(
            RefusalCode.TOO_MANY_TICKETS,
            f"{len(have)} tickets are open",
            "pay one of them, or wait until one has expired",
        )
    days = terms.day_of(now_ms), terms.day_of(now_ms + terms.valid_ms)
    unique = _draw(db, amount, name, days[0], 10**terms.tail_digits - 1, rng)
    if unique is None:
        return Refusal(
            RefusalCode.TICKETS_FULL,
            f"every amount from {amount + 1} on is another ticket's",
            "ask for another amount, or more tail_digits in [deposits]",
        )
    ticket_id = insert(
        db,
        "INSERT INTO ticket (agent, bank, asked, amount, state, created_at, expires_at,"
        " first_day, last_day) VALUES (?, ?, ?, ?, 'OPEN', ?, ?, ?, ?)",
        (agent, name, amount, unique, now_ms, now_ms + terms.valid_ms, *days),
    )
    return Given(get(db, ticket_id), repeated=False)


def cancel(db: Database, ticket_id: int, *, why: str, now_ms: int) -> Ticket | Refusal:
    """Take a ticket back; its amount stays unused until its days are over."""
    expire(db, now_ms=now_ms)
    ticket = find(db, ticket_id)
    if ticket is None:
        return Refusal(
            RefusalCode.NOT_FOUND, f"there is no ticket {ticket_id}", "see: pulsarack ticket list"
        )
    if ticket.state != TicketState.OPEN:
        return Refusal(
            RefusalCode.NOT_OPEN, f"ticket {ticket_id} is {ticket.state}", "leave it as it is"
        )
    move(db, ticket_id, TicketState.CANCELLED, why=why, now_ms=now_ms)
    return get(db, ticket_id)


def expire(db: Database, *, now_ms: int) -> None:
    """Note which tickets are too old."""
    execute(
        db,
        "UPDATE ticket SET state = 'EXPIRED', finished_at = expires_at"
        " WHERE state = 'OPEN' AND expires_at <= ?",
        (now_ms,),
    )


def move(db: Database, ticket_id: int, new: TicketState, *, why: str, now_ms: int) -> None:
    """Move one ticket; raises IllegalMove, and changes nothing, if the table forbids it."""
    allowed = ", ".join(f"'{old}'" for old, news in LEGAL.items() if new in news)
    if not touched(
        db,
        "UPDATE ticket SET state = ?, finished_at = ?, why = ? WHERE id = ?"
        f" AND state IN ({allowed})",
        (new.value, now_ms, why, ticket_id),
    ):
        raise IllegalMove(f"ticket {ticket_id} cannot become {new.value}")


def of_payment(db: Database, bank: str, amount: int, day: str) -> Ticket | None:
    """The one ticket that a row of that bank, amount and day is about, whatever its state."""
    return select_one(
        db,
        Ticket,
        f"{_SELECT} WHERE amount = ? AND last_day >= ? AND first_day <= ?"
        " AND (bank = ? OR bank = '')",
        (amount, day, day, bank),
    )


def find(db: Database, ticket_id: int) -> Ticket | None:
    """One ticket."""
    return select_one(db, Ticket, f"{_SELECT} WHERE id = ?", (ticket_id,))


def get(db: Database, ticket_id: int) -> Ticket:
    """A ticket that is there."""
    found = find(db, ticket_id)
    assert found is not None, f"ticket {ticket_id} is not there"
    return found


def listed(
    db: Database, *, agent: str | None = None, open_only: bool = False, limit: int
) -> list[Ticket]:
    """The newest tickets, of an agent if wanted."""
    if open_only:
        found = select(db, Ticket, f"{_SELECT} WHERE state = 'OPEN' ORDER BY expires_at")
        mine = [one for one in found if agent in (None, one.agent)]
        return sorted(mine, key=lambda one: -one.id)[:limit]
    if agent is not None:
        sql = f"{_SELECT} WHERE agent = ? ORDER BY id DESC LIMIT ?"
        return select(db, Ticket, sql, (agent, limit))
    return select(db, Ticket, f"{_SELECT} ORDER BY id DESC LIMIT ?", (limit,))


def _unaskable(
    db: Database, agent: str, amount: int, bank: str, terms: TicketTerms
) -> Refusal | None:
    known = agents.find(db, agent)
    if known is None or not known.active:
        return agents.unknown(agent)
    if not 1 <= amount <= MOST_ASKED:
        return Refusal(
            RefusalCode.BAD_AMOUNT, f"{amount} cannot be paid in", "ask for 1 rupiah or more"
        )
    if bank and bank not in terms.banks:
        return Refusal(
            RefusalCode.UNKNOWN_BANK,
            f"'{bank[:32]}' is no bank of ours",
            f"one of {', '.join(terms.banks)}",
        )
    return None


def _open_of(db: Database, agent: str) -> list[Ticket]:
    return select(db, Ticket, f"{_SELECT} WHERE agent = ? AND state = 'OPEN'", (agent,))


def _draw(db: Database, asked: int, bank: str, today: str, tails: int, rng: Random) -> int | None:
    """An amount above `asked` that is nobody's in these days; None: there is none."""
    given = tuples(
        db,
        "SELECT amount FROM ticket WHERE last_day >= ? AND +amount > ? AND +amount <= ?"
        " AND (bank = ? OR bank = '' OR ? = '')",
        (today, asked, asked + tails, bank, bank),
    )
    taken = {amount for (amount,) in given}
    free = [one for one in range(asked + 1, asked + tails + 1) if one not in taken]
    return rng.choice(free) if free else None
