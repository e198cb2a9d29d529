"""What leaves the database for an archive, when it may, and what stays behind for ever.

An order leaves with everything that is its own: attempts, what was said, evidence, history,
messages, texts, transfers. It may leave when it is finished for longer than anything looks
back, its agent has its result, and nothing open points at it (`due`). Its rows are copied into
the archive first (`keep`, on the archive's connection) and are durable there; then one
transaction of the database compares what it still has with what the archive gives back, writes
the slim row of each order, and lets the rows go (`move`). Whatever happened to an order in
between shows in that comparison, and it stays.

The same SELECTs read the rows on both sides, so nothing can be moved that is not compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from peewee import Database, IntegrityError

from pulsarack.ledger import closing
from pulsarack.ledger.books import Entry
from pulsarack.queue import contradiction, evidence
from pulsarack.queue.errors import Differs
from pulsarack.queue.network import commissions
from pulsarack.queue.orders import Order
from pulsarack.queue.rows import columns, execute, scalar, select, select_one, tuples

Rows = Mapping[str, Sequence[tuple[Any, ...]]]
"""All rows of some orders, by table, each table in the order of its key."""

_IDS = "(SELECT value FROM json_each(?1))"
_ATTEMPTS = f"(SELECT id FROM attempt WHERE order_id IN {_IDS})"
_READINGS = (
    "(SELECT r.id FROM attempt AS a JOIN stock_reading AS r ON r.chip = a.chip"
    f" AND r.at BETWEEN a.claimed_at AND a.closed_at WHERE a.order_id IN {_IDS}"
    f" UNION SELECT first_reading_id FROM evidence WHERE attempt_id IN {_ATTEMPTS}"
    f" UNION SELECT last_reading_id FROM evidence WHERE attempt_id IN {_ATTEMPTS})"
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of which rows leave: its columns, and which rows belong to the orders `?1`."""

    name: str
    columns: str
    where: str
    shared: bool = False  # other orders refer to its rows as well
    key: str = "id"

    @property
    def select(self) -> str:
        """The rows of the orders, in the order of their key."""
        return f"SELECT {self.columns} FROM {self.name} WHERE {self.where} ORDER BY {self.key}"


TABLES: Final = (
    Table(
        "orders",
        "id, state, agent, product, operator, destination, denomination, price, cost,"
        " repeat_index, local_day, client_reference, channel, text, reason, serial_number,"
        " received_at, expires_at, not_before, finished_at",
        f"id IN {_IDS}",
    ),
    Table("transition", "id, order_id, at, state, why", f"order_id IN {_IDS}"),
    Table(
        "attempt",
        "id, order_id, number, chip, slot, modem, recipe, claimed_at, committed_at, closed_at,"
        " outcome, reason, why, stock_before, stock_after, answered, routing",
        f"order_id IN {_IDS}",
    ),
    Table(
        "message",
        "id, order_id, state, agent, channel, text, created_at, delivered_at, tries",
        f"order_id IN {_IDS}",
    ),
    Table(
        "exchange",
        "id, attempt_id, at, direction, kind, text, status",
        f"attempt_id IN {_ATTEMPTS}",
    ),
    Table(
        "evidence",
        "id, attempt_id, at, kind, verdict, detail, decided_by, sms_id, rule, matched, query,"
        " answer, stock_before, stock_expected, first_reading_id, last_reading_id",
        f"attempt_id IN {_ATTEMPTS}",
    ),
    Table(
        "sms",
        "id, chip, fingerprint, sender, text, received_at, meaning, attempt_id, sent_at",
        f"attempt_id IN {_ATTEMPTS} OR id IN"
        f" (SELECT sms_id FROM evidence WHERE attempt_id IN {_ATTEMPTS})",
    ),
    Table(
        "unparsed",
        "id, at, chip, channel, sender, text, attempt_id",
        f"attempt_id IN {_ATTEMPTS}",
    ),
    Table(
        "stock_reading",
        "id, chip, at, stock, ledger, source, exact_after",
        f"id IN {_READINGS}",
        shared=True,
    ),
    Table(
        "recipe_version",
        "hash, name, source, first_used_at",
        f"hash IN (SELECT recipe FROM attempt WHERE order_id IN {_IDS})",
        shared=True,
        key="hash",
    ),
    Table(
        "transfer",
        closing.COLUMNS,
        "reference IN (SELECT 'order:' || value FROM json_each(?1)) AND reference <> ''",
        key="sequence",
    ),
)

