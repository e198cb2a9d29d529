-- Money that comes in and moves between agents, each with what caused it: a row of a bank's
-- statement, two admins' word, or an agent's own transfer. And agents' complaints about orders.

-- --- deposit tickets ----------------------------------------------------------------------

-- A ticket is an amount that only one agent pays in those days, so that the bank's row says whose
-- it is. Days are local, since that is all that statements tell.
CREATE TABLE ticket (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    agent        TEXT NOT NULL REFERENCES agent (code),
    bank         TEXT NOT NULL,                     -- '': any of ours
    asked        INTEGER NOT NULL CHECK (asked > 0),
    amount       INTEGER NOT NULL CHECK (amount > asked),
    state        TEXT NOT NULL CHECK (state IN ('OPEN', 'PAID', 'EXPIRED', 'CANCELLED')),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    first_day    TEXT NOT NULL CHECK (first_day GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'),
    last_day     TEXT NOT NULL CHECK (last_day >= first_day),
    finished_at  INTEGER,
    why          TEXT NOT NULL DEFAULT '',
    CHECK ((finished_at IS NULL) = (state = 'OPEN'))
) STRICT;
-- Whose is a row of so much on that day?
CREATE INDEX ticket_amount ON ticket (amount, last_day);
-- Which amounts are given out today?
CREATE INDEX ticket_last_day ON ticket (last_day, amount);
-- An agent's newest tickets.
CREATE INDEX ticket_agent ON ticket (agent, id);
-- What an agent has open; and which of all that are open are too old.
CREATE INDEX ticket_open_of_agent ON ticket (agent, asked) WHERE state = 'OPEN';
CREATE INDEX ticket_expiry ON ticket (expires_at) WHERE state = 'OPEN';

CREATE TRIGGER ticket_amount_is_its_own BEFORE INSERT ON ticket
WHEN EXISTS (SELECT 1 FROM ticket WHERE amount = NEW.amount AND last_day >= NEW.first_day
    AND first_day <= NEW.last_day AND (bank = NEW.bank OR bank = '' OR NEW.bank = ''))
    BEGIN SELECT RAISE(ABORT, 'another ticket has this amount in these days'); END;
CREATE TRIGGER ticket_says_the_same BEFORE UPDATE OF id, agent, bank, asked, amount, created_at,
    expires_at, first_day, last_day ON ticket
    BEGIN SELECT RAISE(ABORT, 'a ticket keeps its amount, its agent and its days'); END;
CREATE TRIGGER ticket_ends_once BEFORE UPDATE ON ticket
WHEN OLD.state = 'PAID' OR OLD.state = 'CANCELLED'
    BEGIN SELECT RAISE(ABORT, 'a ticket that is paid or cancelled stays so'); END;
CREATE TRIGGER ticket_no_delete BEFORE DELETE ON ticket
    BEGIN SELECT RAISE(ABORT, 'a ticket is never deleted'); END;

-- --- rows of bank statements --------------------------------------------------------------

CREATE TABLE bank_row (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    bank         TEXT NOT NULL CHECK (length(bank) BETWEEN 1 AND 32),
    day          TEXT NOT NULL CHECK (day GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'),
    amount       INTEGER NOT NULL CHECK (amount <> 0),  -- below zero: money that left
    description  TEXT NOT NULL,
    balance      INTEGER,                               -- NULL: the bank does not tell
    occurrence   INTEGER NOT NULL CHECK (occurrence > 0),  -- of rows that are otherwise equal
    source       TEXT NOT NULL,                         -- the file, or who sent it
    imported_at  INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('DEBIT', 'UNMATCHED', 'PAID', 'ASSIGNED')),
    note         TEXT NOT NULL DEFAULT '',              -- why it matched nothing; why it is his
    ticket_id    INTEGER REFERENCES ticket (id),
    agent        TEXT REFERENCES agent (code),
    who          TEXT NOT NULL DEFAULT '',              -- the admin who assigned it
    uid          INTEGER,
    settled_at   INTEGER,
    CHECK ((state = 'DEBIT') = (amount < 0)),
    CHECK ((state = 'PAID') = (ticket_id IS NOT NULL)),
    CHECK ((state IN ('PAID', 'ASSIGNED')) = (agent IS NOT NULL)),
    CHECK ((agent IS NULL) = (settled_at IS NULL)),
    CHECK ((state = 'ASSIGNED') = (uid IS NOT NULL))
) STRICT;
-- Promise: each row once, however often its statement is imported.
CREATE UNIQUE INDEX bank_row_once
    ON bank_row (bank, day, amount, description, ifnull(balance, 'none'), occurrence);
-- Promise: a ticket is paid by one row.
CREATE UNIQUE INDEX bank_row_pays_once ON bank_row (ticket_id) WHERE ticket_id IS NOT NULL;
-- What nobody was credited for yet.
CREATE INDEX bank_row_unmatched ON bank_row (id) WHERE state = 'UNMATCHED';

CREATE TRIGGER bank_row_says_the_same BEFORE UPDATE OF id, bank, day, amount, description, balance,
    occurrence, source, imported_at ON bank_row
    BEGIN SELECT RAISE(ABORT, 'what the bank says is never rewritten'); END;
CREATE TRIGGER bank_row_settles_once BEFORE UPDATE ON bank_row WHEN OLD.state <> 'UNMATCHED'
    BEGIN SELECT RAISE(ABORT, 'a row of a statement is settled once'); END;
CREATE TRIGGER bank_row_no_delete BEFORE DELETE ON bank_row
    BEGIN SELECT RAISE(ABORT, 'a row of a statement is never deleted'); END;

-- --- what two admins say ------------------------------------------------------------------

-- A deposit raised, or taken back (below zero), without a row of a bank. The two are told apart by
-- the user of the machine, as the kernel names it.
CREATE TABLE credit_request (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    agent            TEXT NOT NULL REFERENCES agent (code),
    amount           INTEGER NOT NULL CHECK (amount <> 0),
    key              TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
    because          TEXT NOT NULL CHECK (because <> ''),
    who              TEXT NOT NULL,
    uid              INTEGER NOT NULL,
    asked_at         INTEGER NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('OPEN', 'CONFIRMED', 'REFUSED')),
    decided_who      TEXT NOT NULL DEFAULT '',
    decided_uid      INTEGER,
    decided_because  TEXT NOT NULL DEFAULT '',
    decided_at       INTEGER,
    CHECK ((decided_at IS NULL) = (state = 'OPEN')),
    CHECK ((decided_uid IS NULL) = (state = 'OPEN')),
    CONSTRAINT confirmed_by_another CHECK (state <> 'CONFIRMED' OR decided_uid <> uid)
) STRICT;
-- Promise: the same key of an agent again proposes nothing.
CREATE UNIQUE INDEX credit_request_key ON credit_request (agent, key);
-- What waits for another admin.
CREATE INDEX credit_request_open ON credit_request (id) WHERE state = 'OPEN';

