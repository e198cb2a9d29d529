-- What decided, in columns instead of prose; discrepancies as rows of their own; and a
-- message for each final state of an order, since a success can be reversed.

-- --- messages -----------------------------------------------------------------------------

-- One message for each final state of an order, where there was one for each order.
CREATE TABLE message_by_state (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id      INTEGER NOT NULL REFERENCES orders (id),
    state         TEXT NOT NULL CHECK (state IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'REVERSED')),
    agent         TEXT NOT NULL REFERENCES agent (code),
    channel       TEXT NOT NULL,
    text          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    delivered_at  INTEGER,
    tries         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (order_id, state)
) STRICT;
INSERT INTO message_by_state
    (id, order_id, state, agent, channel, text, created_at, delivered_at, tries)
    SELECT m.id, m.order_id, o.state, m.agent, m.channel, m.text, m.created_at, m.delivered_at,
        m.tries
    FROM message AS m JOIN orders AS o ON o.id = m.order_id;
DROP TABLE message;
ALTER TABLE message_by_state RENAME TO message;
CREATE INDEX message_waiting ON message (agent, id) WHERE delivered_at IS NULL;

-- --- evidence -----------------------------------------------------------------------------

-- Evidence from before this script keeps 'unrecorded': how it was reached stands in its detail.
ALTER TABLE evidence ADD COLUMN rule TEXT NOT NULL DEFAULT 'unrecorded' CHECK (rule IN (
    'unrecorded', 'reply_in_dialogue', 'not_sent', 'never_committed',
    'text_names_order', 'text_awaited', 'repeat_refused',
    'stock_fell_by_cost', 'stock_unchanged_twice',
    'stock_unchanged_so_far', 'stock_not_known_before', 'stock_fits_neither',
    'newest_history_line', 'history_says_nothing', 'history_against_stock',
    'admin', 'contradiction_settled', 'acknowledged', 'reversed'));
ALTER TABLE evidence ADD COLUMN matched TEXT NOT NULL DEFAULT '';  -- fields that agreed
ALTER TABLE evidence ADD COLUMN query TEXT CHECK (query IN ('stock', 'history'));
ALTER TABLE evidence ADD COLUMN answer TEXT;              -- what the query heard, masked
ALTER TABLE evidence ADD COLUMN stock_before INTEGER;     -- rupiah; NULL: not surely known
ALTER TABLE evidence ADD COLUMN stock_expected INTEGER;   -- what the verdict demands of it
ALTER TABLE evidence ADD COLUMN first_reading_id INTEGER REFERENCES stock_reading (id);
ALTER TABLE evidence ADD COLUMN last_reading_id INTEGER REFERENCES stock_reading (id);

-- Orders that were ever undecided are few; how long they were is asked often.
CREATE INDEX transition_unknown ON transition (order_id) WHERE state = 'UNKNOWN';
-- So are the texts that came too late.
CREATE INDEX sms_contradiction ON sms (attempt_id) WHERE meaning = 'CONTRADICTION';

-- --- stock --------------------------------------------------------------------------------

-- The chip's newest attempt when its stock was found exact (0: it had none yet); NULL: the
-- reading did not make it exact. By the attempt and not by the time, which may step back.
ALTER TABLE stock_reading ADD COLUMN exact_after INTEGER;
UPDATE stock_reading SET exact_after = coalesce((SELECT max(a.id) FROM attempt AS a
        WHERE a.chip = stock_reading.chip AND a.claimed_at <= stock_reading.at), 0)
    WHERE stock = ledger AND NOT EXISTS (SELECT 1 FROM attempt AS a
        WHERE a.chip = stock_reading.chip AND a.claimed_at <= stock_reading.at
        AND (a.closed_at IS NULL OR a.closed_at > stock_reading.at
            OR (a.closed_at = stock_reading.at AND stock_reading.source = 'query')));

-- --- discrepancies ------------------------------------------------------------------------

CREATE TABLE discrepancy (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    chip         TEXT NOT NULL REFERENCES chip (iccid),
    at           INTEGER NOT NULL,
    difference   INTEGER NOT NULL CHECK (difference <> 0),  -- rupiah; below zero: stock is missing
    stock        INTEGER,  -- what two readings said; NULL: no reading, its order took it
    ledger       INTEGER,  -- what the books had then
    since        INTEGER,  -- when the stock was last found exact; NULL: never
    transfer_id  TEXT NOT NULL UNIQUE REFERENCES transfer (id),
    CHECK (stock - ledger = difference)
) STRICT;
CREATE INDEX discrepancy_chip ON discrepancy (chip, id);