# What an order must be to leave. `?2`: before it nothing looks back.
_DUE = f"""
    o.finished_at < ?2 AND o.state IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'REVERSED')
    -- Its result has reached its agent.
    AND EXISTS (SELECT 1 FROM message AS m WHERE m.order_id = o.id AND m.state = o.state)
    AND NOT EXISTS (SELECT 1 FROM message AS m
        WHERE m.order_id = o.id AND (m.delivered_at IS NULL OR m.created_at >= ?2))
    -- Nothing was learnt of it lately, and no late proof against it waits for a person.
    AND NOT EXISTS (SELECT 1 FROM attempt AS a JOIN evidence AS e ON e.attempt_id = a.id
        WHERE a.order_id = o.id AND e.at >= ?2)
    AND NOT EXISTS (SELECT 1 FROM attempt AS a JOIN sms AS s ON s.attempt_id = a.id
        WHERE a.order_id = o.id AND s.received_at >= ?2)
    AND NOT (o.state = 'FAILED' AND o.id IN ({contradiction.REFUTED_ORDERS}))
    -- Its attempts are over, and none can lie in a difference of its chip's stock: the stock
    -- was exact since, and the differences it can lie in are explained, and not lately.
    AND NOT EXISTS (SELECT 1 FROM attempt AS a WHERE a.order_id = o.id AND (a.closed_at IS NULL
        OR a.closed_at >= ?2 OR (a.committed_at IS NOT NULL AND a.id > coalesce(
            (SELECT exact_after FROM stock_reading AS r
                WHERE r.chip = a.chip AND r.exact_after IS NOT NULL ORDER BY r.id DESC LIMIT 1),
            0))))
    AND NOT EXISTS (SELECT 1 FROM discrepancy_order AS s
        JOIN discrepancy AS d ON d.id = s.discrepancy_id WHERE s.order_id = o.id
        AND (d.at >= ?2 OR d.difference <> coalesce(
            (SELECT sum(c.amount) FROM discrepancy_clearing AS c WHERE c.discrepancy_id = d.id), 0)
            OR EXISTS (SELECT 1 FROM discrepancy_clearing AS c
                WHERE c.discrepancy_id = d.id AND c.at >= ?2)))
    -- The newest line of all histories tells at start whether the clock was set back.
    AND o.id <> (SELECT order_id FROM transition ORDER BY id DESC LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class Due:
    """An order, or what belongs to none, that may leave; `at` tells for which archive."""

    id: int
    at: int


@dataclass(frozen=True, slots=True)
class PastOrder:
    """What is known for ever of an order that left; the rest is in its archive."""

    id: int
    archive: str
    agent: str
    client_reference: str | None
    product: str
    destination: str
    repeat_index: int
    local_day: str
    operator: str
    denomination: int
    state: str
    serial_number: str | None
    said_done: int
    finished_at: int


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive, as the database knows it."""

    name: str
    orders: int
    moved_at: int


_PAST = f"SELECT {columns(PastOrder)} FROM past_order"


def newest_old(db: Database, *, cut: int, now_ms: int) -> int:
    """Up to which id orders are looked at: those before the first that came in after `cut`.

    One of a time that has not come yet, by a clock that was ahead, says nothing of the others. It
    reads no more rows than there are old ones, and needs no index of its own.
    """
    newer = "SELECT id FROM orders WHERE received_at >= ? AND received_at <= ? ORDER BY id LIMIT 1"
    first = scalar(db, newer, (cut, now_ms))
    last = scalar(db, "SELECT coalesce(max(id), 0) FROM orders")
    return int(last) if first is None else int(first) - 1


def due(db: Database, *, cut: int, after: int, upto: int, limit: int) -> list[Due]:
    """The orders that may leave, oldest first; `after` is the last one of the batch before."""
    statement = (
        "SELECT o.id, o.finished_at FROM orders AS o WHERE o.id > ?3 AND o.id <= ?4"
        f" AND {_DUE} ORDER BY o.id LIMIT ?5"
    )
    return select(db, Due, statement, (None, cut, after, upto, limit))