CREATE TRIGGER credit_request_says_the_same BEFORE UPDATE OF id, agent, amount, key, because, who,
    uid, asked_at ON credit_request
    BEGIN SELECT RAISE(ABORT, 'a proposal is never rewritten'); END;
CREATE TRIGGER credit_request_decided_once BEFORE UPDATE ON credit_request
WHEN OLD.state <> 'OPEN'
    BEGIN SELECT RAISE(ABORT, 'a proposal is decided once'); END;
CREATE TRIGGER credit_request_no_delete BEFORE DELETE ON credit_request
    BEGIN SELECT RAISE(ABORT, 'a proposal is never deleted'); END;

-- Deposits that were raised before this script, when one admin could, end at this transfer.
CREATE TABLE early_credit (last_sequence INTEGER NOT NULL) STRICT;
INSERT INTO early_credit SELECT coalesce(max(sequence), 0) FROM transfer;

-- --- between agents -----------------------------------------------------------------------

CREATE TABLE balance_transfer (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT NOT NULL CHECK (kind = 'SEND' OR kind = 'PULL'),
    sender        TEXT NOT NULL REFERENCES agent (code),    -- whose deposit it leaves
    receiver      TEXT NOT NULL REFERENCES agent (code),
    amount        INTEGER NOT NULL CHECK (amount > 0),
    local_day     TEXT NOT NULL,
    repeat_index  INTEGER NOT NULL CHECK (repeat_index BETWEEN 1 AND 99),
    moved_at      INTEGER NOT NULL,
    CHECK (sender <> receiver)
) STRICT;
-- Promise: the same text twice on one day moves once.
CREATE UNIQUE INDEX balance_transfer_natural_key
    ON balance_transfer (sender, receiver, amount, local_day, repeat_index, kind);
CREATE TRIGGER balance_transfer_no_update BEFORE UPDATE ON balance_transfer
    BEGIN SELECT RAISE(ABORT, 'balance_transfer is append-only'); END;
CREATE TRIGGER balance_transfer_no_delete BEFORE DELETE ON balance_transfer
    BEGIN SELECT RAISE(ABORT, 'balance_transfer is append-only'); END;

-- --- complaints ---------------------------------------------------------------------------

CREATE TABLE complaint (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id     INTEGER NOT NULL,      -- the order may be archived by then
    agent        TEXT NOT NULL REFERENCES agent (code),
    words        TEXT NOT NULL,
    channel      TEXT NOT NULL,
    opened_at    INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('OPEN', 'ANSWERED', 'CLOSED')),
    answer       TEXT NOT NULL DEFAULT '',
    answered_by  TEXT NOT NULL DEFAULT '',
    answered_at  INTEGER,
    closed_at    INTEGER,
    CHECK ((closed_at IS NULL) = (state <> 'CLOSED')),
    CHECK (state <> 'ANSWERED' OR answered_at IS NOT NULL)
) STRICT;
-- Promise: one live complaint an order; is there one?
CREATE UNIQUE INDEX complaint_live ON complaint (order_id) WHERE state <> 'CLOSED';
-- What waits for an answer.
CREATE INDEX complaint_open ON complaint (id) WHERE state = 'OPEN';
CREATE TRIGGER complaint_no_delete BEFORE DELETE ON complaint
    BEGIN SELECT RAISE(ABORT, 'a complaint is never deleted'); END;
CREATE TRIGGER complaint_closed_once BEFORE UPDATE ON complaint WHEN OLD.state = 'CLOSED'
    BEGIN SELECT RAISE(ABORT, 'a closed complaint stays closed'); END;