-- The span: the orders that can have to do with it.
CREATE TABLE discrepancy_order (
    discrepancy_id  INTEGER NOT NULL REFERENCES discrepancy (id),
    order_id        INTEGER NOT NULL REFERENCES orders (id),
    PRIMARY KEY (discrepancy_id, order_id)
) STRICT, WITHOUT ROWID;

-- What a difference, or a part of it, turned out to be. 'order': an order that was done after
-- all took it; everything else is a person's decision about the whole rest, and the only one.
CREATE TABLE discrepancy_clearing (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    discrepancy_id  INTEGER NOT NULL REFERENCES discrepancy (id),
    at              INTEGER NOT NULL,
    amount          INTEGER NOT NULL CHECK (amount <> 0),  -- of the difference, with its sign
    kind            TEXT NOT NULL CHECK (kind IN
        ('loss', 'gain', 'stock-in', 'delivery', 'opening', 'order')),
    account         TEXT NOT NULL,
    transfer_id     TEXT NOT NULL UNIQUE REFERENCES transfer (id),
    why             TEXT NOT NULL,
    who             TEXT NOT NULL
) STRICT;
CREATE INDEX discrepancy_clearing_of ON discrepancy_clearing (discrepancy_id);
CREATE UNIQUE INDEX discrepancy_decided_once ON discrepancy_clearing (discrepancy_id)
    WHERE kind <> 'order';

INSERT INTO discrepancy (chip, at, difference, stock, ledger, since, transfer_id)
    SELECT chip, at, difference, stock, stock - difference,
        (SELECT max(r.at) FROM stock_reading AS r
            WHERE r.chip = moved.chip AND r.at < moved.at AND r.exact_after IS NOT NULL), id
    FROM (SELECT t.id, t.sequence, t.at, c.iccid AS chip,
            CASE WHEN t.debit = 'suspense:discrepancy' THEN -t.amount ELSE t.amount END
                AS difference,
            CASE WHEN t.memo = 'stock differs from the books' THEN
                (SELECT r.stock FROM stock_reading AS r WHERE r.chip = c.iccid AND r.at = t.at
                    AND r.stock = r.ledger ORDER BY r.id DESC LIMIT 1) END AS stock
        FROM transfer AS t JOIN chip AS c ON 'asset:chip:' || c.iccid IN (t.debit, t.credit)
        WHERE t.phase = 'posted' AND 'suspense:discrepancy' IN (t.debit, t.credit)) AS moved
    ORDER BY sequence;
INSERT INTO discrepancy_order (discrepancy_id, order_id)
    SELECT DISTINCT d.id, a.order_id FROM discrepancy AS d JOIN attempt AS a ON a.chip = d.chip
    WHERE d.stock IS NOT NULL AND a.committed_at IS NOT NULL AND a.claimed_at < d.at
        AND (d.since IS NULL OR a.closed_at IS NULL OR a.closed_at > d.since);

CREATE TRIGGER discrepancy_no_update BEFORE UPDATE ON discrepancy
    BEGIN SELECT RAISE(ABORT, 'discrepancy is append-only'); END;
CREATE TRIGGER discrepancy_no_delete BEFORE DELETE ON discrepancy
    BEGIN SELECT RAISE(ABORT, 'discrepancy is append-only'); END;
CREATE TRIGGER discrepancy_order_no_update BEFORE UPDATE ON discrepancy_order
    BEGIN SELECT RAISE(ABORT, 'discrepancy_order is append-only'); END;
CREATE TRIGGER discrepancy_order_no_delete BEFORE DELETE ON discrepancy_order
    BEGIN SELECT RAISE(ABORT, 'discrepancy_order is append-only'); END;
CREATE TRIGGER discrepancy_clearing_no_update BEFORE UPDATE ON discrepancy_clearing
    BEGIN SELECT RAISE(ABORT, 'discrepancy_clearing is append-only'); END;
CREATE TRIGGER discrepancy_clearing_no_delete BEFORE DELETE ON discrepancy_clearing
    BEGIN SELECT RAISE(ABORT, 'discrepancy_clearing is append-only'); END;