def read(db: Database, ids: Sequence[int]) -> Rows:
    """All rows of these orders, from the database or from an archive."""
    return {table.name: tuples(db, table.select, (json_ids(ids),)) for table in TABLES}


def settled(db: Database, ids: Sequence[int]) -> set[int]:
    """Which of these orders an archive has for good: nothing of theirs is written there again."""
    rows = tuples(
        db,
        f"SELECT id FROM orders WHERE id IN {_IDS} AND id NOT IN (SELECT order_id FROM arriving)",
        (json_ids(ids),),
    )
    return {order_id for (order_id,) in rows}


def keep(
    db: Database, archive: str, ids: Sequence[int], rows: Rows, confirmed: Sequence[int]
) -> None:
    """Write copies of orders that are not settled into an archive, as one transaction there.

    A copy that may never have been followed by `move` is replaced: the database's rows are the
    truth until it was. `confirmed` were moved since. Raises Differs, and nothing may be kept of
    the transaction, if a number of theirs belongs to something else there: numbers are issued
    again when an older database is put back, and what they once meant is never overwritten.
    """
    confirm(db, confirmed)
    _forget_copies(db, archive, ids, rows)
    try:
        for table in TABLES:
            _insert(db, table, rows[table.name])
        for order_id in ids:
            execute(db, "INSERT INTO arriving (order_id) VALUES (?)", (order_id,))
    except IntegrityError as error:
        raise Differs(archive, _orders(ids), f"a number is taken there already ({error})") from None


def _insert(db: Database, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(table.columns.split(",")))
    known = " ON CONFLICT DO NOTHING" if table.shared else ""
    statement = f"INSERT INTO {table.name} ({table.columns}) VALUES ({marks}){known}"
    for row in rows:
        execute(db, statement, row)


def _forget_copies(db: Database, archive: str, ids: Sequence[int], rows: Rows) -> None:
    """Take copies of these orders that did not follow out again, if they are of these orders."""
    wanted = f"SELECT {TABLES[0].columns} FROM orders WHERE id IN {_IDS}"
    copies = {row[0]: row for row in tuples(db, wanted, (json_ids(ids),))}
    for row in rows["orders"]:
        if row[0] in copies and _born(copies[row[0]]) != _born(row):
            raise Differs(archive, _orders(ids), "another order of that number is there already")
    if copies:
        forget(db, list(copies))


_CHANGES = ("state", "reason", "serial_number", "expires_at", "not_before", "finished_at")
_STAYS = [place for place, name in enumerate(TABLES[0].columns.split(", ")) if name not in _CHANGES]


def _born(order: Sequence[Any]) -> list[Any]:
    """What of an order's row is the same all its life."""
    return [order[place] for place in _STAYS]


def on_their_way(db: Database, *, after: int, limit: int) -> list[int]:
    """The orders that an archive has down as copied and not as moved, beginning after one."""
    statement = "SELECT order_id FROM arriving WHERE order_id > ? ORDER BY order_id LIMIT ?"
    return [order_id for (order_id,) in tuples(db, statement, (after, limit))]


def confirm(db: Database, ids: Sequence[int]) -> None:
    """Note in an archive that these orders have left the database."""
    execute(
        db,
        "DELETE FROM arriving WHERE order_id IN (SELECT value FROM json_each(?))",
        (json_ids(ids),),
    )


def forget(db: Database, ids: Sequence[int]) -> None:
    """Take copies that did not follow out of an archive again."""
    for table in reversed(TABLES):
        if not table.shared:
            execute(db, f"DELETE FROM {table.name} WHERE {table.where}", (json_ids(ids),))
    confirm(db, ids)


