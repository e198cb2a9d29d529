"""The statements that write a history: one for each table, millions of rows in each.

`past` is one row an order and `tried` one row an attempt, both computed from the place of the
order in its cycle (`slot`, see history.py); what an order of a kind lives through stands in the
tables of steps. Times are milliseconds after the order was received.
"""

from collections.abc import Iterable, Iterator, Mapping

_KINDS = ("DONE", "WRONG", "AGAIN", "STOCK", "REVERSED", "EXPIRED", "CANCELLED")
# kind, state, after how long, why. '%' is the chip.
_STATES = (
    *((kind, "QUEUED", 0, "accepted, price held") for kind in _KINDS),
    ("DONE", "SENDING", 400, "claimed by chip %"),
    ("DONE", "SUCCEEDED", 2900, 'the operator said so (pattern "success_isi_ulang")'),
    ("WRONG", "SENDING", 400, "claimed by chip %"),
    ("WRONG", "FAILED", 2900, 'the operator said so (pattern "wrong_number")'),
    ("AGAIN", "SENDING", 400, "claimed by chip %"),
    ("AGAIN", "QUEUED", 2900, 'the operator said so (pattern "operator_busy")'),
    ("AGAIN", "SENDING", 5400, "claimed by chip %"),
    ("AGAIN", "SUCCEEDED", 7900, 'the operator said so (pattern "success_isi_ulang")'),
    ("STOCK", "SENDING", 400, "claimed by chip %"),
    ("STOCK", "UNKNOWN", 30400, "no answer"),
    ("STOCK", "SUCCEEDED", 60400, "the stock fell by exactly the cost"),
    ("REVERSED", "SENDING", 400, "claimed by chip %"),
    ("REVERSED", "SUCCEEDED", 2900, 'the operator said so (pattern "success_isi_ulang")'),
    ("REVERSED", "REVERSED", 3_600_000, "reversed by admin1: the operator took it back"),
    ("EXPIRED", "FAILED", 600_000, "no way was found in its time"),
    ("CANCELLED", "CANCELLED", 20_000, "cancelled"),
)
# kind, state in the end, when, reason.
_FATES = (
    ("DONE", "SUCCEEDED", 2900, None),
    ("WRONG", "FAILED", 2900, "WRONG_NUMBER"),
    ("AGAIN", "SUCCEEDED", 7900, None),
    ("STOCK", "SUCCEEDED", 60400, None),
    ("REVERSED", "REVERSED", 3_600_000, None),
    ("EXPIRED", "FAILED", 600_000, "EXPIRED"),
    ("CANCELLED", "CANCELLED", 20_000, "CANCELLED"),
)
# kind, number of the attempt, claimed when, closed when, outcome, reason, told by a reply.
_TRIES = (
    ("DONE", 1, 400, 2900, "DONE", None, 1),
    ("WRONG", 1, 400, 2900, "NOT_DONE", "WRONG_NUMBER", 1),
    ("AGAIN", 1, 400, 2900, "NOT_DONE", "OPERATOR_BUSY", 1),
    ("AGAIN", 2, 5400, 7900, "DONE", None, 1),
    ("STOCK", 1, 400, 60400, "DONE", None, 0),
    ("REVERSED", 1, 400, 2900, "DONE", None, 1),
)
# kind, state told, when.
_MESSAGES = (
    *((kind, state, after) for kind, state, after, _ in _FATES),
    ("REVERSED", "SUCCEEDED", 2900),
)
# kind, place among the order's transfers, number of the attempt (0: the price), what, when.
_TRANSFERS = (
    *((kind, 0, 0, "held", 0) for kind, _, _, _ in _FATES),
    *((kind, 1, 1, "held", 400) for kind in ("DONE", "WRONG", "AGAIN", "STOCK", "REVERSED")),
    ("DONE", 2, 1, "post", 2900),
    ("DONE", 3, 0, "post", 2900),
    ("WRONG", 2, 1, "void", 2900),
    ("WRONG", 3, 0, "void", 2900),
    ("AGAIN", 2, 1, "void", 2900),
    ("AGAIN", 3, 2, "held", 5400),
    ("AGAIN", 4, 2, "post", 7900),
    ("AGAIN", 5, 0, "post", 7900),
    ("STOCK", 2, 1, "post", 60400),
    ("STOCK", 3, 0, "post", 60400),
    ("REVERSED", 2, 1, "post", 2900),
    ("REVERSED", 3, 0, "post", 2900),
    ("REVERSED", 4, 0, "reversal", 3_600_000),
    ("EXPIRED", 1, 0, "void", 600_000),
    ("CANCELLED", 1, 0, "void", 20_000),
)
# An attempt that was told or not, source of a reading, whether the ledger agreed by then.
_READINGS = ((1, "reply", 1), (0, "query", 0), (0, "query", 1))

