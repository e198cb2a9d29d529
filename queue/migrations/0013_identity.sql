-- Who an agent is: his PIN, the addresses he writes from, the accounts of his programs.
-- No secret stands here as it is: a PIN as its hash, the rest sealed. Both begin with the 16
-- digits that name the master key they were made with, which lies outside of the database.

CREATE TABLE agent_pin (
    agent   TEXT PRIMARY KEY REFERENCES agent (code),
    hash    TEXT CHECK (length(hash) BETWEEN 40 AND 300),  -- NULL: none was set, yet one was tried
    tries   INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),  -- counted before they are compared
    set_at  INTEGER,
    CHECK ((hash IS NULL) = (set_at IS NULL))
) STRICT;

CREATE TABLE sender (
    channel   TEXT NOT NULL CHECK (channel IN ('sms', 'whatsapp', 'xmpp')),
    address   TEXT NOT NULL CHECK (length(address) BETWEEN 1 AND 300),  -- as normal_address has it
    agent     TEXT NOT NULL REFERENCES agent (code),
    bound_at  INTEGER NOT NULL,
    bound_by  TEXT NOT NULL,
    PRIMARY KEY (channel, address)
) STRICT, WITHOUT ROWID;
-- An agent's own addresses: how many, and which.
CREATE INDEX sender_agent ON sender (agent);

CREATE TABLE api_account (
    member           TEXT PRIMARY KEY COLLATE NOCASE CHECK (length(member) BETWEEN 1 AND 64),
    agent            TEXT NOT NULL REFERENCES agent (code),
    kind             TEXT NOT NULL CHECK (kind IN ('native', 'trade')),
    key              TEXT,
    pin              TEXT,
    password         TEXT,
    report_secret    TEXT,
    may_be_unsigned  INTEGER NOT NULL DEFAULT 0 CHECK (may_be_unsigned IN (0, 1)),
    networks         TEXT NOT NULL DEFAULT '',  -- apart by spaces; none: from everywhere
    report_url       TEXT NOT NULL DEFAULT '',
    report_dialect   TEXT NOT NULL DEFAULT '',
    active           INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    created_at       INTEGER NOT NULL,
    CHECK (kind = 'trade' OR (key IS NOT NULL AND may_be_unsigned = 0)),
    -- Without a signature nothing but the place it comes from tells a stranger.
    CHECK (may_be_unsigned = 0 OR networks <> '')
) STRICT;
-- An agent's own accounts.
CREATE INDEX api_account_agent ON api_account (agent);

-- What was signed once is not taken twice. A row goes when its stamp is too old to be taken.
CREATE TABLE api_nonce (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    member  TEXT NOT NULL COLLATE NOCASE,
    nonce   TEXT NOT NULL CHECK (length(nonce) BETWEEN 1 AND 64),
    at      INTEGER NOT NULL,
    UNIQUE (member, nonce)
) STRICT;

-- What was done about all these, by whom. No secret.
CREATE TABLE identity_event (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    agent  TEXT NOT NULL,
    what   TEXT NOT NULL CHECK (what IN ('PIN_SET', 'PIN_LOCKED', 'PIN_UNLOCKED', 'PIN_LOST',
        'SENDER_BOUND', 'SENDER_UNBOUND', 'ACCOUNT_MADE', 'ACCOUNT_ON', 'ACCOUNT_OFF', 'ACCOUNT_SECRET',
        'ACCOUNT_NETWORKS', 'ACCOUNT_REPORT')),
    about  TEXT NOT NULL,  -- the address or the member
    by     TEXT NOT NULL
) STRICT;
-- The newest of an agent.
CREATE INDEX identity_event_agent ON identity_event (agent, id);
CREATE TRIGGER identity_event_no_update BEFORE UPDATE ON identity_event
    BEGIN SELECT RAISE(ABORT, 'identity_event is append-only'); END;
CREATE TRIGGER identity_event_no_delete BEFORE DELETE ON identity_event
    BEGIN SELECT RAISE(ABORT, 'identity_event is append-only'); END;