def move(
    db: Database, archive: str, ids: Sequence[int], copies: Rows, *, cut: int, now_ms: int
) -> None:
    """Let orders go whose rows the archive gave back as `copies`. One transaction.

    Raises Differs, and nothing may be kept of the transaction, unless every order may still
    leave and every row of it is in the archive as it is here.
    """
    still = f"SELECT o.id FROM orders AS o WHERE o.id IN {_IDS} AND {_DUE}"
    if len(tuples(db, still, (json_ids(ids), cut))) != len(ids):
        raise Differs(archive, _orders(ids), "an order is needed again")
    here = read(db, ids)
    for table in TABLES:
        same = (
            set(here[table.name]) <= set(copies[table.name])
            if table.shared
            else here[table.name] == copies[table.name]
        )
        if not same:
            raise Differs(archive, _orders(ids), f"{table.name}: the rows are not the same")
    _remember(db, archive, ids, now_ms)
    if not commissions.let_go(db, json_ids(ids)):
        raise Differs(archive, _orders(ids), "a commission is not booked; run: pulsarack audit")
    closing.move(db, archive, copies["transfer"])
    _delete(db, ids)


def _remember(db: Database, archive: str, ids: Sequence[int], now_ms: int) -> None:
    execute(
        db,
        "INSERT INTO past_order SELECT id, ?2, agent, client_reference, product,"
        " destination, repeat_index, local_day, operator, denomination, state, serial_number,"
        " state IN ('SUCCEEDED', 'REVERSED') OR " + evidence.contradicted("orders.id") + ","
        f" finished_at FROM orders WHERE id IN {_IDS} ORDER BY id",
        (json_ids(ids), archive),
    )
    execute(db, "UPDATE archive SET moved_at = ? WHERE name = ?", (now_ms, archive))
    texts = tuples(db, f"SELECT id FROM sms WHERE {_where('sms')}", (json_ids(ids),))
    remember_texts(db, [sms_id for (sms_id,) in texts])


def remember_texts(db: Database, ids: Sequence[int]) -> None:
    """Keep the fingerprints of texts that leave: who still holds one must not have it twice."""
    execute(
        db,
        f"INSERT INTO past_sms SELECT chip, fingerprint FROM sms WHERE id IN {_IDS}"
        " ON CONFLICT DO NOTHING",
        (json_ids(ids),),
    )


def _delete(db: Database, ids: Sequence[int]) -> None:
    own = (json_ids(ids),)
    texts = [row[0] for row in tuples(db, f"SELECT id FROM sms WHERE {_where('sms')}", own)]
    readings = [row[0] for row in tuples(db, _FREE_READINGS, own)]
    for name in ("evidence", "unparsed", "exchange"):
        execute(db, f"DELETE FROM {name} WHERE {_where(name)}", own)
    # By their ids: what they belonged to is gone by now.
    for name, found in (("sms", texts), ("stock_reading", readings)):
        execute(db, f"DELETE FROM {name} WHERE id IN {_IDS}", (json_ids(found),))
    for name in ("message", "transition", "attempt", "orders"):
        execute(db, f"DELETE FROM {name} WHERE {_where(name)}", own)


# The readings of these orders that nothing else needs: not the first and the last of their chip,
# nor the last exact one, nor what a finding about another order names.
_FREE_READINGS = f"""
SELECT r.id FROM stock_reading AS r WHERE r.id IN {_READINGS}
    AND r.id > (SELECT min(id) FROM stock_reading WHERE chip = r.chip)
    AND r.id < (SELECT max(id) FROM stock_reading WHERE chip = r.chip)
    AND r.id <> coalesce((SELECT id FROM stock_reading AS exact WHERE exact.chip = r.chip
        AND exact.exact_after IS NOT NULL ORDER BY exact.id DESC LIMIT 1), 0)
    AND NOT EXISTS (SELECT 1 FROM evidence AS e WHERE e.first_reading_id = r.id
        AND e.attempt_id NOT IN {_ATTEMPTS})
    AND NOT EXISTS (SELECT 1 FROM evidence AS e WHERE e.last_reading_id = r.id
        AND e.attempt_id NOT IN {_ATTEMPTS})
"""


# --- looking back -------------------------------------------------------------------------


def find(db: Database, order_id: int) -> PastOrder | None:
    """The slim row of an order that left."""
    return select_one(db, PastOrder, f"{_PAST} WHERE id = ?", (order_id,))


def by_reference(db: Database, agent: str, client_reference: str) -> PastOrder | None:
    """The order that left to which an agent gave this reference."""
    return select_one(
        db,
        PastOrder,
        f"{_PAST} WHERE agent = ? AND client_reference = ?",
        (agent, client_reference),
    )


