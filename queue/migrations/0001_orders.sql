-- The queue: who orders what, over which chips, and what is known about each try.
-- Money is in the ledger's tables; an order and its transfers are written in one transaction.
-- Times are milliseconds since 1970 UTC. Enumerations are checked here too, so that no
-- program, ours or another, can write a state that the code does not know.

CREATE TABLE agent (
    code        TEXT PRIMARY KEY CHECK (length(code) BETWEEN 1 AND 32),
    name        TEXT NOT NULL,
    active      INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE product (
    code                TEXT PRIMARY KEY CHECK (length(code) BETWEEN 1 AND 16),
    operator            TEXT NOT NULL,
    name                TEXT NOT NULL,
    denomination        INTEGER NOT NULL CHECK (denomination > 0),  -- thousands of rupiah
    price               INTEGER NOT NULL CHECK (price > 0),         -- what the agent pays
    cost                INTEGER NOT NULL CHECK (cost > 0),          -- what leaves the chip
    time_limit_seconds  INTEGER CHECK (time_limit_seconds > 0),     -- NULL: the configured one
    active              INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT;

CREATE TABLE prefix (
    prefix    TEXT PRIMARY KEY CHECK (prefix GLOB '62[0-9]*'),
    operator  TEXT NOT NULL
) STRICT;

CREATE TABLE chip (
    iccid          TEXT PRIMARY KEY CHECK (length(iccid) BETWEEN 18 AND 20),
    name           TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('NEW', 'ACTIVE', 'RESTING', 'OUT')),
    why            TEXT NOT NULL DEFAULT '',
    rest_until     INTEGER,                    -- NULL while RESTING: until an admin says so
    operator       TEXT,
    recipe         TEXT,
    msisdn         TEXT,
    reserve        INTEGER NOT NULL DEFAULT 0 CHECK (reserve >= 0),
    pause_seconds  INTEGER CHECK (pause_seconds >= 0),  -- NULL: the recipe's limits
    per_hour       INTEGER CHECK (per_hour >= 0),
    per_day        INTEGER CHECK (per_day >= 0),
    stock_exact    INTEGER NOT NULL DEFAULT 0 CHECK (stock_exact IN (0, 1)),
    failures       INTEGER NOT NULL DEFAULT 0,  -- in a row, without a success between
    slot           TEXT,                        -- where it was last seen
    modem          TEXT,
    seen_at        INTEGER NOT NULL,
    adopted_at     INTEGER,
    CHECK (state = 'NEW' OR (operator IS NOT NULL AND recipe IS NOT NULL))
) STRICT;

CREATE TABLE recipe_version (
    hash           TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    source         TEXT NOT NULL,
    first_used_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE orders (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    state             TEXT NOT NULL CHECK (state IN
        ('QUEUED', 'SENDING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'REVERSED')),
    agent             TEXT NOT NULL REFERENCES agent (code),
    product           TEXT NOT NULL REFERENCES product (code),
    operator          TEXT NOT NULL,
    destination       TEXT NOT NULL CHECK (destination GLOB '62[0-9]*'),
    denomination      INTEGER NOT NULL CHECK (denomination > 0),
    price             INTEGER NOT NULL CHECK (price > 0),
    cost              INTEGER NOT NULL CHECK (cost > 0),
    repeat_index      INTEGER NOT NULL CHECK (repeat_index BETWEEN 1 AND 99),
    local_day         TEXT NOT NULL,
    client_reference  TEXT CHECK (length(client_reference) BETWEEN 1 AND 64),
    channel           TEXT NOT NULL,
    text              TEXT NOT NULL,
    reason            TEXT,
    serial_number     TEXT,
    received_at       INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    not_before        INTEGER NOT NULL,
    finished_at       INTEGER,
    CHECK ((finished_at IS NULL) = (state IN ('QUEUED', 'SENDING', 'UNKNOWN')))
) STRICT;

-- One order per reference of an agent, for ever; and one per natural key unless it came to nothing.
CREATE UNIQUE INDEX orders_client_reference ON orders (agent, client_reference)
    WHERE client_reference IS NOT NULL;
CREATE UNIQUE INDEX orders_natural_key
    ON orders (agent, product, destination, local_day, repeat_index)
    WHERE state NOT IN ('FAILED', 'CANCELLED');
CREATE INDEX orders_queued ON orders (operator, id) WHERE state = 'QUEUED';
CREATE INDEX orders_expiry ON orders (expires_at) WHERE state = 'QUEUED';
CREATE INDEX orders_under_way ON orders (operator, destination, denomination)
    WHERE state IN ('SENDING', 'UNKNOWN');
CREATE INDEX orders_open ON orders (state) WHERE state IN ('QUEUED', 'SENDING', 'UNKNOWN');
CREATE INDEX orders_agent ON orders (agent, id);
CREATE INDEX orders_serial_number ON orders (operator, serial_number)
    WHERE serial_number IS NOT NULL;

CREATE TABLE transition (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id  INTEGER NOT NULL REFERENCES orders (id),
    at        INTEGER NOT NULL,
    state     TEXT NOT NULL,
    why       TEXT NOT NULL
) STRICT;
CREATE INDEX transition_order ON transition (order_id);

CREATE TABLE attempt (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id      INTEGER NOT NULL REFERENCES orders (id),
    number        INTEGER NOT NULL CHECK (number > 0),
    chip          TEXT NOT NULL REFERENCES chip (iccid),
    slot          TEXT NOT NULL,
    modem         TEXT NOT NULL,
    recipe        TEXT NOT NULL REFERENCES recipe_version (hash),
    claimed_at    INTEGER NOT NULL,
    committed_at  INTEGER,     -- durable before the step that moves money may leave
    closed_at     INTEGER,     -- NULL: open, undecided ones included
    outcome       TEXT CHECK (outcome IN ('DONE', 'NOT_DONE')),
    reason        TEXT,
    why           TEXT NOT NULL DEFAULT '',
    stock_before  INTEGER,     -- the operator's figure when claimed; NULL: not surely known
    stock_after   INTEGER,
    answered      INTEGER NOT NULL DEFAULT 0 CHECK (answered IN (0, 1)),  -- by a text of its own
    routing       TEXT NOT NULL DEFAULT '[]',
    UNIQUE (order_id, number),
    CHECK ((closed_at IS NULL) = (outcome IS NULL)),
    CHECK (outcome IS NOT 'DONE' OR committed_at IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX attempt_one_open_a_chip ON attempt (chip) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX attempt_one_open_an_order ON attempt (order_id) WHERE closed_at IS NULL;
CREATE INDEX attempt_chip_time ON attempt (chip, claimed_at);
CREATE INDEX attempt_chip_closed ON attempt (chip, closed_at);

CREATE TABLE exchange (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    attempt_id  INTEGER NOT NULL REFERENCES attempt (id),
    at          INTEGER NOT NULL,
    direction   TEXT NOT NULL CHECK (direction IN ('out', 'in')),
    kind        TEXT NOT NULL,
    text        TEXT NOT NULL,   -- secrets masked
    status      INTEGER          -- <m> of +CUSD
) STRICT;
CREATE INDEX exchange_attempt ON exchange (attempt_id);

CREATE TABLE sms (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    chip         TEXT NOT NULL REFERENCES chip (iccid),
    fingerprint  TEXT NOT NULL,
    sender       TEXT NOT NULL,
    text         TEXT NOT NULL,
    received_at  INTEGER NOT NULL,
    meaning      TEXT NOT NULL,  -- what it was taken for
    attempt_id   INTEGER REFERENCES attempt (id),
    UNIQUE (chip, fingerprint)
) STRICT;

CREATE TABLE evidence (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    attempt_id  INTEGER NOT NULL REFERENCES attempt (id),
    at          INTEGER NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN
        ('reply', 'late_sms', 'stock', 'history', 'admin', 'recovery')),
    verdict     TEXT NOT NULL CHECK (verdict IN ('DONE', 'NOT_DONE', 'NONE')),
    detail      TEXT NOT NULL,
    decided_by  TEXT NOT NULL DEFAULT '',
    sms_id      INTEGER UNIQUE REFERENCES sms (id)  -- a text proves one thing, once
) STRICT;
CREATE INDEX evidence_attempt ON evidence (attempt_id);

CREATE TABLE stock_reading (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    chip    TEXT NOT NULL REFERENCES chip (iccid),
    at      INTEGER NOT NULL,
    stock   INTEGER NOT NULL CHECK (stock >= 0),
    ledger  INTEGER NOT NULL,    -- the ledger's figure at that moment
    source  TEXT NOT NULL CHECK (source IN ('query', 'reply', 'stock_in'))
) STRICT;
CREATE INDEX stock_reading_chip ON stock_reading (chip, id);

CREATE TABLE message (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id      INTEGER NOT NULL UNIQUE REFERENCES orders (id),
    agent         TEXT NOT NULL REFERENCES agent (code),
    channel       TEXT NOT NULL,
    text          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    delivered_at  INTEGER,
    tries         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX message_waiting ON message (agent, id) WHERE delivered_at IS NULL;

CREATE TABLE unparsed (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    chip        TEXT NOT NULL REFERENCES chip (iccid),
    channel     TEXT NOT NULL CHECK (channel IN ('ussd', 'sms')),
    sender      TEXT NOT NULL,
    text        TEXT NOT NULL,
    attempt_id  INTEGER REFERENCES attempt (id)
) STRICT;

-- What was said and what was proved is never rewritten.
CREATE TRIGGER transition_no_update BEFORE UPDATE ON transition
    BEGIN SELECT RAISE(ABORT, 'transition is append-only'); END;
CREATE TRIGGER transition_no_delete BEFORE DELETE ON transition
    BEGIN SELECT RAISE(ABORT, 'transition is append-only'); END;
CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence
    BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END;
CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence
    BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END;
CREATE TRIGGER orders_no_delete BEFORE DELETE ON orders
    BEGIN SELECT RAISE(ABORT, 'an order is never deleted'); END;
CREATE TRIGGER attempt_no_delete BEFORE DELETE ON attempt
    BEGIN SELECT RAISE(ABORT, 'an attempt is never deleted'); END;
CREATE TRIGGER attempt_closed_once BEFORE UPDATE OF outcome, closed_at ON attempt
    WHEN OLD.closed_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a closed attempt is not reopened'); END;
CREATE TRIGGER attempt_committed_once BEFORE UPDATE OF committed_at ON attempt
    WHEN OLD.committed_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'committed_at is written once'); END;
