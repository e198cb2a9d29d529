"""What came in over the channels: kept once, by the channel's own id of the message.

A row is written in the transaction that does what the message asks, so that a message is either
here with all that followed from it, or it has not been taken and its channel still has it. Texts
are kept without their secrets.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.rows import columns, insert_new, scalar, select, touched

TEXT_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as its channel took it. `sent_at` is milliseconds UTC, if the other side says.

    `message_id` is the channel's own and stays the same when the message is delivered again.
    `sender` is the address as `queue/identity/senders.py` knows it, `answer_to` where the answer
    goes if that is another one (a resource of a JID). `aliases` are further addresses of the same
    sender (a WhatsApp number beside its BSUID). `former_ids` are what the same message was called
    before (by an earlier version, with an older key), when it may have been taken.
    """

    channel: str
    message_id: str
    sender: str
    receiver: str
    text: str
    sent_at: int | None = None
    answer_to: str | None = None
    aliases: tuple[str, ...] = ()
    former_ids: tuple[str, ...] = ()

    def __repr__(self) -> str:
        # The text may hold a PIN.
        return f"Letter({self.channel}, {self.message_id}, {self.sender})"


@dataclass(frozen=True, slots=True)
class Inbound:
    """A row of what came in."""

    id: int
    channel: str
    message_id: str
    sender: str
    receiver: str
    agent: str | None
    text: str
    received_at: int
    sent_at: int | None
    outcome: str


def outcome_of(db: Database, channel: str, *message_ids: str) -> str | None:
    """What became of a message that was taken before under one of its ids; None if it is new."""
    ids = ", ".join("?" * len(message_ids))
    found = scalar(
        db,
        f"SELECT outcome FROM inbound WHERE channel = ? AND message_id IN ({ids})",
        (channel, *message_ids),
    )
    return None if found is None else str(found)


def add(
    db: Database, letter: Letter, *, agent: str | None, masked: str, outcome: str, now_ms: int
) -> int | None:
    """Keep a message; its row's id, or None if it was taken before: then do nothing more."""
    return insert_new(
        db,
        "INSERT INTO inbound (channel, message_id, sender, receiver, agent, text, received_at,"
        " sent_at, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (channel, message_id) DO NOTHING",
        (
            letter.channel,
            letter.message_id,
            letter.sender,
            letter.receiver,
            agent,
            masked[:TEXT_LIMIT],
            now_ms,
            letter.sent_at,
            outcome,
        ),
    )


def conclude(db: Database, inbound_id: int, outcome: str) -> None:
    """Say what became of it, in the transaction that has taken it."""
    touched(db, "UPDATE inbound SET outcome = ? WHERE id = ?", (outcome, inbound_id))


def newest_from(db: Database, channel: str, sender: str) -> int | None:
    """When that address wrote last, milliseconds UTC; None if never."""
    found = scalar(
        db,
        "SELECT received_at FROM inbound WHERE channel = ? AND sender = ? ORDER BY id DESC LIMIT 1",
        (channel, sender),
    )
    return None if found is None else int(found)


def listed(db: Database, *, channel: str | None = None, limit: int = 50) -> list[Inbound]:
    """The newest of what came in."""
    where, params = ("", []) if channel is None else (" WHERE channel = ?", [channel])
    return select(
        db,
        Inbound,
        f"SELECT {columns(Inbound)} FROM inbound{where} ORDER BY id DESC LIMIT ?",
        [*params, limit],
    )