def by_natural_key(
    db: Database, agent: str, product: str, destination: str, local_day: str, repeat_index: int
) -> PastOrder | None:
    """The order of that day that left and stands in the way of an equal one, if any.

    Only a clock that was far ahead for a while lets an order of today be old.
    """
    return select_one(
        db,
        PastOrder,
        f"{_PAST} WHERE destination = ? AND agent = ? AND product = ? AND local_day = ?"
        " AND repeat_index = ? AND state NOT IN ('FAILED', 'CANCELLED')",
        (destination, agent, product, local_day, repeat_index),
    )


def holds(db: Database, name: str) -> bool:
    """Whether orders left for an archive: then its file is there, or missing."""
    return scalar(db, "SELECT 1 FROM archive WHERE name = ?", (name,)) is not None


def moved(db: Database, archive: str, *, after: int, limit: int) -> list[PastOrder]:
    """The orders that left for an archive, in order, beginning after an id: for its audit."""
    return select(
        db,
        PastOrder,
        f"{_PAST} WHERE archive = ? AND id > ? ORDER BY id LIMIT ?",
        (archive, after, limit),
    )


def in_archive(db: Database, ids: Sequence[int]) -> dict[int, PastOrder]:
    """What the rows of an archive say of these orders, as slim rows of no archive."""
    rows = select(
        db,
        PastOrder,
        "SELECT id, '' AS archive, agent, client_reference, product, destination, repeat_index,"
        " local_day, operator, denomination, state, serial_number,"
        f" state IN ('SUCCEEDED', 'REVERSED') OR {evidence.contradicted('orders.id')},"
        f" finished_at FROM orders WHERE id IN {_IDS}",
        (json_ids(ids),),
    )
    return {one.id: one for one in rows}


def all_ids(db: Database, *, after: int, limit: int) -> list[int]:
    """The ids of the orders in an archive, in order, beginning after one."""
    rows = tuples(db, "SELECT id FROM orders WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
    return [order_id for (order_id,) in rows]


def nowhere(db: Database, ids: Sequence[int]) -> list[int]:
    """Which of these orders the database does not know, here or in an archive."""
    rows = tuples(
        db,
        "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM orders)"
        " AND value NOT IN (SELECT id FROM past_order)",
        (json_ids(ids),),
    )
    return [order_id for (order_id,) in rows]


def those_moved(db: Database, archive: str, ids: Sequence[int]) -> set[int]:
    """Which of these orders left for an archive; others are copies that did not follow."""
    statement = f"SELECT id FROM past_order WHERE id IN {_IDS} AND archive = ?2"
    return {order_id for (order_id,) in tuples(db, statement, (json_ids(ids), archive))}


def archives(db: Database) -> list[Archive]:
    """All archives, oldest month first."""
    return select(db, Archive, "SELECT name, orders, moved_at FROM archive ORDER BY name")


def kept(
    db: Database, *, agent: str | None, state: str | None, before: int, limit: int
) -> list[Order]:
    """The newest orders that an archive holds, copies that did not follow among them."""
    conditions, params = "id < ?", [before]
    more = [(name, value) for name, value in (("agent", agent), ("state", state)) if value]
    conditions += "".join(f" AND {name} = ?" for name, _ in more)
    return select(
        db,
        Order,
        f"SELECT {columns(Order)} FROM orders WHERE {conditions} ORDER BY id DESC LIMIT ?",
        [*params, *(value for _, value in more), limit],
    )


def entries(db: Database, ids: Sequence[int]) -> list[Entry]:
    """The transfers of these orders, in the order of the journal: for the audit of an archive."""
    return [Entry(*row) for row in tuples(db, TABLES[-1].select, (json_ids(ids),))]


def _where(name: str) -> str:
    return next(table.where for table in TABLES if table.name == name)


def _orders(ids: Sequence[int]) -> str:
    return f"orders {', '.join(map(str, ids))}"


def json_ids(ids: Sequence[int]) -> str:
    """Numbers as a parameter for json_each."""
    return f"[{','.join(map(str, ids))}]"
