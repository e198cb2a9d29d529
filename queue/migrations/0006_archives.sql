-- Finished orders that are old leave these tables for archive files, one a month. What must be
-- known of them for ever stays in a slim row: the reference that is used once, the serial
-- number that proves one thing, the file in which the rest lies. An order is in `orders` or in
-- `past_order`, never in both and never in none.

CREATE TABLE past_order (
    id                INTEGER PRIMARY KEY,
    archive           TEXT NOT NULL CHECK (archive GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]'),
    agent             TEXT NOT NULL,
    client_reference  TEXT,
    product           TEXT NOT NULL,
    destination       TEXT NOT NULL,
    repeat_index      INTEGER NOT NULL,
    local_day         TEXT NOT NULL,
    operator          TEXT NOT NULL,
    denomination      INTEGER NOT NULL,
    state             TEXT NOT NULL CHECK (state IN
        ('SUCCEEDED', 'FAILED', 'CANCELLED', 'REVERSED')),
    serial_number     TEXT,
    said_done         INTEGER NOT NULL CHECK (said_done IN (0, 1)),  -- it was, or a text says so
    finished_at       INTEGER NOT NULL
) STRICT;

-- A reference is used once, for ever: asked with every new order that has one.
CREATE UNIQUE INDEX past_order_client_reference ON past_order (agent, client_reference)
    WHERE client_reference IS NOT NULL;
-- A serial number proves one order: asked with every success text.
CREATE INDEX past_order_serial_number ON past_order (operator, serial_number)
    WHERE serial_number IS NOT NULL;
-- What was sold to a number before: asked when a text, or the operator's list, is to prove an
-- order to that number.
CREATE INDEX past_order_destination ON past_order (destination, operator);

-- The fingerprints of texts that left with their orders: a SIM that comes back after a year may
-- still hold a text, which must not prove a second thing.
CREATE TABLE past_sms (
    chip         TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    PRIMARY KEY (chip, fingerprint)
) STRICT, WITHOUT ROWID;

-- The archives, so that the daemon need not look into the folder to know what is there.
CREATE TABLE archive (
    name      TEXT PRIMARY KEY CHECK (name GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]'),
    orders    INTEGER NOT NULL CHECK (orders > 0),
    moved_at  INTEGER NOT NULL   -- when the newest of them came
) STRICT;

CREATE TRIGGER past_order_counts AFTER INSERT ON past_order
BEGIN
    INSERT INTO archive (name, orders, moved_at) VALUES (NEW.archive, 1, 0)
        ON CONFLICT (name) DO UPDATE SET orders = orders + 1;
END;
CREATE TRIGGER past_order_no_update BEFORE UPDATE ON past_order
    BEGIN SELECT RAISE(ABORT, 'past_order is append-only'); END;
CREATE TRIGGER past_order_no_delete BEFORE DELETE ON past_order
    BEGIN SELECT RAISE(ABORT, 'past_order is append-only'); END;
CREATE TRIGGER past_sms_no_update BEFORE UPDATE ON past_sms
    BEGIN SELECT RAISE(ABORT, 'past_sms is append-only'); END;
CREATE TRIGGER past_sms_no_delete BEFORE DELETE ON past_sms
    BEGIN SELECT RAISE(ABORT, 'past_sms is append-only'); END;
CREATE TRIGGER archive_no_delete BEFORE DELETE ON archive
    BEGIN SELECT RAISE(ABORT, 'an archive is never forgotten'); END;

CREATE TRIGGER orders_reference_is_not_past BEFORE INSERT ON orders
WHEN NEW.client_reference IS NOT NULL AND EXISTS (SELECT 1 FROM past_order
    WHERE agent = NEW.agent AND client_reference = NEW.client_reference)
    BEGIN SELECT RAISE(ABORT, 'the reference belongs to an archived order'); END;

-- --- what may leave -----------------------------------------------------------------------

-- Rows go only in the transaction that has written the slim row of their order.
DROP TRIGGER transition_no_delete;
DROP TRIGGER evidence_no_delete;
DROP TRIGGER orders_no_delete;
DROP TRIGGER attempt_no_delete;
CREATE TRIGGER transition_no_delete BEFORE DELETE ON transition
WHEN NOT EXISTS (SELECT 1 FROM past_order WHERE id = OLD.order_id)
    BEGIN SELECT RAISE(ABORT, 'transition is append-only'); END;
CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence
WHEN NOT EXISTS (SELECT 1 FROM past_order
    WHERE id = (SELECT order_id FROM attempt WHERE id = OLD.attempt_id))
    BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END;
CREATE TRIGGER orders_no_delete BEFORE DELETE ON orders
WHEN NOT EXISTS (SELECT 1 FROM past_order WHERE id = OLD.id)
    BEGIN SELECT RAISE(ABORT, 'an order is never deleted'); END;
CREATE TRIGGER attempt_no_delete BEFORE DELETE ON attempt
WHEN NOT EXISTS (SELECT 1 FROM past_order WHERE id = OLD.order_id)
    BEGIN SELECT RAISE(ABORT, 'an attempt is never deleted'); END;

-- --- what points at orders that left ------------------------------------------------------

-- The span of a discrepancy stays for ever and names orders that may be archived by then: the
-- audit, not a foreign key, sees to it that each is somewhere.
CREATE TABLE discrepancy_span (
    discrepancy_id  INTEGER NOT NULL REFERENCES discrepancy (id),
    order_id        INTEGER NOT NULL,
    PRIMARY KEY (discrepancy_id, order_id)
) STRICT, WITHOUT ROWID;
INSERT INTO discrepancy_span SELECT discrepancy_id, order_id FROM discrepancy_order;
DROP TABLE discrepancy_order;
ALTER TABLE discrepancy_span RENAME TO discrepancy_order;
-- Whether a discrepancy still needs an order: asked before it leaves.
CREATE INDEX discrepancy_order_by_order ON discrepancy_order (order_id);
CREATE TRIGGER discrepancy_order_no_update BEFORE UPDATE ON discrepancy_order
    BEGIN SELECT RAISE(ABORT, 'discrepancy_order is append-only'); END;
CREATE TRIGGER discrepancy_order_no_delete BEFORE DELETE ON discrepancy_order
    BEGIN SELECT RAISE(ABORT, 'discrepancy_order is append-only'); END;

-- What belongs to an attempt, for taking it along: SQLite asks the same of every foreign key
-- when a row leaves, and would read the whole table each time.
CREATE INDEX sms_attempt ON sms (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX unparsed_attempt ON unparsed (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX evidence_first_reading ON evidence (first_reading_id)
    WHERE first_reading_id IS NOT NULL;
CREATE INDEX evidence_last_reading ON evidence (last_reading_id)
    WHERE last_reading_id IS NOT NULL;