# Numbers come back after so many orders: a prime, so that they go round the chips.
_NUMBERS = 1_000_003
_ZONE_MS = 7 * 3_600_000


def statements(figures: Mapping[str, int]) -> Iterator[str]:
    """All of them, in order."""
    yield from _table("state_step", "kind, state, after, why", _STATES)
    yield from _table("fate", "kind, state, after, reason", _FATES)
    yield from _table("try", "kind, number, claimed, closed, outcome, reason, told", _TRIES)
    yield from _table("message_step", "kind, state, after", _MESSAGES)
    yield from _table("transfer_step", "kind, place, number, what, after", sorted(_TRANSFERS))
    yield from _table("reading_step", "kind, source, agrees", _READINGS)
    for statement in (*_VIEWS, _ORDERS, *_STORY, _MONEY, *_SUMS):
        yield statement.format_map(figures)


def _table(name: str, columns: str, rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
    yield f"CREATE TEMP TABLE {name} ({columns})"
    yield f"INSERT INTO {name} VALUES {values}"
    yield f"CREATE INDEX temp.{name}_kind ON {name} (kind)"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


_VIEWS = (
    "CREATE TEMP TABLE cycle (n INTEGER PRIMARY KEY)",
    "INSERT INTO cycle WITH RECURSIVE c (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c"
    " WHERE n + 1 < {cycles}) SELECT n FROM c",
    f"""
CREATE TEMP VIEW past AS SELECT
    c.n, s.*, c.n * {{length}} + s.p + 1 AS id,
    {{began}} + (c.n * {{length}} + s.p) * {{gap}} AS received_at,
    c.n * {{tries}} + s.tries0 + 1 AS attempt_id,
    {{booked}} + c.n * {{transfers}} + s.transfers0 + 1 AS sequence,
    s.area || printf('%07d', (c.n * {{length}} + s.p) * 7919 % {_NUMBERS}) AS destination,
    iif(s.kind IN ('DONE', 'AGAIN', 'REVERSED'),
        printf('8%013d', c.n * {{length}} + s.p), NULL) AS serial_number
FROM cycle AS c CROSS JOIN slot AS s WHERE c.n * {{length}} + s.p < {{orders}}
""",
    """
CREATE TEMP VIEW tried AS SELECT
    past.id AS order_id, past.attempt_id + t.number - 1 AS id, t.number, past.product,
    past.destination, past.serial_number, past.cost, past.denomination,
    iif(t.number = 1, past.chip, past.chip_2) AS chip,
    past.received_at + t.claimed AS claimed_at, past.received_at + t.closed AS closed_at,
    t.outcome, t.reason, t.told, iif(t.number = 1,
        past.opening - past.n * past.spent - past.spent0,
        past.opening_2 - past.n * past.spent_2 - past.spent0_2) AS stock,
    CASE t.reason WHEN 'WRONG_NUMBER' THEN
        'Maaf, nomor 0' || substr(past.destination, 3) || ' tidak terdaftar.'
    WHEN 'OPERATOR_BUSY' THEN 'Sistem sedang sibuk. Silakan coba beberapa saat lagi.'
    ELSE 'Isi ulang ' || past.denomination || ' ke 0' || substr(past.destination, 3)
        || ' BERHASIL. SN: ' || past.serial_number || '. Sisa stok Rp '
        || (past.opening - past.n * past.spent - past.spent0 - past.cost) END AS reply
FROM past CROSS JOIN try AS t ON t.kind = past.kind
""",
)
_ORDERS = f"""
INSERT INTO orders (id, state, agent, product, operator, destination, denomination, price, cost,
    repeat_index, local_day, client_reference, channel, text, reason, serial_number, received_at,
    expires_at, not_before, finished_at)
SELECT past.id, f.state, agent, product, operator, destination, denomination, price, cost, 1,
    date((received_at + {_ZONE_MS}) / 1000, 'unixepoch'), 'H' || past.id, 'socket',
    product || '.0' || substr(destination, 3), f.reason, serial_number, received_at,
    received_at + 600000, received_at, received_at + f.after
FROM past CROSS JOIN fate AS f ON f.kind = past.kind
"""
_STORY = (
    """
INSERT INTO transition (order_id, at, state, why)
SELECT past.id, received_at + s.after, s.state, replace(s.why, '%', past.chip)
FROM past CROSS JOIN state_step AS s ON s.kind = past.kind
""",
    """
INSERT INTO attempt (id, order_id, number, chip, slot, modem, recipe, claimed_at, committed_at,
    closed_at, outcome, reason, why, stock_before, stock_after, answered, routing)
SELECT t.id, order_id, number, t.chip, c.slot, c.modem, (SELECT hash FROM recipe_version
        WHERE name = c.recipe), claimed_at, claimed_at + 50, closed_at, outcome, t.reason,
    'the operator said so (pattern "success_isi_ulang")', stock,
    iif(outcome = 'DONE' AND told, stock - cost, NULL), told,
    '[{{"chip": "' || c.name || '", "load": 12, "won": true, "reasons": []}}]'
FROM tried AS t CROSS JOIN chip AS c ON c.iccid = t.chip
""",
    """
INSERT INTO exchange (attempt_id, at, direction, kind, text, status)
SELECT t.id, iif(d.value = 'out', claimed_at + 50, closed_at), d.value,
    iif(d.value = 'out' OR told, 'ussd', 'nothing'), iif(d.value = 'out', '*777*0'
        || substr(destination, 3) || '*' || denomination || '*****#',
        iif(told, reply, 'no answer in time')), iif(d.value = 'in' AND told, 0, NULL)
FROM tried AS t CROSS JOIN json_each('["out", "in"]') AS d
""",
    """
INSERT INTO evidence (attempt_id, at, kind, verdict, detail, rule, matched, query, answer,
    stock_before, stock_expected)
SELECT id, closed_at, iif(told, 'reply', 'stock'), outcome,
    iif(told, reply, 'the stock fell by exactly the cost, to ' || (stock - cost)),
    iif(told, 'reply_in_dialogue', 'stock_fell_by_cost'),
    iif(told, 'destination,amount,serial_number', ''), iif(told, NULL, 'stock'),
    iif(told, NULL, 'Sisa stok Rp ' || (stock - cost)), iif(told, NULL, stock),
    iif(told, NULL, stock - cost)
FROM tried
""",
    """
INSERT INTO evidence (attempt_id, at, kind, verdict, detail, decided_by, rule)
SELECT attempt_id, received_at + 3600000, 'admin', 'NONE', 'the operator took it back', 'admin1',
    'reversed' FROM past WHERE kind = 'REVERSED'
""",
    # Who took it back is not on record, as before there were such records.
    """
UPDATE admin_act_start SET last_evidence = (SELECT coalesce(max(id), 0) FROM evidence)
""",
    """
INSERT INTO stock_reading (chip, at, stock, ledger, source, exact_after)
SELECT chip, closed_at, stock - cost, stock - iif(r.agrees, cost, 0), r.source,
    iif(r.agrees, id, NULL)
FROM tried CROSS JOIN reading_step AS r ON r.kind = told WHERE outcome = 'DONE'
""",
    """
INSERT INTO message (order_id, state, agent, channel, text, created_at, delivered_at, tries)
SELECT past.id, m.state, agent, 'socket', 'Transaksi ' || product || ' ke 0'
        || substr(destination, 3) || ' ' || CASE m.state WHEN 'SUCCEEDED' THEN 'BERHASIL. SN: '
        || coalesce(serial_number, '-') || '. Harga: ' || price || '.'
        ELSE m.state || '. Saldo dikembalikan ' || price || '.' END,
    received_at + m.after, received_at + m.after + 500, 1
FROM past CROSS JOIN message_step AS m ON m.kind = past.kind
""",
    """
INSERT INTO sms (chip, fingerprint, sender, text, received_at, sent_at, meaning)
SELECT chip, printf('%064x', id), 'M-KIOS', reply, closed_at + 9000, closed_at + 4000, 'REPEAT'
FROM tried WHERE outcome = 'DONE' AND told AND id % 10 = 0
""",
    """
INSERT INTO unparsed (at, chip, channel, sender, text)
SELECT closed_at, chip, 'sms', 'INFO', 'Promo: cek *363#' FROM tried WHERE id % 1000 = 0
""",
    # The daemon is started anew every day.
    """
INSERT INTO clock_step (at, step, last_transition, last_attempt, last_sms)
SELECT received_at, 0, (SELECT max(id) FROM transition) / {orders} * (past.id - 1),
    attempt_id - 1, (SELECT coalesce(max(id), 0) FROM sms) / {orders} * (past.id - 1)
FROM past WHERE received_at / 86400000 > (received_at - {gap}) / 86400000
""",
)
_MONEY = """
INSERT INTO transfer (sequence, id, phase, hold_id, reverses, debit, credit, asset, amount,
    reference, memo, at)
SELECT sequence, base || CASE what WHEN 'held' THEN '' ELSE ':' || what END,
    iif(what = 'reversal', 'posted', what), iif(what IN ('post', 'void'), base, NULL),
    iif(what = 'reversal', base || ':post', NULL),
    CASE WHEN number THEN 'expense:airtime' WHEN what = 'reversal' THEN 'income:sales'
        ELSE 'liability:agent:' || agent END,
    CASE WHEN number THEN 'asset:chip:' || chip WHEN what = 'reversal'
        THEN 'liability:agent:' || agent ELSE 'income:sales' END,
    'IDR', iif(number, cost, price), 'order:' || order_id,
    CASE WHEN what = 'reversal' THEN 'reversed by admin1: the operator took it back'
        WHEN number THEN 'cost, attempt ' || number ELSE 'price' END, at
FROM (SELECT past.sequence + s.place AS sequence, s.what, s.number, past.agent, past.cost,
        past.price, past.id AS order_id, past.received_at + s.after AS at,
        iif(s.number = 2, past.chip_2, past.chip) AS chip,
        CASE s.number WHEN 0 THEN 'order:' || past.id || ':price'
            ELSE 'attempt:' || (past.attempt_id + s.number - 1) || ':cost' END AS base
    FROM past CROSS JOIN transfer_step AS s ON s.kind = past.kind)
"""
_SUMS = (
    *(
        f"""
CREATE TEMP TABLE {side}s AS SELECT {side} AS code,
    sum(amount * (phase IN ('posted', 'post'))) AS posted,
    sum(amount * ((phase = 'held') - (phase IN ('post', 'void')))) AS held
FROM transfer GROUP BY {side}
"""
        for side in ("debit", "credit")
    ),
    """
UPDATE account SET
    debits_posted = coalesce((SELECT posted FROM debits AS s WHERE s.code = account.code), 0),
    debits_held = coalesce((SELECT held FROM debits AS s WHERE s.code = account.code), 0),
    credits_posted = coalesce((SELECT posted FROM credits AS s WHERE s.code = account.code), 0),
    credits_held = coalesce((SELECT held FROM credits AS s WHERE s.code = account.code), 0)
""",
    """
UPDATE finished_orders
    SET number = (SELECT count(*) FROM orders WHERE orders.state = finished_orders.state)
""",
)
