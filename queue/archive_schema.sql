-- One archive file: the rows of finished orders of one month, as they stood in the database.
--
-- The columns are those of the database's tables and in their order; a test compares them. The
-- rows are a record: nothing here is decided any more, so there are no triggers and no foreign
-- keys, and only the indexes by which an order or a statement is read. `stock_reading` and
-- `recipe_version` hold what the orders refer to.

CREATE TABLE orders (
    id                INTEGER PRIMARY KEY,
    state             TEXT NOT NULL,
    agent             TEXT NOT NULL,
    product           TEXT NOT NULL,
    operator          TEXT NOT NULL,
    destination       TEXT NOT NULL,
    denomination      INTEGER NOT NULL,
    price             INTEGER NOT NULL,
    cost              INTEGER NOT NULL,
    repeat_index      INTEGER NOT NULL,
    local_day         TEXT NOT NULL,
    client_reference  TEXT,
    channel           TEXT NOT NULL,
    text              TEXT NOT NULL,
    reason            TEXT,
    serial_number     TEXT,
    received_at       INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    not_before        INTEGER NOT NULL,
    finished_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_agent ON orders (agent, id);

CREATE TABLE transition (
    id        INTEGER PRIMARY KEY,
    order_id  INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    state     TEXT NOT NULL,
    why       TEXT NOT NULL
) STRICT;
CREATE INDEX transition_order ON transition (order_id);

CREATE TABLE attempt (
    id            INTEGER PRIMARY KEY,
    order_id      INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    chip          TEXT NOT NULL,
    slot          TEXT NOT NULL,
    modem         TEXT NOT NULL,
    recipe        TEXT NOT NULL,
    claimed_at    INTEGER NOT NULL,
    committed_at  INTEGER,
    closed_at     INTEGER NOT NULL,
    outcome       TEXT NOT NULL,
    reason        TEXT,
    why           TEXT NOT NULL,
    stock_before  INTEGER,
    stock_after   INTEGER,
    answered      INTEGER NOT NULL,
    routing       TEXT NOT NULL,
    UNIQUE (order_id, number)
) STRICT;

CREATE TABLE message (
    id            INTEGER PRIMARY KEY,
    order_id      INTEGER NOT NULL,
    state         TEXT NOT NULL,
    agent         TEXT NOT NULL,
    channel       TEXT NOT NULL,
    text          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    delivered_at  INTEGER NOT NULL,
    tries         INTEGER NOT NULL,
    UNIQUE (order_id, state)
) STRICT;

CREATE TABLE exchange (
    id          INTEGER PRIMARY KEY,
    attempt_id  INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    direction   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    text        TEXT NOT NULL,
    status      INTEGER
) STRICT;
CREATE INDEX exchange_attempt ON exchange (attempt_id);

CREATE TABLE evidence (
    id                INTEGER PRIMARY KEY,
    attempt_id        INTEGER NOT NULL,
    at                INTEGER NOT NULL,
    kind              TEXT NOT NULL,
    verdict           TEXT NOT NULL,
    detail            TEXT NOT NULL,
    decided_by        TEXT NOT NULL,
    sms_id            INTEGER UNIQUE,
    rule              TEXT NOT NULL,
    matched           TEXT NOT NULL,
    query             TEXT,
    answer            TEXT,
    stock_before      INTEGER,
    stock_expected    INTEGER,
    first_reading_id  INTEGER,
    last_reading_id   INTEGER
) STRICT;
CREATE INDEX evidence_attempt ON evidence (attempt_id);

CREATE TABLE sms (
    id           INTEGER PRIMARY KEY,
    chip         TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    sender       TEXT NOT NULL,
    text         TEXT NOT NULL,
    received_at  INTEGER NOT NULL,
    meaning      TEXT NOT NULL,
    attempt_id   INTEGER,
    sent_at      INTEGER
) STRICT;
CREATE INDEX sms_attempt ON sms (attempt_id);

CREATE TABLE unparsed (
    id          INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    chip        TEXT NOT NULL,
    channel     TEXT NOT NULL,
    sender      TEXT NOT NULL,
    text        TEXT NOT NULL,
    attempt_id  INTEGER
) STRICT;
CREATE INDEX unparsed_attempt ON unparsed (attempt_id);

CREATE TABLE stock_reading (
    id           INTEGER PRIMARY KEY,
    chip         TEXT NOT NULL,
    at           INTEGER NOT NULL,
    stock        INTEGER NOT NULL,
    ledger       INTEGER NOT NULL,
    source       TEXT NOT NULL,
    exact_after  INTEGER
) STRICT;
CREATE INDEX stock_reading_time ON stock_reading (chip, at);

CREATE TABLE recipe_version (
    hash           TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    source         TEXT NOT NULL,
    first_used_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE transfer (
    sequence   INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    phase      TEXT    NOT NULL,
    hold_id    TEXT,
    reverses   TEXT,
    debit      TEXT    NOT NULL,
    credit     TEXT    NOT NULL,
    asset      TEXT    NOT NULL,
    amount     INTEGER NOT NULL,
    reference  TEXT    NOT NULL,
    memo       TEXT    NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX transfer_resolves_hold_once ON transfer (hold_id) WHERE hold_id IS NOT NULL;
CREATE UNIQUE INDEX transfer_reversed_once ON transfer (reverses) WHERE reverses IS NOT NULL;
CREATE INDEX transfer_by_reference ON transfer (reference, sequence) WHERE reference <> '';
CREATE INDEX transfer_by_debit ON transfer (debit, sequence);
CREATE INDEX transfer_by_credit ON transfer (credit, sequence);

-- Orders that were copied here and may not have left the database yet: it decides.
CREATE TABLE arriving (
    order_id  INTEGER PRIMARY KEY
) STRICT;
